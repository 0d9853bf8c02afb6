"""Measures of metrics: do they tell maps from random ones and from each other, agree, and are they sound?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from metrics.comparison import ALPHA, compare, holm
from metrics.ranking import kendall, kendall_p
from metrics.scores import Score
from metrics.statistics import Resampling, interval, summaries

RANDOM = "random"
FEWEST_METHODS = 3


@dataclass(frozen=True)
class Judged:
    """One score of a metric, with what is needed to judge it.

    values: for each method float (N,), NaN where an image is not used; signed so that more is better.
    """

    name: str
    direction: str
    values: Mapping[str, np.ndarray]
    resampling: Resampling
    real: Sequence[str]
    controls: Sequence[str]


def judged(score: Score) -> list[Judged]:
    """The scores of a metric that can be judged: those that have a value for every image."""
    controls = {method.name for method in score.request.methods if method.control}
    found = {score.metric: (score.direction, score.per_image), **score.further}
    result = []
    for name, (direction, columns) in found.items():
        sign = 1 if direction == "up" else -1
        values = {key: sign * np.asarray(column, float) for key, column in columns.items()}
        values = {key: column for key, column in values.items() if not np.isnan(column).all()}
        if values and score.resampling is not None:
            real = [key for key in values if key not in controls]
            others = [key for key in values if key in controls]
            result.append(Judged(name, direction, values, score.resampling, real, others))
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
    tests = [
        compare({name: metric.values[name], RANDOM: metric.values[RANDOM]}, metric.resampling, "up").pairs[0]
        for name in metric.real
    ]
    tests = [test for test in tests if test["p"] is not None]
    better = [
        test["pair"][0]
        for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True)
        if test["pair"][1] == RANDOM and p < ALPHA
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
    if len(names) < FEWEST_METHODS:
        return None
    columns = [np.stack([metric.values[name] for name in names], 1) for metric in (first, second)]
    means = [np.nanmean(table, 0) for table in columns]
    drawn = [
        metric.resampling.means(table, together=True)
        for metric, table in zip((first, second), columns, strict=True)
    ]
    low, high = interval(kendall(*drawn))
    return {"tau": _number(kendall(*means)), "ci_low": low, "ci_high": high} | {
        "p": kendall_p(*means),
        "methods": len(names),
    }


def human_agreement(metric: Judged, ranking: Mapping[str, float]) -> dict[str, Any] | None:
    """The same between a metric's ranking and people's (ranks, 1 is best), of which only the first varies."""
    names = [name for name in metric.real if name in ranking]
    if len(names) < FEWEST_METHODS:
        return None
    table = np.stack([metric.values[name] for name in names], 1)
    ranks = -np.array([ranking[name] for name in names])
    low, high = interval(kendall(metric.resampling.means(table, together=True), ranks))
    means = np.nanmean(table, 0)
    return {"tau": _number(kendall(means, ranks)), "ci_low": low, "ci_high": high} | {
        "p": kendall_p(means, ranks),
        "methods": len(names),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
