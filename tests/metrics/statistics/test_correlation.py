import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.correlation import compare_correlations, correlation, correlation_p_value
from bam.metrics.statistics.estimate import Estimate


@pytest.mark.parametrize("count", [4, 10, 50])
def test_correlation_is_scipys(count):
    rng = np.random.default_rng(count)
    x = rng.normal(size=count)
    y = x + rng.normal(size=count)
    expected = stats.pearsonr(x, y)
    interval, found = expected.confidence_interval(0.95), correlation(x, y)
    np.testing.assert_allclose(
        (found.value, found.ci_low, found.ci_high), (expected.statistic, interval.low, interval.high)
    )
    assert found.n == count


def test_no_correlation_of_a_constant_or_of_three_points():
    assert correlation([1, 2, 3], [1, 2, 4]) == Estimate(None, n=3)
    assert correlation(np.arange(10), np.full(10, 0.1)) == Estimate(None, n=10)
    rounded = np.full(6, 0.1 + 0.2) - [0, 0, 0, 0, 0, 1e-17]
    assert correlation(rounded, np.arange(6)) == Estimate(None, n=6)
    assert correlation([1, 2, 3, np.nan], [1, 2, 3, 4]) == Estimate(None, n=3)
    assert correlation([1, 2, 3, 4, 5], [10, 20, 30, 40, 50]) == Estimate(1, 1, 1, 5)
    assert correlation([1, 2, 3, 4, 5], [-1, -2, -3, -4, -5]) == Estimate(-1, -1, -1, 5)


def test_points_without_a_value_are_left_out():
    drop = np.linspace(1, 0, 10)
    values = drop + 0.1 * np.random.default_rng(0).normal(size=10)
    whole = correlation(values, drop)
    assert whole.value is not None
    without = correlation(np.delete(values, 2), np.delete(drop, 2))
    values[2] = np.nan
    assert correlation(values, drop) == correlation(drop, values) == without
    assert without.n == 9
    values[:7] = np.nan
    assert correlation(values, drop) == Estimate(None, n=3)
    assert correlation(np.full(10, np.nan), drop) == Estimate(None)


def test_correlations_are_told_apart_as_often_as_p_says():
    rng = np.random.default_rng(0)
    # A target with two series that both correlate by 0.8 with it, and by 0.7 with each other.
    root = np.linalg.cholesky([[1, 0.8, 0.8], [0.8, 1, 0.7], [0.8, 0.7, 1]])
    found = [np.corrcoef(root @ rng.normal(size=(3, 30))) for _ in range(400)]
    p = np.array([correlation_p_value(r[0, 1], r[0, 2], r[1, 2], 30) for r in found])
    assert 8 <= (p < 0.05).sum() <= 32  # 20 expected, deviation 4.4
    assert np.median(p) == pytest.approx(0.5, abs=0.1)


def test_ten_points_do_not_separate_what_a_hundred_do():
    assert (
        correlation_p_value(0.92, 0.69, 0.7, points=10) > 0.05
    )  # the paper's best and worst gradient method
    assert correlation_p_value(0.92, 0.69, 0.7, points=100) < 1e-6
    assert correlation_p_value(0.9, 0.9, 0.7, points=100) == 1


def test_series_without_a_correlation_are_in_no_test():
    rng = np.random.default_rng(1)
    target = rng.normal(size=50)
    series = {
        "far": target + rng.normal(size=50),
        "near": target + 0.1 * rng.normal(size=50),
        "constant": np.ones(50),
        "exact": 2 * target,
        "control": rng.normal(size=50),
        "other control": rng.normal(size=50),
    }
    tests = compare_correlations(series, target, controls={"control", "other control"})
    assert (tests[0].better, tests[0].worse) == ("near", "far")
    assert tests[0].difference.value > 0
    assert tests[0].p == tests[0].p_adjusted < 0.05  # the only pair of methods
    assert len(tests) == 5
    assert {name for test in tests for name in (test.better, test.worse)} == set(series) - {
        "constant",
        "exact",
    }
