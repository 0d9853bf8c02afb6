"""Outputs and derivatives of many layers, a few images at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


# Values of all layers' outputs that are asked for at once: with the derivatives, 0.8 GB.
VALUES = 100_000_000


def layer_sweeps(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, layers: Sequence[str]
) -> Iterator[tuple[slice, list[tuple[np.ndarray, np.ndarray]]]]:
    """Parts of the images, small enough for memory, and `Classifier.layer_gradients` for each."""
    for part in parts(classifier, images, layers):
        # Of one part the arrays as they are, for other methods to share the answer.
        given = (images, targets) if part == slice(0, len(images)) else (images[part], targets[part])
        yield part, classifier.layer_gradients(*given, layers)


def parts(classifier: Classifier, images: np.ndarray, layers: Sequence[str]) -> Iterator[slice]:
    """Parts of the images, small enough for all that these layers give to be in memory."""
    shapes = [classifier.model.get_layer(name).output.shape[1:] for name in layers]
    step = VALUES // sum(int(np.prod(shape)) for shape in shapes)
    step = max(1, min(step, classifier.batch_size))
    for start in range(0, len(images), step):
        yield slice(start, min(start + step, len(images)))
