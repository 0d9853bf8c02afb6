"""How often intervals and rank sets hold the truth, by simulation of data that are clustered as BAM's are.

python benchmarks/coverage.py                          # the tables of docs/statistics.md: half an hour
python benchmarks/coverage.py --data_sets 20           # a quick look
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from coverage_trainings import TRAININGS
from scipy import stats
from simulated import design, effects, one_each, sets_coverage

from bam.base.progress import Progress
from bam.metrics.judging.measures import Judged, agreement, spread
from bam.metrics.results.table import markdown_table
from bam.metrics.statistics.correlation import kendall
from bam.metrics.statistics.estimate import estimates
from bam.metrics.statistics.resampling import Resampling

RATES = (0.04, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
SOURCES = ((5, 5), (10, 10), (20, 20), (50, 50), (200, 200), (10, 200), (20, 100))  # cutouts and scenes
SHARES = (0.0, 0.2, 0.5)  # of the variance that lies between cutouts, and as much between scenes
METHODS = 12
# How far apart the methods' true means are, in standard deviations of a value: of the first from the last.
SPREADS = {"all tied": 0.0, "near ties": 0.2, "half tied": 0.8, "well apart": 2.0}
STEPS = (0.05, 0.1, 0.2)  # from one method's true mean to the next, for tau

Line = list[float | str]


# What scores are like: of values that are uniform within 0 and 1 what is measured, its mean, and whether that
# lies within 0 and 1.
Kind = tuple[Callable[[np.ndarray], np.ndarray], float, bool]
KINDS: dict[str, Kind] = {
    **{f"rate {rate:.2f}": (lambda u, rate=rate: (u < rate).astype(float), rate, True) for rate in RATES},
    "scores": (stats.norm.ppf, 0.0, False),
    "areas 0.33": (np.square, 1 / 3, True),
    # Nothing in nine of ten images: as flips along a curve are.
    "areas 0.05": (lambda u: np.maximum(0, u - 0.9) * 10, 0.05, True),
}


def interval_coverage(kind: str, counts: tuple[int, int], share: float, data_sets: int) -> float:
    """Share of data sets whose interval holds the true mean; one that is not known does not."""
    measured, truth, rates = KINDS[kind]
    rng = np.random.default_rng([list(KINDS).index(kind), *counts, int(10 * share)])
    held = 0
    for _ in range(data_sets):
        sources = design(rng, *counts)
        values = measured(stats.norm.cdf(effects(rng, sources, share, 1)[:, 0]))
        found = estimates({"": values}, Resampling(sources, 0), rates=rates)[""]
        held += found.ci_low is not None and found.ci_low <= truth <= found.ci_high
    return held / data_sets


def rank_coverage(
    spread: float, half_tied: bool, rates: bool, count: int, data_sets: int, shared: bool = True
) -> tuple[float, float, float]:
    """Share of data sets whose rank sets hold all true ranks at once, share of the sets that hold their own,
    and mean width of the sets. shared: whether images share cutouts and scenes, `count` of each."""
    rng = np.random.default_rng([int(100 * spread), int(half_tied), count, int(rates)])
    means = spread * np.linspace(0, 1, METHODS)
    if half_tied:
        means[: METHODS // 2] = 0

    def drawn() -> tuple[np.ndarray, np.ndarray]:
        sources = design(rng, count, count) if shared else one_each(count)
        # Half of what varies is the same for all methods, which paired tests know.
        share = 0.2 if shared else 0.0
        common, own = effects(rng, sources, share, 1), effects(rng, sources, share, METHODS)
        values = means + np.sqrt(0.5) * (common + own)
        if rates:
            values = (values > spread / 2).astype(float)
        return values, sources

    return sets_coverage(means, drawn, data_sets, samples=500)


def tau_coverage(step: float, alike: bool, data_sets: int) -> tuple[float, float, float]:
    """True tau of two metrics' rankings of 8 methods by 120 images (its mean), the mean of what is found, and
    the share of data sets whose interval holds the true one."""
    rng = np.random.default_rng([int(100 * step), int(alike)])
    sources, truths, found, held = np.arange(120)[:, None], [], [], []
    for _ in range(data_sets):
        first = step * np.arange(8)
        second = first if alike else rng.permutation(first)
        metrics = []
        for means in (first, second):
            values = {str(i): mean + rng.normal(size=120) for i, mean in enumerate(means)}
            metrics.append(Judged("", "up", values, Resampling(sources, 0, samples=500), list(values)))
        truth, tau = float(kendall(first, second)), agreement(*metrics)
        truths.append(truth)
        found.append(tau.tau)
        held.append(tau.ci_low <= truth <= tau.ci_high)
    return float(np.mean(truths)), float(np.mean(found)), float(np.mean(held))


def interval_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of intervals, a rate and a share of variance a line."""
    for kind in KINDS:
        for share in SHARES:
            found = (interval_coverage(kind, counts, share, data_sets) for counts in SOURCES)
            yield [kind, f"{share:.1f}", *found]


def rank_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of rank sets."""
    for kind, apart in SPREADS.items():
        for rates in (False, True):
            for count in (10, 20, 88, 200):
                found = rank_coverage(apart, kind == "half tied", rates, count, data_sets)
                yield [kind, "rates" if rates else "scores", count, *found]


def few_lines(data_sets: int) -> Iterator[Line]:
    """The same of few images that share nothing."""
    for kind in ("all tied", "half tied"):
        for rates in (False, True):
            for count in (3, 5, 10, 20, 50):
                found = rank_coverage(
                    SPREADS[kind], kind == "half tied", rates, count, data_sets, shared=False
                )
                yield [kind, "rates" if rates else "scores", count, *found]


def spread_coverage(f: float, count: int, data_sets: int) -> tuple[float, float]:
    """Mean of what is found where Cohen's f is this, and share of the intervals that hold it."""
    rng = np.random.default_rng([int(100 * f), count])
    means = np.linspace(-1, 1, METHODS)
    means *= f / means.std()
    found, held = [], []
    for _ in range(data_sets):
        sources = design(rng, count, count)
        values = means + effects(rng, sources, 0.2, 1) + effects(rng, sources, 0.2, METHODS)
        table = {str(place): column for place, column in enumerate(values.T)}
        estimate = spread(Judged("", "up", table, Resampling(sources, 0, samples=500), list(table))).f
        found.append(estimate.value)
        held.append(estimate.ci_low <= f <= estimate.ci_high)
    return float(np.mean(found)), float(np.mean(held))


def spread_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of intervals of Cohen's f."""
    for f in (0.0, 0.1, 0.2, 0.5):
        for count in (20, 88, 200):
            yield [f, count, *spread_coverage(f, count, data_sets)]


def tau_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of intervals of tau."""
    for alike in (True, False):
        for step in STEPS:
            yield ["alike" if alike else "at random", step, *tau_coverage(step, alike, data_sets)]


TABLES: dict[str, tuple[Callable[[int], Iterator[Line]], list[str]]] = {
    "intervals": (
        interval_lines,
        ["truth", "share", *(f"{cutouts} and {scenes}" for cutouts, scenes in SOURCES)],
    ),
    "ranks": (rank_lines, ["methods", "values", "sources", "all at once", "each", "mean width of 12"]),
    "few": (few_lines, ["methods", "values", "images", "all at once", "each", "mean width of 12"]),
    "spread": (spread_lines, ["true f", "sources", "f", "held"]),
    "tau": (tau_lines, ["rankings", "step", "true tau", "tau", "held"]),
    **TRAININGS,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_sets", type=int, default=400, help="simulated for each number (default 400)")
    parser.add_argument("--only", choices=TABLES, help="one table alone")
    flags = parser.parse_args()
    for name, (lines, head) in TABLES.items():
        if flags.only in (None, name):
            found = []
            with Progress(name, None, "lines") as progress:
                for line in lines(flags.data_sets):
                    found.append(line)
                    progress.advance(1)
            print(markdown_table(head, found), end="\n\n")


if __name__ == "__main__":
    main()
