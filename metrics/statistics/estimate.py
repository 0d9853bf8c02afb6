"""A number and how sure it is: intervals of means, and the spread between trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from bam.metrics.statistics.moments import moments, stacked
from bam.metrics.statistics.resampling import LEVEL, Resampling

TRIAL_SIZE = 100  # images, as in the paper


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval, over `n` images or points; what is not known is None."""

    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = 0


def estimates(
    columns: Mapping[str, np.ndarray], resampling: Resampling, rates: bool = False
) -> dict[str, Estimate]:
    """For each column, float (n,), its mean with its interval; NaN are left out.

    Columns may be (T, n), of T trainings on the same images: the mean is that of the trainings' means, over
    the images that any of them uses, and the interval covers other trainings too.
    Standard errors and degrees of freedom of Student's t are those of `Moments.variance`. The interval of a
    mean of `rates` (values within 0 and 1) is symmetric on the scale of its log odds; where all are 0, or all
    1, it is that of Clopper and Pearson 1934 for as many trials as there are sources, by the factor with
    fewest, which holds for all values within 0 and 1. For others that all agree, and without two sources of
    every factor, there is none. What intervals cover is in docs/statistics.md.

    >>> images = np.arange(6)[:, None]
    >>> estimates({"a": np.array([0, 1, 1, 0, 1, 1.0])}, Resampling(images, seed=0), rates=True)["a"].value
    0.6666666666666666
    """
    if not columns:
        return {}
    table = stacked(columns.values())
    result = {}
    for place, (name, variance, freedom) in enumerate(
        zip(columns, *moments(table, resampling).variance(), strict=True)
    ):
        column = table[..., place]
        known, used = column[~np.isnan(column)], ~np.isnan(column).all(0)
        means = [row[~np.isnan(row)].mean() for row in column if not np.isnan(row).all()]
        mean, ends = float(np.mean(means)) if means else None, (None, None)
        if rates and mean in (0, 1) and not np.isnan(variance):
            ends = _agreed(mean, resampling.fewest_sources(used))
        elif len(known) and np.ptp(known) > 0 and not np.isnan(variance):
            times = special.stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(variance)
            if rates:
                odds, width = special.logit(mean), times / (mean * (1 - mean))
                ends = float(special.expit(odds - width)), float(special.expit(odds + width))
            else:
                ends = float(mean - times), float(mean + times)
        result[name] = Estimate(mean, *ends, int(used.sum()))
    return result


def _agreed(rate: float, sources: int) -> tuple[float, float]:
    """The interval of a rate of 0 or 1 in so many independent trials."""
    end = ((1 - LEVEL) / 2) ** (1 / sources)
    return (end, 1.0) if rate == 1 else (0.0, 1 - end)


@dataclass(frozen=True)
class CurveEstimate:
    """The points of a mean curve, and the lower and the upper ends of their intervals; None: not known.

    A single point has no interval if its values are all the same and no rates, as those of an empty hole are.
    """

    means: tuple[float, ...] | None
    intervals: tuple[tuple[float | None, ...], tuple[float | None, ...]] | None


def curve_estimates(curves: Mapping[str, np.ndarray], resampling: Resampling) -> dict[str, CurveEstimate]:
    """For each of the curves, float (n, K), the mean of those that have no NaN, each point with the interval
    that `estimates` gives it: that of a rate where the values of all are 0 and 1 alone. Of several trainings
    they may be (T, n, K).

    The intervals hold point by point, not for all points of a curve at once.
    """
    table: dict[tuple[str, int], np.ndarray] = {}
    for name, values in curves.items():
        used = ~np.isnan(values).any(-1)
        points = np.moveaxis(np.where(used[..., None], values, np.nan), -1, 0)
        table |= {(name, place): point for place, point in enumerate(points)}
    # One method's curve may be of 0 and 1 by chance, as similarities are of a map that never changes.
    rates = all(np.isin(point[~np.isnan(point)], (0, 1)).all() for point in table.values())
    found = estimates(table, resampling, rates)
    return {
        name: curve_estimate([found[name, place] for place in range(values.shape[-1])])
        for name, values in curves.items()
    }


def curve_estimate(points: Sequence[Estimate]) -> CurveEstimate:
    """A curve of these points; not known if one of them is not."""
    means, lows, highs = (
        tuple(getattr(point, key) for point in points) for key in ("value", "ci_low", "ci_high")
    )
    if None in means:
        return CurveEstimate(None, None)
    return CurveEstimate(means, (lows, highs) if any(low is not None for low in lows) else None)


def mean_curve(curves: np.ndarray) -> tuple[float, ...] | None:
    """Mean of the curves (n, K) that have no NaN, K numbers; None if there are none."""
    used = curves[~np.isnan(curves).any(1)]
    return tuple(used.mean(0).tolist()) if len(used) else None


def trial_sd(values: np.ndarray, trials: int, size: int, seed: int) -> float | None:
    """Standard deviation between the means of `trials` random samples of `size` values each.

    The paper quotes it for 10 trials of 100 image pairs. Trials share no value where there are
    `trials` * `size` of them. Otherwise each is drawn anew without replacement, and the deviation is
    divided by sqrt(1 - size / n), by which samples of a finite population vary too little. None if
    there are no more than `size` values, since all trials would then be the same. NaN are left out. Of
    several trainings, (T, n), it is the mean of theirs.
    """
    values = np.asarray(values, float)
    if values.ndim > 1:
        found = [trial_sd(each, trials, size, seed) for each in values]
        known = [each for each in found if each is not None]
        return float(np.mean(known)) if known else None
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
