"""Between methods: paired tests over the same images, and how sure each one's place in the table is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from bam.metrics.statistics.resampling import LEVEL, Resampling, correlation, interval

TEST = (
    "paired over the images that both use; standard error by a bootstrap over sources, "
    "t distribution with one degree of freedom less than there are sources, Holm's correction"
)

ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """How the methods of one metric stand to each other.

    ranks: for each method the best and the worst place, [low, high], that it takes in 95% of the
    resamples, 1 is best. rank_images: over how many images, those that all methods use. sources: how many
    the images are made of, by the factor with fewest. pairs: the tests.
    """

    ranks: dict[str, list[int]]
    rank_images: int
    sources: int
    pairs: list[dict[str, Any]]

    def with_ranks(self, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """The methods' entries, with `rank` where it is known."""
        return {
            name: {**entry, **({"rank": self.ranks[name]} if name in self.ranks else {})}
            for name, entry in entries.items()
        }

    def notes(self) -> list[str]:
        """A sentence that names the methods which the data do not show to be better than `random`."""
        if len(self.pairs) * least_p(self.sources) >= ALPHA:
            return [
                f"{self.sources} cutouts, scenes or images are too few for {len(self.pairs)} paired tests."
            ]
        tests = [test for test in self.pairs if "random" in test["pair"]]
        better = [test["pair"][0] for test in tests if test["p_holm"] is not None and test["p_holm"] < ALPHA]
        methods = {name for test in tests for name in test["pair"]} - {"random"}
        others = sorted(methods - set(better))
        how = f"(paired tests over sources, Holm's correction, {ALPHA:.0%} level)"
        return [f"Not shown to be better than `random` {how}: {', '.join(others)}."] if others else []

    def content(self) -> dict[str, Any]:
        """For the JSON file."""
        return {"comparisons": {"test": TEST, "rank_images": self.rank_images, "pairs": self.pairs}}


def compare(
    values: Mapping[str, np.ndarray], resampling: Resampling, direction: str, controls: Collection[str] = ()
) -> Comparison:
    """Compare methods by the means of their `values`, float (N,) over the same images; NaN: not used.

    Every method is tested against every other and against the `controls`, which have no rank and are not
    tested against each other. `direction` is "up" if more is better. Each of `pairs` names the better
    method first, the `difference` of the means (first minus second) with its interval, how many
    `images` both use, `p`, and `p_holm`; where the images lack two sources of some factor, or there
    are none, what cannot be known is None.
    """
    methods = [name for name in values if name not in controls]
    ranked = [name for name in methods if not np.isnan(values[name]).all()]
    ranks, images = _ranks({name: values[name] for name in ranked}, resampling, direction)
    pairs = [*combinations(methods, 2), *((name, other) for name in methods for other in controls)]
    some = [~np.isnan(np.asarray(column, float)) for column in values.values()]
    sources = resampling.fewest_sources(np.any(some, 0)) if some else 0
    return Comparison(ranks, images, sources, _tests(pairs, values, resampling, direction))


def _ranks(
    values: Mapping[str, np.ndarray], resampling: Resampling, direction: str
) -> tuple[dict[str, list[int]], int]:
    if not values:
        return {}, 0
    table = np.stack([np.asarray(column, float) for column in values.values()], 1)
    used = ~np.isnan(table).any(1)
    means = resampling.means(np.where(used[:, None], table, np.nan), together=True)
    places = rank_interval(means if direction == "up" else -means)
    found = {} if places is None else dict(zip(values, places.tolist(), strict=True))
    return found, int(used.sum())


def rank_interval(replicates: np.ndarray, level: float = LEVEL) -> np.ndarray | None:
    """The range of places, int (m, 2), of each column of a bootstrap's `replicates` (samples, m).

    More is better. Who ties takes the best of the tied places for the lower end and the worst for the
    upper. None if the bootstrap gave nothing.
    """
    known = replicates[~np.isnan(replicates).any(1)]
    if len(known) == 0:
        return None
    best = 1 + (known[:, None, :] > known[:, :, None]).sum(2)
    worst = (known[:, None, :] >= known[:, :, None]).sum(2)
    low = np.quantile(best, (1 - level) / 2, axis=0, method="inverted_cdf")
    high = np.quantile(worst, (1 + level) / 2, axis=0, method="inverted_cdf")
    return np.stack([low, high], 1).astype(int)


def _tests(
    pairs: Sequence[tuple[str, str]],
    values: Mapping[str, np.ndarray],
    resampling: Resampling,
    direction: str,
) -> list[dict[str, Any]]:
    if not pairs:
        return []
    differences = np.stack([np.asarray(values[a], float) - values[b] for a, b in pairs], 1)
    replicates = resampling.means(differences)
    results = []
    for pair, column, samples in zip(pairs, differences.T, replicates.T, strict=True):
        used = ~np.isnan(column)
        mean = float(column[used].mean()) if used.any() else None
        if mean is not None and (mean < 0 if direction == "up" else mean > 0):
            pair, mean, samples = pair[::-1], -mean, -samples
        low, high = interval(samples)
        p = None if low is None else p_value(mean, samples, resampling.fewest_sources(used))
        results.append(
            {"pair": list(pair), "difference": mean, "ci_low": low, "ci_high": high}
            | {"images": int(used.sum()), "p": p}
        )
    adjusted = iter(holm([result["p"] for result in results if result["p"] is not None]))
    return [{**result, "p_holm": None if result["p"] is None else next(adjusted)} for result in results]


def p_value(estimate: float, replicates: np.ndarray, sources: int) -> float:
    """Two-sided p of "the true value is 0", for an estimate and what a bootstrap gave for it, (samples,).

    A t test with the bootstrap's standard deviation, which knows that images share sources as a plain
    paired test does not. As is advised for errors clustered in two ways, its degrees of freedom
    are one less than the sources of the factor with fewest (Cameron, Gelbach and Miller 2011, "Robust
    inference with multiway clustering", Journal of Business & Economic Statistics 29). It is never less
    than 2^(1 - sources), the least that flipping the signs of that many independent sources can give:
    differences that are all the same would else prove anything.
    """
    if estimate == 0:
        return 1.0
    error = np.nanstd(replicates, ddof=1)
    p = 2 * stats.t.sf(abs(estimate) / error, sources - 1) if error > 0 else 0.0
    return float(min(1.0, max(p, least_p(sources))))


def least_p(sources: int) -> float:
    """The least p-value that so many independent sources can give: that all signs agree by chance."""
    return 2.0 ** (1 - sources)


def compare_correlations(
    series: Mapping[str, np.ndarray], target: np.ndarray, controls: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Tests of which series, float (points,), correlates more with `target`; pairs as in `compare`.

    A series that has no correlation with the target (see `statistics.correlation`), or one of exactly 1,
    is in no test.
    """
    found = {name: correlation(values, target)[0] for name, values in series.items()}
    known = {name: r for name, r in found.items() if r is not None and abs(r) < 1 - 1e-9}
    methods = [name for name in known if name not in controls]
    pairs = [
        *combinations(methods, 2),
        *((name, other) for name in methods for other in known if other in controls),
    ]
    results = []
    for pair in pairs:
        first, second = sorted(pair, key=lambda name: -known[name])
        between = float(np.corrcoef(series[first], series[second])[0, 1])
        p = correlation_p_value(known[first], known[second], between, len(target))
        results.append({"pair": [first, second], "difference": known[first] - known[second], "p": p})
    adjusted = holm([result["p"] for result in results])
    return [{**result, "p_holm": p} for result, p in zip(results, adjusted, strict=True)]


def correlation_p_value(first: float, second: float, between: float, points: int) -> float:
    """Two-sided p of "both series correlate equally with a third", of correlations over the same points.

    first, second: the two correlations, within -1 and 1; between: that of the two series with each other;
    points: how many, at least four. The z test of Meng, Rosenthal and Rubin 1992, "Comparing correlated
    correlation coefficients", Psychological Bulletin 111.
    """
    squares = (first**2 + second**2) / 2
    factor = min(1.0, (1 - between) / (2 * (1 - squares)))
    spread = 2 * (1 - between) * (1 - factor * squares) / (1 - squares) / (points - 3)
    if first == second or spread <= 0:
        return 1.0
    return float(2 * stats.norm.sf(abs(np.arctanh(first) - np.arctanh(second)) / np.sqrt(spread)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    factors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(p_values, float)[order]))
    return adjusted.tolist()
