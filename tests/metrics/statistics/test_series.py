import numpy as np
import pytest
from scipy import stats

from bam.metrics.statistics.rank_correlation import correlation_estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.series import series_contributions


@pytest.fixture
def tables():
    """Of three trainings of six networks on 12 images."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(3, 6, 1)) - np.arange(6)[:, None] / 3 + rng.normal(size=(3, 6, 12))
    return 0.5 * y + rng.normal(size=(3, 1, 1)) + rng.normal(size=(3, 6, 12)), y


def weighted(x, y, trainings, images, place=False):
    """r where trainings and images count with these weights; `place`: of residuals of each network's mean."""
    images, points = images / images.sum(), np.repeat(trainings, x.shape[1])
    means = [(each * images).sum(2) for each in (x, y)]
    if place:
        means = [each - np.average(each, 0, trainings) for each in means]
    covariance = np.cov(*(each.ravel() for each in means), aweights=points)
    return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


@pytest.mark.parametrize("place", [False, True])
def test_contributions_are_the_correlation_and_its_derivatives(tables, place):
    found = series_contributions(*tables, given_place=place)
    even, step = (np.ones(3), np.ones(12)), 1e-6
    r = weighted(*tables, *even, place)
    assert found.mean() == pytest.approx(r)
    larger = np.sqrt(2 / 1 if place else 3 / 2)  # T / (T - 1) of three, or of the two that means leave
    for training in range(3):
        more = even[0] + step * 3 * np.eye(3)[training]
        slope = (weighted(*tables, more, even[1], place) - r) / step
        assert found.mean(1)[training] - r == pytest.approx(larger * slope, abs=1e-4)
    for image in range(12):
        more = even[1] + step * 12 * np.eye(12)[image]
        slope = (weighted(*tables, even[0], more, place) - r) / step
        assert found.mean(0)[image] - r == pytest.approx(slope, abs=1e-4)


def test_the_partial_correlation_is_that_of_residuals(tables):
    x, y = (table.mean(2) for table in tables)
    dummies = np.tile(np.eye(6), (3, 1))
    rest = [each.ravel() - dummies @ np.linalg.lstsq(dummies, each.ravel(), rcond=None)[0] for each in (x, y)]
    found = series_contributions(*tables, given_place=True)
    assert found.mean() == pytest.approx(stats.pearsonr(*rest).statistic)


def test_points_without_images_do_not_count(tables):
    x, y = (table.copy() for table in tables)
    x[0, 2] = np.nan
    x[1, 3, :5] = np.nan
    means = [np.delete(np.nanmean(each, 2).ravel(), 2) for each in (np.where(np.isnan(x), 9, x), y)]
    means[0][8] = np.nanmean(x[1, 3])
    assert series_contributions(x, y).mean() == pytest.approx(stats.pearsonr(*means).statistic)
    assert not np.isnan(series_contributions(x, y)).any()


def test_a_predictor_of_the_place_alone(tables):
    x = np.arange(6.0)[None, :, None]
    found = series_contributions(x, tables[1])
    points = np.tile(np.arange(6), 3), tables[1].mean(2).ravel()
    assert found.mean() == pytest.approx(stats.pearsonr(*points).statistic)
    assert np.isnan(series_contributions(x, tables[1], given_place=True)).all()  # nothing is left of it


def test_what_has_no_correlation(tables):
    assert np.isnan(series_contributions(np.zeros((3, 6, 12)), tables[1])).all()
    assert np.isnan(series_contributions(np.full((3, 6, 12), np.nan), tables[1])).all()
    assert np.isnan(series_contributions(*(table[:1, :3] for table in tables))).all()  # three points
    none = {"a": series_contributions(np.zeros((3, 6, 12)), tables[1])}
    assert correlation_estimates(none, Resampling(np.arange(12)[:, None], 0))["a"].value is None


@pytest.mark.parametrize(("place", "truth"), [(False, 0.8021), (True, 0.6088)])
def test_intervals_hold_the_truth(place, truth):
    """Where attribution follows the drop by half, and a training moves all of its networks together.

    The truth is in closed form. Given the place the derivatives alone hold it in 269 of these data sets."""
    rng, images, held = np.random.default_rng(0), Resampling(np.arange(12)[:, None], 0), 0
    for _ in range(300):
        drop = 0.6 - 0.06 * np.arange(10) + 0.12 * rng.normal(size=(3, 10))
        mcs = 0.5 * drop + 0.05 * rng.normal(size=(3, 1)) + 0.06 * rng.normal(size=(3, 10))
        noisy = [each[..., None] + 0.01 * rng.normal(size=(3, 10, 12)) for each in (mcs, drop)]
        found = correlation_estimates({"": series_contributions(*noisy, given_place=place)}, images)[""]
        held += found.ci_low <= truth <= found.ci_high
    assert held >= 275  # of 285 that should
