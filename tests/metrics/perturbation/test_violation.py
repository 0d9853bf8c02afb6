import numpy as np
import pytest

from bam.metrics.evaluation.order import PatchGrid
from bam.metrics.perturbation.family import CURVES
from bam.metrics.perturbation.violation import cells, strongest

CURVE = CURVES["violation"]


@pytest.fixture
def images(region_classifier):
    """Class 0: removing from the bright rectangle makes it less sure, and nothing else does anything."""
    images = np.full((4, 12, 16, 3), 20.0)
    images[:, region_classifier.region] = 220
    return images


def violations(parts):
    return parts["violation"][:, 0].tolist()


def measure(explained, patch_grid):
    points = CURVE.measure(explained, PatchGrid(patch_grid)).astype(float)
    return CURVE.parts(points, (12, 16))


@pytest.mark.parametrize("patch_grid", [0, 4, 14])
def test_signs_against_effects(patch_grid, region_classifier, images, explained):
    maps = np.zeros((4, 12, 16))
    maps[0, 5, 6] = 2  # rightly for the class
    maps[1, 5, 6] = -2  # wrongly against it, and stronger than what is right
    maps[1, 3, 9] = 1
    maps[2, 0, 0] = 2  # has no effect
    parts = measure(explained(region_classifier, images, maps), patch_grid)
    assert violations(parts) == [0, 1, 0, 0]  # the last is all 0


def test_what_speaks_against_the_class(region_classifier, images, explained):
    images[:, region_classifier.region] = 140
    images[:, 5, 6] = 20  # darker than the rest of the rectangle: the mean colour there raises the class
    maps = np.zeros((4, 12, 16, 3))
    maps[0, 5, 6, 1], maps[1, 5, 6, 1] = -1, 1
    parts = measure(explained(region_classifier, images, maps), 0)
    assert violations(parts) == [0, 1, 0, 0]


def test_channels_are_summed_with_their_signs():
    maps = np.zeros((1, 2, 2, 3))
    maps[0, 0, 0] = [5, -5, 0.5]
    maps[0, 1, 1] = [-1, -1, 0]
    features = np.arange(4).reshape(2, 2)
    assert [values.tolist() for values in strongest(maps, features, [0])] == [[3], [-2]]


def test_ties_are_drawn():
    maps = np.ones((200, 1, 2)) * [1, -1]
    chosen, weights = strongest(maps, np.array([[0, 1]]), np.arange(200))
    assert 60 < chosen.sum() < 140
    assert (weights == np.where(chosen == 0, 1, -1)).all()


def test_every_cell_can_be_the_strongest():
    features = cells((64, 64), 14)
    maps = np.random.default_rng(0).normal(1, 0.1, (300, 64, 64))
    chosen, weights = strongest(maps, features, np.arange(300))
    np.testing.assert_allclose(weights, [maps[i][features == chosen[i]].mean() for i in range(300)])
    assert np.bincount(np.bincount(features.ravel())).nonzero()[0].tolist() == [16]  # 4 x 4 pixels each
    assert len(set(chosen)) > 150  # of 256; 177 are expected if all are alike


def test_where_sizes_differ_the_largest_are_not_preferred():
    features = cells((61, 61), 14)
    sizes = np.bincount(features.ravel())
    assert (sizes.min(), sizes.max()) == (16, 25)
    chosen, _ = strongest(np.random.default_rng(0).normal(1, 0.1, (300, 61, 61)), features, np.arange(300))
    assert (sizes[chosen] == 25).mean() < 0.5  # by sums, all of them


def test_cells():
    assert cells((4, 6), 2)[:, 0].tolist() == [0, 0, 2, 2]
    assert cells((4, 6), 2)[0].tolist() == [0, 0, 0, 1, 1, 1]
    for grid in (0, 6, 14):
        assert cells((4, 6), grid).ravel().tolist() == list(range(24))
    for size, rows, columns in (
        ((64, 64), 16, 16),
        ((224, 224), 14, 14),
        ((96, 61), 16, 14),
        ((60, 9), 15, 9),
    ):
        found = cells(size, 14)
        assert (found[:, 0].max() // columns + 1, found[0].max() + 1) == (rows, columns)


def test_the_supplements_variant(region_classifier, images, explained):
    """A bright pixel in a dark rectangle that speaks against class 1: without it, class 1 is surer."""
    images[:] = 50
    images[:, 5, 6] = 250  # 1 of 192 pixels: the first tenth holds it where the map is right
    maps = np.zeros((4, 12, 16))
    maps[0, 5, 6] = 1
    outside = ~region_classifier.region
    maps[1, outside] = 1 + np.random.default_rng(0).random(outside.sum())
    parts = measure(explained(region_classifier, images, maps), 0)
    assert parts["curve"][0].tolist() == [0] + [1] * 10
    # 168 of 192 pixels are without effect: 8 tenths are 153, 9 are 172.
    assert parts["curve"][1].tolist() == [0] * 9 + [1, 1]
    value = CURVE.beside["deletion_violation"][1](parts)
    assert value[:2] == pytest.approx([0.95, 0.15])
