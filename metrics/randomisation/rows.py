"""What is kept of a map of the trained network and one of a network with fresh weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bam.metrics.evaluation.regions import CONSTANT, NAN, OK
from bam.metrics.statistics.moments import mean_over

MEASURES = ("ssim", "hog", "correlation", "absolute")


@dataclass(frozen=True)
class Randomised:
    """How alike the two maps of an image are.

    target: the class explained, which the trained network predicts; other: the one that the other network
    predicts. status: "ok", or why the two are not compared: "nan_map", "constant_map". ssim, hog: see
    `robustness.similarity`; correlation: Spearman's; absolute: the same of the maps' absolute values; NaN if
    unknown. seconds: for the other network's map, as in `Row`.
    """

    image_id: str
    model: str
    method: str
    target: int
    other: int
    status: str
    ssim: float
    hog: float
    correlation: float
    absolute: float
    seconds: float


# The rows of one method in one stage, a list for each draw of the weights.
OfDraws = Sequence[Sequence[Randomised]]


def mean_of(draws: OfDraws, measure: str) -> np.ndarray:
    """float (N,): for each image the mean over the draws, NaN where in none of them maps can be compared."""
    return mean_over(np.array([[getattr(row, measure) for row in rows] for rows in draws], float))


def left_out(draws: OfDraws) -> dict[str, int]:
    """How many images have no draw in which maps can be compared, by reason; the first that holds counts."""
    counts = dict.fromkeys((NAN, CONSTANT), 0)
    for of_image in zip(*draws, strict=True):
        reasons = {row.status for row in of_image}
        if OK not in reasons:
            counts[next(reason for reason in counts if reason in reasons)] += 1
    return counts
