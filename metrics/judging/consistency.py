"""Do metrics say the same of single images: of which method is better, and of which image fares better?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bam.metrics.judging.measures import FEWEST, Judged
from bam.metrics.statistics.estimate import Estimate, estimates


@dataclass(frozen=True)
class Consistency:
    """Spearman's correlation between two metrics' values for single images (Tomsett et al. 2020).

    over_methods: of the methods, in each image, the mean over the images. over_images: of the images, for
    each method, the mean over the methods. Positive if what is better by one is better by the other.
    """

    over_methods: Estimate
    over_images: Estimate


def consistency(first: Judged, second: Judged) -> Consistency | None:
    """Between two metrics, over the images that all methods have of both; None if they name none in common.

    An image, or a method, for which all values of a metric are equal has no correlation, and is left out of
    the mean. Intervals are over sources; over the images they take ranks for values.
    """
    names = first.shared(second.real)
    if not names or first.ids is None or second.ids is None or not set(first.ids) & set(second.ids):
        return None
    places = {image: place for place, image in enumerate(second.ids)}
    # Images that the second has not take the NaN behind its own.
    order = [places.get(image, len(places)) for image in first.ids]
    one = np.stack([first.values[name] for name in names], 1)
    other = np.stack([np.append(second.values[name], np.nan)[order] for name in names], 1)
    used = ~np.isnan(one + other).any(1)
    columns = np.full((2, len(one)), np.nan)
    if used.any():
        if len(names) >= FEWEST:
            columns[0, used] = (_scores(one[used], 1) * _scores(other[used], 1)).mean(1)
        columns[1, used] = _over_images(one[used], other[used])
    found = estimates(dict(enumerate(columns)), first.resampling)
    return Consistency(found[0], found[1])


def _scores(values: np.ndarray, axis: int) -> np.ndarray:
    """The ranks along an axis, with mean 0 and standard deviation 1; NaN where all are equal."""
    from scipy import stats  # takes long to load

    ranks = stats.rankdata(values, axis=axis)
    spread = ranks.std(axis, keepdims=True)
    return (ranks - ranks.mean(axis, keepdims=True)) / np.where(spread > 0, spread, np.nan)


def _over_images(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What each image adds to the mean over the methods, from values (n, m) each, float (n,).

    Their mean is the mean of the methods' correlations r. They vary about it as these do: the scores x and y
    of an image change r by x y - r (x^2 + y^2) / 2.
    """
    x, y = _scores(one, 0), _scores(other, 0)
    known = ~np.isnan(x + y).any(0)
    if not known.any():
        return np.full(len(one), np.nan)
    x, y = x[:, known], y[:, known]
    r = (x * y).mean(0)
    return (x * y - r * (x**2 + y**2) / 2 + r).mean(1)
