import numpy as np
import pytest

from bam.metrics.evaluation.order import orders, patchified, relevance, top

SEEDS = np.arange(3, dtype=np.uint64)


def test_negative_values_are_clipped_in_each_channel_before_they_are_summed():
    maps = np.array([[[[1.0, -5.0, 2.0], [-1.0, -1.0, -1.0]]]])
    planes, states = relevance(maps)
    np.testing.assert_array_equal(planes, [[[3, 0]]])
    assert states == ["ok"]


def test_the_strongest_pixels_keep_their_order():
    """Unlike in the positive map, which makes the top percent equal."""
    plane = np.arange(1000.0).reshape(1, 20, 50)
    order = orders(relevance(plane)[0], SEEDS[:1])
    np.testing.assert_array_equal(order[0], np.arange(999, -1, -1))


def test_constant_and_nan_maps_are_named():
    maps = np.stack([np.ones((4, 5)), -np.ones((4, 5)), np.eye(4, 5)])
    maps[2, 1, 1] = np.nan
    planes, states = relevance(maps)
    assert states == ["constant_map", "constant_map", "nan_map"]
    assert np.isnan(planes[2]).all()
    assert not np.isnan(planes[:2]).any()
    assert relevance(np.full((1, 2, 2), np.inf))[1] == ["nan_map"]


def test_finite_maps_are_used_however_large_they_are():
    small = np.random.default_rng(0).random((2, 6, 7, 3)).astype(np.float32)
    planes, states = relevance(small * np.float32(3e38))
    assert states == ["ok", "ok"]
    np.testing.assert_array_equal(orders(planes, SEEDS[:2]), orders(relevance(small)[0], SEEDS[:2]))


def test_patchified_maps_are_what_the_official_resampling_gives():
    """The supplement's code: torch's bilinear interpolation by 1/16, then by 16."""
    torch = pytest.importorskip("torch")
    planes = np.random.default_rng(0).normal(size=(2, 224, 224)).astype(np.float32)
    small = torch.nn.functional.interpolate(torch.tensor(planes)[None], scale_factor=1 / 16, mode="bilinear")
    expected = torch.nn.functional.interpolate(small, scale_factor=16, mode="bilinear")[0].numpy()
    np.testing.assert_allclose(patchified(planes), expected, atol=1e-5)


def test_patchified_maps_keep_what_is_linear_within_the_outer_patches_centres():
    rows, columns = np.mgrid[:56, :84]
    plane = (2.0 * rows - columns)[None]
    inner = np.s_[:, 4:-4, 6:-6]
    np.testing.assert_allclose(patchified(plane)[inner], plane[inner], atol=1e-4)


def test_patchified_maps_of_few_pixels_are_the_maps():
    plane = np.random.default_rng(0).random((1, 14, 14))
    np.testing.assert_allclose(patchified(plane), plane, atol=1e-6)


def test_an_order_holds_every_pixel_once_and_falls():
    planes = np.random.default_rng(0).integers(0, 4, (3, 6, 7)).astype(np.float32)
    order = orders(planes, SEEDS)
    for row, plane in zip(order, planes, strict=True):
        assert sorted(row) == list(range(42))
        assert (np.diff(plane.ravel()[row]) <= 0).all()


def test_ties_come_in_an_order_of_the_images_seed_alone():
    planes = np.zeros((3, 8, 9), np.float32)
    order = orders(planes, SEEDS)
    assert not (order[0] == order[1]).all()
    np.testing.assert_array_equal(orders(planes[1:2], SEEDS[1:2])[0], order[1])


def test_ties_prefer_no_place():
    """The first quarter of a constant map's order has as many pixels above as below."""
    seeds = np.arange(400, dtype=np.uint64)
    order = orders(np.zeros((400, 8, 8), np.float32), seeds)
    above = (order[:, :16] < 32).mean()
    assert abs(above - 0.5) < 0.03  # five standard deviations


def test_top_takes_exactly_as_many_pixels_as_asked():
    planes = np.random.default_rng(0).random((3, 6, 7))
    order = orders(planes, SEEDS)
    for count in (0, 1, 17, 42):
        assert (top(order, count, (6, 7)).sum((1, 2)) == count).all()
    chosen = top(order, np.array([0, 5, 42]), (6, 7))
    assert chosen.sum((1, 2)).tolist() == [0, 5, 42]
    assert planes[1][chosen[1]].min() >= planes[1][~chosen[1]].max()
