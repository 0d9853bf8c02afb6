"""Uncertainty: intervals by bootstrap over sources, and the spread between trials."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from bam.metrics.statistics.estimate import Estimate

SAMPLES = 2000
LEVEL = 0.95
TRIAL_SIZE = 100  # images, as in the paper
WEIGHTS_AT_ONCE = 4_000_000  # of the bootstrap: 32 MB


class Resampling:
    """Resamples of the sources behind n values, to be shared by all that is computed of these.

    `sources` (n, factors) names what each value is made of, here cutout and scene. Values that share a
    source are not independent, so each factor's sources are drawn anew with replacement, and a value
    counts as often as the product of how often its sources were drawn (the "pigeonhole" bootstrap, Owen
    2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1).
    """

    def __init__(self, sources: np.ndarray, seed: int, samples: int = SAMPLES):
        rng = np.random.default_rng(seed)
        self.samples = samples
        self._indices, self._drawn = [], []
        for factor in np.asarray(sources).T:
            names, index = np.unique(factor, return_inverse=True)
            drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=samples)
            self._indices.append(index)
            self._drawn.append(drawn.astype(float))

    def fewest_sources(self, used: np.ndarray) -> int:
        """How many sources the values where `used` (bool, (n,)) are made of, by the factor with fewest."""
        return min(len(np.unique(index[used])) for index in self._indices)

    def means(self, values: np.ndarray, together: bool = False) -> np.ndarray:
        """Mean of every column of `values` (n, m) in every resample, float (samples, m), calibrated.

        The pigeonhole bootstrap varies about rightly where sources decide, but sqrt(3) times too much (for
        two factors) where values are independent after all (Owen's theorem 3). So each column is drawn
        towards its mean until it varies as `clustered_variance` says, and never the other way. Intervals of
        95% then hold the truth about 95 times in 100 with ten sources of each factor or more (88 with five),
        but not where nearly all values are the same: if all are, the interval has no width.
        `together`: all columns are drawn in alike, as the one that needs it least, so that what they have in
        common stays so; columns that do not vary need nothing.

        NaN in `values` are left out. A mean is NaN in a resample that draws no value of its column, and
        in all of them if the column's values do not have two sources of every factor.
        """
        values = np.asarray(values, float)
        used = ~np.isnan(values)
        # Columns mostly lack the same values, so that few different sets are looked at.
        masks = [column.tobytes() for column in used.T]
        enough = {mask: self.fewest_sources(np.frombuffer(mask, bool)) > 1 for mask in set(masks)}
        known = np.array([enough[mask] for mask in masks], bool)
        result = np.full((self.samples, values.shape[1]), np.nan)
        if known.any():
            values, used = values[:, known], used[:, known]
            drawn, centre = self.drawn_means(values), np.nanmean(values, 0)
            wanted, found = self.clustered_variance(values), np.nanvar(drawn, 0)
            shrink = np.sqrt(np.divide(wanted, found, out=np.zeros_like(found), where=found > 0))
            shrink = np.minimum(shrink.max() if together else shrink, 1)
            result[:, known] = centre + shrink * (drawn - centre)
        return result

    def drawn_means(self, values: np.ndarray) -> np.ndarray:
        """As `means`, but as the resamples have them, and whatever the number of sources."""
        used = ~np.isnan(values)
        filled = np.where(used, values, 0)
        result = np.full((self.samples, values.shape[1]), np.nan)
        step = max(1, WEIGHTS_AT_ONCE // max(1, len(values)))
        for start in range(0, self.samples, step):
            part = slice(start, start + step)
            weights = np.ones((len(result[part]), len(values)))
            for index, drawn in zip(self._indices, self._drawn, strict=True):
                weights *= drawn[part, index]
            totals = weights @ used
            np.divide(weights @ filled, totals, out=result[part], where=totals > 0)
        return result

    def clustered_variance(self, values: np.ndarray) -> np.ndarray:
        """Variance of the mean of each column of `values` (n, m), NaN left out, float (m,).

        The estimator for errors clustered in several ways (Cameron, Gelbach and Miller 2011, "Robust
        inference with multiway clustering", Journal of Business & Economic Statistics 29): that of clusters
        by cutout, plus by scene, minus by both together, each with the factor G / (G - 1) for its G
        clusters. At least as much as each factor alone gives, since the sum can come out too small.
        """
        used = ~np.isnan(values)
        residuals = np.where(used, values - np.nanmean(values, 0), 0)
        total, least = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for size in range(1, len(self._indices) + 1):
            for factors in combinations(self._indices, size):
                part = _variance(residuals, used, np.stack(factors, 1))
                total += part if size % 2 else -part
                least = np.maximum(least, part) if size == 1 else least
        return np.maximum(total, least)


def _variance(residuals: np.ndarray, used: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """float (m,): of the means of columns (n, m), if values are independent only between clusters."""
    _, index = np.unique(clusters, axis=0, return_inverse=True)
    sums, members = np.zeros((2, index.max() + 1, residuals.shape[1]))
    np.add.at(sums, index.ravel(), residuals)
    np.add.at(members, index.ravel(), used)
    count = (members > 0).sum(0)
    return (sums**2).sum(0) / used.sum(0) ** 2 * count / np.maximum(count - 1, 1)


def interval(replicates: np.ndarray, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Percentile interval of what a bootstrap gave, (samples,); (None, None) if it gave NaN alone."""
    known = replicates[~np.isnan(replicates)]
    if len(known) == 0:
        return None, None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimates(columns: Mapping[str, np.ndarray], resampling: Resampling) -> dict[str, Estimate]:
    """For each column, float (n,), its mean with its interval; NaN are left out."""
    if not columns:
        return {}
    result = {}
    replicates = resampling.means(np.stack(list(columns.values()), 1))
    for (name, column), samples in zip(columns.items(), replicates.T, strict=True):
        known = column[~np.isnan(column)]
        value = float(known.mean()) if len(known) else None
        result[name] = Estimate(value, *interval(samples), len(known))
    return result


def mean_curve(curves: np.ndarray) -> tuple[float, ...] | None:
    """Mean of the curves (n, K) that have no NaN, K numbers; None if there are none."""
    used = curves[~np.isnan(curves).any(1)]
    return tuple(used.mean(0).tolist()) if len(used) else None


def trial_sd(values: np.ndarray, trials: int, size: int, seed: int) -> float | None:
    """Standard deviation between the means of `trials` random samples of `size` values each.

    The paper quotes it for 10 trials of 100 image pairs. Trials share no value where there are
    `trials` * `size` of them. Otherwise each is drawn anew without replacement, and the deviation is
    divided by sqrt(1 - size / n), by which samples of a finite population vary too little. None if
    there are no more than `size` values, since all trials would then be the same. NaN are left out.
    """
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    if len(values) <= size or trials < 2:
        return None
    rng = np.random.default_rng(seed)
    if len(values) >= trials * size:
        chosen, correction = rng.permutation(len(values))[: trials * size].reshape(trials, size), 1
    else:
        chosen = np.stack([rng.permutation(len(values))[:size] for _ in range(trials)])
        correction = np.sqrt(1 - size / len(values))
    return float(values[chosen].mean(1).std(ddof=1) / correction)
