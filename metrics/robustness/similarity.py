"""How alike two maps of one image are, as Agarwal & Nguyen 2020 measure it: SSIM, HOG, rank correlation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bam.attributions.lengths import scaled

WINDOW = 5  # pixels, of SSIM
# Pixels of a side that a histogram of gradients is of, in images of 224, and such cells in a block's side.
CELL, BLOCK = 16, 3
# What differences of probabilities and masks say lies within -1 and 1 as it is: they are compared so.
UNSCALED = (
    "sliding_patch",
    "sliding_patch_g",
    "meaningful_perturbation",
    "meaningful_perturbation_g",
)
# The range of values that SSIM is told; that of masks, of which none is negative.
RANGE, MASK_RANGE = 2.0, 1.0
# Of a value: more than float64 leaves, and less than float32, which maps are of, can tell apart.
ROUNDING = 1e-9
MASKS = UNSCALED[2:]


class Similarity(NamedTuple):
    """Of two maps: 1 if they are the same, about 0 if they have nothing to do with each other."""

    ssim: float
    hog: float
    spearman: float


NOT_DEFINED = Similarity(np.nan, np.nan, np.nan)


def comparable(maps: np.ndarray, method: str) -> np.ndarray:
    """Raw maps (N, H, W) or (N, H, W, channels) as they are compared, signed, float64 (N, H, W).

    Channels are summed, and each map is divided by its largest absolute value, but for methods of `UNSCALED`.
    """
    planes = np.asarray(maps, np.float64)
    planes = planes.sum(-1) if planes.ndim == 4 else planes
    if method in UNSCALED:
        return planes
    largest = np.abs(planes).max((1, 2), keepdims=True)
    return np.divide(planes, largest, out=planes.copy(), where=largest > 0)


def cell_of(size: tuple[int, int]) -> int:
    """The side of a cell, in pixels, at an input size (H, W)."""
    return scaled(CELL, size)


def similarity(first: np.ndarray, second: np.ndarray, method: str, cell: int) -> Similarity:
    """Of two maps, float (H, W), as `comparable` gives them, or of the same part of both.

    ssim: structural similarity in windows of 5 x 5 pixels. hog: Pearson's correlation of their histograms of
    oriented gradients, in cells of so many pixels. spearman: the correlation of their ranks, over all pixels.
    NaN where it is not defined: all three for a map that is the same everywhere, ssim for one that is smaller
    than a window, hog for one that is smaller than a block of cells or whose gradients are the same in all.
    """
    # They take long to load.
    from scipy.stats import spearmanr
    from skimage.metrics import structural_similarity

    if is_even(first) or is_even(second):
        return NOT_DEFINED
    span = MASK_RANGE if method in MASKS else RANGE
    small = min(first.shape) < WINDOW
    return Similarity(
        np.nan if small else float(structural_similarity(first, second, win_size=WINDOW, data_range=span)),
        _hog_correlation(first, second, cell),
        float(spearmanr(first, second, axis=None).statistic),
    )


def is_even(plane: np.ndarray) -> bool:
    """Whether it is the same everywhere, but for what interpolation leaves, so that nothing is like it."""
    return np.ptp(plane) <= ROUNDING * np.abs(plane).max()


def _hog_correlation(first: np.ndarray, second: np.ndarray, cell: int) -> float:
    from skimage.feature import hog

    if min(first.shape) < BLOCK * cell:
        return np.nan
    sides = {"pixels_per_cell": (cell, cell), "cells_per_block": (BLOCK, BLOCK)}
    found = [hog(plane, **sides) for plane in (first, second)]
    return np.nan if any(map(is_even, found)) else float(np.corrcoef(*found)[0, 1])
