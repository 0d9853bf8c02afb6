"""Agreement of raters: published examples, written-out definitions, and what has none."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.reliability import kendall_w, krippendorff, rank_alpha
from bam.metrics.statistics.resampling import Resampling

NAN = np.nan
# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section E: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def written_out(ratings):
    """1 less the mean of what two ratings of a unit differ by, over that of any two ratings."""
    units = [unit[~np.isnan(unit)] for unit in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    every = np.concatenate(units)

    def difference(a, b):
        low, high = min(a, b), max(a, b)
        between = sum((every == value).sum() for value in np.unique(every) if low <= value <= high)
        return (between - ((every == low).sum() + (every == high).sum()) / 2) ** 2

    observed = sum(sum(difference(a, b) for a, b in permutations(u, 2)) / (len(u) - 1) for u in units)
    expected = sum(difference(a, b) for a, b in permutations(every, 2)) / (len(every) - 1)
    return 1 - observed / expected


def test_alpha_of_the_published_example():
    """Its ordinal alpha is .815, in the tests of the package krippendorff too."""
    assert krippendorff(OBSERVERS) == pytest.approx(0.815, abs=5e-4)


def test_alpha_is_its_definition():
    rng = np.random.default_rng(0)
    ratings = rng.integers(0, 4, (5, 6)).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = NAN
    for table in (OBSERVERS, ratings, rng.normal(size=(3, 4))):
        assert krippendorff(table) == pytest.approx(written_out(table))


@pytest.mark.parametrize(
    "ratings",
    [np.ones((3, 4)), [[1.0, 2, 3]], [[1.0, NAN], [NAN, 2]], np.full((2, 2), NAN), np.zeros((0, 3))],
)
def test_raters_that_cannot_be_compared_have_no_alpha(ratings):
    assert krippendorff(np.array(ratings)) is None


def alpha_of(values):
    return rank_alpha(values, Resampling(np.arange(len(values))[:, None], 0, 500))


def test_alpha_of_ranks_within_images():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, 4)) + np.arange(4) + rng.normal(0, 9, (12, 1))
    ties = np.round(values - values.mean(1, keepdims=True))
    for table in (values, ties):
        found = alpha_of(table)
        assert found.value == pytest.approx(written_out(stats.rankdata(table, axis=1)))
        assert found.ci_low < found.value < found.ci_high
    values[3:6, 1] = NAN  # these images are not looked at
    assert alpha_of(values).value == pytest.approx(alpha_of(np.delete(values, [3, 4, 5], 0)).value)
    assert alpha_of(values).n == 9


def test_the_interval_of_alpha_holds_what_many_images_give():
    rng = np.random.default_rng(0)
    many = rng.normal(size=(2000, 5)) + np.arange(5) / 3
    truth = krippendorff(stats.rankdata(many, axis=1))
    found = [alpha_of(rng.normal(size=(40, 5)) + np.arange(5) / 3) for _ in range(25)]
    assert sum(each.ci_low <= truth <= each.ci_high for each in found) >= 21


def test_images_that_all_rank_alike_or_by_chance():
    assert alpha_of(np.tile(np.arange(4.0), (9, 1))).value == 1
    rng = np.random.default_rng(0)
    chance = alpha_of(rng.normal(size=(50, 6)))
    assert chance.ci_low < 0 < chance.ci_high


@pytest.mark.parametrize("shape", [(1, 4), (9, 1), (0, 3), (9, 0)])
def test_one_image_or_one_method_has_no_alpha(shape):
    assert alpha_of(np.random.default_rng(0).normal(size=shape)).value is None


def test_ties_everywhere_have_no_alpha():
    found = alpha_of(np.ones((9, 4)))
    assert (found.value, found.ci_low, found.n) == (None, None, 9)


def test_w_is_the_mean_correlation_of_the_raters():
    """W = (1 + (k - 1) r) / k for k raters without ties, r the mean of Spearman's between them."""
    ranks = np.array([np.random.default_rng(seed).permutation(6) + 1 for seed in range(4)])
    between = [np.corrcoef(a, b)[0, 1] for (i, a), (j, b) in product(enumerate(ranks), repeat=2) if i < j]
    assert kendall_w(ranks) == pytest.approx((1 + 3 * np.mean(between)) / 4)


def test_w_with_ties_and_without_answers():
    assert kendall_w([[1, 2.5, 2.5, 4]] * 3) == pytest.approx(1)
    assert kendall_w([[1, 2, 3], [3, 2, 1]]) == 0
    assert kendall_w([[2, 2, 2]] * 2) is None
    assert kendall_w([[1, 2, 3]]) is None
    assert kendall_w([[1], [1]]) is None
