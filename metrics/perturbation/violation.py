"""The faithfulness violation test (Liu et al. 2022): does the strongest feature act as its sign says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.metrics.evaluation.order import PatchGrid
from bam.metrics.perturbation.family import area, curve
from bam.metrics.perturbation.substitutes import black, mean_colour, tenth_counts, tenths

if TYPE_CHECKING:
    from bam.metrics.perturbation.masking import Explained


def cells(size: tuple[int, int], grid: int) -> np.ndarray:
    """int (H, W): the number of each pixel's cell in a grid of about `grid` x `grid`.

    Without a grid (0), or where there are no more pixels than cells, each pixel is a cell. Cells are of one
    size, 16 x 16 of them at 64 pixels for a grid of 14, unless the sides have no such divisors.
    """
    height, width = size
    rows, columns = (_divisor(side, min(grid or side, side)) for side in size)
    row, column = np.indices(size)
    return row * rows // height * columns + column * columns // width


def _divisor(side: int, grid: int) -> int:
    """The divisor of a side that is nearest to the grid by its ratio; the grid, if none is within 2."""
    divisors = [number for number in range(1, side + 1) if side % number == 0]
    nearest = min(divisors, key=lambda number: (max(number / grid, grid / number), number))
    return nearest if max(nearest / grid, grid / nearest) < 2 else grid


def strongest(maps: np.ndarray, features: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The feature j* = argmax |w_j| of each map, int (N,), and its w, float (N,).

    maps: raw (N, H, W[, channels]); features: int (H, W), the number of each pixel's feature, whose weight
    is the mean over its pixels of the sum over the channels (by sums, features with more pixels would be
    chosen). Which of equal ones is taken is
    drawn from seeds (N,).
    """
    planes = np.asarray(maps, np.float64)
    planes = planes.sum(-1) if planes.ndim == 4 else planes
    chosen, weights = np.empty(len(maps), int), np.empty(len(maps))
    sizes = np.bincount(features.ravel())
    for place, (plane, seed) in enumerate(zip(planes, seeds, strict=True)):
        found = np.bincount(features.ravel(), plane.ravel()) / sizes
        shuffled = np.random.default_rng(seed).permutation(len(found))
        chosen[place] = shuffled[np.abs(found[shuffled]).argmax()]
        weights[place] = found[chosen[place]]
    return chosen, weights


@curve(
    "violation",
    question="Does the answer move as the sign of the most relevant patch says, when it is removed?",
    source="Liu et al. 2022",
    cite=("liu2022rethinking", "cohen2025meaningful"),
    version=3,
    direction="down",
    inverse="minus",
    title="faithfulness violation",
    x_label="share of the pixels turned black",
    y_label="share of images whose probability rises",
    axes=lambda size: {"violation": np.zeros(1), "curve": tenths(size)},
    value=lambda parts: parts["violation"][:, 0],
    rate=True,
    beside={"deletion_violation": ("down", lambda parts: area(parts["curve"]))},
    settings=PatchGrid,
)
def violation(explained: Explained, settings: PatchGrid) -> np.ndarray:
    """float (N, 1 + 11): whether the strongest feature violates its sign; where the probability rises.

    Below the table:
        Share of images where the feature with the largest |weight|, a cell of the patch grid with its mean
        in the raw signed map, acts against its sign: its weight is positive and the probability of the class
        rises without it (in the image's mean colour), or negative and it falls. A method without negative
        values can violate by a rise alone, and a map of zeros never does. `deletion violation`: area under
        the share of images whose probability rises when the most relevant pixels turn black, in steps of a
        tenth (Cohen et al. 2025).
    """
    originals = explained.originals
    before = originals.untouched.probability
    features = cells(originals.size, settings.patch_grid)
    chosen, weights = strongest(explained.maps, features, originals.seeds)
    others = (features != chosen[:, None, None]).astype(np.int32)  # only what has rank 0 is replaced
    after = originals.replaced(mean_colour, others, [0], [1]).probability[:, 0]
    violation = weights * (before - after) < 0
    deleted = explained.most_relevant_first(black, tenth_counts(originals.size)).probability
    return np.concatenate([violation[:, None], deleted > before[:, None]], 1)
