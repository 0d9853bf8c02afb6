"""What bends the function of a network: the activations of its layers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import dropwhile

import tf_keras as keras

from bam.models.keras3.operation import Keras3Layer

_LAYERS = ("ELU", "LeakyReLU", "Multiply", "PReLU", "ThresholdedReLU")
_BENT = tuple(getattr(keras.layers, name) for name in _LAYERS)
SOFTMAX = ("softmax", "log_softmax")
_RELUS = ("relu", "relu6")
# TensorFlow's own functions, as they are called where layers are.
_CALLED = {"abs", "clip_by_value", "crelu", "elu", "erf", "exp", "gelu", "leaky_relu", "maximum", "minimum"}
_CALLED |= {"selu", "sigmoid", "silu", "softplus", "softsign", "swish", "tanh", *SOFTMAX, *_RELUS}


def activation_of(layer: keras.layers.Layer) -> str | None:
    """The name of what bends a layer's own output, as "relu" or "softmax"; None if nothing does."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, _BENT):
        return type(layer).__name__
    if isinstance(layer, keras.layers.ReLU):
        return "ReLU with a negative slope" if layer.negative_slope else "relu"
    if isinstance(layer, Keras3Layer):
        return layer.kind if layer.kind in _CALLED else None
    if is_operator(layer):
        called = getattr(layer.function, "__name__", "").removesuffix("_v2")
        return called if called in _CALLED else None
    activation = getattr(layer, "activation", None)
    while isinstance(activation, partial):
        activation = activation.func
    if isinstance(activation, keras.layers.Layer):
        return activation_of(activation)
    if activation is None or activation is keras.activations.linear:
        return None
    return getattr(activation, "__name__", type(activation).__name__).removesuffix("_v2")


def is_operator(layer: keras.layers.Layer) -> bool:
    """Whether it is a function of TensorFlow's, or an operation of Keras 3, called where layers are."""
    return isinstance(layer, Keras3Layer) or (hasattr(layer, "function") and hasattr(layer, "symbol"))


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
    """The activation of single values that is no ReLU: a softmax is one of all together."""
    found = activation_of(layer)
    return None if found in (*SOFTMAX, *_RELUS) else found


def _inside(layer: keras.layers.Layer) -> str | None:
    """The same of the layers inside a layer, where ReLUs are out of reach too."""
    if isinstance(layer, Keras3Layer):
        return None if layer.straight else layer.kind
    for inner in layer._flatten_layers(include_self=False):
        if inner is not getattr(layer, "activation", None):
            kind = _bent(inner) or ("ReLU" if activation_of(inner) in _RELUS else None)
            if kind:
                return f"{kind} inside it"
    return None
