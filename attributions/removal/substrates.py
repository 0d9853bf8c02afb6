"""What stands in place of removed pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bam.attributions.gradients import BASELINES
from bam.base.errors import unknown
from bam.models.inpainters.simple import blurred
from bam.models.network.scales import SCALES

# Zero for networks that expect ImageNet's mean subtracted.
MEAN_COLOUR = np.array(SCALES["imagenet"][0], np.float32)


def as_pixels(images: np.ndarray) -> np.ndarray:
    """Images as inpainters take them, uint8; 0 where a value is NaN."""
    return np.nan_to_num(np.rint(images)).clip(0, 255).astype(np.uint8)


# By name, from images float32 (N, H, W, 3) in 0..255 to something that spreads over them.
FILLS: dict[str, Callable[[np.ndarray], np.ndarray | float]] = {
    "grey": lambda images: MEAN_COLOUR,
    "mean": BASELINES["mean"],
    "blur": lambda images: blurred(as_pixels(images)),
    "black": BASELINES["black"],
}


def substrate(images: np.ndarray, fill: str) -> np.ndarray:
    """What `fill` puts in place of removed pixels, float32 (N, H, W, 3), H and W 1 where it is one colour.

    fill: a name in `FILLS`. "grey": the mean colour of ImageNet, 255 x (.485, .456, .406); "mean": that of
    the image's channels; "blur": the image blurred, see `blurred`. Raises `BamError` for another name.
    """
    if fill not in FILLS:
        raise unknown("fill", fill, FILLS)
    found = np.asarray(FILLS[fill](images), np.float32)
    sides = found.shape[1:3] if found.ndim == 4 else (1, 1)
    return np.ascontiguousarray(np.broadcast_to(found, (len(images), *sides, 3)))
