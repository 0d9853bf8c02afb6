"""What a line of a score has in a table and in a file of numbers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from bam.metrics.results.schema import Column, Line
from bam.metrics.statistics.trainings import Between, Shares


def shown(line: Line, column: Column) -> Any:
    """What the line has in a column of the table, see `results.table.cell`."""
    if column.key in line.beside:
        found = line.beside[column.key]
        return (found.ci_low, found.ci_high) if column.shows == "interval" else found.value
    if column.key in line.counts:
        return line.counts[column.key]
    between = line.trainings and line.trainings.sd
    return {"rank": line.rank, "trial_sd": line.trial_sd, "sd_trainings": between}.get(column.key)


def milliseconds(line: Line) -> str | None:
    """What the method took for an image, those left out included."""
    used = sum(line.trainings.n) if line.trainings else line.n or 0
    images = used + sum(line.excluded.values())
    if line.seconds is None or not images:
        return None
    each = 1000 * line.seconds / images
    return f"{each:.1f}" if each < 10 else f"{each:.0f}"


def numbers_of(line: Line) -> dict[str, Any]:
    """All numbers of a line, by name."""
    low, high = line.rank or (None, None)
    numbers = {"value": line.value, "ci_low": line.ci_low, "ci_high": line.ci_high, "n": line.n}
    numbers |= {"control": line.control, "trial_sd": line.trial_sd, "rank_low": low, "rank_high": high}
    if line.trainings:
        numbers |= _between_numbers(line.trainings)
    for key, found in line.beside.items():
        numbers |= {key: found.value, f"{key}_ci_low": found.ci_low, f"{key}_ci_high": found.ci_high}
    excluded = {f"excluded_{why}": count for why, count in line.excluded.items()}
    return {**numbers, **line.counts, **excluded, "seconds": line.seconds}


def _between_numbers(found: Between) -> dict[str, Any]:
    """Of several trainings the score of each, how much they vary, and what the variance is due to."""
    numbers = {f"training_{number}": mean for number, mean in enumerate(found.means)}
    numbers |= {"sd_trainings": found.sd, "sd_by_images": found.sd_by_images}
    numbers |= {"sd_trainings_corrected": found.sd_corrected}
    for part in fields(Shares) if found.shares else ():
        share, key = getattr(found.shares, part.name), f"share_{part.name}"
        numbers |= {key: share.value, f"{key}_ci_low": share.ci_low, f"{key}_ci_high": share.ci_high}
    return numbers
