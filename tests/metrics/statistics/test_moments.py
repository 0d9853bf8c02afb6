"""Means over images and over several trainings: variances, degrees of freedom, intervals."""

import numpy as np
import pytest
from scipy import special, stats

from bam.metrics.statistics.estimate import Estimate, curve_estimates, estimates
from bam.metrics.statistics.moments import image_values, moments, stacked
from bam.metrics.statistics.resampling import Resampling


def alone(count):
    """Images that share nothing."""
    return Resampling(np.arange(count)[:, None], 0)


def of(values, rates=False):
    return estimates({"": np.asarray(values, float)}, alone(np.shape(values)[-1]), rates)[""]


def drawn(rng, trainings=4, images=30, columns=1, sd=0.5):
    """float (trainings, images, columns): a part by training, one by image, and one by both."""
    parts = (trainings, 1, columns), (1, images, columns), (trainings, images, columns)
    return sum(scale * rng.normal(size=shape) for scale, shape in zip((sd, 1, 1), parts, strict=True))


def squares(table):
    """Mean squares of an analysis of variance in two ways without replication: trainings, images, rest."""
    trainings, images = table.shape
    whole, by_training, by_image = table.mean(), table.mean(1), table.mean(0)
    rest = [
        (table[t, i] - by_training[t] - by_image[i] + whole) ** 2
        for t in range(trainings)
        for i in range(images)
    ]
    return (
        images * sum((by_training - whole) ** 2) / (trainings - 1),
        trainings * sum((by_image - whole) ** 2) / (images - 1),
        sum(rest) / (trainings - 1) / (images - 1),
    )


def test_variances_are_those_of_an_analysis_in_two_ways():
    table = drawn(np.random.default_rng(0), sd=1)
    found, (between, images, rest) = moments(table, alone(30)), squares(table[..., 0])
    assert found.between[0] == pytest.approx(between / 30)
    assert found.images[0] == pytest.approx(images / 120)
    assert found.noise[0] == pytest.approx(rest / 30)
    (variance,), (freedom,) = found.variance()
    assert variance == pytest.approx((between + images - rest) / 120)
    by_hand = (between + images - rest) ** 2 / (between**2 / 3 + images**2 / 29)
    assert freedom == pytest.approx(by_hand)
    assert 3 < by_hand < 29
    estimate = of(table[..., 0])
    width = stats.t.ppf(0.975, by_hand) * np.sqrt(variance)
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((table.mean() - width, table.mean() + width))
    assert estimate.n == 30


def test_of_one_training_all_is_as_without_it():
    rng = np.random.default_rng(1)
    resampling = Resampling(np.stack([np.arange(40) % 8, np.arange(40) % 5], 1), 0)
    values = {"scores": rng.normal(size=40), "holes": np.where(rng.random(40) < 0.2, np.nan, rng.random(40))}
    one = {name: column[None] for name, column in values.items()}
    assert estimates(one, resampling) == estimates(values, resampling)
    assert estimates(one, resampling, rates=True) == estimates(values, resampling, rates=True)
    assert curve_estimates({"a": rng.random((40, 3))}, resampling).keys() == {"a"}
    curve = rng.random((40, 3))
    assert curve_estimates({"": curve[None]}, resampling) == curve_estimates({"": curve}, resampling)
    table = stacked(values.values())
    for here, there in zip(
        moments(table, resampling).variance(), resampling.clustered_variance(table[0]), strict=True
    ):
        np.testing.assert_array_equal(here, there)


def test_what_an_image_brings_is_how_the_mean_changes_with_its_weight():
    table = drawn(np.random.default_rng(2), trainings=3, images=8)[..., 0]
    table[0, 0] = table[1, 1] = table[0, 1] = table[2, 4:] = np.nan
    table[:, 3] = np.nan

    def mean(weights):
        used = ~np.isnan(table)
        return np.mean([np.average(row[u], weights=weights[u]) for row, u in zip(table, used, strict=True)])

    found = image_values(table[..., None])[:, 0]
    step = 1e-6
    slopes = [(mean(1 + step * one) - mean(1 - step * one)) / (2 * step) for one in np.eye(8)]
    assert np.isnan(found[3])
    np.testing.assert_allclose(np.nan_to_num(found), 7 * np.array(slopes), atol=1e-8)
    assert of(table).value == pytest.approx(mean(np.ones(8)))


@pytest.mark.parametrize("rates", [True, False])
def test_trainings_that_are_all_the_same_are_as_one(rates):
    values = (np.random.default_rng(3).random(50) < 0.8).astype(float)
    one, three = of(values, rates), of(np.stack([values] * 3), rates)
    assert (three.value, three.ci_low, three.ci_high, three.n) == pytest.approx(
        (one.value, one.ci_low, one.ci_high, one.n)
    )


def test_the_interval_covers_other_trainings_and_is_no_wider_than_needed():
    """One by a t with a degree of freedom less than there are trainings would cover all of these."""
    table = drawn(np.random.default_rng(4), trainings=3, images=30, columns=400, sd=0.2)
    found = estimates(dict(enumerate(np.moveaxis(table, -1, 0))), alone(30)).values()
    assert 365 <= sum(each.ci_low <= 0 <= each.ci_high for each in found) <= 392
    wide = stats.t.ppf(0.975, 2) * np.sqrt(moments(table, alone(30)).variance()[0])
    assert (np.abs(table.mean((0, 1))) <= wide).sum() >= 398


def test_rates_that_all_agree():
    assert of(np.ones((3, 40)), rates=True) == of(np.ones(40), rates=True)
    assert of(np.full((3, 40), 0.5), rates=True) == Estimate(0.5, None, None, 40)
    apart = of(np.repeat([[0.0], [1.0]], 10, 1), rates=True)  # each training agrees with itself alone
    width = stats.t.ppf(0.975, 1) * 0.5 / 0.25
    assert (apart.ci_low, apart.ci_high) == pytest.approx((special.expit(-width), special.expit(width)))


def test_trainings_that_cancel_each_other_still_vary():
    values = np.arange(10) % 2
    found = of(np.stack([values, 1 - values]))
    assert found.ci_low < found.value == 0.5 < found.ci_high


def test_nan_are_left_out():
    table = drawn(np.random.default_rng(5), trainings=3, images=12)[..., 0]
    nothing = np.full((1, 12), np.nan)
    more, less = of(np.concatenate([table, nothing])), of(table)
    assert (more.ci_low, more.ci_high, more.n) == pytest.approx((less.ci_low, less.ci_high, 12))
    assert of(np.concatenate([nothing, nothing])) == Estimate(None)
    assert of(np.concatenate([table[:1], nothing])).ci_low == pytest.approx(of(table[0]).ci_low)
    table[1:, :3] = np.nan  # used in one training alone
    assert of(table).n == 12
    assert of(table).ci_low < np.mean([np.nanmean(row) for row in table]) < of(table).ci_high
    assert of(table[:, :1]) == Estimate(of(table[:, :1]).value, None, None, 1)  # one source
