"""Contextual attention (Yu et al. 2018): features of a hole, made of patches of features around it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

SCALE = 10.0  # of the softmax
FLOOR = 1e-4  # of the norm that a patch is divided by


def nearest(count: int, wanted: int) -> np.ndarray:
    """int (wanted,): which of `count` pixels in a row are kept, the first and the last among them.

    As TensorFlow 1 has it with `align_corners`: in float32; halves go up, if the step was not rounded down.
    """
    step = np.float32(count - 1) / np.float32(max(wanted - 1, 1))
    places = np.floor(np.arange(wanted, dtype=np.float32) * step + np.float32(0.5))
    return np.minimum(places.astype(int), count - 1)


def reduced(values: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """(N, H, W, C) to (N, *size, C), by the pixels that are `nearest`."""
    rows, columns = (nearest(*counts) for counts in zip(values.shape[1:3], size, strict=True))
    return tf.gather(tf.gather(values, rows, axis=1), columns, axis=2)


def contextual_attention(features: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
    """Every 4 x 4 patch of the features, in steps of 2, as a mean of those that lie outside of the hole.

    features: float32 (N, H, W, C), H and W even and known. holes: float32 (N, H, W, 1), 1 in the hole; each
    item has its own. The result is as `features`. Patches are weighted by the softmax of how alike they are
    at half the size. A hole that leaves no patch gives zeros.
    """
    size = features.shape[1] // 2, features.shape[2] // 2
    cells = size[0] * size[1]
    small = _patches(reduced(features, size), 3, 1, cells)
    keys = small / tf.maximum(tf.norm(small, axis=2, keepdims=True), FLOOR)
    scores = _fused(tf.matmul(small, keys, transpose_b=True), size)
    # A patch is outside of the hole if it and its eight neighbours are.
    known = 1 - tf.nn.max_pool2d(reduced(holes, size), 3, 1, "SAME")
    known = tf.reshape(known, (-1, 1, cells))
    # Those inside of it keep their part of the softmax, as in the published code, and give nothing.
    weights = tf.nn.softmax(SCALE * scores * known) * known
    return _overlaid(tf.matmul(weights, _patches(features, 4, 2, cells)), size) / 4


def _patches(values: tf.Tensor, side: int, step: int, cells: int) -> tf.Tensor:
    """The square patches around every cell, zeros beyond the border: (N, cells, side * side * C)."""
    found = tf.image.extract_patches(values, (1, side, side, 1), (1, step, step, 1), (1, 1, 1, 1), "SAME")
    return tf.reshape(found, (-1, cells, side * side * values.shape[3]))


def _fused(scores: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Scores (N, cells, cells), each with those of the cells before and after both its cells added.

    First with the cells numbered along the rows, then along the columns; at the end of one the next follows.
    """
    height, width = size
    cells = height * width
    scores = tf.reshape(_along_diagonal(scores), (-1, height, width, height, width))
    scores = tf.reshape(tf.transpose(scores, (0, 2, 1, 4, 3)), (-1, cells, cells))
    scores = tf.reshape(_along_diagonal(scores), (-1, width, height, width, height))
    return tf.reshape(tf.transpose(scores, (0, 2, 1, 4, 3)), (-1, cells, cells))


def _along_diagonal(scores: tf.Tensor) -> tf.Tensor:
    wide = tf.pad(scores, ((0, 0), (1, 1), (1, 1)))
    return wide[:, :-2, :-2] + scores + wide[:, 2:, 2:]


def _overlaid(patches: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """The sum of 4 x 4 patches (N, cells, 16 * C) laid in steps of 2, each one pixel up and to the left.

    What lies beyond the border is dropped.
    """
    height, width = size
    # A patch is four blocks of 2 x 2 pixels; block (i, j) of the cell (r, c) is added at (r + i, c + j).
    blocks = tf.reshape(patches, (-1, height, width, 2, 2, 2, 2, patches.shape[2] // 16))
    laid = tf.add_n(
        [
            tf.pad(
                blocks[:, :, :, i, :, j],
                ((0, 0), (i, 1 - i), (j, 1 - j), (0, 0), (0, 0), (0, 0)),
            )
            for i in (0, 1)
            for j in (0, 1)
        ]
    )
    laid = tf.transpose(laid, (0, 1, 3, 2, 4, 5))
    laid = tf.reshape(laid, (-1, 2 * height + 2, 2 * width + 2, laid.shape[5]))
    return laid[:, 1:-1, 1:-1]
