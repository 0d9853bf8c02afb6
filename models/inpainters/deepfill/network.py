"""The generator of DeepFill v1 (Yu et al. 2018; its code at v1.0.0): a coarse and a refining network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bam.models.inpainters.deepfill.attention import contextual_attention, reduced

MULTIPLE = 8  # of which height and width must be multiples
IMAGE = 5  # channels that a network is given: blue, green, red, ones, the hole


@dataclass(frozen=True)
class Layer:
    """A convolution and what follows it.

    inputs, outputs: channels. size: of the kernel. doubled: whether its input is first made twice as large.
    """

    name: str
    inputs: int
    outputs: int = 128
    size: int = 3
    stride: int = 1
    rate: int = 1
    doubled: bool = False
    activation: Callable[[tf.Tensor], tf.Tensor] = tf.nn.elu

    @property
    def kernel(self) -> str:
        """The variable's name in a checkpoint."""
        return f"{self._scope}/kernel"

    @property
    def bias(self) -> str:
        """The variable's name in a checkpoint."""
        return f"{self._scope}/bias"

    @property
    def _scope(self) -> str:
        return f"inpaint_net/{self.name}/{self.name}_conv" if self.doubled else f"inpaint_net/{self.name}"


def _encoder(name: str, widths: Sequence[int], last: Callable = tf.nn.elu) -> tuple[Layer, ...]:
    """Six layers, to a quarter of the size."""
    one, two, three, four, five, six = widths
    return (
        Layer(f"{name}1", IMAGE, one, size=5),
        Layer(f"{name}2_downsample", one, two, stride=2),
        Layer(f"{name}3", two, three),
        Layer(f"{name}4_downsample", three, four, stride=2),
        Layer(f"{name}5", four, five),
        Layer(f"{name}6", five, six, activation=last),
    )


def _dilated(name: str) -> tuple[Layer, ...]:
    return tuple(Layer(f"{name}{number}_atrous", 128, rate=2 ** (number - 6)) for number in range(7, 11))


def _decoder(name: str, inputs: int) -> tuple[Layer, ...]:
    """Seven layers, from a quarter of the size to a picture."""
    return (
        Layer(f"{name}11", inputs),
        Layer(f"{name}12", 128),
        Layer(f"{name}13_upsample", 128, 64, doubled=True),
        Layer(f"{name}14", 64, 64),
        Layer(f"{name}15_upsample", 64, 32, doubled=True),
        Layer(f"{name}16", 32, 16),
        Layer(f"{name}17", 16, 3, activation=_clipped),
    )


def _clipped(values: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(values, -1, 1)


COARSE = _encoder("conv", (32, 64, 64, 128, 128, 128)) + _dilated("conv") + _decoder("conv", 128)
# The refining network: two branches, and what joins them.
DILATED = _encoder("xconv", (32, 32, 64, 64, 128, 128)) + _dilated("xconv")
MATCHED = _encoder("pmconv", (32, 32, 64, 128, 128, 128), last=tf.nn.relu)
ATTENDED = (Layer("pmconv9", 128), Layer("pmconv10", 128))
JOINED = _decoder("allconv", 256)

# Of every variable its shape.
VARIABLES: dict[str, tuple[int, ...]] = {}
for _layer in COARSE + DILATED + MATCHED + ATTENDED + JOINED:
    VARIABLES[_layer.kernel] = (_layer.size, _layer.size, _layer.inputs, _layer.outputs)
    VARIABLES[_layer.bias] = (_layer.outputs,)


def generator(
    variables: Mapping[str, np.ndarray], images: tf.Tensor, holes: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """What the coarse and the refining network paint, each float32 (N, H, W, 3), RGB in -1..1.

    variables: by name, of the shapes in `VARIABLES`. images: uint8 (N, H, W, 3), RGB, H and W known multiples
    of 8; nothing depends on the pixels in the hole. holes: bool (N, H, W), True where to paint. Both paint
    the whole picture; the hole is what it is for.
    """
    hole = tf.cast(holes[..., None], tf.float32)
    # The networks see blue, green and red in this order, as the published ones were trained.
    known = (tf.cast(images[..., ::-1], tf.float32) / 127.5 - 1) * (1 - hole)
    coarse = _run(COARSE, variables, _image(known, hole))
    image = _image(coarse * hole + known, hole)
    features = _run(MATCHED, variables, image)
    attended = contextual_attention(features, reduced(hole, features.shape[1:3]))
    branches = [_run(DILATED, variables, image), _run(ATTENDED, variables, attended)]
    refined = _run(JOINED, variables, tf.concat(branches, -1))
    return coarse[..., ::-1], refined[..., ::-1]


def _image(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    return tf.concat([picture, tf.ones_like(hole), hole], -1)


def _run(layers: Sequence[Layer], variables: Mapping[str, np.ndarray], values: tf.Tensor) -> tf.Tensor:
    for layer in layers:
        if layer.doubled:
            values = tf.repeat(tf.repeat(values, 2, axis=1), 2, axis=2)
        values = tf.nn.conv2d(values, variables[layer.kernel], layer.stride, "SAME", dilations=layer.rate)
        values = layer.activation(values + variables[layer.bias])
    return values
