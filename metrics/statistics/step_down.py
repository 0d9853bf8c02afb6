"""Many comparisons at once: p-values by step-down of the largest t, and sets of ranks from them.

Romano and Wolf 2005, "Exact and approximate stepdown methods for multiple hypothesis testing", Journal of the
American Statistical Association 100; Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for ranks with
applications to mobility across neighbourhoods and academic achievement across countries", Review of Economic
Studies 91.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Pair = tuple[str, str]


def adjusted_p(statistics: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """p-values of "the first is not better than the second" and of the reverse, float (2, pairs).

    statistics: t of each pair's difference, (pairs,), positive if the first seems better; deviations: what
    resamples make of it where there is no difference, (samples, pairs).

    The probability that all rejections at some level are right is at least one less that level: of the
    hypotheses that are not yet rejected, both directions of each pair among them, the largest t of resamples
    must be smaller (Mogstad et al., section 3.3).
    """
    both = np.concatenate([statistics, -statistics])
    order = np.argsort(-both, kind="stable")
    # The largest among this hypothesis and those behind it, in every resample.
    signed = np.concatenate([deviations, -deviations], 1)[:, order]
    largest = np.maximum.accumulate(signed[:, ::-1], axis=1)[:, ::-1]
    p = (1 + (largest >= both[order]).sum(0)) / (1 + len(largest))
    result = np.empty(len(both))
    result[order] = np.maximum.accumulate(p)
    return result.reshape(2, -1)


def holm_p(p: np.ndarray) -> np.ndarray:
    """p-values (tests,) corrected for their number, whatever they have to do with each other.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
    6.
    """
    order = np.argsort(p, kind="stable")
    corrected = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    result = np.empty(len(p))
    result[order] = corrected
    return result


def rank_sets(names: Sequence[str], better: Mapping[Pair, bool]) -> dict[str, tuple[int, int]]:
    """For each name the ranks that it can have, (low, high), 1 is best.

    better: for pairs in both directions, whether the first is shown to be better; who is in none of the
    pairs is not told apart from anybody.
    """
    beaten = {name: sum(better.get((other, name), False) for other in names) for name in names}
    beats = {name: sum(better.get((name, other), False) for other in names) for name in names}
    return {name: (1 + beaten[name], len(names) - beats[name]) for name in names}
