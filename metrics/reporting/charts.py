"""Charts of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bam.base.errors import BamError
from bam.metrics.reporting.bars import Bar, bar_chart
from bam.metrics.results.curves import curve_sections, role_of
from bam.metrics.results.panels import Curve, Section, small_multiples
from bam.metrics.results.schema import ARROWS
from bam.metrics.results.score import Score
from bam.metrics.results.style import COLUMN, PAGE
from bam.metrics.results.table import cell
from bam.metrics.statistics.comparison import RANDOM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The paper's red and yellow bars.
FURTHER = ("random_region", "rescaled", "relocated")
DROP = "accuracy drop"
_SERIES = {"k", "mcs", "accuracy_drop"}


def bars(score: Score, width: float = COLUMN) -> Figure:
    """The values with their 95% intervals, best first, controls below (the paper's Figures 4, 8 and 10).

    Lines show what `random` has and, where it is an oracle, `object_mask`; open marks the scores of random
    regions, and of smaller and of moved objects, if they are columns of the score; dots those of the single
    trainings, if there are several. width: in inches.
    """
    titles = {column.key: column.title for column in score.columns if column.key in FURTHER}
    rows = []
    for name in score.in_order():
        line = score[name]
        further = {title: line.beside[key].value for key, title in titles.items() if key in line.beside}
        trainings = line.trainings.means if line.trainings else ()
        rows.append(Bar(name, line.estimate, role_of(name, line, score.oracle), further, trainings))
    better = "more" if score.direction == "up" else "less"
    label = f"{score.title} {ARROWS[score.direction]} ({better} is better)"
    sure = any(row.estimate.ci_low is not None for row in rows)
    label += ", with 95% intervals" if sure else ""
    return bar_chart(rows, label + (", dots: single trainings" if score.trainings > 1 else ""), width)


def curves(score: Score, width: float = PAGE, panel: str | None = None) -> Figure:
    """The curves behind the values: a panel for each method, best first, in which its curve, with the 95%
    interval of every point, stands before those of the other methods.

    `random` and, where it is an oracle, `object_mask` are lines in every panel; other controls have panels
    below. panel: the key of one of the curves, by default all that the score's chart has. Raises `BamError`
    if there are none.
    """
    if score.chart is None:
        raise BamError(f"the metric {score.metric} has no curves")
    lines = {name: score[name] for name in score.in_order()}
    return small_multiples(curve_sections(score.chart, lines, score.oracle, panel), width)


def series(score: Score, width: float = PAGE) -> Figure:
    """MCS against k, a panel for each method, with the accuracy that is lost without the dog (Figure 6).

    Both are differences, and on one scale. Of the controls there is `random` alone, as a line: the others
    know no network, so that theirs is 0. Of several trainings of the networks the means are drawn, those of
    methods with their 95% intervals. Raises `BamError` if the score holds no such series.
    """
    details = score.details
    if not set(details) >= _SERIES:
        raise BamError(f"the score of {score.metric} holds no series along k: `rmcs` has one")
    found = {DROP: Curve(details["accuracy_drop"], role="truth")}
    intervals = details.get("with_intervals", {})
    for name in score.in_order():
        line = score[name]
        if name in details["mcs"] and (name == RANDOM or not line.control):
            role = "chance" if line.control else "method"
            remark = f"{score.title} = {cell(line.value)}"
            found[name] = Curve(details["mcs"][name], _band(intervals.get(name, ())), role, remark)
    return small_multiples([Section("MCS against k = 1.0", "k", details["k"], found)], width)


def _band(
    estimates: Sequence[Mapping[str, Any]],
) -> tuple[Sequence[float | None], Sequence[float | None]] | None:
    """The ends of the intervals of estimates as a file holds them; None if there are none."""
    low, high = ([each[end] for each in estimates] for end in ("ci_low", "ci_high"))
    return (low, high) if any(end is not None for end in low) else None


def available(score: Score) -> list[Callable[..., Figure]]:
    """Those of the charts above that there are of a score."""
    return [bars, *([curves] if score.chart else []), *([series] if set(score.details) >= _SERIES else [])]
