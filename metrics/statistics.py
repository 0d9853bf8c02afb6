"""Uncertainty: intervals by bootstrap over sources, and the spread between trials."""

from __future__ import annotations

import numpy as np

SAMPLES = 2000
LEVEL = 0.95


def bootstrap_interval(
    values: np.ndarray, sources: np.ndarray, seed: int, samples: int = SAMPLES, level: float = LEVEL
) -> tuple[float | None, float | None]:
    """Percentile interval of the mean of `values` (n,), resampling the sources behind them.

    `sources` (n, factors) names what each value is made of, here cutout and scene. Values that share a
    source are not independent, so each factor's sources are drawn anew with replacement, and a value
    counts as often as the product of how often its sources were drawn (the "pigeonhole" bootstrap,
    Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1). Its interval is a little too
    wide rather than too narrow. (None, None) if there are no two sources of some factor.
    """
    values = np.asarray(values, float)
    if len(values) == 0:
        return None, None
    rng = np.random.default_rng(seed)
    weights = np.ones((samples, len(values)))
    for factor in np.asarray(sources).T:
        names, index = np.unique(factor, return_inverse=True)
        if len(names) < 2:
            return None, None
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=samples)
        weights *= drawn[:, index]
    totals = weights.sum(1)
    means = (weights @ values)[totals > 0] / totals[totals > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def trial_sd(values: np.ndarray, trials: int, size: int, seed: int) -> float | None:
    """Standard deviation between the means of `trials` random samples of `size` values each.

    The paper quotes it for 10 trials of 100 image pairs. Trials share no value where there are
    `trials` * `size` of them. Otherwise each is drawn anew without replacement, and the deviation is
    divided by sqrt(1 - size / n), by which samples of a finite population vary too little. None if
    there are no more than `size` values, since all trials would then be the same.
    """
    values = np.asarray(values, float)
    if len(values) <= size or trials < 2:
        return None
    rng = np.random.default_rng(seed)
    if len(values) >= trials * size:
        chosen, correction = rng.permutation(len(values))[: trials * size].reshape(trials, size), 1
    else:
        chosen = np.stack([rng.permutation(len(values))[:size] for _ in range(trials)])
        correction = np.sqrt(1 - size / len(values))
    return float(values[chosen].mean(1).std(ddof=1) / correction)
