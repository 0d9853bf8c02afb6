"""Measures of metrics: do they tell maps from random ones and from each other, agree, and are they sound?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bam.metrics.metric import Beside, Measured
from bam.metrics.results.schema import Direction
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.correlation import kendall, kendall_p
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import Resampling, estimates, interval

RANDOM = "random"
FEWEST = 3  # methods, for rankings to be compared


@dataclass(frozen=True)
class Judged:
    """One score of a metric, with what is needed to judge it.

    values: for each method float (N,), NaN where an image is not used; signed so that more is better. real:
    those that are no controls.
    """

    name: str
    direction: Direction
    values: Mapping[str, np.ndarray]
    resampling: Resampling
    real: Sequence[str]


@dataclass(frozen=True)
class Separation:
    """How far the real methods stand from `random`: Cohen's d of paired differences, pooled and for each.

    better_than_random: by a paired test, with Holm's correction over the methods, of which there are `of`.
    """

    pooled: Estimate
    methods: Mapping[str, Estimate]
    better_than_random: tuple[str, ...]
    of: int


@dataclass(frozen=True)
class Spread:
    """How far the real methods stand from each other.

    f: the standard deviation of the methods' means over that of what remains when each image's and each
    method's mean is taken away (a two-way layout without repetition), over the `n` images that all use;
    range: of the means; pairs_apart: how many of `pairs` tests tell apart.
    """

    f: float | None
    range: float | None
    n: int
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
    """Kendall's tau between two rankings of `methods` real methods, over resamples of the images' sources."""

    tau: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    methods: int


def judged(score: Score) -> list[Judged]:
    """The scores of a metric that can be judged: those that have a value for every image."""
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
            real = [key for key in values if key not in run.controls]
            resampling = Resampling(sources, run.settings.seed)
            result.append(Judged(name, beside.direction, values, resampling, real))
    return result


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
    # Tests of `random` against each of the others, and no others, for Holm's correction to count.
    tests = compare(
        {RANDOM: metric.values[RANDOM], **{name: metric.values[name] for name in metric.real}},
        metric.resampling,
        "up",
        controls=metric.real,
    ).tests
    better = tuple(test.better for test in tests if test.worse == RANDOM and test.is_significant)
    return Separation(effects.pop(""), effects, better, len(metric.real))


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
    table = np.stack([metric.values[name] for name in metric.real], 1)
    table = table[~np.isnan(table).any(1)]
    tests = compare({name: metric.values[name] for name in metric.real}, metric.resampling, "up").tests
    f = extent = None
    if len(table) > 1:
        rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
        freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
        within = float(np.sqrt((rest**2).sum() / freedom))
        means, rounding = table.mean(0), 1e-9 * np.abs(table).max()
        f = float(means.std()) / within if within > rounding else None
        extent = float(np.ptp(means))
    return Spread(f, extent, len(table), sum(test.is_significant for test in tests), len(tests))


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
    names = [name for name in first.real if name in second.real]
    if len(names) < FEWEST:
        return None
    means, drawn = zip(*(_means(metric, names) for metric in (first, second)), strict=True)
    return _tau(means, drawn)


def human_agreement(metric: Judged, ranking: Mapping[str, float]) -> Tau | None:
    """The same between a metric's ranking and people's (ranks, 1 is best), of which only the first varies."""
    names = [name for name in metric.real if name in ranking]
    if len(names) < FEWEST:
        return None
    ranks = -np.array([ranking[name] for name in names])
    means, drawn = _means(metric, names)
    return _tau((means, ranks), (drawn, ranks))


def _means(metric: Judged, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The methods' means over the images, float (m,), and those in resamples, (samples, m)."""
    table = np.stack([metric.values[name] for name in names], 1)
    return np.nanmean(table, 0), metric.resampling.means(table, together=True)


def _tau(means: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> Tau:
    """Kendall's tau of two series (m,), its interval from resampled ones, its p-value."""
    tau, (low, high) = kendall(*means), interval(kendall(*drawn))
    return Tau(None if np.isnan(tau) else float(tau), low, high, kendall_p(*means), len(means[0]))
