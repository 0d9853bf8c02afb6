"""Deletion and insertion (Petsiuk et al. 2018), and the deletion curves of Cohen et al. 2025."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d, gaussian_filter1d

from bam.metrics.perturbation.family import Curve, Parts, area, register
from bam.metrics.perturbation.masking import Explained, Originals, Substrate
from bam.models.inpainters import simple

# The zero of the official code's normalised images, in grey levels; the same for every classifier here.
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
STEPS = 28
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


def step_counts(size: tuple[int, int]) -> np.ndarray:
    """int (K,): how many pixels are replaced at each step, from none to all.

    Steps have a 28th of the pixels, rounded up: 8 rows at 224 x 224, as in the official code's batch run.
    """
    pixels = size[0] * size[1]
    return np.append(np.arange(0, pixels, -(-pixels // STEPS)), pixels)


def tenth_counts(size: tuple[int, int]) -> np.ndarray:
    """int (11,): the number of pixels in 0, 1, ..., 10 tenths of an image, rounded down."""
    return size[0] * size[1] * np.arange(TENTHS + 1) // TENTHS


def tenths(size: tuple[int, int]) -> np.ndarray:
    """float (11,): 0, 0.1, ..., 1."""
    return np.arange(TENTHS + 1) / TENTHS


def _deletion(explained: Explained) -> np.ndarray:
    counts = step_counts(explained.originals.size)
    return explained.most_relevant_first(grey, counts).probability


def _insertion(explained: Explained) -> np.ndarray:
    counts = step_counts(explained.originals.size)
    return explained.replaced(insertion_start, counts, counts[-1]).probability


def _step_axes(size: tuple[int, int]) -> Parts:
    return {"curve": step_counts(size) / (size[0] * size[1])}


register(
    Curve(
        name="deletion",
        direction="down",
        title="deletion",
        x_label="share of the pixels deleted",
        y_label="probability of the class",
        axes=_step_axes,
        measure=_deletion,
        value=lambda parts: area(parts["curve"]),
        note="Area under the probability of the predicted class while its most relevant pixels turn grey, as "
        "in RISE's code: the mean colour of ImageNet, 28 steps.",
    )
)
register(
    Curve(
        name="insertion",
        direction="up",
        title="insertion",
        x_label="share of the pixels inserted",
        y_label="probability of the class",
        axes=_step_axes,
        measure=_insertion,
        value=lambda parts: area(parts["curve"]),
        note="Area under the probability of the class predicted for the whole image while its most relevant "
        "pixels replace those of a blurred copy, as in RISE's code: an 11 x 11 kernel, 28 steps.",
    )
)


def _unchanged(name: str, substrate: Substrate, become: str) -> Curve:
    """Share of images whose class stays while pixels are replaced (Cohen et al. 2025, the baselines)."""

    def measure(explained: Explained) -> np.ndarray:
        counts = tenth_counts(explained.originals.size)
        most = explained.most_relevant_first(substrate, counts).same
        least = explained.least_relevant_first(substrate, counts).same
        return np.concatenate([most, least], 1)

    return Curve(
        name=name,
        direction="down",
        title=name.replace("_", " "),
        x_label="share of the pixels replaced",
        y_label="share of images whose class stays",
        axes=lambda size: {"curve": tenths(size), "least_relevant_first_curve": tenths(size)},
        measure=measure,
        value=lambda parts: area(parts["curve"]),
        beside={"least_relevant_first": ("up", lambda parts: area(parts["least_relevant_first_curve"]))},
        note=f"Area under the share of images whose class stays while their most relevant pixels {become}, "
        "in steps of a tenth (Cohen et al. 2025); beside it the same for the least relevant.",
    )


register(_unchanged("black_deletion", black, "turn black"))
register(_unchanged("blur_deletion", blurred, "are blurred (10 pixels wide for images of 224)"))
register(_unchanged("mean_deletion", mean_colour, "get the image's mean colour"))
