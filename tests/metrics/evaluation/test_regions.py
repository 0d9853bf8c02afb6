import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bam.metrics.evaluation.regions import (
    positive_map,
    random_regions,
    region_attribution,
    signed_attribution,
)


def by_hand(raw):
    """The paper's recipe for one map (h, w, channels), spelled out."""
    total = np.zeros(raw.shape[:2])
    for channel in np.moveaxis(raw, -1, 0):
        total += np.where(channel > 0, channel, 0)
    low, high = total.min(), np.sort(total.ravel())
    position = 0.99 * (len(high) - 1)
    below = int(position)
    share = position - below
    top = high[below] * (1 - share) + high[min(below + 1, len(high) - 1)] * share
    return np.clip((total - low) / (top - low), 0, 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(5, 9, 3), (16, 16, 1), (30, 4, 2)]))
def test_positive_map_is_the_papers_recipe(seed, shape):
    raw = np.random.default_rng(seed).normal(size=shape)
    maps, states = positive_map(raw[None])
    assert states == ["ok"]
    np.testing.assert_allclose(maps[0], by_hand(raw), atol=1e-12)


def test_negative_channels_do_not_cancel_positive_ones():
    raw = np.zeros((1, 4, 4, 2))
    raw[0, 0, 0] = (5, -5)
    assert positive_map(raw)[0][0, 0, 0] == 1


@pytest.mark.parametrize("value", [0.0, 3.5, -2.0])
def test_constant_maps_become_zero_and_are_named(value):
    maps, states = positive_map(np.full((2, 5, 7), value))
    assert states == ["constant_map"] * 2
    assert (maps == 0).all()


def test_maps_with_nan_or_infinity_are_named_and_not_averaged():
    raw = np.random.default_rng(0).random((3, 6, 6))
    raw[1, 2, 2], raw[2, 0, 0] = np.nan, np.inf
    maps, states = positive_map(raw)
    assert states == ["ok", "nan_map", "nan_map"]
    assert np.isnan(region_attribution(maps, np.ones((3, 6, 6), bool))[1:]).all()


def test_a_few_bright_pixels_survive_the_percentile():
    raw = np.zeros((1, 20, 20))
    raw[0, 3, 3] = 1e-3  # 1 of 400 pixels: the 99th percentile is 0
    maps, states = positive_map(raw)
    assert states == ["ok"]
    assert maps[0, 3, 3] == 1
    assert maps.sum() == 1


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, (1, 6, 5, 3), elements=st.floats(-1e6, 1e6)), st.floats(0.01, 100))
def test_scale_does_not_matter_and_values_stay_in_range(raw, scale):
    maps, _ = positive_map(raw)
    scaled, _ = positive_map(raw * scale)
    assert maps.min() >= 0
    assert maps.max() <= 1
    np.testing.assert_allclose(maps, scaled, atol=1e-6)


def test_region_attribution_is_the_hand_count():
    maps = np.array([[[0.0, 0.5, 1.0], [0.25, 0.75, 0.0]]] * 2)
    regions = np.zeros((2, 2, 3), bool)
    regions[0, 0, 1:] = regions[0, 1, 0] = True
    assert region_attribution(maps, regions)[0] == pytest.approx((0.5 + 1.0 + 0.25) / 3)
    assert np.isnan(region_attribution(maps, regions)[1])


def test_signed_attribution_is_the_hand_count():
    raw = np.random.default_rng(1).normal(size=(4, 6, 9, 3))
    raw[1], raw[2, 3, 3, 1], raw[3] = 0, np.inf, 0
    raw[3, 0, 0] = (5, -1, 0)  # 1 of 54 pixels: the 99th percentile of the absolute values is between
    regions = np.zeros((4, 6, 9), bool)
    regions[:, :2, :5] = True
    signed, inside, total = signed_attribution(raw, regions)
    plane = raw[0].sum(-1)
    assert inside[0] == pytest.approx(plane[:2, :5].sum())
    assert total[0] == pytest.approx(plane.sum())
    assert signed[0] == pytest.approx(plane[:2, :5].mean() / np.quantile(abs(plane), 0.99))
    assert (signed[1], inside[1], total[1]) == (0, 0, 0)
    assert np.isnan([signed[2], inside[2], total[2]]).all()
    assert signed[3] == pytest.approx(0.4 / np.quantile([0] * 53 + [4], 0.99))
    assert signed_attribution(-raw, regions)[0][0] == -signed[0]
    assert signed_attribution(7 * raw, regions)[0][0] == pytest.approx(signed[0])
    alone, nothing = np.zeros((1, 20, 20)), np.zeros((1, 20, 20), bool)
    alone[0, 3, 3] = -8  # the percentile is 0, the maximum is not
    assert signed_attribution(alone, ~nothing)[0][0] == pytest.approx(-1 / 400)
    assert np.isnan(signed_attribution(alone, nothing)[0][0])
    assert signed_attribution(alone, nothing)[1:] == ([0], [-8])


def test_random_regions_have_the_size_and_not_the_place():
    regions = np.zeros((3, 16, 16), bool)
    regions[:, 2:8, 2:8] = True
    drawn = random_regions(regions, np.array([1, 2, 1], np.uint64))
    assert (drawn.sum((1, 2)) == 36).all()
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])
    many = random_regions(np.repeat(regions[:1], 500, 0), np.arange(500, dtype=np.uint64)).mean(0)
    assert abs(many - 36 / 256).max() < 0.08
