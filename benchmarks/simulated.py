"""Data that are clustered as BAM's are: by cutout and by scene."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.resampling import Resampling


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


def sets_coverage(
    means: np.ndarray, drawn: Callable[[], tuple[np.ndarray, np.ndarray]], data_sets: int, samples: int
) -> tuple[float, float, float]:
    """Share of data sets whose rank sets hold all true ranks at once, share of the sets that hold their own,
    and mean width of the sets.

    means: the true ones of the methods, more being better. drawn: makes values, float (images, methods), of
    several trainings (trainings, images, methods), and their sources.
    """
    at_once, alone, width = [], [], []
    for _ in range(data_sets):
        values, sources = drawn()
        table = {str(place): of for place, of in enumerate(np.moveaxis(values, -1, 0))}
        sets = compare(table, Resampling(sources, 0, samples=samples), "up").ranks.values()
        held = [
            low <= 1 + (means > mean).sum() and (means >= mean).sum() <= high
            for mean, (low, high) in zip(means, sets, strict=True)
        ]
        at_once.append(all(held))
        alone.append(np.mean(held))
        width.append(np.mean([high - low + 1 for low, high in sets]))
    return float(np.mean(at_once)), float(np.mean(alone)), float(np.mean(width))
