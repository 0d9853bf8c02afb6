"""Correlations of series and of rankings: how strong they are, how sure, and which is stronger."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from scipy import special

from bam.metrics.statistics.comparison import PairedTest, families_of
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import LEVEL
from bam.metrics.statistics.step_down import holm_p


def correlation(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Pearson's r of two series (n,), and its interval by Fisher's z-transformation (Fisher 1921).

    NaN are left out of both. It is not known for fewer than four points, and for a series that is constant.

    >>> round(correlation([1, 2, 3, 4], [1, 3, 2, 4]).value, 3)
    0.8
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 4 or _is_constant(x) or _is_constant(y):
        return Estimate(None, n=len(x))
    from scipy import stats  # takes long to load

    found = stats.pearsonr(x, y)
    return Estimate(float(found.statistic), *map(float, found.confidence_interval(LEVEL)), len(x))


def _is_constant(values: np.ndarray) -> bool:
    """Whether values differ by no more than rounding does."""
    return bool(np.ptp(values) <= 1e-12 * np.abs(values).max())


def compare_correlations(
    series: Mapping[str, np.ndarray], target: np.ndarray, controls: Collection[str] = ()
) -> list[PairedTest]:
    """Tests of which series, float (points,), correlates more with `target`.

    Pairs are as in `compare`; those of methods are corrected together, and those with one control, see
    `holm_p`. Series and target are without NaN.

    A series that has no correlation with the target (see `correlation`), or one of exactly 1,
    is in no test.
    """
    found = {name: correlation(values, target).value for name, values in series.items()}
    known = {name: r for name, r in found.items() if r is not None and abs(r) < 1 - 1e-9}
    results: list[PairedTest] = []
    for pairs in families_of(known, controls)[1]:
        tests = []
        for pair in pairs:
            better, worse = sorted(pair, key=lambda name: -known[name])
            between = float(np.corrcoef(series[better], series[worse])[0, 1])
            p = correlation_p_value(known[better], known[worse], between, len(target))
            difference = Estimate(known[better] - known[worse], n=len(target))
            tests.append(PairedTest(better, worse, difference, p))
        corrected = holm_p(np.array([test.p for test in tests])).tolist()
        results += [replace(test, p_adjusted=p) for test, p in zip(tests, corrected, strict=True)]
    return results


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
    return float(2 * special.ndtr(-abs(np.arctanh(first) - np.arctanh(second)) / np.sqrt(spread)))


def kendall(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of values float (..., m), over the last axis: (...,). NaN where one side is all ties.

    The pairs that both order alike less those that they order differently, over the geometric mean of how
    many pairs each of them orders (Kendall 1945, "The treatment of ties in ranking problems", Biometrika 33).
    """
    rows, columns = np.triu_indices(np.shape(first)[-1], 1)
    signs = [
        np.sign(np.asarray(x, float)[..., rows] - np.asarray(x, float)[..., columns]) for x in (first, second)
    ]
    ordered = [np.abs(sign).sum(-1) for sign in signs]
    with np.errstate(invalid="ignore"):
        return (signs[0] * signs[1]).sum(-1) / np.sqrt(ordered[0] * ordered[1])


def kendall_p(first: np.ndarray, second: np.ndarray) -> float | None:
    """Two-sided p of "the rankings (m,) have nothing to do with each other", exact for few without ties."""
    from scipy import stats  # takes long to load

    p = float(stats.kendalltau(first, second).pvalue)
    return None if math.isnan(p) else p
