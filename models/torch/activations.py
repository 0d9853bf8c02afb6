"""What stands in torch for activations: of layers of their own, and of those at the end of another."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from bam.models.torch.importing import import_torch
from bam.models.torch.walk import Call, Value

# Torch's modules by the functions; for a layer's softmax, over what is last in tf_keras, see `_softmax`.
_MODULES = {
    keras.activations.elu: "ELU",
    keras.activations.gelu: "GELU",
    keras.activations.linear: "Identity",
    keras.activations.mish: "Mish",
    keras.activations.relu: "ReLU",
    keras.activations.selu: "SELU",
    keras.activations.sigmoid: "Sigmoid",
    keras.activations.softplus: "Softplus",
    keras.activations.softsign: "Softsign",
    keras.activations.swish: "SiLU",
    keras.activations.tanh: "Tanh",
    tf.nn.elu: "ELU",
    tf.nn.relu: "ReLU",
    tf.nn.relu6: "ReLU6",
    tf.nn.selu: "SELU",
    tf.nn.sigmoid: "Sigmoid",
    tf.nn.silu: "SiLU",
    tf.nn.softplus: "Softplus",
    tf.nn.tanh: "Tanh",
}


def known(function: Any) -> bool:
    """Whether a function has a module in torch."""
    return function in _MODULES


def activated(call: Call, value: Value, function: Any, part: str = "activation") -> Value:
    """The value behind a layer's activation, a module of its own; as it is where there is none."""
    if part and function in (None, keras.activations.linear):
        return value
    if isinstance(function, keras.layers.ReLU):
        return call.add(_relu(call, function), value, part=part)
    if function in (keras.activations.softmax, tf.nn.softmax):
        return call.add(import_torch().nn.Softmax(1 if value.picture else -1), value, part=part)
    if function not in _MODULES:
        raise call.unknown(f"its activation {getattr(function, '__name__', type(function).__name__)}")
    return call.add(getattr(import_torch().nn, _MODULES[function])(), value, part=part)


def activation(call: Call) -> Value:
    """A layer that is an activation."""
    layer, value = call.layer, call.inputs[0]
    if not isinstance(layer, keras.layers.Softmax):
        return activated(call, value, layer.activation, part="")
    value = call.plain(value)
    if not isinstance(layer.axis, int) or len(call.inputs) > 1:
        raise call.unknown("it is over several axes, or masked")
    return call.add(import_torch().nn.Softmax(layer.axis), value)


def relu(call: Call) -> Value:
    """A layer that is a ReLU."""
    return call.add(_relu(call, call.layer), call.inputs[0])


def _relu(call: Call, layer: keras.layers.ReLU) -> Any:
    nn, slope, most = import_torch().nn, float(layer.negative_slope), layer.max_value
    if layer.threshold or (slope and most is not None):
        raise call.unknown("it has a threshold, or both a slope and a largest value")
    if slope:
        return nn.LeakyReLU(slope)
    if most is None:
        return nn.ReLU()
    return nn.ReLU6() if most == 6 else nn.Hardtanh(0.0, float(most))
