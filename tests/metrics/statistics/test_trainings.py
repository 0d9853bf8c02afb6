import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.moments import moments
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import Between, between_trainings, outperforming


def alone(count):
    """Images that share nothing."""
    return Resampling(np.arange(count)[:, None], 0, samples=200)


def of(values):
    values = np.asarray(values, float)
    return between_trainings({"": values}, alone(values.shape[1]))[""]


def test_sd_between_trainings_with_and_without_what_images_bring():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5, 20))
    found = of(table)
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    by_images = (rest**2).sum() / 4 / 19 / 20
    assert found.means == pytest.approx(tuple(table.mean(1)))
    assert found.sd == pytest.approx(table.mean(1).std(ddof=1))
    assert found.sd_by_images == pytest.approx(np.sqrt(by_images))
    assert found.sd_corrected == pytest.approx(np.sqrt(max(0, found.sd**2 - by_images)))
    moved = of(table + np.arange(5)[:, None])
    assert moved.sd_by_images == pytest.approx(found.sd_by_images)
    expected = (table.mean(1) + np.arange(5)).var(ddof=1) - by_images
    assert moved.sd_corrected == pytest.approx(np.sqrt(expected))


def test_on_average_the_corrected_variance_is_the_true_one():
    """Where images share sources, on which trainings differ."""
    rng = np.random.default_rng(1)
    own = rng.normal(size=(4, 10, 400))[:, np.repeat(np.arange(10), 4)] + rng.normal(size=(4, 40, 400))
    table = own + 0.3 * rng.normal(size=(4, 1, 400)) + rng.normal(size=(1, 40, 400))
    found = moments(table, Resampling(np.repeat(np.arange(10), 4)[:, None], 0))
    assert (found.between - found.noise).mean() == pytest.approx(0.09, abs=0.015)


def test_shares_of_variance():
    rng = np.random.default_rng(2)
    trainings, images = np.array([-1.0, 0, 1])[:, None], rng.normal(size=(1, 2000))
    found = of(trainings + images).shares
    share = 1 / (1 + images.var(ddof=1) / 2000)
    assert found.trainings.value == pytest.approx(share)
    assert found.trainings.value + found.images.value == pytest.approx(1)
    assert found.interaction.value == pytest.approx(0, abs=1e-9)
    # Of two trainings' degrees of freedom; the images' variance is all but known.
    ends = [2 / stats.chi2(2).ppf(tail) for tail in (0.975, 0.025)]
    ends = [part / (part + images.var(ddof=1) / 2000) for part in ends]
    assert (found.trainings.ci_low, found.trainings.ci_high) == pytest.approx(ends, rel=2e-4)
    assert found.trainings.n == 3
    mixed = of(trainings + 20 * rng.normal(size=(1, 50)) + 20 * rng.normal(size=(3, 50))).shares
    parts = (mixed.trainings, mixed.images, mixed.interaction)
    assert sum(part.value for part in parts) == pytest.approx(1)
    assert all(0 <= part.ci_low <= part.value <= part.ci_high <= 1 for part in parts)
    assert mixed.images.value > 0.1 < mixed.interaction.value


def test_what_is_not_known_between_trainings():
    values = np.random.default_rng(3).normal(size=(2, 8))
    assert of(values[:1]) == Between((pytest.approx(values[0].mean()),), n=(8,))
    nothing = np.full(8, np.nan)
    assert of([values[0], nothing]) == Between((pytest.approx(values[0].mean()), None), n=(8, 0))
    assert of([nothing, nothing]) == Between((None, None), n=(0, 0))
    same = of([values[0], values[0]])
    assert (same.sd, same.sd_corrected, same.shares) == (0, 0, None)  # an interval would have no width
    assert of(np.ones((2, 8))).shares is None
    apart = values.copy()
    apart[0, :4] = apart[1, 4:] = np.nan  # no image in common
    assert of(apart).sd == pytest.approx(np.nanmean(apart, 1).std(ddof=1))
    assert (of(apart).sd_corrected, of(apart).shares) == (None, None)
    assert between_trainings({}, alone(8)) == {}


def test_who_wins_in_how_many_trainings():
    a, b = np.array([[3.0, 4], [2, 5], [1, 1], [0, 1], [2, 2]]), np.array([[1.0, 2]] * 4 + [[3, 1]])
    found = outperforming({"a": a, "b": b}, "up")["a", "b"]  # won, won, lost, lost, a tie
    assert (found.value, found.n) == (0.5, 5)
    won = outperforming({"a": a[:4], "b": b[:4]}, "down")["a", "b"]
    exact = stats.binomtest(2, 4).proportion_ci(method="exact")
    assert (won.ci_low, won.ci_high) == pytest.approx((exact.low, exact.high))
    assert won.ci_low > found.ci_low or won.ci_high > found.ci_high
    same = outperforming({"a": a, "b": (a + 0.1) - 0.1}, "up")["a", "b"]  # but for rounding
    assert same.value == 0.5
    all_won = outperforming({"a": a[:2], "b": b[:2]}, "up")["a", "b"]
    assert all_won == Estimate(1.0, pytest.approx(0.025**0.5), 1.0, 2)
    assert outperforming({"b": b[:2], "a": a[:2]}, "up")["b", "a"].ci_low == 0


def test_who_wins_is_asked_over_images_that_both_use():
    a, b = np.array([[1.0, np.nan], [1, 9], [1, 1]]), np.array([[0.0, 9], [2, np.nan], [np.nan, np.nan]])
    found = outperforming({"a": a, "b": b}, "up")["a", "b"]
    assert (found.value, found.n) == (0.5, 2)
    assert outperforming({"a": a[0], "b": b[0]}, "up") == {("a", "b"): Estimate(None, n=1)}
    assert outperforming({}, "up") == {}


def test_the_test_of_one_pair_knows_the_trainings():
    rng = np.random.default_rng(4)
    difference = rng.normal(1, 1, size=(4, 1)) + rng.normal(size=(1, 30)) + rng.normal(size=(4, 30))
    base = rng.normal(size=(4, 30))
    found = compare({"a": base + difference, "b": base}, alone(30), "up").tests[0]
    parts = [30 * difference.mean(1).var(ddof=1), 4 * difference.mean(0).var(ddof=1)]
    rest = difference - difference.mean(1, keepdims=True) - difference.mean(0) + difference.mean()
    total = sum(parts) - (rest**2).sum() / 3 / 29
    freedom = total**2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 29)
    assert found.p == pytest.approx(2 * stats.t(freedom).sf(difference.mean() / np.sqrt(total / 120)))
    assert found.p <= found.p_adjusted < found.p + 0.05  # by 200 resamples
    assert found.difference.value == pytest.approx(difference.mean())


def test_one_training_is_compared_as_without_it():
    rng = np.random.default_rng(5)
    values = {name: rng.normal(shift, 1, 40) for name, shift in zip("abcr", (0, 0.4, 1, 0), strict=True)}
    values["a"][:3] = np.nan
    one = {name: column[None] for name, column in values.items()}
    assert compare(one, alone(40), "up", {"r"}) == compare(values, alone(40), "up", {"r"})


def test_a_difference_that_is_the_same_in_all_trainings_has_the_p_of_a_sign_test():
    base = np.random.default_rng(6).normal(size=(3, 8))
    found = compare({"a": base + 0.5, "b": base}, alone(8), "up").tests[0]
    assert found.p == pytest.approx(2**-7)
    assert {test.p_adjusted for test in compare({"a": base, "b": base}, alone(8), "up").tests} == {1.0}


def test_rank_sets_hold_where_few_trainings_agree_by_luck(monkeypatch):
    rng, held = np.random.default_rng(7), {}
    sets = [rng.normal(size=(3, 12, 8)) + 4 * rng.normal(size=(3, 1, 8)) for _ in range(15)]
    for borrowed in (2, 0):
        monkeypatch.setattr("bam.metrics.statistics.comparison.BORROWED", borrowed)
        found = [compare(dict(enumerate(np.moveaxis(table, -1, 0))), alone(12), "up").ranks for table in sets]
        held[borrowed] = sum(set(ranks.values()) == {(1, 8)} for ranks in found)
    assert held[2] >= 14
    assert held[0] <= held[2] - 3


def test_what_would_decide_is_said_in_images_and_trainings():
    rng = np.random.default_rng(8)
    base = rng.normal(size=(3, 20))
    found = compare({"a": base, "b": base + 0.1 + rng.normal(size=(3, 1))}, alone(20), "up")
    pair = found.undecided
    assert pair.trainings == int(np.ceil(pair.images / 20 * 3)) > 3
    assert f"and {pair.trainings:,} trainings, to tell" in found.notes()[0]
    one = compare({"a": base[0], "b": rng.normal(size=20)}, alone(20), "up")
    assert one.undecided.trainings is None
    assert "trainings" not in one.notes()[0]
