"""What is kept of two maps that are compared, and what it comes to for a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bam.metrics.evaluation.regions import CONSTANT, NAN, OK
from bam.metrics.robustness.similarity import Similarity
from bam.metrics.statistics.moments import mean_over

CHANGED = "changed_class"
MEASURES = Similarity._fields


@dataclass(frozen=True)
class Compared:
    """How alike the map of an image is to another one.

    predicted, other: the classes that the network sees in the image, and in the changed one. status: "ok", or
    why the two are not compared: "nan_map", "constant_map", "changed_class". ssim, hog, spearman: see
    `Similarity`; NaN if unknown. seconds: for the other map, as in `Row`.
    """

    image_id: str
    model: str
    method: str
    target: int
    predicted: int
    other: int
    status: str
    ssim: float
    hog: float
    spearman: float
    seconds: float


# The rows of one method, by what was changed.
OfMethod = Mapping[str, Sequence[Compared]]


def mean_of(rows: Sequence[Sequence[Compared]], measure: str) -> np.ndarray:
    """float (N,): for each image the mean over several changes, NaN where none of them can be compared."""
    return mean_over(np.array([[getattr(row, measure) for row in lines] for lines in rows], float))


def count_of(rows: Sequence[Sequence[Compared]], status: str) -> int:
    """How many pairs have this status."""
    return sum(row.status == status for lines in rows for row in lines)


def left_out(rows: Sequence[Sequence[Compared]]) -> dict[str, int]:
    """How many images have no change that can be compared, by the reason; the first that holds counts."""
    counts = dict.fromkeys((NAN, CONSTANT, CHANGED), 0)
    for of_image in zip(*rows, strict=True):
        reasons = {row.status for row in of_image}
        if OK not in reasons:
            counts[next(reason for reason in counts if reason in reasons)] += 1
    return counts
