"""From raw maps to one number per image: the positive map and the attribution of a region."""

from __future__ import annotations

import numpy as np

# States of a map; EMPTY: the object vanishes at the input size.
OK, CONSTANT, NAN, EMPTY = "ok", "constant_map", "nan_map", "empty_mask"
PERCENTILE = 99


def positive_map(maps: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Raw maps (N, H, W) or (N, H, W, channels) as positive attribution in 0..1, float64 (N, H, W).

    Negative values become 0 in each channel and channels are summed; the minimum is subtracted, the
    99th percentile becomes 1, and what is above it too (section 5 and appendix E of the paper, in the
    order of the official code). Where the 99th percentile is the minimum (a few pixels stand out from
    an even map), those pixels become 1.

    Also returns the state of each map: "ok"; "constant_map", whose result is 0 everywhere; "nan_map"
    for one with values that are not finite, whose result is NaN everywhere.
    """
    maps = np.asarray(maps, np.float64)
    positive = np.maximum(maps, 0)  # keeps NaN
    if positive.ndim == 4:
        positive = positive.sum(-1)
    states = []
    for plane in positive:  # in place
        if not np.isfinite(plane).all():
            plane[:] = np.nan
            states.append(NAN)
            continue
        plane -= plane.min()
        states.append(OK if plane.max() > 0 else CONSTANT)
        top = np.percentile(plane, PERCENTILE)
        plane[:] = np.clip(plane / top, 0, 1) if top > 0 else plane > 0
    return positive, states


def region_attribution(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """g_c (section 4.1): mean of a positive map (N, H, W) over a region, bool (N, H, W); float64 (N,).

    NaN for an empty region and for a NaN map.
    """
    sums = np.where(regions, maps, 0).sum((1, 2))
    sizes = regions.sum((1, 2))
    return np.divide(sums, sizes, out=np.full(len(maps), np.nan), where=sizes > 0)


def signed_attribution(maps: np.ndarray, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What raw maps (N, H, W) or (N, H, W, channels) give to a region, bool (N, H, W), with their signs.

    Channels are summed. Float64 (N,) three times. Signed: the mean over the region, of the map divided by the
    99th percentile of its absolute values (by their maximum where that is 0; a map of zeros stays one). Raw:
    the sum over the region, in the map's own units. Total: the sum of the whole map. NaN for a map with
    values that are not finite, signed also for an empty region.
    """
    maps = np.asarray(maps, np.float64)
    planes = maps if maps.ndim == 4 else maps[..., None]
    finite = np.isfinite(planes).all((1, 2, 3))
    planes = np.where(finite[:, None, None, None], planes, 0).sum(-1)
    raw = np.where(finite, np.where(regions, planes, 0).sum((1, 2)), np.nan)
    total = np.where(finite, planes.sum((1, 2)), np.nan)
    scales, largest = np.percentile(np.abs(planes), PERCENTILE, axis=(1, 2)), np.abs(planes).max((1, 2))
    scales = np.where(scales > 0, scales, np.where(largest > 0, largest, 1))
    sizes = regions.sum((1, 2))
    signed = np.divide(raw, scales * sizes, out=np.full(len(maps), np.nan), where=sizes > 0)
    return signed, raw, total


def boxes(regions: np.ndarray) -> np.ndarray:
    """int (N, 4): top, left, bottom, right (the latter two not included) around regions, bool (N, H, W).

    The box of an empty region is the whole plane.
    """
    ends = []
    for axis in (2, 1):
        lines = regions.any(axis)
        ends.append((lines.argmax(1), lines.shape[1] - lines[:, ::-1].argmax(1)))
    (top, bottom), (left, right) = ends
    return np.stack([top, left, bottom, right], 1)


def random_regions(regions: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """As many pixels as each region (bool, (N, H, W)) has, at random places: the random I_c of appendix G."""
    result = np.zeros(regions.shape, bool)
    for plane, region, seed in zip(result, regions, seeds, strict=True):
        chosen = np.random.default_rng(seed).permutation(region.size)[: np.count_nonzero(region)]
        plane.ravel()[chosen] = True
    return result
