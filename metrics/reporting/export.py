"""Charts as files for papers, and as text within the page of a report."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from bam.base.errors import BamError
from bam.base.files import replacing
from bam.metrics.results import style
from bam.metrics.results.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Names of the colours in a page, and what they are in the dark; without these a chart is as on paper.
_VARIABLES = {
    style.INK: ("ink", "#e6e8eb"),
    style.FAINT: ("faint", "#9aa3ad"),
    style.GHOST: ("ghost", "#4a525b"),
    style.PAPER: ("paper", "#16191d"),
    style.ACCENT: ("accent", "#4aa8e0"),
    style.CHANCE: ("chance", "#f08a45"),
    style.TRUTH: ("truth", "#2fc397"),
    style.CHANCE_TEXT: ("chance-text", "#f08a45"),
    style.TRUTH_TEXT: ("truth-text", "#2fc397"),
    style.ORANGE: ("orange", "#e69f00"),
    style.PURPLE: ("purple", "#d990b8"),
    style.SKY: ("sky", "#56b4e9"),
}
_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_LARGEST = 2.2  # pixels to a point, in a wide window


def save(figure: Figure, path: str | Path) -> Path:
    """Write a chart as PDF or SVG, by the ending of `path`; the same chart gives the same bytes.

    A PDF has its letters embedded, an SVG has them as outlines. Raises `BamError` for other endings.
    """
    path = Path(path)
    kinds = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    if path.suffix not in kinds:
        raise BamError(f"{path} is to be a picture for papers: name it .pdf or .svg")
    with styled(svg_fonttype="path"), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=kinds[path.suffix])
    return path


def stylesheet() -> str:
    """CSS that sets the colours of charts in a page, in the light and in the dark."""
    light = "".join(f"--{name}:{colour};" for colour, (name, _) in _VARIABLES.items())
    dark = "".join(f"--{name}:{colour};" for name, colour in _VARIABLES.values())
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def inline_svg(figure: Figure, title: str, description: str) -> str:
    """A chart as an <svg> element for a page: as wide as there is room, in the page's colours and letters.

    title, description: for those who do not see it. Its ids are of this chart alone, and its colours are
    variables of CSS, which `stylesheet` sets.
    """
    text = io.StringIO()
    with styled(svg_fonttype="none"):
        figure.savefig(text, format="svg", metadata={"Date": None}, facecolor="none")
    digest = hashlib.sha256(f"{title}\n{description}\n{text.getvalue()}".encode()).hexdigest()
    root = ElementTree.fromstring(text.getvalue())
    _simplify(root, f"chart-{digest[:10]}-")
    head, about = f"chart-{digest[:10]}-title", f"chart-{digest[:10]}-desc"
    for place, (kind, key, words) in enumerate([("title", head, title), ("desc", about, description)]):
        element = ElementTree.Element(f"{{{_SVG}}}{kind}", {"id": key})
        element.text = words
        root.insert(place, element)
    width = _LARGEST * float(root.get("viewBox", "").split()[2])
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{head} {about}",
        "style": f"display:block;width:100%;max-width:{width:.0f}px;height:auto;stroke-linejoin:round;"
        f"stroke-linecap:butt;font-family:{_FONTS}",
    }
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _simplify(root: ElementTree.Element, prefix: str) -> None:
    """Leave out what a page does not need, make ids unique and colours variables."""
    for parent in list(root.iter()):
        for child in list(parent):
            # matplotlib's rule of style would hold for all of the page.
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}defs") and not child.findall(".//*[@id]"):
                parent.remove(child)
    attributes = [value for element in root.iter() for value in element.attrib.values()]
    used = {name for value in attributes for name in re.findall(r"(?:^|url\()#([\w-]+)", value)}
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        named = {key.replace(f"{{{_XLINK}}}", ""): value for key, value in element.attrib.items()}
        element.attrib = {key: _value(key, value, prefix) for key, value in named.items()}
        element.text, element.tail = (
            text if text and text.strip() else None for text in (element.text, element.tail)
        )


def _value(key: str, value: str, prefix: str) -> str:
    """An attribute's value as a page has it."""
    if key == "id":
        return prefix + value
    if key == "style":
        return _style(value)
    value = re.sub(r"(^|url\()#", rf"\1#{prefix}", " ".join(value.split()))
    # A hundredth of a point is not seen.
    return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", value)


def _style(value: str) -> str:
    """The same with variables for colours, and the size of letters alone of what is said of them."""
    found = []
    for rule in filter(None, map(str.strip, value.split(";"))):
        key, _, what = (part.strip() for part in rule.partition(":"))
        if key == "font":  # of older versions of matplotlib
            found += ["font-weight:bold"] if re.search(r"\b(bold|700)\b", what) else []
            key, what = "font-size", re.search(r"[\d.]+px", what)[0]
        if key != "font-family":
            found.append(f"{key}:{re.sub('#[0-9a-f]{6}', _variable, what)}")
    return ";".join(found)


def _variable(colour: re.Match[str]) -> str:
    name = _VARIABLES.get(colour[0], ("",))[0]
    return f"var(--{name},{colour[0]})" if name else colour[0]
