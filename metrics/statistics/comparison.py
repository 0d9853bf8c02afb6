"""Between methods: paired tests over the same images, and how sure each one's place in the table is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from scipy import stats

from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import LEVEL, Resampling, interval

TEST = (
    "paired over the images that both use; standard error by a bootstrap over sources, "
    "t distribution with one degree of freedom less than there are sources, Holm's correction"
)

ALPHA = 0.05


@dataclass(frozen=True)
class PairedTest:
    """Of two methods the better one first; the difference of their means, over `n` images that both use; the
    two-sided p of "there is none", and p with Holm's correction for the number of tests. None: not known."""

    better: str
    worse: str
    difference: Estimate
    p: float | None = None
    p_holm: float | None = None

    @property
    def is_significant(self) -> bool:
        """Whether the corrected p is below the level of 5%."""
        return self.p_holm is not None and self.p_holm < ALPHA


@dataclass(frozen=True)
class Comparison:
    """How the methods of one metric stand to each other.

    test: what was done. tests: for each pair. ranks: for each method the best and the worst place, (low,
    high), that it takes in 95% of the resamples, 1 is best. images: over how many images, those that all
    methods use. sources: how many the images are made of, by the factor with fewest.
    """

    test: str
    tests: tuple[PairedTest, ...] = ()
    ranks: dict[str, tuple[int, int]] = field(default_factory=dict)
    images: int | None = None
    sources: int | None = None

    def notes(self) -> list[str]:
        """A sentence that names the methods which the data do not show to be better than `random`."""
        if len(self.tests) * least_p(self.sources) >= ALPHA:
            return [
                f"{self.sources} cutouts, scenes or images are too few for {len(self.tests)} paired tests."
            ]
        tests = [test for test in self.tests if "random" in (test.better, test.worse)]
        better = {test.better for test in tests if test.is_significant}
        methods = {name for test in tests for name in (test.better, test.worse)} - {"random"}
        others = sorted(methods - better)
        how = f"(paired tests over sources, Holm's correction, {ALPHA:.0%} level)"
        return [f"Not shown to be better than `random` {how}: {', '.join(others)}."] if others else []


def compare(
    values: Mapping[str, np.ndarray], resampling: Resampling, direction: str, controls: Collection[str] = ()
) -> Comparison:
    """Compare methods by the means of their `values`, float (N,) over the same images; NaN: not used.

    Every method is tested against every other and against the `controls`, which have no rank and are not
    tested against each other. `direction` is "up" if more is better. Where the images lack two sources of
    some factor, or there are none, what cannot be known is None.
    """
    methods = [name for name in values if name not in controls]
    ranked = [name for name in methods if not np.isnan(values[name]).all()]
    ranks, images = _ranks({name: values[name] for name in ranked}, resampling, direction)
    some = [~np.isnan(np.asarray(column, float)) for column in values.values()]
    sources = resampling.fewest_sources(np.any(some, 0)) if some else 0
    tests = _tests(pairs_of(values, controls), values, resampling, direction)
    return Comparison(TEST, tuple(tests), ranks, images, sources)


def pairs_of(names: Iterable[str], controls: Collection[str]) -> list[tuple[str, str]]:
    """All pairs of methods, and of a method and a control; controls come in the order of `names`."""
    methods = [name for name in names if name not in controls]
    known = [name for name in names if name in controls]
    return [*combinations(methods, 2), *((name, other) for name in methods for other in known)]


def _ranks(
    values: Mapping[str, np.ndarray], resampling: Resampling, direction: str
) -> tuple[dict[str, tuple[int, int]], int]:
    if not values:
        return {}, 0
    table = np.stack([np.asarray(column, float) for column in values.values()], 1)
    used = ~np.isnan(table).any(1)
    means = resampling.means(np.where(used[:, None], table, np.nan), together=True)
    places = rank_interval(means if direction == "up" else -means)
    found = {} if places is None else dict(zip(values, map(tuple, places.tolist()), strict=True))
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
) -> list[PairedTest]:
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
        results.append(PairedTest(*pair, Estimate(mean, low, high, int(used.sum())), p))
    return holm(results)


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


def holm(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """The tests with p-values adjusted for the number of those that have one (Holm 1979)."""
    known = [place for place, test in enumerate(tests) if test.p is not None]
    order = sorted(known, key=lambda place: tests[place].p)
    adjusted, least = list(tests), 0.0
    for rank, place in enumerate(order):
        least = max(least, (len(order) - rank) * tests[place].p)
        adjusted[place] = replace(tests[place], p_holm=min(1.0, least))
    return adjusted
