"""Spearman's correlation over images that share sources: what each image contributes, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bam.metrics.statistics.estimate import Estimate, estimates
from bam.metrics.statistics.resampling import Resampling

FEWEST = 4  # points of which a correlation is known, as of Pearson's in `correlation`
EXACT = 1e-12  # what rounding leaves of a correlation of 1


def rank_contributions(x: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """float (n,): what each point contributes to Spearman's correlation of x and y, (n,), with mean ranks for
    ties; NaN where either is NaN.

    Their mean is the correlation, and the variance of their mean over clusters is that of the correlation:
    each is the correlation and the derivative of it by the weight of the point, which moves the ranks of the
    others too (the influence function; Croux & Dehon 2010, "Influence functions of the Spearman and Kendall
    correlation measures", Statistical Methods & Applications 19). So they can be compared and tested as
    numbers of images are, though each depends on all of the points.

    groups: (n,), to rank within each alone; the mean is then that of the groups' correlations, by their
    points. Points of a group of fewer than four, or where x or y is all ties, are NaN.

    >>> float(rank_contributions(np.arange(5.0), np.array([0.0, 1, 2, 4, 3])).mean().round(3))
    0.9
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    known = ~(np.isnan(x) | np.isnan(y))
    groups = np.zeros(len(x), int) if groups is None else np.asarray(groups)
    result = np.full(len(x), np.nan)
    for group in np.unique(groups[known]):
        members = known & (groups == group)
        result[members] = _contributions(x[members], y[members])
    return result


def _contributions(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Those of one group, all of them known."""
    ties = [_index(values) for values in (x, y)]
    if len(x) < FEWEST or any(index.max() == 0 for index in ties):
        return np.full(len(x), np.nan)
    first, second = (_shares_below(index, np.ones(len(x))) - 0.5 for index in ties)
    spreads = [(ranks**2).mean() for ranks in (first, second)]
    scale = np.sqrt(spreads[0] * spreads[1])
    correlation = (first * second).mean() / scale
    if abs(correlation) > 1 - EXACT:
        return np.full(len(x), np.round(correlation))
    # Derivatives by a point's weight: of its own product, and of the ranks of the points above it.
    product = first * second + _shares_above(ties[0], second) + _shares_above(ties[1], first)
    squares = [
        ranks**2 + 2 * _shares_above(index, ranks) for ranks, index in zip((first, second), ties, strict=True)
    ]
    change = product / scale - correlation / 2 * sum(
        square / spread for square, spread in zip(squares, spreads, strict=True)
    )
    return correlation + change - change.mean()


def rank_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float (n,), 0 to 1: how far the place of each point among all of x is from that among all of y.

    Places are shares of the points, those of `shares_below`; without ties Spearman's correlation is 1 less
    6 n^2 / (n^2 - 1) times the mean of their squares. NaN where x or y, (n,), is NaN; all are where it is all
    ties, or fewer than four points are known.

    >>> rank_distances(np.arange(5.0), np.array([0.0, 1, 2, 4, 3])).round(1).tolist()
    [0.0, 0.0, 0.0, 0.2, 0.2]
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    known = ~(np.isnan(x) | np.isnan(y))
    result = np.full(len(x), np.nan)
    if known.sum() >= FEWEST and np.ptp(x[known]) > 0 and np.ptp(y[known]) > 0:
        result[known] = np.abs(shares_below(x[known]) - shares_below(y[known]))
    return result


def shares_below(values: np.ndarray) -> np.ndarray:
    """float (n,): for each of the values, (n,), the share of them that is smaller, with half of its ties."""
    return _shares_below(_index(values), np.ones(len(values)))


def _index(values: np.ndarray) -> np.ndarray:
    """The place of each value among the different ones."""
    return np.unique(values, return_inverse=True)[1]


def _shares_below(index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each point the weights of those with a smaller index and half of those with the same, over n."""
    sums = np.bincount(index, weights)
    return (sums.cumsum() - sums / 2)[index] / len(index)


def _shares_above(index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The same of those with a larger index."""
    return weights.sum() / len(index) - _shares_below(index, weights)


def correlation_estimates(
    contributions: Mapping[str, np.ndarray], resampling: Resampling
) -> dict[str, Estimate]:
    """For each column of `rank_contributions`, float (n,), the correlation with its 95% interval.

    The interval is clustered by sources as that of a mean is, and symmetric on the scale of Fisher's z, which
    is half the log odds of (1 + r) / 2. There is none for a correlation of exactly 1 or -1. n is how many
    points have a contribution.
    """
    shares = {name: (1 + np.asarray(values, float)) / 2 for name, values in contributions.items()}
    found = {}
    for name, share in estimates(shares, resampling, rates=True).items():
        ends = (None, None) if share.value in (0, 1) else (share.ci_low, share.ci_high)
        value, low, high = (None if each is None else 2 * each - 1 for each in (share.value, *ends))
        found[name] = Estimate(value, low, high, share.n)
    return found
