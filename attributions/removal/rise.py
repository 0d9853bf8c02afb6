"""RISE: the mean of random masks, each weighted by what the network says of the image under it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method
from bam.attributions.removal.substrates import substrate
from bam.attributions.requirements import lacks_second_class
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SAMPLES, CELLS, KEPT = 4000, 8, 0.5


@method(needs=[lacks_second_class], cite=["petsiuk2018rise"], slow="`samples` forward passes")
def rise(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    samples: int = SAMPLES,
    cells: int = CELLS,
    kept: float = KEPT,
    fill: str = "grey",
) -> np.ndarray:
    """RISE (Petsiuk et al. 2018, equation 6), (N, H, W), not negative.

    The sum over `samples` masks of the target's probability under a mask times the mask, divided by `kept`
    times `samples`. A mask is a grid of `cells` x `cells`, each 1 with probability `kept`, enlarged
    bilinearly to `cells` + 1 cells a side, each as large as of `cells` that cover the image, of which a
    random piece of the image's size is cut (their section 3.2). Where it is below 1 there is as much less of
    the image and more of `fill`, see `substrate`.
    """
    from bam.attributions.removal.engine import Removal  # which starts TensorFlow
    from bam.attributions.removal.masks import GRIDS

    if samples < 1 or cells < 1 or not 0 < kept <= 1:
        raise BamError(
            f"`samples` and `cells` must be at least 1 and `kept` above 0, at most 1, not {samples}, {cells} "
            f"and {kept}"
        )
    size = classifier.input_size
    lengths = [-(-length // cells) for length in size]  # of a cell

    @lru_cache(1)
    def masks(image: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed[image])
        grids = rng.random((samples, cells, cells), np.float32) < kept
        return grids, rng.integers(0, lengths, (samples, 2), dtype=np.int32)

    removal = Removal("rise", classifier, images, targets, substrate(images, fill))
    tables = [interpolation(cells, *pair) for pair in zip(lengths, size, strict=True)]
    sums = removal.weighted_sums(
        GRIDS,
        [samples] * len(images),
        lambda image, part: tuple(array[part] for array in masks(image)),
        shared=tables,
    )
    return sums / np.float32(kept * samples)


def interpolation(cells: int, length: int, side: int) -> np.ndarray:
    """What each cell of a line weighs in each pixel, for every shift: float32 (length, side, cells).

    The line of `cells` values is enlarged bilinearly to (cells + 1) * length pixels; of these `side` are
    taken, from the shift on.
    """
    places = (np.arange((cells + 1) * length) + 0.5) * cells / ((cells + 1) * length) - 0.5
    distances = np.abs(places.clip(0, cells - 1)[:, None] - np.arange(cells))
    weights = np.maximum(1 - distances, 0).astype(np.float32)
    return np.stack([weights[shift : shift + side] for shift in range(length)])
