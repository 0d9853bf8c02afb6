"""How well raters agree who rank the same things: Krippendorff's alpha, Kendall's W."""

from __future__ import annotations

import numpy as np

from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import Resampling, interval


def krippendorff(ratings: np.ndarray) -> float | None:
    """Krippendorff's alpha for ordinal ratings, float (raters, units), NaN where one lacks; at most 1.

    1 less the disagreement within units over that between any two ratings, where two differ by how many
    ratings lie between them, half of their equals included (Krippendorff 2011, "Computing Krippendorff's
    alpha-reliability"). That is the square of the difference of their ranks among all. None where no unit has
    two ratings, and where all are equal.
    """
    from scipy import stats  # takes long to load

    ratings = np.asarray(ratings, float)
    counts = (~np.isnan(ratings)).sum(0)
    ratings, counts = ratings[:, counts > 1], counts[counts > 1]
    if not len(counts):
        return None
    known = ~np.isnan(ratings)
    ranks = np.full(ratings.shape, np.nan)
    ranks[known] = stats.rankdata(ratings[known])
    squares = np.nansum((ranks - np.nanmean(ranks, 0)) ** 2, 0)
    within = (squares * counts / (counts - 1)).sum() / counts.sum()
    between = ranks[known].var(ddof=1)
    return float(1 - within / between) if between > 0 else None


def rank_alpha(values: np.ndarray, resampling: Resampling) -> Estimate:
    """Krippendorff's alpha of the ranks of m methods, values float (n, m), with the n images for raters.

    Only images that all methods use count. With as many ratings of every method, alpha is linear in the
    variance of the methods' mean ranks. To that of resamples chance adds its part once more, which is taken
    away; the variance of all ranks, which ties alone change, is held. None for fewer than two methods or
    images, and where all methods tie in all images.
    """
    from scipy import stats  # takes long to load

    used = ~np.isnan(values).any(1)
    count, methods = int(used.sum()), values.shape[1]
    alpha = krippendorff(stats.rankdata(values[used], axis=1)) if count > 1 and methods > 1 else None
    if alpha is None:
        return Estimate(None, n=count)
    ranks = stats.rankdata(stats.rankdata(values[used], axis=1)).reshape(count, methods)
    table = np.full(values.shape, np.nan)
    table[used] = ranks - ranks.mean(1, keepdims=True)
    chance = resampling.clustered_variance(table)[0].mean()
    slope = count / (count - 1) * (ranks.size - 1) / ranks.size / ranks.var()
    seen = table[used].mean(0).var()
    ends = interval(alpha + slope * (resampling.means(table).var(1) - chance - seen))
    return Estimate(alpha, *(None if end is None else min(end, 1.0) for end in ends), count)


def kendall_w(ranks: np.ndarray) -> float | None:
    """Kendall's coefficient of concordance W of ranks, float (raters, units), 0 to 1, corrected for ties.

    The variance of the units' sums of ranks over what it is if all raters agree (Kendall and Babington Smith
    1939, "The problem of m rankings", Annals of Mathematical Statistics 10). None for fewer than two raters
    or units, and where all ranks tie.
    """
    raters, units = np.shape(ranks)
    if raters < 2 or units < 2:
        return None
    ties = sum(
        (counts**3 - counts).sum() for counts in (np.unique(row, return_counts=True)[1] for row in ranks)
    )
    most = raters**2 * (units**3 - units) - raters * ties
    return float(12 * units * np.sum(ranks, 0).var() / most) if most > 0 else None
