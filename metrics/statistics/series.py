"""Pearson's correlation along a series of networks that were trained several times, on the same images."""

from __future__ import annotations

import numpy as np

from bam.metrics.statistics.moments import mean_over

FEWEST = 4  # points, as in `correlation`
CONSTANT = 1e-12  # of the largest value: what rounding makes of no difference


def series_contributions(x: np.ndarray, y: np.ndarray, given_place: bool = False) -> np.ndarray:
    """float (T, N): what training and image contribute to Pearson's r of the means of x and y over images.

    x, y: float (T, K, N), of T trainings of K networks on N images, NaN where an image is not used; axes of 1
    are repeated. The correlation is over T K points, but for those where x or y uses no image.

    The mean over images and trainings is r, and it varies with both as r does: contributions are r and its
    derivatives by the weight of a training and of an image (the influence function; Hampel 1974, "The
    influence curve and its role in robust estimation", Journal of the American Statistical Association 69).
    So they can be compared and tested as numbers of images are. The K networks are taken as given. All are
    NaN for fewer than four points, and where the means of x or y are constant.

    Trainings are nearer to means and to an r that are made of them than to the true ones. So what they differ
    by is made larger, by the root of T / (T - 1), or of (T - 1) / (T - 2) given the place; how often
    intervals then hold the truth is in docs/statistics.md. What two trainings have left given the place does
    not tell how sure r is.

    given_place: the partial correlation given which of the K networks a point is of: of what each mean is
    above that of all trainings of the network.

    >>> x = np.array([[1.0, 2, 3, 4], [2, 2, 3, 5]])[..., None]
    >>> float(series_contributions(x, x**2).mean().round(3))
    0.98
    """
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    trainings, _, images = x.shape
    known = ~(np.isnan(x).all(2) | np.isnan(y).all(2))
    if known.sum() < FEWEST:
        return np.full((trainings, images), np.nan)
    means = [np.where(known, mean_over(each[..., None])[..., 0], np.nan) for each in (x, y)]
    centres = [mean_over(mean) if given_place else mean[known].mean() for mean in means]
    rest = [mean - centre for mean, centre in zip(means, centres, strict=True)]
    spreads = [each[known].std() for each in rest]
    least = [CONSTANT * np.abs(mean[known]).max() for mean in means]
    if any(spread <= bound for spread, bound in zip(spreads, least, strict=True)):
        return np.full((trainings, images), np.nan)
    first, second = (each / spread for each, spread in zip(rest, spreads, strict=True))
    r = np.nanmean(first * second)
    change = first * second - r / 2 * (first**2 + second**2)
    change = change[..., None] + (second - r * first)[..., None] / spreads[0] * _weighed(x, means[0])
    change += (first - r * second)[..., None] / spreads[1] * _weighed(y, means[1])
    change = trainings / known.sum() * np.nansum(change, 1)
    free = trainings - given_place
    larger = np.sqrt(free / (free - 1)) if free > 1 else 1.0
    return r + change + (larger - 1) * change.mean(1, keepdims=True)


def _weighed(values: np.ndarray, means: np.ndarray) -> np.ndarray:
    """What each image adds to its mean, (T, K) of values (T, K, N), times the number of images."""
    used = ~np.isnan(values)
    share = values.shape[2] / np.maximum(used.sum(2, keepdims=True), 1)
    return np.where(used, (values - means[..., None]) * share, 0)
