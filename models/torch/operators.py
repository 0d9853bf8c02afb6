"""What stands in torch for TensorFlow's own functions, called where layers are: x / 255, x[..., ::-1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from bam.models.torch import modules
from bam.models.torch.activations import activated, known
from bam.models.torch.walk import Call, Value

_KINDS = {
    "add": "Sum",
    "bias_add": "Sum",
    "subtract": "Difference",
    "sub": "Difference",
    "multiply": "Product",
    "mul": "Product",
    "truediv": "Quotient",
    "divide": "Quotient",
}
_ALL = slice(None)


def arithmetic(call: Call) -> Value:
    """A function of two tensors, or of a tensor and a constant, or an activation."""
    if known(call.layer.function):
        return activated(call, call.inputs[0], call.layer.function, part="")
    name = (call.layer.symbol or "").rpartition(".")[2]
    first, second = (*_arguments(call), None, None)[:2]
    if name not in _KINDS and name[1:] in _KINDS and name[0] == "r":  # 2 - x calls rsub(x, 2)
        name, first, second = name[1:], second, first
    if name not in _KINDS:
        raise call.unknown()
    kind = _KINDS[name]
    tensors = [hasattr(one, "_keras_history") for one in (first, second)]
    if all(tensors):
        return call.add(getattr(modules, kind)(), *call.alike())
    return _with_constant(call, kind, second if tensors[0] else first, tensors[0])


def _with_constant(call: Call, kind: str, constant: Any, behind: bool) -> Value:
    """constant: a number, or one for each channel; behind: whether it stands behind the tensor."""
    numbers = np.asarray(constant, np.float64)
    if numbers.size > 1 and numbers.shape[-1] != numbers.size:
        raise call.unknown("its constant has several dimensions")
    if kind == "Product":
        return rescaled(call, numbers, 0)
    if kind == "Quotient":
        if not behind or not numbers.all():
            raise call.unknown("it divides a constant, or by 0")
        return rescaled(call, 1 / numbers, 0)
    if kind == "Difference":
        return rescaled(call, 1, -numbers) if behind else rescaled(call, -1, numbers)
    return rescaled(call, 1, numbers)


def rescaled(call: Call, scale: Any, offset: Any) -> Value:
    """A layer that multiplies its input and adds to it, one number, or one for each channel."""
    value = call.inputs[0]
    numbers = [np.ravel(np.asarray(one, np.float64)).tolist() for one in (scale, offset)]
    if any(len(one) not in (1, value.shape[-1]) for one in numbers):
        raise call.unknown("its numbers are not one, or one for each channel")
    scale, offset = (one[0] if len(one) == 1 else tuple(one) for one in numbers)
    return call.add(modules.Rescaled(scale, offset, dims=2 if value.picture else 0), value)


def _arguments(call: Call) -> list[Any]:
    named = [value for name, value in call.node.call_kwargs.items() if name not in ("name", "data_format")]
    return [*call.node.call_args, *named]


def selected(call: Call) -> Value:
    """A part of a tensor by an index, or its channels in reverse order."""
    _, index = _arguments(call)
    index = tuple(map(_slice, index if isinstance(index, (list, tuple)) else [index]))
    value, rank = call.inputs[0], len(call.inputs[0].shape) + 1
    whole = all(one in (Ellipsis, _ALL) for one in index[:-1]) and (Ellipsis in index or len(index) == rank)
    if whole and index[-1] == slice(None, None, -1):
        return call.add(modules.Flipped(1 if value.picture else -1), value)
    backwards = any(isinstance(one, slice) and (one.step or 1) < 0 for one in index)
    plain = all(one is Ellipsis or isinstance(one, (int, slice)) for one in index)
    if backwards or not plain or index[0] not in (Ellipsis, _ALL):
        raise call.unknown("its index")
    return call.add(modules.Selected(index), call.plain(value))


def _slice(part: Any) -> Any:
    """A part of an index, which Keras keeps as a dictionary if it is a slice."""
    return slice(part["start"], part["stop"], part["step"]) if isinstance(part, dict) else part
