"""A report as one HTML file that needs no other, and as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

from bam.base.files import write_text
from bam.metrics.reporting.content import Part, Report
from bam.metrics.reporting.export import stylesheet

TEMPLATES = Path(__file__).parent / "templates"


def html(report: Report) -> str:
    """The page: styles and pictures are in it; nothing is fetched and nothing is run."""
    import jinja2
    from markupsafe import Markup, escape

    def marked(text: str) -> Markup:
        """`code` and **strong**, the rest as it is."""
        safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
        return Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe))

    def broken(name: str) -> Markup:
        """A long name that may be broken behind its underscores and hyphens."""
        return Markup(re.sub(r"([_-])", r"\1<wbr>", str(escape(name))))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"marked": marked, "broken": broken}
    style = Markup(stylesheet() + (TEMPLATES / "report.css").read_text(encoding="utf-8"))
    return environment.get_template("report.html").render(report=report, style=style)


def markdown(report: Report) -> str:
    """The same without pictures, whose descriptions stand for them."""
    lines = [f"# {report.title}", "", report.overview, ""]
    for section in report.sections:
        lines += [f"## {section.heading}", ""]
        lines += [f"**Not valid: {warning}**\n" for warning in section.warnings]
        lines += [f"{text}\n" for text in section.text]
        lines += [_plain(part) for part in section.parts]
        lines += [f"{note}\n" for note in section.notes]
    return "\n".join([*lines, report.footer]) + "\n"


def _plain(part: Part) -> str:
    if part.kind == "table":
        return part.value.markdown()
    if part.kind == "picture":
        return f"*{part.value.caption}* {part.value.description}\n"
    if part.kind == "folded":
        return "".join(_plain(Part("picture", each)) for each in part.value.pictures)
    if part.kind == "grid":
        return f"*{part.value.caption}: pictures, see report.html*\n"
    if part.kind == "code":
        return "".join(f"    {line}\n" for line in part.value.splitlines())
    return f"### {part.value}\n" if part.kind == "heading" else f"{part.value}\n"


def write(report: Report, folder: Path) -> Path:
    """Write report.html and report.md; returns the first."""
    path = folder / "report.html"
    write_text(path.with_suffix(".md"), markdown(report))
    write_text(path, html(report))
    return path
