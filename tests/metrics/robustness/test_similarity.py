"""Similarities against the libraries called directly, closed forms, and what is not defined."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from skimage.feature import hog
from skimage.metrics import structural_similarity

from bam.metrics.robustness.similarity import cell_of, comparable, similarity


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    first = rng.normal(0, 3, (2, 40, 48, 3)).astype(np.float32)
    return first, first + rng.normal(0, 2, first.shape).astype(np.float32)


def test_they_are_those_of_the_libraries(maps):
    first, second = (comparable(each, "smoothgrad") for each in maps)
    for raw, plane in zip(maps[0], first, strict=True):
        sums = raw.astype(float).sum(-1)
        np.testing.assert_allclose(plane, sums / max(sums.max(), -sums.min()))
    for one, other in zip(first, second, strict=True):
        found = similarity(one, other, "smoothgrad", 4)
        features = [hog(each, pixels_per_cell=(4, 4)) for each in (one, other)]
        assert found.ssim == pytest.approx(structural_similarity(one, other, win_size=5, data_range=2))
        assert found.hog == pytest.approx(pearsonr(*features).statistic)
        assert found.spearman == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic)
        assert 0.1 < min(found) <= max(found) < 0.95


def ranks(values):
    return [(values < value).sum() + ((values == value).sum() - 1) / 2 for value in values]


def test_ties_have_their_mean_rank():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 3, (2, 5, 6)).astype(float)
    expected = np.corrcoef(ranks(first.ravel()), ranks(second.ravel()))[0, 1]
    assert similarity(first, second, "lime", 1).spearman == pytest.approx(expected)


def test_ssim_by_its_formula():
    """In a window of 5 x 5 that is all of the map: Wang et al. 2004, variances without bias."""
    first, second = np.random.default_rng(2).uniform(-1, 1, (2, 5, 5))
    for method, span in (("lime", 2), ("sliding_patch", 2), ("meaningful_perturbation_g", 1)):
        c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
        covariance = np.cov(first.ravel(), second.ravel())
        products = (2 * first.mean() * second.mean() + c1) * (2 * covariance[0, 1] + c2)
        sums = (first.mean() ** 2 + second.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
        assert similarity(first, second, method, 1).ssim == pytest.approx(products / sums)


def test_the_same_and_the_opposite(maps):
    plane = comparable(maps[0], "lime")[0]
    assert similarity(plane, plane, "lime", 3) == pytest.approx((1, 1, 1))
    opposite = similarity(plane, -plane, "lime", 3)
    assert opposite.spearman == pytest.approx(-1)
    assert opposite.ssim < 0.9
    assert opposite.hog == pytest.approx(1)  # gradients have no sign
    # Ranks do not change with a growing function, nor histograms with a factor.
    assert similarity(plane, np.exp(plane), "lime", 3).spearman == pytest.approx(1)
    assert similarity(plane, plane / 2, "lime", 3).hog == pytest.approx(1, abs=1e-4)


def test_what_has_nothing_in_common():
    first, second = np.random.default_rng(3).random((2, 64, 64))
    found = similarity(first, second, "random", 5)
    assert found == pytest.approx((0, 0, 0), abs=0.2)
    assert abs(found.spearman) < 0.05


def test_maps_without_differences_are_like_nothing():
    plane, even = np.random.default_rng(4).random((9, 9)), np.full((9, 9), 0.3)
    for pair in ((plane, even), (even, plane), (even, even)):
        assert np.isnan(similarity(*pair, "lime", 2)).all()


def test_small_differences_are_differences():
    plane = np.full((9, 9), 0.3, np.float32)
    plane[2, 3] = np.nextafter(plane[2, 3], np.float32(1))
    found = similarity(*[comparable(plane[None], "lime")[0]] * 2, "lime", 2)
    assert found.spearman == pytest.approx(1)
    nearly = 0.3 * (1 + 1e-16 * np.random.default_rng(0).integers(-3, 4, (9, 9)))
    assert np.isnan(similarity(nearly, plane.astype(float), "lime", 2)).all()


def test_what_is_too_small_has_no_windows_and_no_blocks():
    first, second = np.random.default_rng(5).random((2, 4, 30))
    found = similarity(first, second, "lime", 2)
    assert np.isnan([found.ssim, found.hog]).all()
    assert np.isfinite(found.spearman)
    assert np.isfinite(similarity(first, second, "lime", 1).hog)


def test_only_some_maps_are_scaled():
    maps = np.array([[[0.0, -4.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    np.testing.assert_array_equal(comparable(maps, "lime"), maps / 4)
    for method in (
        "sliding_patch",
        "sliding_patch_g",
        "meaningful_perturbation",
        "meaningful_perturbation_g",
    ):
        np.testing.assert_array_equal(comparable(maps, method), maps)
    assert np.isnan(comparable(np.full((1, 2, 2), np.nan), "lime")).all()


def test_cells_are_the_same_share_of_every_image():
    assert [cell_of((side, side + 3)) for side in (224, 64, 28, 4)] == [16, 5, 2, 1]
