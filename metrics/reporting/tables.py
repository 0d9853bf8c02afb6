"""Tables of the report, the same for HTML and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bam.metrics.results.schema import ARROWS
from bam.metrics.results.score import Score
from bam.metrics.results.table import cell, markdown_table

# How a cell is to be seen: its place among the best or the last, or a control's.
Kind = Literal["", "best", "last", "control"]


@dataclass(frozen=True)
class Cell:
    """One cell: what it says, what a screen reader says beyond it, how it is to be seen, what it links to."""

    text: str
    more: str = ""
    kind: Kind = ""
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a heading for every column, and one for every line.

    lines: (heading of the line, cells); the first heading is that of the lines' own.
    """

    caption: str
    head: Sequence[str]
    lines: Sequence[tuple[str, Sequence[Cell]]]

    def markdown(self) -> str:
        """With the caption above."""
        lines = [
            [name, *(f"{each.text} {each.more}".strip() for each in cells)] for name, cells in self.lines
        ]
        return f"{self.caption}\n\n{markdown_table(self.head, lines)}\n"


def score_table(score: Score) -> Table:
    """All that the score's own table has."""
    head, lines = score.rows()
    found = [
        (
            str(line[0]),
            [Cell(cell(value), kind="control" if "(control)" in line[0] else "") for value in line[1:]],
        )
        for line in lines
    ]
    return Table(f"{heading(score)}, best first, controls below", head, found)


def heading(score: Score) -> str:
    """Its title, and which way is better: "IDR ↑"."""
    return f"{score.title} {ARROWS[score.direction]}"


def summary(scores: Sequence[Score]) -> Table:
    """The places of the methods by each metric that ranks them: value, and rank set."""
    ranked = [score for score in scores if any(line.rank for line in score.lines.values())]
    names = list(
        dict.fromkeys(name for score in ranked for name, line in score.lines.items() if not line.control)
    )
    lines = [(name, [_place(score, name) for score in ranked]) for name in names]
    return Table(
        "Places of the methods by each metric, as rank sets: the places that a method can have at these "
        "numbers of images",
        ["method", *(f"{heading(score)} (n = {score.comparison.images})" for score in ranked)],
        lines,
    )


def _place(score: Score, name: str) -> Cell:
    """Such as "1-8 (0.955)"; no rank set where a method is not scored."""
    line = score.lines.get(name)
    if line is None:
        return Cell("-", score.unsuited.get(name, "not scored"))
    if line.rank is None:
        return Cell("-", "no value")
    low, high = line.rank
    last = max(each.rank[1] for each in score.lines.values() if each.rank)
    kind: Kind = "" if (low == 1) == (high == last) else "best" if low == 1 else "last"
    place = str(low) if low == high else f"{low}-{high}"
    return Cell(f"{place} ({cell(line.value)})", kind=kind)


def validity_table(descriptions: Mapping[str, Mapping[str, Any]], symbols: Mapping[str, str]) -> Table | None:
    """Accuracies of the networks, and whether each has the relative importance that BAM assumes."""
    from bam.models.training.validity import checks

    lines = []
    for name, description in descriptions.items():
        accuracy = description["accuracy"]
        cells = [
            Cell(f"{100 * accuracy[view]:.1f}") for view in ("object_scene", "scene_only", "object_only")
        ]
        saw_none = description["config"].get("on") == "scene_only"
        if saw_none or description["config"].get("commonality") is not None:
            cells.append(Cell("-", "nothing is promised"))
        else:
            failed = [check for check in checks(dict(description)) if not check.passed]
            cells.append(Cell("NO" if failed else "yes", "; ".join(check.failure(name) for check in failed)))
        lines.append((symbols.get(name, name), cells))
    head = ["network", "object in scene, %", "scene only, %", "object on grey, %", "valid"]
    return Table("Accuracy of the networks on the test images", head, lines) if lines else None
