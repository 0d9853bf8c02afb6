"""What stands in torch for layers that look at a pixel's neighbours, or change the size of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bam.models.torch.activations import activated
from bam.models.torch.importing import import_torch
from bam.models.torch.walk import Call, Value, loaded

# Smaller than any value that a maximum could be taken of; infinity would make differences of such no numbers.
_LOWEST = float(np.finfo(np.float32).min)


def _pads(call: Call, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> list:
    """How many rows, then columns, TensorFlow adds before and behind the picture that a layer is given."""
    if call.layer.padding == "valid":
        return [(0, 0), (0, 0)]
    if call.layer.padding != "same":
        raise call.unknown(f"its padding {call.layer.padding}")
    pads = []
    for size, side, stride, apart in zip(call.inputs[0].shape, kernel, strides, dilation, strict=False):
        reach = (side - 1) * apart + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        pads.append((total // 2, total - total // 2))
    return pads


def _padded(call: Call, value: Value, pads: list, fill: float = 0.0) -> tuple[Value, tuple[int, int]]:
    """The value with what a layer of torch cannot add, and what it can: equally much on both sides."""
    (top, bottom), (left, right) = pads
    if top == bottom and left == right:
        return value, (top, left)
    nn, around = import_torch().nn, (left, right, top, bottom)
    padding = nn.ConstantPad2d(around, fill) if fill else nn.ZeroPad2d(around)
    return call.add(padding, value, part="padding"), (0, 0)


def _conv(call: Call, value: Value, kernel: np.ndarray, bias: Any, groups: int, part: str = "") -> Value:
    """kernel: as torch has it, (out, in / groups, height, width)."""
    layer = call.layer
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    if part == "pointwise":
        strides, dilation, padding = (1, 1), (1, 1), (0, 0)
    else:
        pads = _pads(call, kernel.shape[2:], strides, dilation)
        value, padding = _padded(call, value, pads)
    out, each, *sides = kernel.shape
    how = {"stride": strides, "padding": padding, "dilation": dilation, "groups": groups}
    conv = import_torch().nn.Conv2d(each * groups, out, sides, bias=bias is not None, device="meta", **how)
    conv = loaded(conv, weight=kernel, **({} if bias is None else {"bias": bias}))
    part = "depthwise" if part == "depthwise" else ""
    return call.add(conv, value, part=part)


def _conv2d(call: Call) -> Value:
    layer, value = call.layer, call.picture(call.inputs[0])
    kernel = layer.kernel.numpy().transpose(3, 2, 0, 1)
    bias = layer.bias if layer.use_bias else None
    return activated(call, _conv(call, value, kernel, bias, layer.groups), layer.activation)


def _depthwise_kernel(layer: Any) -> np.ndarray:
    kernel = layer.depthwise_kernel.numpy()
    return kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])


def _depthwise(call: Call) -> Value:
    layer, value = call.layer, call.picture(call.inputs[0])
    kernel, bias = _depthwise_kernel(layer), layer.bias if layer.use_bias else None
    return activated(call, _conv(call, value, kernel, bias, value.shape[-1]), layer.activation)


def _separable(call: Call) -> Value:
    layer, value = call.layer, call.picture(call.inputs[0])
    value = _conv(call, value, _depthwise_kernel(layer), None, value.shape[-1], "depthwise")
    kernel = layer.pointwise_kernel.numpy().transpose(3, 2, 0, 1)
    bias = layer.bias if layer.use_bias else None
    return activated(call, _conv(call, value, kernel, bias, 1, "pointwise"), layer.activation)


def _pooled(kind: str) -> Callable[[Call], Value]:
    def pool(call: Call) -> Value:
        layer, value = call.layer, call.picture(call.inputs[0])
        pads = _pads(call, layer.pool_size, layer.strides, (1, 1))
        maximum = kind == "MaxPool2d"
        how = {} if maximum else {"count_include_pad": False}
        beyond = [stride for (_, behind), stride in zip(pads, layer.strides, strict=True) if behind]
        if beyond and min(beyond) > 1 and all(before == 0 for before, _ in pads):
            # Its windows may reach over the end, where nothing is counted, if they begin before it.
            how["ceil_mode"], padding = True, (0, 0)
        elif maximum:
            value, padding = _padded(call, value, pads, _LOWEST)
        else:
            padding = tuple(before for before, _ in pads)
            if any(before != behind for before, behind in pads):
                raise call.unknown("its padding of two sides")
        made = getattr(import_torch().nn, kind)(tuple(layer.pool_size), tuple(layer.strides), padding, **how)
        return call.add(made, value)

    return pool


def _pooled_whole(kind: str) -> Callable[[Call], Value]:
    def pool(call: Call) -> Value:
        nn, value = import_torch().nn, call.picture(call.inputs[0])
        value = call.add(getattr(nn, kind)(1), value)
        if getattr(call.layer, "keepdims", False):
            return value
        return call.add(nn.Flatten(), value, part="flat", picture=False)

    return pool


def _resized(call: Call, **how: Any) -> Value:
    mode = call.layer.interpolation
    if mode == "bilinear":
        how["align_corners"] = False
    elif mode != "nearest" or "size" in how:
        raise call.unknown(f"its interpolation {mode}")
    upsample = import_torch().nn.Upsample(mode=mode, **how)
    return call.add(upsample, call.picture(call.inputs[0]))


def _upsampled(call: Call) -> Value:
    return _resized(call, scale_factor=tuple(map(float, call.layer.size)))


def _resizing(call: Call) -> Value:
    if getattr(call.layer, "crop_to_aspect_ratio", False):
        raise call.unknown("it keeps the ratio of the sides")
    return _resized(call, size=(call.layer.height, call.layer.width))


def _bordered(call: Call) -> Value:
    """Padding with zeros, or cropping, which is padding with less than nothing."""
    cropped = hasattr(call.layer, "cropping")
    sides = np.array(call.layer.cropping if cropped else call.layer.padding) * (-1 if cropped else 1)
    (top, bottom), (left, right) = sides.tolist()
    padding = import_torch().nn.ZeroPad2d((left, right, top, bottom))
    return call.add(padding, call.picture(call.inputs[0]))


CONVOLUTIONS: dict[str, Callable[[Call], Value]] = {
    "AveragePooling2D": _pooled("AvgPool2d"),
    "Conv2D": _conv2d,
    "Cropping2D": _bordered,
    "DepthwiseConv2D": _depthwise,
    "GlobalAveragePooling2D": _pooled_whole("AdaptiveAvgPool2d"),
    "GlobalMaxPooling2D": _pooled_whole("AdaptiveMaxPool2d"),
    "MaxPooling2D": _pooled("MaxPool2d"),
    "Resizing": _resizing,
    "SeparableConv2D": _separable,
    "UpSampling2D": _upsampled,
    "ZeroPadding2D": _bordered,
}
