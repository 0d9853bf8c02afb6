"""Kinds of masks that are made in the compiled network, from little more than their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from bam.models.network.resizing import resize


@dataclass(frozen=True)
class Masks:
    """A kind of masks.

    keep: from the pictures' size, arrays that all masks share, those of each mask's image (B, ...) and those
    of each mask (B, ...), one after another, to what is kept of each picture, (B, H, W): bool, or float32 in
    0..1.
    """

    name: str
    keep: Callable[..., tf.Tensor]


def _outside(size: tuple[int, int], boxes: tf.Tensor) -> tf.Tensor:
    """bool (B, H, W): what is outside of boxes (B, 4), top, left, bottom and right."""
    top, left, bottom, right = tf.unstack(boxes[..., None], 4, axis=1)
    rows, columns = (tf.range(length)[None] for length in size)
    tall, wide = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return ~(tall[:, :, None] & wide[:, None, :])


def _enlarged(
    size: tuple[int, int], rows: tf.Tensor, columns: tf.Tensor, grids: tf.Tensor, shifts: tf.Tensor
) -> tf.Tensor:
    """float32 (B, H, W), from grids bool (B, cells, cells) and shifts int (B, 2)."""
    down, across = tf.gather(rows, shifts[:, 0]), tf.gather(columns, shifts[:, 1])
    return tf.matmul(down @ tf.cast(grids, tf.float32), across, transpose_b=True)


def _of_superpixels(size: tuple[int, int], segments: tf.Tensor, switched: tf.Tensor) -> tf.Tensor:
    """bool (B, H, W), from superpixels int (B, H, W) and whether each is there, bool (B, M)."""
    return tf.gather(switched, segments, batch_dims=1)


def _of_feature_maps(size: tuple[int, int], maps: tf.Tensor) -> tf.Tensor:
    """float32 (B, H, W), from feature maps (B, h, w): enlarged, the lowest of each at 0, the highest at 1."""
    maps = resize(maps[..., None], size)[..., 0]
    low, high = (end(maps, (1, 2), keepdims=True) for end in (tf.reduce_min, tf.reduce_max))
    return tf.math.divide_no_nan(maps - low, high - low)


PATCHES = Masks("patches", _outside)
GRIDS = Masks("grids", _enlarged)
SUPERPIXELS = Masks("superpixels", _of_superpixels)
FEATURE_MAPS = Masks("feature maps", _of_feature_maps)
