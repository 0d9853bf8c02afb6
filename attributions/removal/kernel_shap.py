"""Kernel SHAP: Shapley values of the superpixels, by a regression on coalitions of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method
from bam.attributions.removal.substrates import substrate
from bam.attributions.removal.superpixels import (
    COMPACTNESS,
    SEGMENTS,
    SIGMA,
    answers,
    spread,
    superpixels,
)
from bam.attributions.requirements import lacks_second_class
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SAMPLES = 2048  # what the authors' package adds to twice the number of features


@method(
    needs=[lacks_second_class],
    cite=["lundberg2017unified"],
    slow="`samples` forward passes, or 2^superpixels where that is less",
    lengths=["sigma"],
)
def kernel_shap(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    samples: int = SAMPLES,
    segments: int = SEGMENTS,
    compactness: float = COMPACTNESS,
    sigma: int = SIGMA,
    fill: str = "grey",
) -> np.ndarray:
    """Kernel SHAP (Lundberg & Lee 2017, theorem 2), (N, H, W), signed, one value for each superpixel.

    The Shapley values of the target's probability, where a superpixel that is not there is replaced by `fill`
    (see `substrate`): exact if `samples` are enough for all coalitions, see `coalitions`. The superpixels'
    values add up to the probability's rise from `fill` alone to the image. segments, compactness, sigma: see
    `superpixels`.
    """
    from bam.attributions.removal.engine import Removal  # which starts TensorFlow

    if samples < 2:
        raise BamError(f"`samples` must be at least 2, the image and `fill` alone, not {samples}")
    planes = superpixels(images, segments, compactness, sigma)
    drawn = [
        coalitions(int(plane.max()) + 1, samples, np.random.default_rng(number))
        for plane, number in zip(planes, seed, strict=True)
    ]
    removal = Removal("kernel_shap", classifier, images, targets, substrate(images, fill))
    found = answers(removal, planes, [switched for switched, _ in drawn])
    return spread(planes, [shapley_values(*each, y) for each, y in zip(drawn, found, strict=True)])


def coalitions(count: int, samples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """bool (K, count), which of so many superpixels each of K coalitions has, and float64 (K,), its weight.

    None, then all, whose weight is not used; then, if 2^count are at most `samples`, every other one,
    weighted by the Shapley kernel (count - 1) / (binomial(count, k) k (count - k)), k how many it has. Else
    coalitions drawn by the kernel, each followed by its complement, which cuts the noise; their weights are
    1.
    """
    ends = np.arange(2)[:, None].repeat(count, 1).astype(bool)
    sizes = np.arange(1, count)
    if count < samples.bit_length():
        others = (np.arange(1, 2**count - 1)[:, None] >> np.arange(count)) % 2 == 1
        # The sum of the weights of one size, divided by how many there are of it.
        kernel = (
            (count - 1) / (sizes * (count - sizes)) / np.bincount(others.sum(1), minlength=count)[1:count]
        )
        weights = kernel[others.sum(1) - 1]
    else:
        shares = 1 / (sizes * (count - sizes))
        drawn = rng.choice(sizes, (samples - 2) // 2, p=shares / shares.sum())
        ranks = rng.random((len(drawn), count)).argsort(1)
        members = ranks < drawn[:, None]
        others = np.stack([members, ~members], 1).reshape(-1, count)
        weights = np.ones(len(others))
    return np.concatenate([ends, others]), np.concatenate([[0, 0], weights])


def shapley_values(switched: np.ndarray, weights: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The values of the superpixels, float64 (M,), from what `coalitions` gave and the probabilities (K,).

    The weighted least squares with the rise from none to all as the values' sum; of several solutions, where
    there are few coalitions, the one that is nearest to equal values. NaN where a probability is.
    """
    count, rise = switched.shape[1], found[1] - found[0]
    if count == 1 or not np.isfinite(found).all():
        return np.full(count, rise if count == 1 else np.nan)
    equal = np.full(count, rise / count)
    # An orthonormal basis of what leaves the sum as it is.
    basis = np.linalg.svd(np.ones((1, count)))[2][1:].T
    roots = np.sqrt(weights[2:])
    rows = switched[2:].astype(np.float64)
    rest = found[2:] - found[0] - rows @ equal
    return equal + basis @ np.linalg.lstsq(roots[:, None] * (rows @ basis), roots * rest, rcond=None)[0]
