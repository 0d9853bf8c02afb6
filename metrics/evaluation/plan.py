"""What a run would compute: which rows are there already, and about how long the others take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bam.metrics.evaluation.images import ImageSet
from bam.metrics.evaluation.rows import seconds_of

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class Planned:
    """Rows that a metric wants: of the first of these images, of a network, of each method.

    files: names of the files that keep them, by method; None where they are not kept. whole: of all of these
    images, whatever the run's limit.
    """

    images: ImageSet
    classifier: Classifier
    files: Mapping[str, str | None]
    whole: bool = False


@dataclass(frozen=True)
class Share:
    """Of how many images rows of one method are there, and how many lack them.

    seconds: about how long the others take; None if no rows of the method tell.
    """

    model: str
    images: str
    method: str
    there: int
    lacking: int
    seconds: float | None


def shares(planned: Sequence[Planned], folder: Path, limit: int | None) -> list[Share]:
    """For what a metric wants, how much of it is in `folder`. limit: of how many images; None: of all.

    Times are the mean of those of the method's rows, first of the same network and images, else of all that
    the metric wants. Batches are whole, so that an image that has rows costs its time again beside one that
    lacks them.
    """
    known = [
        {method: seconds_of(folder / file) if file else {} for method, file in each.files.items()}
        for each in planned
    ]
    found = []
    for each, of_methods in zip(planned, known, strict=True):
        ids, size = each.images.ids, each.classifier.batch_size
        wanted = ids if each.whole else ids[:limit]
        batches = [ids[start : start + size] for start in range(0, len(wanted), size)]
        for method, rows in of_methods.items():
            there = sum(image in rows for image in wanted)
            others = [time for other in known for time in other.get(method, {}).values()]
            times = list(rows.values()) or others
            computed = sum(len(batch) for batch in batches if any(image not in rows for image in batch))
            seconds = computed * sum(times) / len(times) if times else None
            lacking = len(wanted) - there
            names = each.classifier.name, each.images.name, method
            found.append(Share(*names, there, lacking, seconds if computed else 0.0))
    return found
