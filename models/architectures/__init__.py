"""The networks by name.

All take raw RGB in 0..255 as float32 (N, size, size, 3) and give logits (N, classes); preprocessing is
a layer inside. All are flat, without nested models, so that every inner tensor can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from bam.base.errors import unknown

if TYPE_CHECKING:
    import tf_keras as keras

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

    Raises `BamError` for unknown names and weights that cannot be had or do not fit. From here on Keras
    counts the layers that it names anew.
    """
    if architecture not in ARCHITECTURES:
        raise unknown("architecture", architecture, ARCHITECTURES)
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    # Layers are called the same, whatever was built before in this process.
    keras.backend.reset_uids()
    return ARCHITECTURES[architecture].build(classes, weights)


def _built_by(function: str, module: str) -> Callable[[int, str], keras.Model]:
    """A function of another module, imported when a network is built: the names need no TensorFlow."""

    def build(classes: int, weights: str) -> keras.Model:
        return getattr(import_module(f"{__name__}.{module}"), function)(classes, weights)

    return build


ARCHITECTURES = {
    "small": Architecture(_built_by("small", "residual"), 64, 40_000, 3e-3),
    "vit_tiny": Architecture(_built_by("vit_tiny", "vit"), 64, 80_000, 1e-3),
    "four_conv": Architecture(_built_by("four_conv", "plain"), 224, 40_000, 1e-3),
    "resnet50": Architecture(_built_by("resnet50", "residual"), 224, 400_000, 1e-4),
    "vgg19": Architecture(_built_by("vgg19", "plain"), 224, 400_000, 3e-5),
    "vit_b16": Architecture(_built_by("vit_b16", "vit"), 224, 400_000, 3e-5),
}
