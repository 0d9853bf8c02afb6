"""How images come to the size that a network takes, in training as in evaluation."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def resize(images: tf.Tensor | np.ndarray, size: tuple[int, int]) -> tf.Tensor:
    """(N, H, W, C) to float32 (N, *size, C): bilinear, averaging where it shrinks."""
    return tf.image.resize(images, size, method="bilinear", antialias=True)
