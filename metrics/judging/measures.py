"""Measures of metrics: do they tell maps from random ones and from each other, agree, and are they sound?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bam.metrics.judging.human import FEWEST, kendall, kendall_p
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import ALPHA, compare
from bam.metrics.statistics.resampling import Resampling, interval, summaries

RANDOM = "random"


@dataclass(frozen=True)
class Judged:
    """One score of a metric, with what is needed to judge it.

    values: for each method float (N,), NaN where an image is not used; signed so that more is better. real:
    those that are no controls.
    """

    name: str
    direction: str
    values: Mapping[str, np.ndarray]
    resampling: Resampling
    real: Sequence[str]


def judged(score: Score) -> list[Judged]:
    """The scores of a metric that can be judged: those that have a value for every image."""
    found = {score.metric: (score.direction, score.per_image), **score.further}
    result = []
    for name, (direction, columns) in found.items():
        sign = 1 if direction == "up" else -1
        values = {key: sign * np.asarray(column, float) for key, column in columns.items()}
        values = {key: column for key, column in values.items() if not np.isnan(column).all()}
        if values and score.resampling is not None:
            real = [key for key in values if key not in score.request.controls]
            result.append(Judged(name, direction, values, score.resampling, real))
    return result


def separation(metric: Judged) -> dict[str, Any] | None:
    """How far the real methods stand from `random`: Cohen's d of paired differences, with its interval.

    For each image the difference between the mean of the real methods and `random`; its mean, over its
    standard deviation. Also the same for each method, and how many of them are better by a paired test
    (Holm's correction over the methods). None without `random` or real methods.
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
    ).pairs
    better = [
        test["pair"][0]
        for test in tests
        if test["pair"][1] == RANDOM and test["p_holm"] is not None and test["p_holm"] < ALPHA
    ]
    return {**effects.pop(""), "methods": effects, "better_than_random": better, "of": len(metric.real)}


def _effects(columns: Mapping[str, np.ndarray], resampling: Resampling) -> dict[str, dict[str, Any]]:
    """Mean over standard deviation of each column, the interval that of the mean in the same unit."""
    result = {}
    for name, summary in summaries(columns, resampling).items():
        sd = np.nanstd(columns[name], ddof=1) if summary["n"] > 1 else 0.0
        known = sd > 0 and summary["ci_low"] is not None
        result[name] = {
            key: summary[key] / sd if known else None for key in ("value", "ci_low", "ci_high")
        } | {"n": summary["n"]}
    return result


def spread(metric: Judged) -> dict[str, Any] | None:
    """How far the real methods stand from each other: Cohen's f, and the pairs that tests tell apart.

    f is the standard deviation of the methods' means over that of what remains when each image's and each
    method's mean is taken away (a two-way layout without repetition). Over the images that all use.
    """
    if len(metric.real) < 2:
        return None
    table = np.stack([metric.values[name] for name in metric.real], 1)
    table = table[~np.isnan(table).any(1)]
    tests = compare({name: metric.values[name] for name in metric.real}, metric.resampling, "up").pairs
    apart = sum(test["p_holm"] is not None and test["p_holm"] < ALPHA for test in tests)
    result = {"f": None, "n": len(table), "pairs_apart": apart, "pairs": len(tests)}
    if len(table) > 1:
        rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
        freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
        within = float(np.sqrt((rest**2).sum() / freedom))
        means, rounding = table.mean(0), 1e-9 * np.abs(table).max()
        f = float(means.std()) / within if within > rounding else None
        result |= {"f": f, "range": float(np.ptp(means))}
    return result


def soundness(metric: Judged, shares: Sequence[float]) -> dict[str, Any]:
    """Whether the score of the oracle falls as more and more noise is mixed into it.

    metric.values: of the degraded oracles, in the order of `shares`. `passes`: every step of more noise
    lowers the score. `reversals`: steps that do not, each with the rise, its interval and whether that
    excludes 0; a rise that it does not exclude can be chance.
    """
    names = list(metric.values)
    means = {name: float(np.nanmean(metric.values[name])) for name in names}
    rises = {after: metric.values[after] - metric.values[before] for before, after in pairwise(names)}
    found = summaries(rises, metric.resampling).values()
    reversals = [
        {"shares": list(step), **rise, "beyond_chance": (rise["ci_low"] or 0) > 0}
        for step, rise in zip(pairwise(map(float, shares)), found, strict=True)
        if rise["value"] is None or rise["value"] >= 0
    ]
    sign = 1 if metric.direction == "up" else -1
    return {
        "shares": list(map(float, shares)),
        "values": [sign * means[name] for name in names],
        "passes": not reversals,
        "reversals": reversals,
    }


def agreement(first: Judged, second: Judged) -> dict[str, Any] | None:
    """Kendall's tau between two metrics' rankings of the real methods that both score, with its interval.

    The interval is over resamples of the images' sources, which metrics of the same images share. None for
    fewer than three methods.
    """
    names = [name for name in first.real if name in second.real]
    if len(names) < FEWEST:
        return None
    means, drawn = zip(*(_means(metric, names) for metric in (first, second)), strict=True)
    return _tau(means, drawn)


def human_agreement(metric: Judged, ranking: Mapping[str, float]) -> dict[str, Any] | None:
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


def _tau(means: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> dict[str, Any]:
    """Kendall's tau of two series (m,), its interval from resampled ones, its p-value."""
    tau, (low, high) = kendall(*means), interval(kendall(*drawn))
    return {
        "tau": None if np.isnan(tau) else float(tau),
        "ci_low": low,
        "ci_high": high,
        "p": kendall_p(*means),
        "methods": len(means[0]),
    }
