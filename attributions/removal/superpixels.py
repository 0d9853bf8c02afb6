"""Pieces of an image that are removed as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.lengths import scaled
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.attributions.removal.engine import PaintedRemoval, Removal

SEGMENTS, COMPACTNESS, SIGMA = 50, 30.0, 3


def superpixels(images: np.ndarray, segments: int, compactness: float, sigma: int) -> np.ndarray:
    """Which superpixel each pixel is of, int32 (N, H, W), counted from 0 in each image (SLIC, scikit-image).

    segments: about how many there are to be. compactness: what places weigh against colours. sigma: standard
    deviation of the blur before, in pixels of a picture of 224. An image of one colour is cut into a grid; a
    value that is not finite is cut as if it were 0.
    """
    from skimage.segmentation import slic  # takes long to load

    pixels = images[0, ..., 0].size
    if not 1 <= segments <= pixels:
        raise BamError(f"`segments` must be between 1 and the image's {pixels} pixels, not {segments}")
    if not 0 < compactness < np.inf or sigma < 0:
        raise BamError(f"`compactness` must be above 0 and `sigma` at least 0, not {compactness} and {sigma}")
    blur = scaled(sigma, images.shape[1:3])
    return np.stack(
        [
            slic(image, segments, compactness, sigma=blur, start_label=0, channel_axis=-1)
            for image in np.where(np.isfinite(images), images, 0).astype(np.float64)
        ]
    ).astype(np.int32)


def answers(
    removal: Removal | PaintedRemoval, segments: np.ndarray, switched: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The target's probability with some superpixels removed, float64 (K,) for each image.

    segments: as `superpixels` gives them. switched: for each image bool (K, M), which of its M superpixels
    each of K composites keeps.
    """
    from bam.attributions.removal.masks import SUPERPIXELS

    width = max(rows.shape[1] for rows in switched)
    counts = [len(rows) for rows in switched]
    return removal.probabilities(
        SUPERPIXELS,
        counts,
        lambda image, part: (_widened(switched[image][part], width),),
        [segments],
    )


def _widened(rows: np.ndarray, width: int) -> np.ndarray:
    return np.pad(rows, [(0, 0), (0, width - rows.shape[1])])


def spread(segments: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
    """The values (M,) of each image's superpixels on their pixels, float32 (N, H, W)."""
    return np.stack([each[plane] for each, plane in zip(values, segments, strict=True)]).astype(np.float32)
