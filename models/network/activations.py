"""What bends the function of a network, besides ReLUs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import dropwhile

import tensorflow as tf
import tf_keras as keras

_LAYERS = ("ELU", "LeakyReLU", "Multiply", "PReLU", "ThresholdedReLU")
_BENT = tuple(getattr(keras.layers, name) for name in _LAYERS)
# A softmax is none: it is no activation of single values.
_STRAIGHT = (keras.activations.linear, keras.activations.softmax, tf.nn.softmax, tf.nn.log_softmax)
_RELUS = (keras.activations.relu, tf.nn.relu, tf.nn.relu6)
# TensorFlow's own functions, as they are called where layers are.
_CALLED = {"abs", "clip_by_value", "crelu", "elu", "erf", "exp", "gelu", "leaky_relu", "maximum", "minimum"}
_CALLED |= {"selu", "sigmoid", "silu", "softplus", "softsign", "swish", "tanh"}


def other_activation(layers: Iterable[keras.layers.Layer]) -> str | None:
    """The first activation that is no guidable ReLU: its layer's name and what it is; None if there is none.

    What stands before all weights is preprocessing, and does not count.
    """
    for layer in dropwhile(_is_preprocessing, layers):
        kind = _bent(layer) or _inside(layer)
        if kind:
            return f"{layer.name}: {kind}"
    return None


def _is_preprocessing(layer: keras.layers.Layer) -> bool:
    return not layer.weights or isinstance(layer, keras.layers.Normalization)


def _bent(layer: keras.layers.Layer) -> str | None:
    """What bends a layer's own output."""
    if isinstance(layer, _BENT):
        return type(layer).__name__
    if isinstance(layer, keras.layers.ReLU):
        return "ReLU with a negative slope" if layer.negative_slope else None
    called = getattr(getattr(layer, "function", None), "__name__", "")
    if called in _CALLED:
        return called
    activation = getattr(layer, "activation", None)
    if isinstance(activation, keras.layers.Layer):
        return _bent(activation)
    if activation is None or any(activation is known for known in (*_STRAIGHT, *_RELUS)):
        return None
    return getattr(activation, "__name__", type(activation).__name__)


def _inside(layer: keras.layers.Layer) -> str | None:
    """The same of the layers inside a layer, where ReLUs are out of reach too."""
    for inner in layer._flatten_layers(include_self=False):
        if inner is not getattr(layer, "activation", None):
            kind = _bent(inner)
            relu = isinstance(inner, keras.layers.ReLU) or getattr(inner, "activation", None) in _RELUS
            if kind or relu:
                return f"{kind or 'ReLU'} inside it"
    return None
