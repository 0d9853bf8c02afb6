"""The measures on values whose answers are known."""

import numpy as np
import pytest
from scipy import stats

from bam.metrics.judging.measures import Judged, agreement, fixed_agreement, separation, soundness, spread
from bam.metrics.statistics.resampling import Resampling

N = 120
SOURCES = np.arange(N).astype(str)[:, None]


def metric(values, direction="up", name="metric"):
    real = [key for key in values if key != "random"]
    return Judged(name, direction, values, Resampling(SOURCES, 0), real)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_separation_is_the_mean_difference_over_its_deviation(rng):
    base = rng.normal(size=N)
    values = {"random": base, "a": base + rng.normal(1, 0.5, N), "b": base + rng.normal(3, 0.5, N)}
    found = separation(metric(values))
    pooled = (values["a"] + values["b"]) / 2 - base
    assert found.pooled.value == pytest.approx(pooled.mean() / pooled.std(ddof=1))
    assert found.pooled.ci_low < found.pooled.value < found.pooled.ci_high
    assert found.methods["a"].value < found.methods["b"].value
    assert set(found.better_than_random) == {"a", "b"}
    assert found.of == 2


def test_methods_like_random_are_not_separated(rng):
    values = {name: rng.normal(size=N) for name in ("random", "a", "b")}
    found = separation(metric(values))
    assert found.pooled.ci_low < 0 < found.pooled.ci_high
    assert found.better_than_random == ()


def test_how_many_are_better_depends_little_on_how_many_are_asked(rng):
    """Only the tests against random count: fifteen of them, not all 120 pairs."""
    base = rng.normal(size=N)
    values = {"random": base, **{f"m{i}": base + rng.normal(0.27, 1, N) for i in range(15)}}
    values["m0"] = base + 0.27 + 0.9 * (noise := rng.normal(size=N)) - 0.9 * noise.mean()
    p = stats.ttest_rel(values["m0"], base).pvalue
    assert 0.05 / 120 < 15 * p < 0.05  # corrected for all pairs, it would not pass
    assert "m0" in separation(metric(values)).better_than_random


def test_methods_worse_than_random_are_not_better(rng):
    base = rng.normal(size=N)
    found = separation(metric({"random": base, "a": base - rng.normal(1, 0.5, N)}))
    assert found.pooled.ci_high < 0
    assert found.better_than_random == ()
    assert found.worse_than_random == ("a",)


def test_without_random_or_without_difference_nothing_is_said(rng):
    assert separation(metric({"a": rng.normal(size=N)})) is None
    assert separation(metric({"random": np.ones(N), "a": np.ones(N)})).pooled.value is None


def test_spread_is_the_ratio_of_what_methods_and_what_chance_do(rng):
    effects = np.array([0.0, 1.0, 5.0])
    images = rng.normal(0, 30, N)  # what all methods have in common does not count
    values = {f"m{i}": images + effect + rng.normal(0, 2, N) for i, effect in enumerate(effects)}
    found = spread(metric(values))
    assert found.f.value == pytest.approx(effects.std() / 2, rel=0.15)
    assert found.f.ci_low < effects.std() / 2 < found.f.ci_high
    assert found.pairs == 3
    assert found.pairs_apart == 3
    assert found.range == pytest.approx(5, abs=0.6)


def test_the_spread_of_methods_that_do_not_differ_is_about_0(rng):
    """Uncorrected it would be sqrt(11 / 12 / 120) = 0.087."""
    squares, covered = [], 0
    for _ in range(60):
        f = spread(metric({f"m{i}": rng.normal(size=N) for i in range(12)})).f
        squares.append(f.value)
        covered += f.ci_low == 0
    assert np.mean(squares) < 0.04
    assert covered >= 55


def test_equal_methods_have_no_spread(rng):
    column = rng.normal(size=N)
    found = spread(metric({"a": column, "b": column.copy()}))
    assert (found.f.value, found.pairs_apart, found.range) == (None, 0, 0)
    assert spread(metric({"a": column})) is None


def test_a_score_that_falls_with_every_step_is_sound(rng):
    values = {f"s{i}": 10 - i + rng.normal(0, 0.1, N) for i in range(4)}
    found = soundness(metric(values, "down"), (0, 0.3, 0.6, 1))
    assert found.passes
    assert found.reversals == ()
    # Values are shown as the metric gives them, here less is better.
    np.testing.assert_allclose(found.values, [-10, -9, -8, -7], atol=0.1)


def test_a_score_that_rises_is_not(rng):
    noise = [rng.normal(0, 0.1, N) for _ in range(4)]
    levels = (10, 9, 9.5, 7)
    found = soundness(metric({f"s{i}": level + noise[i] for i, level in enumerate(levels)}), (0, 0.3, 0.6, 1))
    assert not found.passes
    (reversal,) = found.reversals
    assert reversal.shares == (0.3, 0.6)
    assert reversal.rise.value == pytest.approx(0.5, abs=0.1)
    assert reversal.beyond_chance


def test_a_rise_by_chance_is_named_as_such(rng):
    column = rng.normal(size=N)
    jitter = rng.normal(0, 1, N)
    jitter += 0.01 - jitter.mean()
    found = soundness(metric({"a": column + 5, "b": column, "c": column + jitter}), (0, 0.5, 1))
    (reversal,) = found.reversals
    assert not reversal.beyond_chance


def test_a_score_that_never_moves_is_not_sound():
    found = soundness(metric({"a": np.ones(N), "b": np.ones(N)}), (0, 1))
    assert not found.passes


def test_metrics_that_rank_alike_agree(rng):
    effects = dict(zip("abcd", (0.0, 1, 2, 3), strict=True))
    first, second, third = (
        metric({name: sign * effect + rng.normal(0, 0.5, N) for name, effect in effects.items()})
        for sign in (1, 1, -1)
    )
    found = agreement(first, second)
    assert (found.tau, found.methods) == (1, 4)
    assert found.p == pytest.approx(2 / 24)
    assert (found.ci_low, found.ci_high) == (1, 1)
    assert agreement(first, third).tau == -1


def test_the_interval_of_tau_allows_for_chance_in_the_rankings(rng):
    """Both metrics rank by the same truth, so that tau is 1, which few resamples reach."""
    held, percentile = 0, 0
    for _ in range(40):
        effects = dict(zip("abcdefgh", 0.1 * np.arange(8), strict=True))
        first, second = (
            metric({name: effect + rng.normal(0, 1, N) for name, effect in effects.items()}) for _ in range(2)
        )
        found = agreement(first, second)
        assert found.ci_low <= found.tau <= found.ci_high
        held += found.ci_high == 1
        percentile += found.tau > 0.95
    assert held >= 30
    assert percentile < 5


def test_rankings_by_chance_have_wide_intervals(rng):
    first, second = (metric({name: rng.normal(size=N) for name in "abcdef"}) for _ in range(2))
    found = agreement(first, second)
    assert found.ci_low <= found.tau <= found.ci_high
    assert found.ci_high - found.ci_low > 0.3


def test_only_methods_that_both_rank_count(rng):
    first = metric({name: rng.normal(size=N) for name in "abc"})
    second = metric({name: rng.normal(size=N) for name in "bcd"})
    assert agreement(first, second) is None


def test_people_who_prefer_what_scores_high_agree(rng):
    found = metric({name: effect + rng.normal(0, 0.1, N) for effect, name in enumerate("abcd")})
    assert fixed_agreement(found, {"a": -4, "b": -3, "c": -2, "d": -1}).tau == 1
    assert fixed_agreement(found, {"a": -1, "b": -2, "c": -3}).tau == -1
    assert fixed_agreement(found, {"a": -1, "b": -2}) is None
