import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.rank_correlation import (
    correlation_estimates,
    rank_contributions,
    rank_distances,
    shares_below,
)
from bam.metrics.statistics.resampling import Resampling


def alone(count):
    """That nothing is shared."""
    return Resampling(np.arange(count)[:, None].repeat(2, 1), seed=0)


@pytest.mark.parametrize("digits", [0, 8])
@pytest.mark.parametrize("count", [4, 7, 60])
def test_the_mean_is_spearmans_correlation_with_and_without_ties(count, digits):
    rng = np.random.default_rng(count)
    x = rng.normal(size=count).round(digits)
    y = (x + rng.normal(size=count)).round(digits)
    assert rank_contributions(x, y).mean() == pytest.approx(stats.spearmanr(x, y).statistic)


def test_by_hand():
    # Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15).
    assert rank_contributions([1, 2, 3, 4], [0.1, 5, 2, 9]).mean() == pytest.approx(0.8)
    assert shares_below(np.array([3.0, 1, 3, 0])).tolist() == [0.75, 0.375, 0.75, 0.125]


@pytest.mark.parametrize("count", [4, 7, 60])
def test_squared_distances_make_up_spearmans_correlation(count):
    rng = np.random.default_rng(count)
    x = rng.normal(size=count)
    y = x + rng.normal(size=count)
    found = rank_distances(np.append(x, np.nan), np.append(y, 3.0))
    assert np.isnan(found[-1])
    expected = 1 - 6 * count**2 / (count**2 - 1) * (found[:-1] ** 2).mean()
    assert stats.spearmanr(x, y).statistic == pytest.approx(expected)


@pytest.mark.parametrize("x", [[1, 2, 3], [2, 2, 2, 2], [1, 2, 3, np.nan], []])
def test_distances_need_four_points_that_differ(x):
    for given in ((x, np.arange(len(x))), (np.arange(len(x)), x)):
        assert np.isnan(rank_distances(*given)).all()


def test_distances_of_ties_are_of_their_mean_places():
    assert rank_distances([3, 1, 3, 0], [9, 4, 2, 1]).tolist() == [0.125, 0.25, 0.375, 0]


def test_contributions_are_those_of_the_jackknife():
    rng = np.random.default_rng(0)
    x = rng.normal(size=150).round(1)
    y = x + rng.normal(size=150)
    found = rank_contributions(x, y)
    without = [stats.spearmanr(np.delete(x, i), np.delete(y, i)).statistic for i in range(150)]
    pseudo = 150 * found.mean() - 149 * np.array(without)
    np.testing.assert_allclose(found, pseudo, atol=0.1)
    assert found.std() == pytest.approx(pseudo.std(), rel=0.02)


def test_an_order_and_its_reverse_are_exact_and_told_apart():
    x = np.random.default_rng(1).normal(size=40)
    found = {"same": rank_contributions(x, np.exp(x)), "reversed": rank_contributions(-x, x)}
    assert (found["same"] == 1).all()
    assert (found["reversed"] == -1).all()
    estimates = correlation_estimates(found, alone(40))
    assert [estimates[name].value for name in found] == [1, -1]
    assert estimates["same"].ci_low is None
    comparison = compare(found, alone(40), "up")
    assert comparison.ranks == {"same": (1, 1), "reversed": (2, 2)}
    assert comparison.tests[0].is_significant


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([1], [1]),
        ([1, 2, 3], [1, 2, 3]),
        ([1] * 5, range(5)),
        (range(5), [2] * 5),
        ([np.nan] * 5,) * 2,
    ],
)
def test_what_has_no_correlation_is_not_known(x, y):
    found = rank_contributions(x, y)
    assert np.isnan(found).all()
    if len(found):
        assert correlation_estimates({"a": found}, alone(len(found)))["a"].value is None


def test_unknown_numbers_are_left_out():
    x, y = np.arange(8.0), np.array([3.0, 1, np.nan, 2, 5, 4, 7, 6])
    x[7] = np.nan
    known = ~np.isnan(x + y)
    found = rank_contributions(x, y)
    assert np.isnan(found).tolist() == (~known).tolist()
    assert found[known].mean() == pytest.approx(stats.spearmanr(x[known], y[known]).statistic)


def test_groups_are_ranked_alone_and_count_by_their_points():
    rng = np.random.default_rng(2)
    groups = np.array(["a"] * 6 + ["b"] * 9 + ["alone"] + ["even"] * 5)
    x, y = rng.normal(size=(2, 21))
    y[groups == "even"] = 1
    found = rank_contributions(x + 10 * (groups == "b"), y, groups)
    each = [stats.spearmanr(x[groups == name], y[groups == name]).statistic for name in "ab"]
    assert np.nanmean(found) == pytest.approx((6 * each[0] + 9 * each[1]) / 15)
    assert np.isnan(found[15:]).all()


@pytest.mark.parametrize("shared", [0.0, 0.6])
def test_intervals_hold_what_is_true_for_images_that_share_sources(shared):
    """Of x and y as much of the variance is of cutouts and scenes, the same in both; 100 draws of these."""
    rng = np.random.default_rng(3)
    inside, cutouts, scenes = 0, 20, 20
    sources = np.stack(np.divmod(np.arange(cutouts * scenes), scenes), 1)[rng.permutation(400)[:150]]
    resampling = Resampling(sources, 0)
    own = np.sqrt(1 - shared**2)
    rho = 6 / np.pi * np.arcsin(shared**2 / 2)  # of normal numbers with this correlation
    for _ in range(100):
        parts = rng.normal(size=cutouts), rng.normal(size=scenes)
        common = (parts[0][sources[:, 0]] + parts[1][sources[:, 1]]) / np.sqrt(2)
        x, y = shared * common + own * rng.normal(size=(2, 150))
        found = correlation_estimates({"a": rank_contributions(x, y)}, resampling)["a"]
        inside += found.ci_low <= rho <= found.ci_high
    assert 90 <= inside <= 99
