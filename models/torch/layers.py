"""What stands in torch for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tf_keras as keras

from bam.models.torch import modules
from bam.models.torch.activations import activated, activation, relu
from bam.models.torch.convolutions import CONVOLUTIONS
from bam.models.torch.importing import import_torch
from bam.models.torch.operators import arithmetic, rescaled, selected
from bam.models.torch.walk import Call, Value, loaded, tensor

# Layers that do something in training alone.
_IDLE = (
    *("ActivityRegularization", "AlphaDropout", "GaussianDropout", "GaussianNoise", "RandomBrightness"),
    *("RandomContrast", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "StochasticDepth"),
)
# Where they are from: layers of the same names from elsewhere are others.
_HOMES = ("tf_keras.", "bam.models.")


def translated(call: Call) -> Value:
    """Add the modules for a call; the value of the last. Raises `BamError` if there are none for it."""
    layer = call.layer
    kind = type(layer).__name__
    if kind not in _KINDS or not type(layer).__module__.startswith(_HOMES):
        raise call.unknown()
    if layer.weights and layer.compute_dtype != layer.weights[0].dtype.name:
        raise call.unknown(f"it computes in {layer.compute_dtype}")
    return _KINDS[kind](call)


def _nn() -> Any:
    return import_torch().nn


def _module(make: Callable[[Call], Any]) -> Callable[[Call], Value]:
    """For layers that do the same to each value, wherever the channels are."""
    return lambda call: call.add(make(call), call.inputs[0])


def _dense(call: Call) -> Value:
    layer, value = call.layer, call.plain(call.inputs[0])
    bias = {"bias": layer.bias} if layer.use_bias else {}
    kernel = layer.kernel.numpy()
    linear = loaded(_nn().Linear(*kernel.shape, bias=layer.use_bias, device="meta"), weight=kernel.T, **bias)
    return activated(call, call.add(linear, value), layer.activation)


def _einsum_dense(call: Call, layer: Any = None, value: Value | None = None, part: str = "") -> Value:
    """Of a layer, or of one inside it."""
    layer, value = layer or call.layer, value or call.plain(call.inputs[0])
    bias = None if layer.bias is None else tensor(layer.bias)
    linear = modules.EinsumLinear(layer.equation, tensor(layer.kernel), bias)
    value = call.add(linear, value, part=part)
    return activated(call, value, layer.activation)


def _attention(call: Call) -> Value:
    """Several heads' (Vaswani et al. 2017, section 3.2.2), as the modules that it consists of."""
    layer, values = call.layer, dict(zip(map(id, call.node.keras_inputs), call.inputs, strict=True))
    given = dict(zip(("query", "value", "key"), call.node.call_args, strict=False)) | call.node.call_kwargs
    given = {name: values.get(id(one)) for name, one in given.items() if one is not None and one is not False}
    given.setdefault("key", given.get("value"))
    if given.keys() != {"query", "value", "key"} or {len(one.shape) for one in given.values()} != {2}:
        raise call.unknown("only attention of tokens (N, tokens, width) without a mask has one")
    query, key, value = (
        _einsum_dense(call, getattr(layer, f"_{part}_dense"), given[part], part)
        for part in ("query", "key", "value")
    )
    scores = modules.Einsum("nqhe,nkhe->nhqk", layer._key_dim**-0.5)
    scores = call.add(scores, query, key, part="scores")
    attention = call.add(_nn().Softmax(-1), scores, part="attention")
    mixed = call.add(modules.Einsum("nhqk,nkhe->nqhe"), attention, value, part="values")
    return _einsum_dense(call, layer._output_dense, mixed)


def _batch_norm(call: Call) -> Value:
    layer, value, channels = call.layer, call.inputs[0], call.inputs[0].shape[-1]
    if len(value.shape) not in (1, 3) or layer.axis not in ([len(value.shape)], [-1]):
        raise call.unknown(f"it is given {value.shape}")
    value = call.picture(value) if len(value.shape) == 3 else value
    kind = _nn().BatchNorm2d if value.picture else _nn().BatchNorm1d
    mean = np.asarray(layer.moving_mean)
    norm = loaded(
        kind(channels, layer.epsilon, device="meta"),
        weight=layer.gamma if layer.scale else np.ones_like(mean),
        bias=layer.beta if layer.center else np.zeros_like(mean),
        running_mean=mean,
        running_var=layer.moving_variance,
        num_batches_tracked=np.array(0),
    )
    return call.add(norm, value)


def _layer_norm(call: Call) -> Value:
    layer, value = call.layer, call.plain(call.inputs[0])
    if list(np.ravel(layer.axis)) not in ([len(value.shape)], [-1]):
        raise call.unknown("it is not over the last axis")
    width = value.shape[-1]
    plain = {"dtype": np.dtype(layer.compute_dtype)}
    norm = loaded(
        _nn().LayerNorm(width, layer.epsilon, device="meta"),
        weight=layer.gamma if layer.scale else np.ones(width, **plain),
        bias=layer.beta if layer.center else np.zeros(width, **plain),
    )
    return call.add(norm, value)


def _rescaling(call: Call) -> Value:
    # As tf_keras has them, in float64 too.
    return rescaled(call, np.float32(call.layer.scale), np.float32(call.layer.offset))


def _normalization(call: Call) -> Value:
    layer = call.layer
    if getattr(layer, "invert", False):
        raise call.unknown("it is inverted")
    mean, variance = (np.asarray(one, np.float64) for one in (layer.mean, layer.variance))
    scale = 1 / np.maximum(np.sqrt(variance), keras.backend.epsilon())
    return rescaled(call, scale, -mean * scale)


def _merged(kind: str) -> Callable[[Call], Value]:
    """Two by two, the last under the layer's own name."""

    def merge(call: Call) -> Value:
        first, *others = call.alike()
        for number, other in enumerate(others, 1):
            part = "" if number == len(others) else f"first_{number + 1}"
            first = call.add(getattr(modules, kind)(), first, other, part=part)
        return first

    return merge


def _average(call: Call) -> Value:
    first, *others = call.alike()
    for number, other in enumerate(others, 2):
        first = call.add(modules.Sum(), first, other, part=f"first_{number}")
    return call.add(modules.Rescaled(1 / len(call.inputs), 0.0), first)


def _joined(call: Call) -> Value:
    values = call.alike()
    axis = call.layer.axis % (len(call.shape) + 1)
    dim = {1: 2, 2: 3, 3: 1}[axis] if values[0].picture else axis
    return call.add(modules.Joined(dim), *values)


def _flipped(call: Call) -> Value:
    return call.add(modules.Flipped(1 if call.inputs[0].picture else -1), call.inputs[0])


def _shaped(make: Callable[[Call], Any]) -> Callable[[Call], Value]:
    """For layers that look at the order of a picture's values."""
    return lambda call: call.add(make(call), call.plain(call.inputs[0]))


def _cropped_tokens(call: Call) -> Any:
    before, after = call.layer.cropping
    return _nn().ZeroPad2d((0, 0, -before, -after))


def _averaged_tokens(call: Call) -> Any:
    if getattr(call.layer, "keepdims", False):
        raise call.unknown("it keeps the dimension")
    return modules.Averaged(1)


_KINDS: dict[str, Callable[[Call], Value]] = {
    **CONVOLUTIONS,
    **dict.fromkeys(_IDLE, _module(lambda call: _nn().Identity())),
    "Activation": activation,
    "Add": _merged("Sum"),
    "Average": _average,
    "BatchNormalization": _batch_norm,
    "Concatenate": _joined,
    "Cropping1D": _shaped(_cropped_tokens),
    "Dense": _dense,
    "Dropout": _module(lambda call: _nn().Dropout(call.layer.rate)),
    "EinsumDense": _einsum_dense,
    "ELU": _module(lambda call: _nn().ELU(float(call.layer.alpha))),
    "Flatten": _shaped(lambda call: _nn().Flatten()),
    "GlobalAveragePooling1D": _shaped(_averaged_tokens),
    "LayerNormalization": _layer_norm,
    "LayerScale": _shaped(lambda call: modules.Scaled(tensor(call.layer.gamma))),
    "LeakyReLU": _module(lambda call: _nn().LeakyReLU(float(call.layer.alpha))),
    "MultiHeadAttention": _attention,
    "Multiply": _merged("Product"),
    "Normalization": _normalization,
    "Permute": _shaped(lambda call: modules.Permuted(tuple(call.layer.dims))),
    "Product": lambda call: call.add(
        modules.Einsum(call.layer.equation, call.layer.factor), *map(call.plain, call.inputs)
    ),
    "ReLU": relu,
    "Rescaling": _rescaling,
    "Reshape": _shaped(lambda call: modules.Reshaped(call.shape)),
    "ReversedChannels": _flipped,
    "SlicingOpLambda": selected,
    "Softmax": activation,
    "SpatialDropout2D": _module(lambda call: _nn().Dropout2d(call.layer.rate)),
    "Subtract": _merged("Difference"),
    "TFOpLambda": arithmetic,
    "Tokens": _shaped(lambda call: modules.Tokens(tensor(call.layer.token), tensor(call.layer.positions))),
}
