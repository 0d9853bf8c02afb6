"""From raw maps to an order of pixels, for the metrics that change the most relevant ones."""

from __future__ import annotations

import numpy as np

from bam.base.settings import setting, settings
from bam.metrics.evaluation.regions import CONSTANT, NAN, OK

PATCH_GRID = 14


@settings
class PatchGrid:
    """The setting of metrics that reduce maps to patches."""

    patch_grid: int = setting(
        PATCH_GRID, "side of the grid to which maps are reduced first; 0: not at all", ge=0
    )


def relevance(maps: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Raw maps (N, H, W) or (N, H, W, channels) as what speaks for the class, float32 (N, H, W).

    Negative values become 0 in each channel and channels are summed, as in `regions.positive_map`, but
    nothing is cut off, so that the strongest pixels keep their order. Also returns the state of
    each map, as there; one with values that are not finite is NaN everywhere.
    """
    positive = np.maximum(np.asarray(maps, np.float32), 0)  # keeps NaN
    if positive.ndim == 4:
        positive = _summed(positive)
    finite = np.isfinite(positive).all((1, 2))
    positive[~finite] = np.nan
    constant = np.ptp(np.where(finite[:, None, None], positive, 0), axis=(1, 2)) == 0
    return positive, np.where(~finite, NAN, np.where(constant, CONSTANT, OK)).tolist()


def _summed(maps: np.ndarray) -> np.ndarray:
    """The channels of maps (N, H, W, channels) summed.

    A map whose sums float32 cannot hold is scaled first, by a power of two, which changes no digit.
    """
    with np.errstate(over="ignore"):
        sums = maps.sum(-1)
        for place in np.flatnonzero(~np.isfinite(sums).all((1, 2))):
            sums[place] = (maps[place] / 2.0 ** np.ceil(np.log2(maps.shape[-1]))).sum(-1)
    return sums


def patchified(planes: np.ndarray, grid: int = PATCH_GRID) -> np.ndarray:
    """Planes (N, H, W) reduced to `grid` x `grid` values and enlarged again, both bilinearly, float32.

    Cohen et al. 2025 reduce 224 x 224 maps so, to the patches of a ViT-B/16. As there, the values between
    which it interpolates are those at the patches' centres: nothing is averaged over a patch.
    """
    down = [_bilinear(grid, side) for side in planes.shape[1:]]
    up = [_bilinear(side, grid) for side in planes.shape[1:]]
    rows, columns = (large @ small for large, small in zip(up, down, strict=True))
    return np.einsum("ah,nhw,bw->nab", rows, planes, columns, optimize=True).astype(np.float32)


def _bilinear(after: int, before: int) -> np.ndarray:
    """float64 (after, before): the weights of bilinear interpolation along one side, pixels being areas."""
    places = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(before)), 0)


def orders(planes: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """int32 (N, H * W): the pixels of planes (N, H, W), most relevant first, as flat indices.

    Pixels of equal relevance come in a random order, drawn from the image's seed (uint64 (N,)): a map that
    says nothing is to do no better than chance, which the order of rows would (objects stand below).
    """
    result = np.empty((len(planes), planes[0].size), np.int32)
    for row, plane, seed in zip(result, planes, seeds, strict=True):
        shuffled = np.random.default_rng(seed).permutation(plane.size)
        row[:] = shuffled[np.argsort(-plane.ravel()[shuffled], kind="stable")]
    return result


def top(order: np.ndarray, count: int | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """bool (N, *shape): exactly the first `count` pixels, a number or one per image, of orders (N, H * W)."""
    result = np.zeros(order.shape, bool)
    np.put_along_axis(result, order, np.arange(order.shape[1]) < np.reshape(count, (-1, 1)), axis=1)
    return result.reshape(-1, *shape)
