"""The leaderboard as one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import bam
from bam.base.files import write_text
from bam.base.versions import in_words
from bam.leaderboard.canonical import METRICS
from bam.leaderboard.entry import Entry, Findings, Found, Number
from bam.metrics.metric import METRICS as KNOWN
from bam.metrics.reporting.content import Part, Report, Section
from bam.metrics.reporting.page import html
from bam.metrics.reporting.tables import Cell, Kind, Table
from bam.metrics.results.schema import ARROWS

TITLE = "BAM leaderboard: how right are the saliency maps?"
OVERVIEW = (
    "Attribution methods, measured on the same images of the drawn sample and the same networks. There is no "
    "overall place: each metric asks something else of a method, and has a table of its own."
)
HOW = (
    "Measured numbers were computed anew for the leaderboard, reported ones are those of who submitted "
    "the method. A rank set holds the places that a method can have among the built-in methods; all of them "
    "hold at once with 95%. Values are shaded where it holds the first place, which does not say that they "
    "differ from the others. What intervals cover is said in docs/statistics.md."
)
RULES = (
    "leaderboard/README.md in the repository has the rules of admission; `bam leaderboard --make` makes an "
    "entry, and `bam leaderboard --check` says what it lacks."
)


def write_page(entries: Mapping[Path, Entry], folder: str | Path) -> Path:
    """Write index.html with all entries to a folder; returns its path. entries: by their files."""
    path = Path(folder) / "index.html"
    write_text(path, html(leaderboard(entries)))
    return path


def leaderboard(entries: Mapping[Path, Entry]) -> Report:
    """The page's content: a summary, a table for each metric, and what the entries are."""
    chosen = sorted(entries.values(), key=lambda entry: (entry.method.control, entry.method.name))
    names = [name for name in METRICS if any(_findings_of(entry, name) for entry in chosen)]
    sections = [
        Section("summary", "All metrics", [HOW], [Part("table", _summary(chosen, names))]),
        *(_metric_section(name, chosen) for name in names),
        Section("entries", "The entries", [RULES], [Part("table", table) for table in _tables(entries)]),
    ]
    return Report(TITLE, OVERVIEW, sections, f"{len(entries)} entries. Made by BAM {bam.__version__}.")


def _findings_of(entry: Entry, metric: str) -> list[tuple[str, Findings, Found]]:
    """What is there of a metric, measured before reported."""
    return [
        (kind, findings, findings.metrics[metric])
        for kind, findings in entry.findings.items()
        if metric in findings.metrics
    ]


def _heading(metric: str) -> str:
    return f"{KNOWN[metric].title} {ARROWS[KNOWN[metric].direction]}"


def _name(entry: Entry) -> str:
    return f"{entry.method.name} (control)" if entry.method.control else entry.method.name


def _summary(entries: Sequence[Entry], metrics: Sequence[str]) -> Table:
    lines = [(_name(entry), [_short(entry, name) for name in metrics]) for entry in entries]
    caption = "Value, 95% interval and rank set of every method by every metric, by name"
    return Table(caption, ["method", *map(_heading, metrics)], lines)


def _short(entry: Entry, metric: str) -> Cell:
    found = _findings_of(entry, metric)
    if not found:
        return Cell("-", "not scored")
    kind, _, first = found[0]
    number = first.method
    places = f"rank {_span(number.rank, 'd')}" if number.rank else ""
    more = [_interval(number), places, *(["reported"] if kind == "reported" else [])]
    more += [f"reported {_decimals(each.method.value)}" for _, _, each in found[1:]]
    return Cell(_decimals(number.value), ", ".join(filter(None, more)), _kind(entry, number))


def _metric_section(metric: str, entries: Sequence[Entry]) -> Section:
    known = KNOWN[metric]
    sign = -1 if known.direction == "up" else 1

    def place(entry: Entry) -> tuple[bool, float]:
        value = _findings_of(entry, metric)[0][2].method.value
        return entry.method.control, float("inf") if value is None else sign * value

    scored = sorted((entry for entry in entries if _findings_of(entry, metric)), key=place)
    lines = [(_name(entry), _line(entry, *each)) for entry in scored for each in _findings_of(entry, metric)]
    head = ["method", _heading(metric), "95% interval", "rank set", "n", "left out", "random", "object_mask"]
    head += ["constant", "number is", "commit"]
    settings = _findings_of(scored[0], metric)[0][2].settings
    text = (
        f"{known.question} ({known.source}; {', '.join(f'{key} {value}' for key, value in settings.items())})"
    )
    table = Table(f"{known.title}, best first, controls below", head, lines)
    return Section(metric, _heading(metric), [text], [Part("table", table)])


def _line(entry: Entry, kind: str, findings: Findings, found: Found) -> list[Cell]:
    number = found.method
    left_out = ", ".join(f"{count} {why}" for why, count in number.excluded.items() if count) or "0"
    controls = [_control(found.controls.get(name)) for name in ("random", "object_mask", "constant")]
    return [
        Cell(_decimals(number.value), kind=_kind(entry, number)),
        Cell(_interval(number) or "-"),
        Cell(_span(number.rank, "d") if number.rank else "-"),
        Cell("-" if number.n is None else str(number.n)),
        Cell(left_out),
        *controls,
        Cell(kind),
        Cell((found.commit or "-")[:12]),
    ]


def _control(number: Number | None) -> Cell:
    if number is None:
        return Cell("-", "missing")
    return Cell(_decimals(number.value), _interval(number), "control")


def _tables(entries: Mapping[Path, Entry]) -> Iterator[Table]:
    """What the methods are, what their numbers were made with, and on what."""
    lines = [
        (
            _name(entry),
            [
                Cell(entry.method.authors or "-"),
                Cell(entry.method.link or "-", link=entry.method.link),
                Cell(str(entry.method.version)),
                Cell(", ".join(f"{key}={value}" for key, value in entry.method.settings.items()) or "-"),
                Cell(path.name),
            ],
        )
        for path, entry in entries.items()
    ]
    yield Table("Methods", ["method", "authors", "link", "version", "settings", "file"], lines)
    head = ["method", "numbers are", "command", "processor", "platform", "Python", "packages"]
    lines = [
        (
            _name(entry),
            [
                Cell(kind),
                Cell(findings.command),
                Cell(findings.machine.processor or "not recorded"),
                Cell(findings.machine.platform),
                Cell(findings.machine.python),
                Cell(in_words(dict(findings.machine.packages))),
            ],
        )
        for entry in entries.values()
        for kind, findings in entry.findings.items()
    ]
    yield Table("What the numbers were made with", head, lines)
    found: dict[tuple[str, str], None] = {}
    for entry in entries.values():
        found[f"dataset, drawn with seed {entry.dataset.draw_seed}", entry.dataset.fingerprint] = None
        found |= {(f"network {name}", digest): None for name, digest in entry.networks.items()}
    digests = [(name, [Cell(digest)]) for name, digest in found]
    yield Table("Digests (SHA-256)", ["of", "digest"], digests)


def _kind(entry: Entry, number: Number) -> Kind:
    if entry.method.control:
        return "control"
    return "best" if number.rank and number.rank[0] == 1 else ""


def _decimals(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(number: Number) -> str:
    if number.ci_low is None or number.ci_high is None:
        return ""
    return _span((number.ci_low, number.ci_high), ".3f")


def _span(ends: tuple[float, float], digits: str) -> str:
    return f"{ends[0]:{digits}} ... {ends[1]:{digits}}"
