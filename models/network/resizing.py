"""How images come to the size that a network takes, in training as in evaluation."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from bam.base.errors import BamError


def resize(images: tf.Tensor | np.ndarray, size: tuple[int, int]) -> tf.Tensor:
    """(N, H, W, C) to float32 (N, *size, C): bilinear, averaging where it shrinks."""
    return tf.image.resize(images, size, method="bilinear", antialias=True)


def resize_masks(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Masks bool (N, H, W), resized as images are: bool (N, *size), True where at least half is covered."""
    return resize(masks[..., None].astype(np.float32), size).numpy()[..., 0] >= 0.5


def as_batch(images: np.ndarray) -> np.ndarray:
    """Images as an array (N, H, W, 3). Raises `BamError` for what is none, and for one image alone."""
    try:
        array = np.asarray(images)
    except ValueError:
        raise BamError("images must be (N, H, W, 3), all of one size: resize them") from None
    if array.ndim == 3 and array.shape[2] == 3:
        raise BamError(
            f"images must be (N, H, W, 3), not one image {array.shape}: give images[None], and lists of one "
            "for what is given per image"
        )
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype.kind not in "biuf":
        raise BamError(f"images must be numbers (N, H, W, 3), not {array.dtype} {array.shape}")
    return array
