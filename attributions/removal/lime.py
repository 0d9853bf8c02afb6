"""LIME: a linear model of the target's probability by the superpixels that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method
from bam.attributions.removal.generative import COST, Fills, inpainter_key, the_inpainter
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
    from bam.attributions.removal.engine import PaintedRemoval, Removal
    from bam.data_prep.dataset import Dataset
    from bam.models.classifier import Classifier
    from bam.models.inpainters.store import FillStore

SAMPLES = 1000
KERNEL_WIDTH = 0.25
PENALTY = 1.0


@method(
    needs=[lacks_second_class],
    cite=["ribeiro2016why", "agarwal2020explaining"],
    slow="`samples` forward passes",
    lengths=["sigma"],
)
def lime(
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
    """LIME for images (Ribeiro et al. 2016, section 3), (N, H, W), signed, one value for each superpixel.

    The image and `samples` - 1 copies in which each superpixel is replaced by `fill` (see `substrate`) with
    probability 1/2; the coefficients of a linear model of the target's probability, see `coefficients`.
    segments, compactness, sigma: see `superpixels`. Defaults as in Agarwal & Nguyen 2020. Of an image that is
    a single superpixel the map is constant.
    """
    from bam.attributions.removal.engine import Removal  # which starts TensorFlow

    removal = Removal("lime", classifier, images, targets, substrate(images, fill))
    return linear_models(removal, seed, samples, superpixels(images, segments, compactness, sigma))


@method(
    needs=[lacks_second_class],
    cite=["agarwal2020explaining", "ribeiro2016why"],
    slow=f"`samples` forward passes, {COST}",
    lengths=["sigma"],
    version=2,
    depends=inpainter_key,
)
def lime_g(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    ids: Sequence[str] | None = None,
    dataset: Dataset | None = None,
    fill_store: FillStore | None = None,
    fill_seed: int = 0,
    samples: int = SAMPLES,
    segments: int = SEGMENTS,
    compactness: float = COMPACTNESS,
    sigma: int = SIGMA,
    inpainter: str | None = None,
    checkpoint: str | None = None,
) -> np.ndarray:
    """LIME with an inpainter (Agarwal & Nguyen 2020, LIME-G), (N, H, W), signed.

    As `lime`, but the superpixels that are not kept are painted anew, as one hole, see `Fills`; in every
    sample, where the published code leaves the last ones as they are. inpainter, checkpoint: as for
    `sliding_patch_g`.
    """
    painter = the_inpainter(inpainter, dataset, checkpoint)
    fills = Fills("lime_g", painter, classifier, images, targets, fill_seed, ids, fill_store)
    planes = superpixels(images, segments, compactness, sigma)
    return linear_models(fills.removal(), seed, samples, planes)


def linear_models(
    removal: Removal | PaintedRemoval, seeds: Sequence[int], samples: int, segments: np.ndarray
) -> np.ndarray:
    """The coefficients of the images' superpixels on their pixels, float32 (N, H, W)."""
    if samples < 2:
        raise BamError(f"`samples` must be at least 2, of which the first is the image itself, not {samples}")
    switched = [
        _switched(seed, samples, plane.max() + 1) for seed, plane in zip(seeds, segments, strict=True)
    ]
    found = answers(removal, segments, switched)
    return spread(segments, [coefficients(*each) for each in zip(switched, found, strict=True)])


def _switched(seed: int, samples: int, count: int) -> np.ndarray:
    """bool (samples, count): which superpixels are there, all of them in the first."""
    rows = np.random.default_rng(seed).integers(0, 2, (samples, count)).astype(bool)
    rows[0] = True
    return rows


def coefficients(switched: np.ndarray, found: np.ndarray) -> np.ndarray:
    """LIME's coefficients, float64 (M,), as the published package has them.

    switched: bool (K, M), which superpixels are there; found: float (K,), the target's probability. A ridge
    regression with intercept and penalty 1, in which samples weigh sqrt(exp(-d^2 / .25^2)), d their cosine
    distance from all ones: 1 - sqrt(k / M) where k of M are there. NaN where a probability is.
    """
    rows = switched.astype(np.float64)
    distance = 1 - np.sqrt(rows.mean(1))
    weights = np.sqrt(np.exp(-(distance**2) / KERNEL_WIDTH**2))
    centred = rows - np.average(rows, axis=0, weights=weights)
    scaled = centred * weights[:, None]
    penalty = PENALTY * np.eye(rows.shape[1])
    return np.linalg.solve(
        scaled.T @ centred + penalty, scaled.T @ (found - np.average(found, weights=weights))
    )
