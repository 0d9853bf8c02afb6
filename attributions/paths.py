"""Integrals of the gradient along other paths than the straight one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.gradients import SAMPLES, check_samples, starts
from bam.attributions.lengths import scaled
from bam.attributions.registry import method
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# As in the code published with the papers (PAIR saliency); lengths in pixels of a picture of 224.
MAX_SIGMA = 50.0
STEPS, FRACTION, DISTANCE = 200, 0.25, 0.02


@method(cite=["xu2020attribution"], usual=False, lengths=["max_sigma"])
def blur_integrated_gradients(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    max_sigma: float = MAX_SIGMA,
    samples: int = SAMPLES,
) -> np.ndarray:
    """Blur integrated gradients (Xu et al. 2020), (N, H, W, 3).

    The integral of the gradient on the way from the blurred image to the image itself, by the midpoint rule:
    the standard deviation of the Gaussian goes from `max_sigma` (of a picture of 224 pixels, see `scaled`) to
    0 in `samples` equal pieces. The Gaussian ends at four standard deviations, and outside of the image there
    is black, as in the published code. Summed over the pixels it is the logit's rise from the blurred image.
    """
    check_samples(samples)
    if not 0 < max_sigma < np.inf:
        raise BamError(f"`max_sigma` must be above 0, not {max_sigma}")
    ends = np.linspace(0, scaled(max_sigma, classifier.input_size), samples + 1)
    total, sharper = np.zeros(images.shape, np.float32), images
    together = max(1, classifier.batch_size // len(images))  # full batches
    for start in range(0, samples, together):
        pieces = ends[start : start + together + 1]
        points = np.concatenate([_blurred(images, sigma) for sigma in (pieces[1:] + pieces[:-1]) / 2])
        slopes = classifier.gradient(points, np.tile(targets, len(pieces) - 1))
        for slope, sigma in zip(np.split(slopes, len(pieces) - 1), pieces[1:], strict=True):
            softer = _blurred(images, sigma)
            total += slope * (sharper - softer)
            sharper = softer
    return total


def _blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Images (N, H, W, 3) under a Gaussian with so many pixels for standard deviation, black around them."""
    from scipy.ndimage import gaussian_filter1d  # half a second, which commands need not take to start

    # One product of matrices for each axis is faster than a filter as long as the image.
    rows, columns = (
        gaussian_filter1d(np.eye(length, dtype=np.float32), sigma, axis=0, mode="constant")
        for length in images.shape[1:3]
    )
    return np.einsum("ab,nbcd,ec->naed", rows, images, columns, optimize=True)


@method(cite=["kapishnikov2021guided"], usual=False)
def guided_integrated_gradients(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    baseline: str = "black",
    samples: int = STEPS,
    fraction: float = FRACTION,
    max_distance: float = DISTANCE,
) -> np.ndarray:
    """Guided integrated gradients (Kapishnikov et al. 2021), (N, H, W, 3).

    The integral of the gradient along a path from the baseline (`BASELINES`) to the image in `samples` equal
    steps of the L1 distance. In each step the values with the smallest derivatives, a `fraction` of all at a
    time, go ahead until the step is done; none is further than `max_distance`, a share of its way, from where
    the straight path would have it: with 0 it is the straight path. Summed over the pixels it comes near the
    logit's rise from the baseline to the image as steps become smaller.
    """
    check_samples(samples)
    if not 0 < fraction <= 1 or not 0 <= max_distance <= 1:
        raise BamError(
            f"`fraction` must be above 0, at most 1, and `max_distance` in 0..1, not {fraction} and "
            f"{max_distance}"
        )
    start = starts(images, baseline).astype(np.float64)
    way = images - start
    places, total = np.zeros(images.shape), np.zeros(images.shape)
    for step in range(samples):
        slopes = classifier.gradient((start + places * way).astype(np.float32), targets)
        aim = (step + 1) / samples
        bounds = max(aim - max_distance, 0.0), min(aim + max_distance, 1.0)
        ahead = np.stack(
            [
                _ahead(*each, aim, bounds, fraction)
                for each in zip(places, np.abs(way), np.abs(slopes), strict=True)
            ]
        )
        total += slopes * (ahead - places) * way
        places = ahead
    return total.astype(np.float32)


def _ahead(
    places: np.ndarray,
    lengths: np.ndarray,
    steepness: np.ndarray,
    aim: float,
    bounds: tuple[float, float],
    fraction: float,
) -> np.ndarray:
    """The places of an image's values on their ways (0 at the start, 1 at the end) after a step.

    lengths: of the ways; steepness: size of the derivatives. aim: the share of all ways together that is to
    be behind them after the step. bounds: where places may be.
    """
    low, high = bounds
    places = np.maximum(places, low)
    rank = int(fraction * (places.size - 1))
    left = (lengths * (1 - places)).sum() - (1 - aim) * lengths.sum()
    while left > 1e-9 * lengths.sum():
        # Those that are as far as they may be, or have no way to go, wait.
        waiting = (places >= high) | (lengths == 0)
        order = np.where(waiting, np.inf, np.nan_to_num(steepness))
        moved = ~waiting & (order <= np.partition(order, rank, axis=None)[rank])
        room = (lengths * (high - places))[moved].sum()
        if not room > left:
            places = np.where(moved, high, places)
            left -= room
        else:
            places = np.where(moved, places + left / room * (high - places), places)
            left = 0.0
        if not moved.any():
            break
    return places
