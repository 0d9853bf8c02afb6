"""Which layers of a network give spatial feature maps."""

from __future__ import annotations

import numpy as np
import tf_keras as keras


def last_feature_maps(model: keras.Model) -> str | None:
    """Name of the last layer whose output is a map of features; None if there is none.

    What stands before the first layer with weights that looks at a pixel's neighbours is no feature, but the
    picture on another scale.
    """
    layers = model.layers
    first = next((place for place, layer in enumerate(layers) if _looks_around(layer)), len(layers))
    for layer in reversed(layers[first:]):
        shape = getattr(layer, "output_shape", ())
        if isinstance(shape, tuple) and len(shape) == 4 and shape[1] and shape[1] > 1:
            return layer.name
    return None


def _looks_around(layer: keras.layers.Layer) -> bool:
    """Whether it has weights that combine several pixels."""
    kernel = getattr(layer, "kernel_size", None)
    pointwise = isinstance(
        layer, (keras.layers.BatchNormalization, keras.layers.Normalization, keras.layers.Dense)
    )
    return bool(layer.weights) and not pointwise and (kernel is None or max(np.ravel(kernel)) > 1)
