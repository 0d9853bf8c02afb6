import numpy as np
import pytest

from bam.metrics.statistics.comparison import (
    PairedTest,
    compare,
    holm,
    p_value,
    rank_interval,
)
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import Resampling


def adjusted(*p):
    """The p-values with Holm's correction."""
    return [test.p_holm for test in holm([PairedTest("a", "b", Estimate(1), value) for value in p])]


def test_holm_is_the_textbook_example():
    # Four tests, sorted .005 .01 .03 .04 times 4 3 2 1: .02 .03 .06 .04, and the last may not be below.
    assert adjusted(0.01, 0.04, 0.03, 0.005) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted(0.5, 0.9) == [1.0, 1.0]
    assert adjusted() == []
    assert adjusted(0.01, None, 0.04) == [0.02, None, 0.04]  # what has no p is no test


def test_rank_interval_by_hand():
    # The third ties with the second in half of the resamples, and is the best in one of a hundred.
    replicates = np.array([[3, 2, 2]] * 50 + [[3, 2, 1]] * 49 + [[3, 2, 9]], float)
    assert rank_interval(replicates).tolist() == [[1, 1], [2, 3], [2, 3]]
    assert rank_interval(replicates, level=1).tolist() == [[1, 2], [2, 3], [1, 3]]


def test_resamples_without_value_are_left_out_of_ranks():
    replicates = np.array([[1.0, 2.0], [np.nan, 5.0]])
    assert rank_interval(replicates).tolist() == [[2, 2], [1, 1]]
    assert rank_interval(replicates[1:]) is None


def crossed(rng, size=12):
    """Values of `size` x `size` images with effects of both factors, whose true mean is 0; their sources."""
    values = rng.normal(size=(size, 1)) + rng.normal(size=(1, size)) + rng.normal(size=(size, size))
    sources = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), -1).reshape(-1, 2)
    return values.ravel(), sources


def test_p_is_small_as_often_as_it_says_or_rarer():
    from scipy import stats

    rejected, plain = 0, 0
    for trial in range(200):
        values, sources = crossed(np.random.default_rng(trial))
        replicates = Resampling(sources, trial, samples=150).means(values[:, None])[:, 0]
        rejected += p_value(values.mean(), replicates, 12) < 0.05
        plain += stats.ttest_1samp(values, 0).pvalue < 0.05
    assert rejected <= 16  # 10 expected
    assert plain > 80  # what a paired t test that ignores the sources would claim


def test_p_finds_what_is_there():
    values, sources = crossed(np.random.default_rng(0))
    replicates = Resampling(sources, 0).means(values[:, None] + 3)[:, 0]
    assert p_value(values.mean() + 3, replicates, 12) < 0.01


def test_equal_differences_prove_no_more_than_their_sources():
    assert p_value(0.5, np.full(100, 0.5), sources=8) == 2**-7
    assert p_value(0.0, np.zeros(100), sources=8) == 1


def test_tests_are_over_the_images_both_use():
    rng = np.random.default_rng(0)
    sources = np.arange(40)[:, None]
    values = {"a": rng.normal(1, 1, 40), "b": rng.normal(1, 1, 40), "none": np.full(40, np.nan)}
    values["a"][:5] = np.nan
    values["b"][-5:] = np.nan
    found = compare(values, Resampling(sources, 0), "up")
    expected = (values["a"] - values["b"])[5:-5].mean()
    test = found.tests[0]
    assert {test.better, test.worse} == {"a", "b"}
    assert test.difference.value == pytest.approx(abs(expected))
    assert test.difference.ci_low < test.difference.value < test.difference.ci_high
    assert test.difference.n == found.images == 30
    assert set(found.ranks) == {"a", "b"}
    for other in found.tests[1:]:
        assert (other.difference, other.p, other.p_holm) == (Estimate(None), None, None)


def test_the_better_is_first_whatever_the_direction():
    values = {"low": np.arange(6.0), "high": np.arange(6.0) + 1}
    resampling = Resampling(np.arange(6)[:, None], 0)
    up, down = (compare(values, resampling, direction) for direction in ("up", "down"))
    assert up.ranks == {"high": (1, 1), "low": (2, 2)}
    assert down.ranks == {"high": (2, 2), "low": (1, 1)}
    assert (up.tests[0].better, up.tests[0].worse) == ("high", "low")
    assert up.tests[0].difference.value == 1
    assert (down.tests[0].better, down.tests[0].worse) == ("low", "high")
    assert down.tests[0].difference.value == -1


def test_methods_no_better_than_random_are_named():
    rng = np.random.default_rng(2)
    shifts = {"good": 3, "as random": 0, "bad": -3, "random": 0}
    values = {name: rng.normal(shift, 1, 60) for name, shift in shifts.items()}
    resampling = Resampling(np.arange(60)[:, None], 0)
    note = compare(values, resampling, "up", {"random"}).notes()[0]
    assert note.endswith(": as random, bad.")
    assert (
        compare({name: values[name] for name in ("good", "random")}, resampling, "up", {"random"}).notes()
        == []
    )
    assert compare({name: values[name] for name in ("good", "bad")}, resampling, "up").notes() == []


def test_adjusted_for_all_pairs_together():
    rng = np.random.default_rng(1)
    values = {name: rng.normal(shift, 1, 50) for name, shift in zip("abcd", (0, 0.3, 0.6, 2), strict=True)}
    tests = compare(values, Resampling(np.arange(50)[:, None], 0), "up", controls={"d"}).tests
    assert len(tests) == 6
    assert [test.p_holm for test in tests] == adjusted(*(test.p for test in tests))


def test_one_source_is_no_evidence():
    values = {"a": np.arange(4.0), "b": np.ones(4)}
    found = compare(values, Resampling(np.zeros((4, 1)), 0), "up")
    assert found.ranks == {}
    assert found.tests[0].p is found.tests[0].difference.ci_low is None
    assert found.tests[0].difference.value == 0.5


def test_nothing_to_compare():
    nothing = compare({}, Resampling(np.arange(4)[:, None], 0), "up")
    assert (nothing.tests, nothing.ranks, nothing.images) == ((), {}, 0)
    only_control = compare({"c": np.ones(4)}, Resampling(np.arange(4)[:, None], 0), "up", {"c"})
    assert (only_control.ranks, only_control.tests) == ({}, ())
