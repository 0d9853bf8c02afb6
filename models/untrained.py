"""The same network with weights that were never trained: all of them, or those of some layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.network.frozen import PREPROCESSING, folded_norms
from bam.models.network.rebuilt import with_layers

# Images that batch norms take their moments from.
ADAPTED = 64


def weighted_layers(classifier: Classifier) -> list[str]:
    """The names of the layers that have weights, from the output on.

    A batch norm that alone follows a convolution is a part of it, as in `frozen`; what only puts pixels on
    another scale is none of them. Raises `BamError` if there are none, or they are out of reach.
    """
    model = classifier.model
    programs = [layer.concealed for layer in model.layers if hasattr(layer, "concealed")]
    if programs or not classifier.transparent:
        what = programs[0] if programs else "a network of PyTorch"
        raise BamError(
            f"{classifier.name} is {what}, and only layers of tf_keras can be given fresh weights: explain a "
            "network of Keras"
        )
    parts = {norm.name for norm in folded_norms(model).values()}
    found = [
        layer.name
        for layer in reversed(model.layers)
        if layer.weights and not isinstance(layer, PREPROCESSING) and layer.name not in parts
    ]
    if not found:
        raise BamError(f"{classifier.name} has no weights that could be drawn anew: explain another network")
    return found


def untrained(classifier: Classifier, images: np.ndarray, seed: int, name: str) -> Classifier:
    """The network with fresh weights in all layers, see `randomised`."""
    return randomised(classifier, weighted_layers(classifier), images, seed, name)


def randomised(
    classifier: Classifier, layers: Sequence[str], images: np.ndarray, seed: int, name: str
) -> Classifier:
    """A copy of the classifier, called `name`, with fresh weights in some of the `weighted_layers`.

    They are drawn as each layer's own initialisers draw them; a seed draws the same for a layer, whichever
    others are drawn. Batch norms among them, and those that are parts of these layers, then take their
    moments from images, prepared, float32 (N, H, W, 3), as the layers before pass them on. All others stay as
    they are. Keras is seeded for it, and with it Python and numpy.
    """
    model = classifier.model
    norms = folded_norms(model)
    chosen = {*layers, *(norms[layer].name for layer in layers if layer in norms)}
    copy = _fresh(model, seed)
    for layer in model.layers:
        if layer.name not in chosen:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    _adapt(copy, chosen, images)
    known = (classifier.labels, classifier.description, classifier.batch_size, classifier.precision)
    return Classifier(copy, classifier.class_names, name, *known)


def _fresh(model: keras.Model, seed: int) -> keras.Model:
    """A copy of the model whose layers have just been made."""
    keras.utils.set_random_seed(seed)

    def made(layer: keras.layers.Layer) -> keras.layers.Layer:
        return type(layer).from_config(_seedless(layer.get_config()))

    return keras.models.clone_model(model, clone_function=made)


def _seedless(part: Any) -> Any:
    """A part of a layer's settings without seeds of its own, with which all draws would be the same."""
    if isinstance(part, dict):
        return {key: None if key == "seed" else _seedless(value) for key, value in part.items()}
    return part


class _OfBatch(keras.layers.BatchNormalization):
    """A batch norm that takes the moments of what it is given for its own."""

    def call(self, inputs: tf.Tensor, training: Any = None, mask: Any = None) -> tf.Tensor:
        return super().call(inputs, training=True)


def _adapt(model: keras.Model, chosen: Collection[str], images: np.ndarray) -> None:
    """Give the batch norms that are chosen the moments of their inputs, in one pass through the network."""
    norms = {
        layer.name
        for layer in model.layers
        if layer.name in chosen and isinstance(layer, keras.layers.BatchNormalization)
    }
    if not norms:
        return

    def taking(layer: keras.layers.Layer) -> keras.layers.Layer | None:
        settings = {**layer.get_config(), "momentum": 0.0, "trainable": True}
        return _OfBatch.from_config(settings) if layer.name in norms else None

    copy = with_layers(model, taking)
    copy(images, training=False)  # all else, such as dropout, is as in use
    model.set_weights(copy.get_weights())
