import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import Resampling


def alone(count, seed=0):
    """Images that share nothing."""
    return Resampling(np.arange(count)[:, None], seed)


def normal(rng, shifts, count):
    return {name: rng.normal(shift, 1, count) for name, shift in shifts.items()}


def crossed(rng, size=12):
    """Values of `size` x `size` images with effects of both factors, whose true mean is 0; their sources."""
    values = rng.normal(size=(size, 1)) + rng.normal(size=(1, size)) + rng.normal(size=(size, size))
    sources = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), -1).reshape(-1, 2)
    return values.ravel(), sources


def test_p_is_small_as_often_as_it_says_or_rarer():
    rejected, plain = 0, 0
    for trial in range(200):
        values, sources = crossed(np.random.default_rng(trial))
        (test,) = compare({"a": values, "b": 0 * values}, Resampling(sources, trial, samples=150), "up").tests
        rejected += test.p < 0.05
        assert (test.p < 0.05) == (test.difference.ci_low > 0 or test.difference.ci_high < 0)
        plain += stats.ttest_1samp(values, 0).pvalue < 0.05
    assert rejected <= 18  # 10 expected
    assert plain > 80  # what a paired t test that ignores the sources would claim


def test_p_of_images_that_share_nothing_is_that_of_a_paired_t_test():
    values = normal(np.random.default_rng(0), {"a": 0.3, "b": 0}, 60)
    (test,) = compare(values, alone(60), "up").tests
    expected = stats.ttest_rel(values["a"], values["b"])
    assert test.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (test.difference.ci_low, test.difference.ci_high) == pytest.approx((interval.low, interval.high))


def test_tests_and_rank_sets_cannot_disagree():
    rng = np.random.default_rng(4)
    for count in (8, 40):
        for _ in range(10):
            values = normal(rng, dict(zip("abcde", (0, 0.2, 0.4, 1, 3), strict=True)), count)
            found = compare(values, alone(count), "up")
            for name, (low, high) in found.ranks.items():
                shown = [test for test in found.tests if test.is_significant]
                assert low == 1 + sum(test.worse == name for test in shown)
                assert high == 5 - sum(test.better == name for test in shown)
                one = found.ranks_alone[name]
                assert low <= one[0] <= one[1] <= high  # asking less, one knows no less


def test_naming_more_controls_changes_nothing_between_methods():
    rng = np.random.default_rng(1)
    values = normal(rng, {"a": 0, "b": 0.5, "c": 1, "random": 0, "edges": 0.2}, 50)
    fewer = {name: column for name, column in values.items() if name != "edges"}
    few = compare(fewer, alone(50), "up", {"random"})
    many = compare(values, alone(50), "up", {"random", "edges"})
    without = compare({name: values[name] for name in "abc"}, alone(50), "up")
    assert many.ranks == few.ranks == without.ranks
    assert few.tests == tuple(test for test in many.tests if "edges" not in (test.better, test.worse))
    assert without.tests == tuple(test for test in few.tests if "random" not in (test.better, test.worse))
    assert all({"random", "edges"} != {test.better, test.worse} for test in many.tests)


def test_methods_that_are_the_same_but_for_rounding_are_ties():
    """The last digits of float32 maps, or of float64 sums."""
    values = np.random.default_rng(0).uniform(size=400)
    same = {"a": values, "b": (values + 0.1) - 0.1, "c": values.astype(np.float32) * np.float32(1 / 3) * 3}
    found = compare(same, alone(400), "up")
    assert {test.p_adjusted for test in found.tests} == {1.0}
    assert set(found.ranks.values()) == {(1, 3)}
    assert found.undecided is None


def test_a_difference_that_is_the_same_in_all_images_has_the_p_of_a_sign_test():
    """Of as many sources as the factor with fewest has: 1 against 0 in all of 400 images is no tie."""
    right = {"good": np.ones(400), "bad": np.zeros(400), "random": np.zeros(400)}
    sources = np.stack([np.arange(400), np.arange(400) % 20], 1)
    found = compare(right, Resampling(sources, 0), "up", ["random"])
    tests = {(test.better, test.worse): test for test in found.tests}
    assert tests["good", "bad"].p == tests["good", "random"].p == 2.0**-19
    assert tests["good", "random"].p_adjusted < 0.01
    assert tests["bad", "random"].p_adjusted == 1
    assert found.ranks == {"good": (1, 1), "bad": (2, 2)}
    assert found.notes()[-1].endswith(
        "Not told apart from `random` (paired tests with it alone, 5% level over all methods): bad."
    )
    few = compare({name: values[:4] for name, values in right.items()}, alone(4), "up", ["random"])
    assert few.tests[0].p == few.tests[0].p_adjusted == 1 / 8
    assert few.ranks == {"good": (1, 2), "bad": (1, 2)}
    assert few.undecided.images > 4
    assert type(few.undecided.images) is int  # for JSON


@pytest.mark.parametrize("count", [3, 5, 10, 20, 40])
def test_few_sources_are_no_evidence_against_equal_methods(count):
    """Of 12 equal methods resamples of few sources tell some apart in up to six of ten cases."""
    wrong = 0
    for trial in range(60):
        rng = np.random.default_rng([trial, count])
        values = {str(place): rng.normal(size=count) for place in range(12)}
        found = compare(values, Resampling(np.arange(count)[:, None], trial, samples=300), "up")
        wrong += any(ranks != (1, 12) for ranks in found.ranks.values())
    assert wrong <= 8  # 3 expected; more in one of 500 runs


def test_tests_are_over_the_images_both_use():
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(1, 1, 40), "b": rng.normal(1, 1, 40), "none": np.full(40, np.nan)}
    values["a"][:5] = np.nan
    values["b"][-5:] = np.nan
    found = compare(values, alone(40), "up")
    expected = (values["a"] - values["b"])[5:-5].mean()
    test = found.tests[0]
    assert {test.better, test.worse} == {"a", "b"}
    assert test.difference.value == pytest.approx(abs(expected))
    assert test.difference.ci_low < test.difference.value < test.difference.ci_high
    assert test.difference.n == found.images == 30
    assert set(found.ranks) == {"a", "b"}
    for other in found.tests[1:]:
        assert (other.difference, other.p, other.p_adjusted) == (Estimate(None), None, None)


def test_the_better_is_first_whatever_the_direction():
    values = {"low": np.arange(6.0), "high": np.arange(6.0) + 1 + np.tile([0, 0.1], 3)}
    up, down = (compare(values, alone(6), direction) for direction in ("up", "down"))
    assert up.ranks == {"high": (1, 1), "low": (2, 2)}
    assert down.ranks == {"high": (2, 2), "low": (1, 1)}
    assert (up.tests[0].better, up.tests[0].worse) == ("high", "low")
    assert up.tests[0].difference.value == pytest.approx(1.05)
    assert (down.tests[0].better, down.tests[0].worse) == ("low", "high")
    assert down.tests[0].difference.value == pytest.approx(-1.05)


def test_methods_worse_than_random_and_like_it_are_named():
    values = normal(np.random.default_rng(2), {"good": 3, "alike": 0, "bad": -3, "random": 0}, 60)
    found = compare(values, alone(60), "up", {"random"})
    worse, alike = found.notes()[-2:]
    assert worse.startswith("Worse than `random` (")
    assert worse.endswith(": bad.")
    assert alike.startswith("Not told apart from `random` (")
    assert alike.endswith(": alike.")
    assert (
        compare({name: values[name] for name in ("good", "random")}, alone(60), "up", {"random"}).notes()
        == []
    )
    assert found.notes(random_is_worst=False) == []
    assert compare({name: values[name] for name in ("good", "bad")}, alone(60), "up").notes() == []


def test_how_many_images_would_tell_is_right_about_as_often_as_not():
    """With four times the images, the same difference has half the error."""
    rng = np.random.default_rng(5)
    values = normal(rng, {"a": 0, "b": 0, "c": 4}, 50)
    values["b"] += 0.25 - values["b"].mean() + values["a"].mean()
    pair = compare(values, alone(50), "up").undecided
    assert (pair.better, pair.worse) == ("b", "a")
    assert pair.difference == pytest.approx(0.25)
    (note,) = compare(values, alone(50), "up").notes()
    assert f"It would take about {pair.images:,} images" in note

    def decided(factor):
        copies = int(np.ceil(factor * pair.images / 50))
        more = {name: np.tile(column, copies) for name, column in values.items()}
        (test, *_) = compare(more, alone(50 * copies), "up").tests
        return test.is_significant

    assert decided(1.3)
    assert not decided(0.5)
    apart = normal(rng, {"a": 0, "b": 5}, 50)
    assert compare(apart, alone(50), "up").undecided is None


def test_one_source_is_no_evidence():
    values = {"a": np.arange(4.0), "b": np.ones(4)}
    found = compare(values, Resampling(np.zeros((4, 1)), 0), "up")
    assert found.ranks == found.ranks_alone == {}
    assert found.tests[0].p is found.tests[0].difference.ci_low is None
    assert found.tests[0].difference.value == 0.5


def test_nothing_to_compare():
    nothing = compare({}, alone(4), "up")
    assert (nothing.tests, nothing.ranks, nothing.images) == ((), {}, 0)
    only_control = compare({"c": np.ones(4)}, alone(4), "up", {"c"})
    assert (only_control.ranks, only_control.tests) == ({}, ())
    assert compare({"a": np.arange(4.0)}, alone(4), "up").ranks == {"a": (1, 1)}


def test_the_same_seed_gives_the_same_in_the_methods_order():
    values = normal(np.random.default_rng(3), dict(zip("edcba", (0, 0.2, 0.4, 1, 3), strict=True)), 30)
    first, second = (compare(values, alone(30), "up") for _ in range(2))
    assert first == second
    pairs = [{test.better, test.worse} for test in first.tests]
    assert pairs == [{a, b} for i, a in enumerate("edcba") for b in "edcba"[i + 1 :]]
