"""Whether the answers of a network of the user's own are worth explaining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.classes import OBJECTS, SCENES
from bam.metrics.evaluation.images import ImageSet
from bam.models.predictions import Predicted

if TYPE_CHECKING:
    from bam.data_prep.dataset import Batch
    from bam.models.classifier import Classifier

LOOKED_AT = 64  # images, the first
FEWEST = 8  # images, of which something can be said
LEAST_CHANGE = 0.01  # of a probability, from one image to another


def doubts(classifier: Classifier | Predicted, images: ImageSet) -> list[str]:
    """What speaks against a network whose accuracy is not known, a sentence each.

    That its answers to the first images hardly differ, or that it is no better than chance where the images'
    classes are known; both happen where it expects its pixels in another range.
    """
    if "accuracy" in classifier.description or len(images) < FEWEST:
        return []
    batch = images[:LOOKED_AT]
    if isinstance(classifier, Predicted):
        predicted, change = classifier.predicted(images.name, batch.ids), np.inf
        remedy = "see whether its predictions are of these images"
    else:
        probabilities = classifier.softmax(classifier.prepare(batch.images))
        predicted = probabilities.argmax(1)
        change = np.abs(probabilities - probabilities.mean(0)).max()
        remedy = "see `preprocess`, if it expects its pixels in another range than 0..255"
    found = []
    if change < LEAST_CHANGE:
        found.append(
            f"the answers of {classifier.name} hardly differ between {len(batch.ids)} images (by "
            f"{change:.2g} of a probability): {remedy}"
        )
    labels = _labels(classifier, batch)
    if labels is not None:
        right = (predicted == labels).mean()
        if right < 2 / len(classifier.class_names):
            found.append(
                f"{classifier.name} names {right:.0%} of {len(labels)} images rightly, chance is "
                f"{1 / len(classifier.class_names):.0%}: {remedy}"
            )
    return found


def _labels(classifier: Classifier | Predicted, batch: Batch) -> np.ndarray | None:
    """The true classes, if it is told to name the dataset's objects or scenes."""
    if not batch.present.any():  # no composites
        return None
    known = {OBJECTS: batch.object_labels, SCENES: batch.scene_labels}
    labels = known.get(tuple(name.replace(" ", "_") for name in classifier.class_names))
    return None if labels is None or (labels < 0).any() else labels
