"""How often intervals and rank sets hold the truth, by simulation of data that are clustered as BAM's are.

python benchmarks/coverage.py                          # the tables of docs/statistics.md: 8 minutes
python benchmarks/coverage.py --data_sets 20           # a quick look
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from scipy import stats
from tqdm import tqdm

from bam.metrics.results.table import markdown_table
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import estimates
from bam.metrics.statistics.resampling import Resampling

RATES = (0.04, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
SOURCES = (5, 10, 20, 50, 200)
SHARES = (0.0, 0.2, 0.5)  # of the variance that lies between cutouts, and as much between scenes
METHODS = 12
# How far apart the methods' true means are, in standard deviations of a value: of the first from the last.
SPREADS = {"all alike": 0.0, "near ties": 0.2, "half tied": 0.8, "well apart": 2.0}


def design(rng: np.random.Generator, cutouts: int, scenes: int, images: int) -> np.ndarray:
    """str (images, 2): the cutout and the scene of each, as evenly as can be, paired at random."""
    columns = [rng.permutation(np.arange(images) % count) for count in (cutouts, scenes)]
    return np.stack(columns, 1)


def effects(rng: np.random.Generator, sources: np.ndarray, share: float, methods: int) -> np.ndarray:
    """float (images, methods), normal with variance 1: a part by cutout, one by scene, one by image."""
    total = np.sqrt(1 - 2 * share) * rng.normal(size=(len(sources), methods)) if share < 0.5 else 0
    for factor in sources.T:
        drawn = rng.normal(size=(factor.max() + 1, methods))
        total = total + np.sqrt(share) * drawn[factor]
    return total


def interval_coverage(
    rate: float | None, count: int, share: float, data_sets: int
) -> tuple[float, float, float]:
    """Share of data sets whose interval is below, holds, and is above the truth; rate None: scores."""
    rng = np.random.default_rng([0 if rate is None else int(1000 * rate), count, int(10 * share)])
    places = []
    for _ in range(data_sets):
        sources = design(rng, count, count, max(100, 2 * count))
        values = effects(rng, sources, share, 1)
        truth = 0.0 if rate is None else rate
        if rate is not None:
            values = (values < stats.norm.ppf(rate)).astype(float)
        found = estimates({"": values[:, 0]}, Resampling(sources, 0))[""]
        places.append(-1 if found.ci_high < truth else 1 if found.ci_low > truth else 0)
    return tuple(float(np.mean(np.array(places) == place)) for place in (-1, 0, 1))


def rank_coverage(
    kind: str, spread: float, count: int, rates: bool, data_sets: int
) -> tuple[float, float, float]:
    """Share of data sets whose rank sets hold all ranks at once; of sets that hold their own; their width."""
    rng = np.random.default_rng([int(100 * spread), count, int(rates), len(kind)])
    steps = np.linspace(0, 1, METHODS)
    if kind == "half tied":
        steps = np.where(np.arange(METHODS) < METHODS // 2, 0, steps)
    at_once, alone, width = 0.0, 0.0, 0.0
    for _ in range(data_sets):
        sources = design(rng, count, count, max(100, count))
        # What images have in common is in all methods alike: tests are paired.
        values = (
            spread * steps + 0.7 * effects(rng, sources, 0.2, METHODS) + 0.7 * effects(rng, sources, 0.2, 1)
        )
        if rates:
            values = (values > spread / 2).astype(float)
        table = {str(place): column for place, column in enumerate(values.T)}
        found = compare(table, Resampling(sources, 0, samples=500), "up").ranks
        means = spread * steps
        held = [
            low <= 1 + (means > mean).sum() and (means >= mean).sum() <= high
            for mean, (low, high) in zip(means, found.values(), strict=True)
        ]
        at_once += all(held) / data_sets
        alone += np.mean(held) / data_sets
        width += np.mean([high - low + 1 for low, high in found.values()]) / data_sets
    return at_once, alone, width


def interval_lines(data_sets: int) -> Iterator[list]:
    for rate in (*RATES, None):
        for share in SHARES:
            yield [
                "scores" if rate is None else f"{rate:.2f}",
                f"{share:.1f}",
                *(interval_coverage(rate, count, share, data_sets)[1] for count in SOURCES),
            ]


def rank_lines(data_sets: int) -> Iterator[list]:
    for kind, spread in SPREADS.items():
        for rates in (False, True):
            for count in (10, 20, 88, 200):
                name = "rates" if rates else "scores"
                yield [kind, name, count, *rank_coverage(kind, spread, count, rates, data_sets)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data_sets", type=int, default=1000, help="simulated for each interval; a fifth for ranks"
    )
    parser.add_argument("--only", choices=("intervals", "ranks"), help="one of the two tables")
    flags = parser.parse_args()
    if flags.only != "ranks":
        head = ["truth", "share between cutouts, and scenes", *(f"{count} of each" for count in SOURCES)]
        lines = list(
            tqdm(interval_lines(flags.data_sets), total=(len(RATES) + 1) * len(SHARES), disable=None)
        )
        print(markdown_table(head, lines), end="\n\n")
    if flags.only != "intervals":
        head = ["methods", "values", "sources of each factor", "all at once", "each", "mean width of 12"]
        lines = list(tqdm(rank_lines(max(1, flags.data_sets // 5)), total=8 * len(SPREADS), disable=None))
        print(markdown_table(head, lines))


if __name__ == "__main__":
    main()
