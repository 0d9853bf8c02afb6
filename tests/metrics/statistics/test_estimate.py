import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.estimate import Estimate, curve_estimates, estimates, trial_sd
from bam.metrics.statistics.resampling import Resampling


def of(values, sources, rates=False):
    return estimates({"": np.asarray(values, float)}, Resampling(sources, seed=0), rates)[""]


def own(count):
    return np.arange(count)[:, None]


def test_the_interval_of_scores_is_that_of_student():
    values = np.random.default_rng(0).normal(size=30)
    found = of(values, own(30))
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high))
    assert (found.value, found.n) == (pytest.approx(values.mean()), 30)


def test_the_interval_of_a_rate_is_symmetric_in_log_odds():
    values = np.random.default_rng(0).random(400) < 0.03
    found = of(values, own(400), rates=True)
    odds = [np.log(p / (1 - p)) for p in (found.ci_low, found.value, found.ci_high)]
    assert odds[1] - odds[0] == pytest.approx(odds[2] - odds[1])
    rate = values.mean()
    width = stats.t.ppf(0.975, 399) / np.sqrt(399 * rate * (1 - rate))
    assert odds[1] - odds[0] == pytest.approx(width)
    assert 0 < found.ci_low < found.ci_high < 1


def test_where_all_agree_the_interval_is_that_of_as_many_trials_as_sources():
    sources = np.stack([np.arange(60) % 12, np.arange(60)], 1)
    low, high = stats.binomtest(12, 12).proportion_ci(method="exact")
    assert of(np.ones(60), sources, rates=True) == Estimate(1.0, pytest.approx(low), high, 60)
    assert of(np.zeros(60), sources, rates=True) == Estimate(0.0, 0.0, pytest.approx(1 - low), 60)


@pytest.mark.parametrize("rates", [True, False])
def test_other_values_that_all_agree_do_not_say_how_they_vary(rates):
    sources = np.stack([np.arange(60) % 12, np.arange(60)], 1)
    assert of(np.full(60, 0.5), sources, rates=rates) == Estimate(0.5, None, None, 60)
    assert of(np.ones(60), sources) == Estimate(1.0, None, None, 60)  # a score, not a rate


def test_the_interval_of_values_within_0_and_1_stays_there():
    values = np.array([0, 0, 0, 0.01, 0, 0, 0, 0, 0.02, 0, 0, 0.9])
    found = of(values, np.arange(12)[:, None], rates=True)
    assert 0 < found.ci_low < found.value < found.ci_high < 1
    assert of(values, np.arange(12)[:, None]).ci_low < 0


def test_values_that_share_a_source_widen_the_interval():
    rng = np.random.default_rng(1)
    scene = np.repeat(np.arange(20), 20)
    values = rng.normal(size=20)[scene]  # all 20 images of a scene say the same
    alone = np.arange(400)
    narrow, wide = of(values, np.stack([alone, alone], 1)), of(values, np.stack([alone, scene], 1))
    assert wide.ci_high - wide.ci_low > 2.5 * (narrow.ci_high - narrow.ci_low)


@pytest.mark.parametrize("scale", [0, 0.3, 1])
def test_interval_covers_the_truth_of_crossed_sources(scale):
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        effects = scale * (rng.normal(size=(15, 1)) + rng.normal(size=(1, 15))) + rng.normal(size=(15, 15))
        sources = np.stack(np.meshgrid(np.arange(15), np.arange(15), indexing="ij"), -1).reshape(-1, 2)
        found = of(effects.ravel(), sources)
        covered += found.ci_low <= 0 <= found.ci_high
    assert 183 <= covered <= 199


def test_nan_are_left_out_and_one_source_is_not_enough():
    sources = np.array([["a", "x"], ["b", "y"], ["a", "y"], ["c", "z"]])
    values = np.array([0.1, 0.4, 0.3, np.nan])
    assert of(values, sources) == of(values[:3], sources[:3])
    assert of([1, 1], np.array([["a", "x"], ["b", "x"]])) == Estimate(1.0, None, None, 2)
    assert of([np.nan, np.nan], sources[:2]) == Estimate(None, None, None, 0)
    assert estimates({}, Resampling(sources, 0)) == {}


def test_points_of_curves_are_estimated_as_all_else():
    """Of those images whose whole curve is known; where all are of 0 and 1 alone they are rates."""
    rng = np.random.default_rng(3)
    sources = np.stack([np.arange(40) % 8, np.arange(40) % 5], 1)
    curves = {"scores": rng.random((40, 3)), "rates": (rng.random((40, 3)) < 0.7).astype(float)}
    curves["rates"][:, 0] = 1
    for values in curves.values():
        values[7, 1] = np.nan
    resampling = Resampling(sources, seed=0)
    found = {name: curve_estimates({name: of}, resampling)[name] for name, of in curves.items()}
    rest = np.arange(40) != 7
    for name, values in curves.items():
        points = [of(column[rest], sources[rest], rates=name == "rates") for column in values.T]
        assert found[name].means == pytest.approx([point.value for point in points])
        lows, highs = found[name].intervals
        assert lows == pytest.approx([point.ci_low for point in points])
        assert highs == pytest.approx([point.ci_high for point in points])
    assert found["rates"].intervals[0][0] == pytest.approx(0.025 ** (1 / 5))
    together = curve_estimates(curves, resampling)
    assert together["scores"] == found["scores"]
    lows, highs = together["rates"].intervals
    assert lows[0] is highs[0] is None  # similarities that are all the same are no rate
    assert None not in (*lows[1:], *highs[1:])


def test_curves_of_no_image_and_of_one():
    sources = np.array([["a", "x"], ["b", "y"]])
    curves = {"none": np.full((2, 3), np.nan), "one": np.array([[0.5, 0.25], [np.nan, 1]])}
    found = curve_estimates(curves, Resampling(sources, seed=0))
    assert (found["none"].means, found["none"].intervals) == (None, None)
    assert (found["one"].means, found["one"].intervals) == ((0.5, 0.25), None)
    assert curve_estimates({}, Resampling(sources, seed=0)) == {}


@pytest.mark.parametrize("count", [120, 300, 998, 20_000])
def test_trial_sd_is_that_of_a_rate(count):
    values = np.arange(count) % 2
    deviations = [trial_sd(values, 10, 100, seed) for seed in range(300)]
    assert np.sqrt(np.mean(np.square(deviations))) == pytest.approx(0.05, abs=0.004)  # sqrt(p (1 - p) / 100)


def test_disjoint_trials_where_there_are_enough_values():
    values = np.arange(40.0)
    blocks = values[np.random.default_rng(7).permutation(40)].reshape(4, 10).mean(1)
    assert trial_sd(values, 4, 10, seed=7) == pytest.approx(blocks.std(ddof=1))


def test_no_trial_sd_where_every_trial_would_be_the_same():
    assert trial_sd(np.arange(100.0), 10, 100, seed=0) is None
    assert trial_sd(np.arange(101.0), 10, 100, seed=0) > 0


def test_values_that_vary_have_an_interval_with_width():
    """Of these two by two neither cutouts nor scenes differ in their means."""
    sources = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    found = estimates({"a": np.array([1.0, 0, 0, 1])}, Resampling(sources, 0))["a"]
    assert found.ci_low < 0.5 < found.ci_high
