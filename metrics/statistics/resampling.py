"""Uncertainty: the variance of means over images that share sources, and resamples of these."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations

import numpy as np

SAMPLES = 2000
LEVEL = 0.95
NOTHING = 1e-9  # of a variance: what rounding makes of none
WEIGHTS_AT_ONCE = 4_000_000  # of the bootstrap: 32 MB


class Resampling:
    """What is random about means over n values: which sources these happen to be made of.

    `sources` (n, factors) names what each value is made of, here cutout and scene. Values that share a
    source are not independent. In resamples each factor's sources are drawn anew with replacement, and a
    value counts as often as the product of how often its sources were drawn (the "pigeonhole" bootstrap,
    Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1).
    """

    def __init__(self, sources: np.ndarray, seed: int, samples: int = SAMPLES):
        self.samples, self._seed = samples, seed
        self._indices = [np.unique(factor, return_inverse=True)[1] for factor in np.asarray(sources).T]

    @cached_property
    def _drawn(self) -> list[np.ndarray]:
        """For each factor how often each of its sources is drawn, (samples, sources)."""
        rng = np.random.default_rng(self._seed)
        counts = [index.max() + 1 for index in self._indices]
        return [
            rng.multinomial(count, np.full(count, 1 / count), size=self.samples).astype(float)
            for count in counts
        ]

    def fewest_sources(self, used: np.ndarray) -> int:
        """How many sources the values where `used` (bool, (n,)) are made of, by the factor with fewest."""
        return min(len(np.unique(index[used])) for index in self._indices)

    def means(self, values: np.ndarray) -> np.ndarray:
        """Mean of every column of `values` (n, m) in every resample, float (samples, m), calibrated.

        The pigeonhole bootstrap varies about rightly where sources decide, but sqrt(3) times too much (for
        two factors) where values are independent after all (Owen's theorem 3). So all columns are drawn
        towards their means alike, so that what they have in common stays so: until the one that needs it
        least varies as `clustered_variance` says. Columns that do not vary need nothing.

        NaN in `values` are left out. A mean is NaN in a resample that draws no value of its column, and
        in all of them if the column's values do not have two sources of every factor.
        """
        values = np.asarray(values, float)
        known = self._known(values)
        result = np.full((self.samples, values.shape[1]), np.nan)
        if known.any():
            values = values[:, known]
            drawn, centre = self.drawn_means(values), np.nanmean(values, 0)
            wanted, found = self.clustered_variance(values)[0], np.nanvar(drawn, 0)
            shrink = np.sqrt(np.divide(wanted, found, out=np.zeros_like(found), where=found > 0))
            result[:, known] = centre + min(shrink.max(), 1) * (drawn - centre)
        return result

    def deviations(self, values: np.ndarray) -> np.ndarray:
        """By how many standard deviations of its own each column's mean, of `values` (n, m), is off in every
        resample, float (samples, m); 0 where it does not vary."""
        values = np.asarray(values, float)
        result, known = np.zeros((self.samples, values.shape[1])), self._known(values)
        if known.any():
            drawn = self.drawn_means(values[:, known]) - np.nanmean(values[:, known], 0)
            spread = np.nanstd(drawn, 0)
            found = np.divide(drawn, spread, out=np.zeros_like(drawn), where=spread > 0)
            result[:, known] = np.nan_to_num(found)
        return result

    def _known(self, values: np.ndarray) -> np.ndarray:
        """bool (m,): whether the values of a column (n, m) have two sources of every factor."""
        used = ~np.isnan(values)
        # Columns mostly lack the same values, so that few different sets are looked at.
        masks = [column.tobytes() for column in used.T]
        enough = {mask: self.fewest_sources(np.frombuffer(mask, bool)) > 1 for mask in set(masks)}
        return np.array([enough[mask] for mask in masks], bool)

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

    def clustered_variance(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Variance of the mean of each column of `values` (n, m), NaN left out, and its degrees of freedom,
        float (m,) each; NaN for a column without two sources of every factor.

        The estimator for errors clustered in several ways (Cameron, Gelbach and Miller 2011, "Robust
        inference with multiway clustering", Journal of Business & Economic Statistics 29): that of clusters
        by cutout, plus by scene, minus by both together, each with the factor G / (G - 1) for its G
        clusters. At least as much as each factor alone gives, since the sum can come out too small; where
        that is nothing although values vary, as much as values that are independent give.
        A factor's part has G - 1 degrees of freedom, their sum what Satterthwaite's formula gives (1946, "An
        approximate distribution of estimates of variance components", Biometrics Bulletin 2), at least those
        of the factor with fewest sources and at most those of the factor with most.
        """
        values = np.asarray(values, float)
        used = ~np.isnan(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            residuals = np.where(used, values - np.where(used, values, 0).sum(0) / used.sum(0), 0)
            total = np.zeros(values.shape[1])
            parts, freedoms = [], []
            for size in range(1, len(self._indices) + 1):
                for factors in combinations(self._indices, size):
                    part, clusters = _variance(residuals, used, np.stack(factors, 1))
                    total += part if size % 2 else -part
                    if size == 1:
                        parts.append(part)
                        freedoms.append(clusters - 1)
            total = np.maximum(total, np.max(parts, 0))
            total = np.where(total > NOTHING * part, total, part)
            satterthwaite = total**2 / sum(part**2 / free for part, free in zip(parts, freedoms, strict=True))
        least, most = np.min(freedoms, 0), np.max(freedoms, 0)
        freedom = np.clip(np.nan_to_num(satterthwaite), least, most)
        return np.where(least > 0, total, np.nan), np.where(least > 0, freedom, np.nan)


def _variance(residuals: np.ndarray, used: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the means of columns (n, m), if values are independent only between clusters, and the number of
    clusters, both (m,)."""
    index = np.unique(clusters, axis=0, return_inverse=True)[1].ravel()
    order = index.argsort(kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    sums, members = (np.add.reduceat(table[order], starts) for table in (residuals, used.astype(int)))
    count = (members > 0).sum(0)
    return (sums**2).sum(0) / used.sum(0) ** 2 * count / np.maximum(count - 1, 1), count


def interval(replicates: np.ndarray) -> tuple[float | None, float | None]:
    """Percentile interval of what a bootstrap gave, (samples,); (None, None) if it gave NaN alone."""
    known = replicates[~np.isnan(replicates)]
    if len(known) == 0:
        return None, None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
