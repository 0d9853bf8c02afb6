"""ROAD, remove and debias (Rong et al. 2022): deletion by imputation, which gives little of the mask away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.family import curve

if TYPE_CHECKING:
    import tensorflow as tf

    from bam.metrics.perturbation.masking import Explained, Originals

PERCENTAGES = (10, 20, 30, 40, 50, 70, 90)
NOISE = 0.01 * 255  # grey levels


def noise(originals: Originals) -> np.ndarray:
    """Normal noise from each image's seed, the same for all methods and percentages, float32 (N, H, W, 3)."""
    shape = originals.images.shape[1:]
    # Not the stream that methods draw their own noise from.
    draws = [np.random.default_rng([seed, 1]).standard_normal(shape) for seed in originals.seeds]
    return (NOISE * np.stack(draws)).astype(np.float32)


def noisy_imputation(images: tf.Tensor, holes: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """What the holes are filled with: linear imputation and noise."""
    from bam.metrics.perturbation.imputation import linear_imputation

    return linear_imputation(images, holes) + noise


def _axes(size: tuple[int, int]) -> dict[str, np.ndarray]:
    shares = np.array(PERCENTAGES) / 100
    return {"curve": shares, "least_relevant_first_curve": shares}


@curve(
    "road",
    question="Does the class go soon when the most relevant pixels are filled from their neighbours?",
    source="Rong et al. 2022 (ROAD)",
    cite=("rong2022consistent",),
    direction="down",
    title="ROAD",
    x_label="share of the pixels imputed",
    y_label="share of images whose class stays",
    axes=_axes,
    value=lambda parts: parts["curve"].mean(1),
    rate=True,
    beside={"least_relevant_first": ("up", lambda parts: parts["least_relevant_first_curve"].mean(1))},
)
def road(explained: Explained, settings: NoSettings) -> np.ndarray:
    """float (N, 14): whether the class stays, for the most and for the least relevant pixels.

    Below the table:
        Share of images whose class stays when the most relevant 10, 20, 30, 40, 50, 70 and 90% of the pixels
        are imputed from their neighbours (noisy linear imputation), the mean of the seven; beside it the same
        for the least relevant ones. The paper counts correct classes; here no labels are used.
    """
    height, width = explained.originals.size
    counts = height * width * np.array(PERCENTAGES) // 100
    most = explained.most_relevant_first(noise, counts, noisy_imputation).same
    least = explained.least_relevant_first(noise, counts, noisy_imputation).same
    return np.concatenate([most, least], 1)
