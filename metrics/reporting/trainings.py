"""The section of the report on how much of a score is the network's, where there are several trainings."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bam.metrics.reporting.content import Part, Results, Section
from bam.metrics.reporting.tables import Cell, Table, heading
from bam.metrics.results.schema import Line
from bam.metrics.results.score import Score
from bam.metrics.results.table import cell
from bam.metrics.statistics.trainings import Between

ALL = "median of the methods"


def trainings_section(results: Results) -> list[Section]:
    """What of the variance of each score comes of training; nothing where all are of one training."""
    scores = [score for score in results.scores if any(map(_between, score.lines.values()))]
    if not scores:
        return []
    text = [
        "Each cell: of the variance of a score that is made of one training and of as many images as here, "
        "the share that comes of training the network again, with its 95% interval; then `sd corrected`, the "
        "standard deviation between trainings less what so few images add to it (tables have it with that). "
        "Where the share is near 1, more images of the same network do not help. An interval from 0 to "
        "nearly 1 says that so few trainings do not tell, whatever stands before it. A control that knows no "
        "network can have a share too: each training recognises, and so is scored on, other images."
    ]
    parts = [Part("table", shares_table(scores))]
    return [Section("trainings", "How much of a score is the network's?", text, parts)]


def shares_table(scores: Sequence[Score]) -> Table:
    """A line for each method, and one for all; a column for each score of several trainings."""
    names = dict.fromkeys(name for score in scores for name in score.in_order())
    controls = {name for score in scores for name, line in score.lines.items() if line.control}
    lines = [
        (f"{name} (control)" if name in controls else name, [_cell(score, name) for score in scores])
        for name in names
    ]
    lines = [(name, cells) for name, cells in lines if any(each.text != "-" for each in cells)]
    head = ["method", *(f"{heading(score)}, {score.trainings} trainings" for score in scores)]
    summary = (ALL, [Cell(_median(score)) for score in scores])
    return Table("Share of the variance that is the network's; sd corrected", head, [summary, *lines])


def _between(line: Line) -> Between | None:
    """Where shares are known."""
    return line.trainings if line.trainings and line.trainings.shares else None


def _cell(score: Score, name: str) -> Cell:
    line = score.lines.get(name)
    found = line and _between(line)
    if not found:
        return Cell("-")
    share, sd = found.shares.trainings, found.sd_corrected
    text = f"{share.value:.2f} [{share.ci_low:.2f}, {share.ci_high:.2f}], sd {cell(sd)}"
    return Cell(text, kind="control" if line.control else "")


def _median(score: Score) -> str:
    found = [_between(line) for line in score.lines.values() if not line.control]
    known = [each for each in found if each]
    if not known:
        return "-"
    share, sd = (
        median(values)
        for values in zip(*((each.shares.trainings.value, each.sd_corrected) for each in known), strict=True)
    )
    return f"{share:.2f}, sd {cell(sd)}"
