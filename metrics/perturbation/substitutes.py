"""What replaces pixels: black, grey, the image blurred or its mean colour; and steps of a tenth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.models.inpainters import simple

if TYPE_CHECKING:
    from bam.metrics.perturbation.masking import Originals

# The zero of the official code's normalised images, in grey levels; the same for every classifier here.
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
KERNEL_SIZE, KERNEL_SIGMA = 11, 5
TENTHS = 10


def grey(originals: Originals) -> np.ndarray:
    """The mean colour of ImageNet."""
    return IMAGENET_MEAN


def insertion_start(originals: Originals) -> np.ndarray:
    """What insertion starts from: the image blurred, darkened towards `grey` at its borders.

    The kernel is what becomes of a point in 11 x 11 pixels under a Gaussian of 5 whose edges reflect, so
    it is nearly flat; outside of the image there is `grey`. As in the official code, for any size of image.
    """
    from scipy.ndimage import convolve1d, gaussian_filter1d  # takes long to load

    point = np.zeros(KERNEL_SIZE)
    point[KERNEL_SIZE // 2] = 1
    kernel = gaussian_filter1d(point, KERNEL_SIGMA)
    blurred = originals.images - IMAGENET_MEAN
    for axis in (1, 2):
        blurred = convolve1d(blurred, kernel, axis, mode="constant")
    return blurred + IMAGENET_MEAN


def black(originals: Originals) -> np.ndarray:
    """Black."""
    return np.zeros(3, np.float32)


def blurred(originals: Originals) -> np.ndarray:
    """The image blurred: what the inpainter `blur` paints."""
    return simple.blurred(originals.images.astype(np.uint8))


def mean_colour(originals: Originals) -> np.ndarray:
    """The mean of each of the image's channels."""
    return originals.images.mean((1, 2), keepdims=True)


def tenth_counts(size: tuple[int, int]) -> np.ndarray:
    """int (11,): the number of pixels in 0, 1, ..., 10 tenths of an image, rounded down."""
    return size[0] * size[1] * np.arange(TENTHS + 1) // TENTHS


def tenths(size: tuple[int, int]) -> np.ndarray:
    """float (11,): 0, 0.1, ..., 1."""
    return np.arange(TENTHS + 1) / TENTHS
