"""FullGrad: what the input and every bias contribute to the logit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method
from bam.attributions.requirements import lacks_linear_pieces, preprocessing_layers
from bam.attributions.sweeps import layer_sweeps
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@method(needs=[lacks_linear_pieces], cite=["srinivas2019fullgrad"])
def fullgrad(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """FullGrad saliency maps (Srinivas & Fleuret 2019), (N, H, W), not negative.

    Of every term of `full_gradient` that has a place in the image, the absolute values are rescaled to 0..1
    over all positions and channels, as in the code published with the paper, summed over the channels and
    enlarged bilinearly; the map is the sum over the terms. Biases of dense layers have no place.
    """
    parts = full_gradient(classifier, images, targets)
    return np.concatenate([sum(_map(term, classifier) for term in terms) for terms in parts])


def full_gradient(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray
) -> Iterator[list[np.ndarray]]:
    """The terms whose sum is the target's logit (the paper's full-gradient decomposition), a part of the
    images at a time.

    First the preprocessed image times the logit's derivative by it, (n, H, W, 3), so that the offset of the
    preprocessing is part of the input. Then for each layer with biases (a convolution and its batch norm are
    one) the bias times the derivative by the layer's output before its activation: (n, h, w, channels) or
    (n, channels). Raises `BamError` for a network that is not linear between ReLUs.
    """
    reason = lacks_linear_pieces(classifier)
    if reason:
        raise BamError(f"{classifier.name} has no full gradient: {reason}")
    from bam.models.network.biases import ends_in_relu, layer_biases

    start = preprocessing_layers(classifier.model)[-1:]
    biases = layer_biases(classifier.model, classifier.network)
    for part, found in layer_sweeps(classifier, images, targets, [*start, *biases]):
        if start:
            values, gradient = found.pop(0)
        else:
            values, gradient = images[part], classifier.gradient(images[part], targets[part])
        terms = [values * gradient]
        for (name, bias), (output, derivative) in zip(biases.items(), found, strict=True):
            if ends_in_relu(classifier.model.get_layer(name)):
                derivative = derivative * (output > 0)
            terms.append(derivative * bias)
        yield terms


def _map(term: np.ndarray, classifier: Classifier) -> np.ndarray | float:
    """A term's part of the map, float32 (n, H, W); 0 if it has no place in the image."""
    if term.ndim != 4:
        return 0.0
    term = np.abs(term)
    term -= term.min((1, 2, 3), keepdims=True)
    highest = term.max((1, 2, 3), keepdims=True)
    term = np.divide(term, highest, out=np.zeros_like(term), where=highest > 0)
    # Enlarging is linear: after the sum over the channels it costs less.
    return classifier.at_input_size(term.sum(-1, keepdims=True))[..., 0]
