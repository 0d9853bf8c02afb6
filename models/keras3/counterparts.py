"""Which layer of tf_keras is to do what one of Keras 3 does, as far as kinds and settings tell.

Whether it does so is seen by what both give, see `translation`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.models.keras3.importing import import_keras3
from bam.models.network.rebuilt import ReversedChannels

# Settings under another name, and activations that are not known by theirs.
_SETTINGS = {"LeakyReLU": {"negative_slope": "alpha"}}
_ACTIVATIONS = {"silu": "swish", "relu6": tf.nn.relu6, "leaky_relu": tf.nn.leaky_relu}
# What counts in training alone.
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")
# Operations of single values, and of two tensors, that are layers too.
_OF_VALUES = ("sigmoid", "tanh", "elu", "selu", "softplus", "softsign", "silu", "leaky_relu")
_OF_TWO = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")


def layer_like(layer: Any, name: str) -> keras.layers.Layer | None:
    """A layer of tf_keras of the kind and with the settings of a layer of Keras 3; None if there is none.

    It has no weights yet, or those that are settings in tf_keras.
    """
    kind = getattr(keras.layers, type(layer).__name__, None)
    if kind is None or not type(layer).__module__.startswith("keras.src.layers."):
        return None
    names = _SETTINGS.get(type(layer).__name__, {})
    known = {names.get(key, key): value for key, value in layer.get_config().items()}
    settings = {
        key: value
        for key, value in known.items()
        if key in _parameters(kind) and not key.endswith(_OF_TRAINING) and key != "trainable"
    }
    try:
        settings |= {"name": name, "dtype": layer.dtype_policy.name, **_own_settings(layer)}
        return kind(**settings)
    except (TypeError, ValueError, AttributeError):
        return None


def learned_like(layer: Any, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Those weights of a layer of Keras 3 that are weights of `layer_like` too."""
    return [] if type(layer).__name__ == "Normalization" else weights


def operation_like(operation: Any, args: Sequence[Any], name: str) -> keras.layers.Layer | None:
    """A layer of tf_keras that does what an operation of Keras 3 does with the tensors among its arguments.

    Of one tensor it takes that, of several a list of them. None if there is none.
    """
    keras_3, kind, layers = import_keras3(), type(operation).__name__, keras.layers
    tensors = [part for part in args if isinstance(part, keras_3.KerasTensor)]
    if len(tensors) == 2 == len(args) and kind in _OF_TWO:
        return getattr(layers, kind)(name=name)
    if len(tensors) != 1:
        return None
    if len(args) == 2 and kind == "GetItem":
        return ReversedChannels(name=name)
    if len(args) == 2:
        return _rescaling(kind, args, tensors[0], name)
    if kind in ("Relu", "Relu6"):
        return layers.ReLU(6.0 if kind == "Relu6" else None, name=name)
    if kind == "Softmax":
        return layers.Softmax(operation.axis, name=name)
    if kind == "Gelu":
        return None if operation.approximate else layers.Activation("gelu", name=name)
    activation = next((each for each in _OF_VALUES if each.replace("_", "") == kind.lower()), None)
    return activation and layers.Activation(_ACTIVATIONS.get(activation, activation), name=name)


def reversed_channels_of(operation: Any, args: Sequence[Any]) -> Any:
    """The pictures whose channels, taken one by one, are stacked; None if that is not what is done.

    So Keras Applications turn red, green, blue into blue, green, red.
    """
    if type(operation).__name__ != "Stack" or not isinstance(args[0], (list, tuple)):
        return None
    sources = []
    for tensor in args[0]:
        taken, place, _ = tensor._keras_history
        if type(taken).__name__ != "GetItem":
            return None
        sources.append(taken._inbound_nodes[place].arguments.args[0])
    return sources[0] if len(sources) == 3 and all(each is sources[0] for each in sources) else None


def only_trains(layer: Any) -> bool:
    """Whether a layer of Keras 3 may be one that changes pictures in training alone.

    Layers that tf_keras has, as dropout, are left to it, but for those that change pictures at random.
    """
    name = type(layer).__name__
    if getattr(layer, "weights", None) or "training" not in inspect.signature(layer.call).parameters:
        return False
    return name.startswith("Random") or not hasattr(keras.layers, name)


def _own_settings(layer: Any) -> dict[str, Any]:
    """The settings that tf_keras cannot take as Keras 3 stores them."""
    kind = type(layer).__name__
    if kind == "Normalization":
        return {"mean": np.ravel(layer.mean).tolist(), "variance": np.ravel(layer.variance).tolist()}
    if kind == "Rescaling":
        return {"scale": np.asarray(layer.scale).tolist(), "offset": np.asarray(layer.offset).tolist()}
    return {"activation": _activation(layer.activation)} if hasattr(layer, "activation") else {}


def _activation(activation: Any) -> Any:
    keras_3 = import_keras3()
    if isinstance(activation, keras_3.layers.Layer):
        found = layer_like(activation, activation.name)
        if found is None:
            raise ValueError(activation.name)
        return found
    name = keras_3.activations.serialize(activation)
    return _ACTIVATIONS.get(name, name) if isinstance(name, str) else name


def _rescaling(kind: str, args: Sequence[Any], tensor: Any, name: str) -> keras.layers.Layer | None:
    """The layer that adds a constant, or multiplies by it: one number, or one for each channel."""
    first = args[0] is tensor
    constant = args[1] if first else args[0]
    try:
        constant = np.asarray(constant, np.float64)
    except (TypeError, ValueError):
        return None
    if constant.size not in (1, constant.shape[-1] if constant.ndim else 1):
        return None
    values = constant.ravel() if constant.size > 1 else constant.reshape(())
    scale, offset = {
        "Add": (1.0, values),
        "Subtract": (1.0, -values) if first else (-1.0, values),
        "Multiply": (values, 0.0),
        **dict.fromkeys(("Divide", "TrueDivide"), (1 / values if first and values.all() else None, 0.0)),
    }.get(kind, (None, 0.0))
    if scale is None:
        return None
    return keras.layers.Rescaling(np.asarray(scale).tolist(), np.asarray(offset).tolist(), name=name)


@cache
def _parameters(kind: type) -> frozenset[str]:
    """What the constructors of a kind of layer take by name."""
    constructors = [vars(each)["__init__"] for each in kind.__mro__ if "__init__" in vars(each)]
    return frozenset(name for each in constructors for name in inspect.signature(each).parameters)
