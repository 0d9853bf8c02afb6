"""Deletion and insertion (Petsiuk et al. 2018), and the deletion curves of Cohen et al. 2025."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.family import Parts, area, curve
from bam.metrics.perturbation.substitutes import (
    black,
    blurred,
    grey,
    insertion_start,
    mean_colour,
    tenth_counts,
    tenths,
)

if TYPE_CHECKING:
    from bam.metrics.perturbation.masking import Explained, Substrate

STEPS = 28


def step_counts(size: tuple[int, int]) -> np.ndarray:
    """int (K,): how many pixels are replaced at each step, from none to all.

    Steps have a 28th of the pixels, rounded up: 8 rows at 224 x 224, as in the official code's batch run.
    """
    pixels = size[0] * size[1]
    return np.append(np.arange(0, pixels, -(-pixels // STEPS)), pixels)


def _step_axes(size: tuple[int, int]) -> Parts:
    return {"curve": step_counts(size) / (size[0] * size[1])}


@curve(
    "deletion",
    question="Does the answer fall soon when the most relevant pixels are made grey?",
    title="deletion",
    direction="down",
    source="Petsiuk et al. 2018 (RISE)",
    cite=("petsiuk2018rise",),
    x_label="share of the pixels deleted",
    y_label="probability of the class",
    axes=_step_axes,
    value=lambda parts: area(parts["curve"]),
    rate=True,
)
def deletion(explained: Explained, settings: NoSettings) -> np.ndarray:
    """float (N, K): the probability of the class, the most relevant pixels grey.

    Below the table:
        Area under the probability of the predicted class while its most relevant pixels turn grey, as in
        RISE's code: the mean colour of ImageNet, 28 steps.
    """
    counts = step_counts(explained.originals.size)
    return explained.most_relevant_first(grey, counts).probability


@curve(
    "insertion",
    question="Does the answer rise soon when the most relevant pixels are put back into a blurred image?",
    title="insertion",
    direction="up",
    source="Petsiuk et al. 2018 (RISE)",
    cite=("petsiuk2018rise",),
    x_label="share of the pixels inserted",
    y_label="probability of the class",
    axes=_step_axes,
    value=lambda parts: area(parts["curve"]),
    rate=True,
)
def insertion(explained: Explained, settings: NoSettings) -> np.ndarray:
    """float (N, K): the probability of the class, all but the most relevant pixels blurred.

    Below the table:
        Area under the probability of the class predicted for the whole image while its most relevant pixels
        replace those of a blurred copy, as in RISE's code: an 11 x 11 kernel, 28 steps.
    """
    counts = step_counts(explained.originals.size)
    return explained.replaced(insertion_start, counts, counts[-1]).probability


def _unchanged(name: str, substrate: Substrate, become: str) -> None:
    """Register the share of images whose class stays while pixels are replaced (Cohen et al. 2025)."""

    @curve(
        name,
        title=name.replace("_", " "),
        question=f"Does the class go soon when the most relevant pixels {become}?",
        direction="down",
        source="Cohen et al. 2025, baselines",
        cite=("cohen2025meaningful",),
        x_label="share of the pixels replaced",
        y_label="share of images whose class stays",
        axes=lambda size: {"curve": tenths(size), "least_relevant_first_curve": tenths(size)},
        value=lambda parts: area(parts["curve"]),
        rate=True,
        beside={"least_relevant_first": ("up", lambda parts: area(parts["least_relevant_first_curve"]))},
        note=f"Area under the share of images whose class stays while their most relevant pixels {become}, "
        "in steps of a tenth (Cohen et al. 2025); beside it the same for the least relevant.",
    )
    def measure(explained: Explained, settings: NoSettings) -> np.ndarray:
        counts = tenth_counts(explained.originals.size)
        most = explained.most_relevant_first(substrate, counts).same
        least = explained.least_relevant_first(substrate, counts).same
        return np.concatenate([most, least], 1)


_unchanged("black_deletion", black, "turn black")
_unchanged("blur_deletion", blurred, "are blurred (10 pixels wide for images of 224)")
_unchanged("mean_deletion", mean_colour, "get the image's mean colour")
