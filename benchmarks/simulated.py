"""Data that are clustered as BAM's are: by cutout and by scene."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def one_each(count: int) -> np.ndarray:
    """int (images, 1): images of which none shares a source with another, as a folder of photographs has."""
    return np.arange(count)[:, None]


def design(rng: np.random.Generator, cutouts: int, scenes: int, images: int | None = None) -> np.ndarray:
    """int (images, 2): the cutout and the scene of each, as evenly as can be, paired at random. By default
    100 images, or twice the larger number."""
    images = images or max(100, 2 * max(cutouts, scenes))
    return np.stack([rng.permutation(np.arange(images) % count) for count in (cutouts, scenes)], 1)


def effects(rng: np.random.Generator, sources: np.ndarray, share: float, methods: int) -> np.ndarray:
    """float (images, methods), normal with variance 1: a part by cutout, one by scene, one by image."""
    total = np.sqrt(1 - 2 * share) * rng.normal(size=(len(sources), methods))
    for factor in sources.T:
        total += np.sqrt(share) * rng.normal(size=(factor.max() + 1, methods))[factor]
    return total


def ranks_held(means: np.ndarray, sets: Iterable[tuple[int, int]]) -> list[bool]:
    """Whether the rank set of each method holds all ranks that its true mean has, more being better."""
    return [
        low <= 1 + (means > mean).sum() and (means >= mean).sum() <= high
        for mean, (low, high) in zip(means, sets, strict=True)
    ]
