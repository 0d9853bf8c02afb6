"""What `explain` is given, and what a method returns: whether it is what it must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bam.attributions.numbers import as_numbers
from bam.base.errors import BamError


def class_indices(targets: Sequence[int] | np.ndarray, count: int, classes: int) -> np.ndarray:
    """The targets as int32 (N,). Raises `BamError` for what is not one class index per image."""
    array = np.asarray(targets)
    must = f"targets must be {count} class indices from 0 to {classes - 1}, one per image"
    if array.ndim == 0:
        raise BamError(f"{must}, not {targets!r}: give a list{f' of it, [{targets}]' if count == 1 else ''}")
    if array.shape != (count,):
        raise BamError(f"{must}, not an array of shape {array.shape}")
    wrong = array[~np.isin(array, np.arange(classes))]
    if wrong.size:
        raise BamError(f"{must}, not {wrong.tolist()[0]!r}")
    return array.astype(np.int32, copy=False)


def seeds_per_image(seed: int | Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """uint64 (N,), one per image: those given, or from one number for all. Raises `BamError` for others."""
    if np.any(np.asarray(seed) < 0):
        raise BamError(f"seed must not be negative, not {seed}")
    seeds = np.asarray(seed, np.uint64)
    if seeds.ndim == 0:
        sequences = (np.random.SeedSequence((int(seeds), place)) for place in range(count))
        seeds = np.array([sequence.generate_state(1, np.uint64)[0] for sequence in sequences])
    if seeds.shape != (count,):
        raise BamError(f"seed must be one number or {count}, one per image, not {seeds.shape}")
    return seeds


def checked_maps(maps: Any, name: str, own: bool, images: np.ndarray) -> np.ndarray:
    """What the method `name` returned, as float32; own: whether it is the user's.

    Raises `BamError` for what is no map for each image.
    """
    if maps is None:
        raise BamError(f"{name} returned nothing: it must return the maps")
    try:
        maps = as_numbers(maps)
    except ValueError as error:
        kind = type(maps).__name__
        raise BamError(f"{name} returned {kind}, not an array of numbers ({error})") from None
    if maps.shape[:3] != images.shape[:3] or maps.ndim not in (3, 4) or not maps.size:
        raise BamError(
            f"{name} returned maps of shape {maps.shape}, but one map per image at the classifier's "
            f"input size is needed: {images.shape[:3]}, with channels or without"
        )
    if own and not np.isfinite(maps).all():
        count = int((~np.isfinite(maps).reshape(len(maps), -1).all(1)).sum())
        raise BamError(f"{name} returned NaN or infinite values in {count} of {len(maps)} maps")
    return maps
