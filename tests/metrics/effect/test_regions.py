import numpy as np
import pytest

from bam.metrics.effect.regions import BACKGROUND, REGIONS, Regions, free_box, left_halves
from bam.metrics.evaluation.images import shuffled


def test_halves_are_left_and_right_of_the_centroid():
    masks = np.zeros((3, 4, 7), bool)
    masks[0, 1:3, 1:6] = True  # centroid 3: its own column is right of it
    masks[1, 0, [0, 1, 6]] = True  # centroid 7 / 3
    expected = np.zeros_like(masks)
    expected[0, 1:3, 1:3] = expected[1, 0, :2] = True
    np.testing.assert_array_equal(left_halves(masks), expected)


@pytest.mark.parametrize("seed", range(5))
def test_boxes_are_as_large_as_half_of_the_object_and_free_of_it(seed):
    mask = np.zeros((40, 30), bool)
    mask[10:26, 5:21] = np.tri(16, dtype=bool)  # 136 pixels in a box of 16 x 16
    box = free_box(mask, seed)
    rows, columns = np.argwhere(box).T
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (8, 8)  # 68 pixels, as nearly as it can be
    assert box.sum() == 64
    assert not (box & mask).any()


def test_boxes_lie_anywhere_and_nowhere_where_there_is_no_room():
    mask = np.zeros((12, 12), bool)
    mask[4:8, 4:8] = True
    drawn = sum(free_box(mask, seed).astype(int) for seed in range(300))
    assert (drawn[~mask] > 0).all()
    assert not free_box(np.ones((5, 6), bool), 0).any()
    assert not free_box(np.zeros((5, 6), bool), 0).any()


def test_pictures_differ_in_the_region_alone(dataset):
    view = shuffled(dataset.view("object_scene"), 0)
    batch, regions = view[:3], Regions(view, 0)
    masks = regions.masks(batch)
    assert set(masks) == set(REGIONS)
    np.testing.assert_array_equal(masks["left"] | masks["right"], batch.masks)
    assert not (masks["left"] & masks["right"]).any()
    for name in REGIONS:
        changed = (regions(batch, f"{name} 2") != batch.images).any(-1)
        assert not (changed & ~masks[name]).any()
        assert all(each.any() for each in changed[masks[name].any((1, 2))])
        if name in BACKGROUND:
            assert not (masks[name] & batch.masks).any()
