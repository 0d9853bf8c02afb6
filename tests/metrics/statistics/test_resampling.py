import numpy as np
import pytest

from bam.metrics.statistics.resampling import Resampling, interval


def test_means_are_those_of_the_images_drawn(monkeypatch):
    monkeypatch.setattr("bam.metrics.statistics.resampling.WEIGHTS_AT_ONCE", 20)  # several rounds
    sources = np.array([["a", "x"], ["a", "y"], ["b", "x"], ["c", "z"], ["b", "y"]])
    values = np.array([[1, 2], [2, np.nan], [4, 8], [8, 16], [16, np.nan]])
    resampling = Resampling(sources, seed=3, samples=50)
    rng = np.random.default_rng(3)
    drawn = [
        dict(zip(names, rng.multinomial(3, [1 / 3] * 3, size=50).T, strict=True)) for names in ("abc", "xyz")
    ]
    means = resampling.drawn_means(values)
    for sample in range(50):
        for column in (0, 1):
            copies = []
            for value, (cutout, scene) in zip(values[:, column], sources, strict=True):
                if not np.isnan(value):
                    copies += [value] * int(drawn[0][cutout][sample] * drawn[1][scene][sample])
            if copies:
                assert means[sample, column] == pytest.approx(np.mean(copies))
            else:
                assert np.isnan(means[sample, column])
    assert np.isnan(means).any()


def test_columns_with_one_source_have_no_means():
    sources = np.array([["a", "x"], ["b", "x"], ["b", "y"]])
    values = np.array([[1, 1, np.nan], [2, 2, np.nan], [3, np.nan, np.nan]])
    means = Resampling(sources, seed=0).means(values)
    assert not np.isnan(means[:, 0]).all()
    assert np.isnan(means[:, 1:]).all()  # both of scene x; none at all
    assert interval(means[:, 1]) == (None, None)


def test_fewest_sources_are_those_of_the_images_used():
    resampling = Resampling(np.array([["a", "x"], ["b", "y"], ["b", "z"]]), seed=0)
    assert resampling.fewest_sources(np.array([True, True, True])) == 2
    assert resampling.fewest_sources(np.array([False, True, True])) == 1
    assert resampling.fewest_sources(np.zeros(3, bool)) == 0


def test_independent_values_are_not_taken_too_cautiously():
    own = np.arange(400)
    values = np.random.default_rng(0).normal(size=(400, 1))
    resampling = Resampling(np.stack([own, own[::-1]], 1), seed=0, samples=4000)
    error = values.std() / 20
    assert resampling.drawn_means(values).std() == pytest.approx(np.sqrt(3) * error, rel=0.05)  # Owen 2007
    assert resampling.means(values).std() == pytest.approx(error, rel=0.01)


def test_a_column_that_does_not_vary_changes_nothing_for_the_others():
    own, values = np.arange(100), np.random.default_rng(0).normal(size=(100, 2))
    resampling = Resampling(np.stack([own, own[::-1]], 1), seed=0)
    alone = resampling.means(values)
    beside = resampling.means(np.column_stack([values, np.ones(100)]))
    np.testing.assert_allclose(beside[:, :2], alone)
    assert (beside[:, 2] == 1).all()


def test_clustered_variance_by_hand():
    # Residuals -1 0 0 1; by cutout and by scene the sums are -1 and 1. Times G / (G - 1), over n squared.
    sources = np.array([["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]])
    resampling, values = Resampling(sources, seed=0), np.array([[0, 1, 1, 2]]).T
    by_cutout, by_scene, by_both = 2 * 2 / 16, 2 * 2 / 16, 2 * (4 / 3) / 16
    expected = by_cutout + by_scene - by_both
    assert resampling.clustered_variance(values)[0] == pytest.approx(expected)
    longer = Resampling(np.concatenate([sources, [["c", "z"]]]), seed=0)
    with_nan = np.concatenate([values, [[np.nan]]])
    assert longer.clustered_variance(with_nan)[0] == pytest.approx(expected)
    # Residuals -3 -1 1 3: by cutout -4 and 4, by scene -2 and 2. 4 + 1 - 5/3 is less than by cutout alone.
    assert resampling.clustered_variance(np.array([[0, 2, 4, 6]]).T)[0] == pytest.approx(4)
