"""The saliency metric (Dabkowski & Gal 2017): is the class still seen in a tight crop of what is salient?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.metrics.evaluation.regions import boxes
from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.family import curve

if TYPE_CHECKING:
    from bam.metrics.perturbation.masking import Explained

# Of the pixels, as Cohen et al. 2025 have it in their supplement.
PERCENTAGES = (10, 20, 30, 40, 50)
LEAST_AREA = 0.05


@curve(
    "saliency",
    question="Is the image cropped to its relevant part still recognised?",
    source="Dabkowski & Gal 2017",
    cite=("dabkowski2017real", "cohen2025meaningful"),
    direction="down",
    title="saliency",
    x_label="share of the pixels in the box",
    y_label="log(area) - log(probability)",
    axes=lambda size: {"curve": np.array(PERCENTAGES) / 100},
    value=lambda parts: parts["curve"].mean(1),
)
def saliency(explained: Explained, settings: NoSettings) -> np.ndarray:
    """float (N, 5): the score of each percentage.

    Below the table:
        log(max(a, 0.05)) - log(p): a is the area of the smallest box around the most relevant 10, 20, 30, 40
        or 50% of the pixels, as a share of the image, p the probability of the class in the box alone,
        enlarged (bilinear) to the input; the mean of the five, as in Cohen et al. 2025.
    """
    import tensorflow as tf

    originals = explained.originals
    height, width = originals.size
    scores = []
    for percentage in PERCENTAGES:
        found = boxes(explained.ranks < max(1, height * width * percentage // 100))
        areas = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1]) / (height * width)
        crops = [
            tf.image.resize(image[top:bottom, left:right], originals.size).numpy()
            for image, (top, left, bottom, right) in zip(originals.images, found, strict=True)
        ]
        answers = originals.answers(originals.composer.classifier.logits(np.stack(crops)))
        scores.append(np.log(np.maximum(areas, LEAST_AREA)) - answers.log_probability)
    return np.stack(scores, 1)
