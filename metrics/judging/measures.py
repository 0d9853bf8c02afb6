"""Measures of metrics: do they tell maps from random ones and from each other, agree, and are they sound?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from bam.metrics.metric import Beside, Measured
from bam.metrics.results.schema import Direction
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import RANDOM, Comparison, compare
from bam.metrics.statistics.correlation import kendall, kendall_p
from bam.metrics.statistics.estimate import Estimate, estimates
from bam.metrics.statistics.reliability import rank_alpha
from bam.metrics.statistics.resampling import Resampling, interval

FEWEST = 3  # methods, for rankings to be compared


@dataclass(frozen=True)
class Judged:
    """One score of a metric, with what is needed to judge it.

    values: for each method float (N,), NaN where an image is not used; signed so that more is better. real:
    those that are no controls. ids: of the images, where they have any. copies: methods whose maps are nearly
    the same, which together are one finding.
    """

    name: str
    direction: Direction
    values: Mapping[str, np.ndarray]
    resampling: Resampling
    real: Sequence[str]
    ids: Sequence[str] | None = None
    copies: Sequence[Sequence[str]] = ()

    @cached_property
    def comparison(self) -> Comparison:
        """The paired tests, as below the table of the metric: more is better."""
        controls = [name for name in self.values if name not in self.real]
        return compare(self.values, self.resampling, "up", controls)

    def shared(self, others: Collection[str]) -> list[str]:
        """The real methods among `others`, of near-copies the first alone."""
        names = [name for name in self.real if name in others]
        later = {name for cluster in self.copies for name in [each for each in names if each in cluster][1:]}
        return [name for name in names if name not in later]


@dataclass(frozen=True)
class Separation:
    """How far the real methods stand from `random`: Cohen's d of paired differences, pooled and for each.

    better_than_random, worse_than_random: by the paired tests of the metric, corrected over the methods, of
    which there are `of`.
    """

    pooled: Estimate
    methods: Mapping[str, Estimate]
    better_than_random: tuple[str, ...]
    worse_than_random: tuple[str, ...]
    of: int


@dataclass(frozen=True)
class Spread:
    """How far the real methods stand from each other.

    f: Cohen's f, the standard deviation of the methods' true means over that of what remains when each
    image's and each method's mean is taken away (a two-way layout without repetition), over the images that
    all use; of the variance of the means that are seen, what is due to chance is subtracted. range: of the
    means; pairs_apart: how many of `pairs` tests tell apart.
    """

    f: Estimate
    range: float | None
    pairs_apart: int
    pairs: int


@dataclass(frozen=True)
class Reversal:
    """A step of more noise that does not lower the score: the shares of noise, and by how much it rises.

    beyond_chance: the interval of the rise excludes 0.
    """

    shares: tuple[float, float]
    rise: Estimate
    beyond_chance: bool


@dataclass(frozen=True)
class Soundness:
    """Whether the score of the oracle falls as more and more noise is mixed into it, in every step."""

    shares: tuple[float, ...]
    values: tuple[float, ...]
    passes: bool
    reversals: tuple[Reversal, ...]


@dataclass(frozen=True)
class Tau:
    """Kendall's tau between two rankings of `methods` real methods, and its interval.

    Chance in each of the rankings draws tau towards 0: it is attenuated. So are those of resamples, and the
    interval allows for it: it holds the percentiles of the resamples, and what these are when reflected in
    tau (the "basic" interval, Davison and Hinkley 1997, Bootstrap methods and their application, section
    5.2). How often it holds the truth is in docs/statistics.md.
    """

    tau: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    methods: int


def judged(score: Score, suffix: str = "", copies: Sequence[Sequence[str]] = ()) -> list[Judged]:
    """The scores of a metric that can be judged: those that have a value for every image.

    suffix: what their names end in. copies: see `Judged`.
    """
    measured, run = score.basis.measured, score.basis.run
    if not isinstance(measured, Measured):
        return []
    found = {score.metric: Beside(measured.values, direction=score.direction)}
    found |= {f"{score.metric}:{key}": beside for key, beside in measured.beside.items() if beside.direction}
    result = []
    for name, beside in found.items():
        sign = 1 if beside.direction == "up" else -1
        values = {key: sign * np.asarray(column, float) for key, column in beside.values.items()}
        values = {key: column for key, column in values.items() if not np.isnan(column).all()}
        if values:
            sources = measured.sources if beside.sources is None else beside.sources
            ids = measured.ids if beside.sources is None else None
            real = [key for key in values if key not in run.controls]
            resampling = Resampling(sources, run.settings.seed)
            result.append(Judged(name + suffix, beside.direction, values, resampling, real, ids, copies))
    return result


def judged_images(score: Score, copies: Sequence[Sequence[str]] = ()) -> Judged:
    """A score that has the numbers of its images, as one that is read from a file can have."""
    sign = 1 if score.direction == "up" else -1
    values = {name: sign * found for name, found in score.images.values.items() if not np.isnan(found).all()}
    real = [name for name in values if not score[name].control]
    resampling = Resampling(score.images.sources, score.configuration.run["seed"])
    return Judged(score.metric, score.direction, values, resampling, real, score.images.ids, copies)


def separation(metric: Judged) -> Separation | None:
    """How far the real methods stand from `random`; None without `random` or real methods.

    For each image the difference between the mean of the real methods and `random`; its mean, over its
    standard deviation.
    """
    if RANDOM not in metric.values or not metric.real:
        return None
    differences = {name: metric.values[name] - metric.values[RANDOM] for name in metric.real}
    pooled = np.mean(list(differences.values()), 0)
    effects = _effects({"": pooled, **differences}, metric.resampling)
    shown = [test for test in metric.comparison.tests if test.is_significant]
    better = tuple(test.better for test in shown if test.worse == RANDOM and test.better in metric.real)
    worse = tuple(test.worse for test in shown if test.better == RANDOM and test.worse in metric.real)
    return Separation(effects.pop(""), effects, better, worse, len(metric.real))


def _effects(columns: Mapping[str, np.ndarray], resampling: Resampling) -> dict[str, Estimate]:
    """Mean over standard deviation of each column, the interval that of the mean in the same unit."""
    result = {}
    for name, mean in estimates(columns, resampling).items():
        sd = np.nanstd(columns[name], ddof=1) if mean.n > 1 else 0.0
        known = sd > 0 and mean.ci_low is not None
        ends = (mean.value, mean.ci_low, mean.ci_high)
        result[name] = Estimate(*(float(end / sd) if known else None for end in ends), mean.n)
    return result


def spread(metric: Judged) -> Spread | None:
    """How far the real methods stand from each other; None if there are not two."""
    if len(metric.real) < 2:
        return None
    tests = [test for test in metric.comparison.tests if {test.better, test.worse} <= set(metric.real)]
    table = np.stack([metric.values[name] for name in metric.real], 1)
    used = ~np.isnan(table).any(1)
    extent = float(np.ptp(table[used].mean(0))) if used.any() else None
    apart = sum(test.is_significant for test in tests)
    return Spread(_cohens_f(table, used, metric.resampling), extent, apart, len(tests))


def _cohens_f(table: np.ndarray, used: np.ndarray, resampling: Resampling) -> Estimate:
    """f of values (n, m) of the images `used`.

    The variance of the m means is the mean square of their differences in pairs, over m^2, and chance adds to
    it the variances of these differences: (m - 1) / (m n) to f^2 where images are independent. To that of
    resamples it adds them twice.
    """
    count, methods = int(used.sum()), table.shape[1]
    known = table[used]
    if count < 2:
        return Estimate(None, n=count)
    rest = known - known.mean(0) - known.mean(1, keepdims=True) + known.mean()
    within = (rest**2).sum() / ((count - 1) * (methods - 1))
    if within <= (1e-9 * np.abs(known).max()) ** 2:
        return Estimate(None, n=count)
    differences = np.stack([a - b for a, b in combinations(np.where(used, table.T, np.nan), 2)], 1)
    chance = resampling.clustered_variance(differences)[0].sum() / methods**2
    if np.isnan(chance):
        return Estimate(None, n=count)

    def f(variance: np.ndarray | float) -> np.ndarray | float:
        return np.sqrt(np.maximum(variance, 0) / within)

    drawn = resampling.means(np.where(used[:, None], table, np.nan)).var(1)
    ends = interval(f(drawn - 2 * chance))
    return Estimate(float(f(known.mean(0).var() - chance)), *ends, count)


def reliability(metric: Judged) -> Estimate:
    """Do single images rank the real methods alike, of near-copies the first? See `rank_alpha`.

    Between 0, as if each ranked by chance, and 1; Tomsett et al. 2020, "Sanity checks for saliency metrics".
    """
    names = metric.shared(metric.real)
    table = np.stack([metric.values[name] for name in names], 1) if names else np.zeros((0, 0))
    return rank_alpha(table, metric.resampling)


def soundness(metric: Judged, shares: Sequence[float]) -> Soundness:
    """Whether the score of the oracle falls as more and more noise is mixed into it.

    metric.values: of the degraded oracles, in the order of `shares`.
    """
    names = list(metric.values)
    means = {name: float(np.nanmean(metric.values[name])) for name in names}
    rises = {after: metric.values[after] - metric.values[before] for before, after in pairwise(names)}
    found = estimates(rises, metric.resampling).values()
    reversals = tuple(
        Reversal(step, rise, (rise.ci_low or 0) > 0)
        for step, rise in zip(pairwise(map(float, shares)), found, strict=True)
        if rise.value is None or rise.value >= 0
    )
    sign = 1 if metric.direction == "up" else -1
    values = tuple(sign * means[name] for name in names)
    return Soundness(tuple(map(float, shares)), values, not reversals, reversals)


def agreement(first: Judged, second: Judged) -> Tau | None:
    """Between two metrics' rankings of the real methods that both score; None for fewer than three."""
    names = first.shared(second.real)
    if len(names) < FEWEST:
        return None
    means, drawn = zip(*(_means(metric, names) for metric in (first, second)), strict=True)
    return _tau(means, drawn)


def fixed_agreement(metric: Judged, ranking: Mapping[str, float]) -> Tau | None:
    """The same between a metric's ranking and another, more is better, of which only the first varies."""
    names = metric.shared(ranking)
    if len(names) < FEWEST:
        return None
    other = np.array([ranking[name] for name in names], float)
    means, drawn = _means(metric, names)
    return _tau((means, other), (drawn, other))


def _means(metric: Judged, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The methods' means over the images, float (m,), and those in resamples, (samples, m)."""
    table = np.stack([metric.values[name] for name in names], 1)
    drawn = metric.resampling.means(table)
    # Methods that are the same tie in all resamples, whatever rounding makes of them.
    digits = 12 - int(np.ceil(np.log10(max(np.nanmax(np.abs(table)), 1e-200))))
    return np.nanmean(table, 0), np.round(drawn, digits)


def _tau(means: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> Tau:
    """Kendall's tau of two series (m,), its interval from resampled ones, its p-value."""
    tau, (low, high) = kendall(*means), interval(kendall(*drawn))
    if np.isnan(tau) or low is None:
        return Tau(None if np.isnan(tau) else float(tau), None, None, kendall_p(*means), len(means[0]))
    low, high = max(-1.0, min(low, 2 * tau - high)), min(1.0, max(high, 2 * tau - low))
    return Tau(float(tau), low, high, kendall_p(*means), len(means[0]))
