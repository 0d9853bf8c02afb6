"""The networks by name.

All take raw RGB in 0..255 as float32 (N, size, size, 3) and give logits (N, classes); preprocessing is
a layer inside. All are flat, without nested models, so that every inner tensor can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tf_keras as keras

from bam.base.errors import unknown
from bam.models.architectures.plain import four_conv, vgg19
from bam.models.architectures.residual import resnet50, small
from bam.models.architectures.vit import vit_b16, vit_tiny

__all__ = ["ARCHITECTURES", "Architecture", "build_model"]


@dataclass(frozen=True)
class Architecture:
    """A network and the training settings that suit it.

    `images_seen` is how many training images the default schedule shows, `learning_rate` its peak.
    """

    build: Callable[[int, str], keras.Model]
    input_size: int
    images_seen: int
    learning_rate: float


def build_model(architecture: str, classes: int, weights: str, seed: int) -> keras.Model:
    """A network with fresh (`weights` "none"), ImageNet ("imagenet") or stored weights (a file).

    Raises `BamError` for unknown names and weights that cannot be had or do not fit.
    """
    if architecture not in ARCHITECTURES:
        raise unknown("architecture", architecture, ARCHITECTURES)
    keras.utils.set_random_seed(seed)
    return ARCHITECTURES[architecture].build(classes, weights)


ARCHITECTURES = {
    "small": Architecture(small, 64, 40_000, 3e-3),
    "vit_tiny": Architecture(vit_tiny, 64, 80_000, 1e-3),
    "four_conv": Architecture(four_conv, 224, 40_000, 1e-3),
    "resnet50": Architecture(resnet50, 224, 400_000, 1e-4),
    "vgg19": Architecture(vgg19, 224, 400_000, 3e-5),
    "vit_b16": Architecture(vit_b16, 224, 400_000, 3e-5),
}
