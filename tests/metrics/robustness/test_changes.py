"""What images become, and maps in the frame of a moved object."""

import numpy as np
import pytest

from bam.data_prep.placement import Placement
from bam.metrics.robustness.changes import SMALL, before_shift, shifted, shifted_back
from bam.metrics.robustness.relocated import object_frame


@pytest.fixture
def images():
    smooth = np.linspace(0, 255, 40)[None, :, None, None] * np.linspace(0.2, 1, 30)[None, None, :, None]
    return np.broadcast_to(np.rint(smooth), (2, 40, 30, 3)).astype(np.uint8)


SEEDS = np.array([1, 2], np.uint64)


@pytest.mark.parametrize("name", SMALL)
def test_changes_are_small_and_keep_to_the_image(images, name):
    found = SMALL[name](images, SEEDS)
    assert (found.dtype, found.shape) == (np.uint8, images.shape)
    difference = np.abs(found.astype(int) - images)
    assert 0 < difference.mean() < 16
    alone = SMALL[name](images[1:], SEEDS[1:])
    np.testing.assert_array_equal(alone[0], found[1])


def test_noise_has_a_standard_deviation_of_two():
    grey = np.full((1, 200, 200, 3), 128, np.uint8)
    noise = SMALL["noise"](grey, SEEDS[:1]).astype(float) - 128
    assert noise.std() == pytest.approx(np.sqrt(4 + 1 / 12), abs=0.03)  # and that of rounding
    assert abs(noise.mean()) < 0.03


def test_brightness_is_that_of_three_percent(images):
    for name, factor in (("brighter", 1.03), ("darker", 0.97)):
        expected = np.minimum(images * factor, 255)
        assert np.abs(SMALL[name](images, SEEDS) - expected).max() <= 0.5


def test_a_shift_is_undone(images):
    planes = np.random.default_rng(0).random((2, 9, 7))
    np.testing.assert_array_equal(shifted_back(shifted(planes)), before_shift(planes))
    moved = shifted(images)
    np.testing.assert_array_equal(moved[:, 2:, 2:], images[:, :-2, :-2])
    np.testing.assert_array_equal(moved[:, 0], moved[:, 2])
    masks = np.zeros((1, 9, 7), bool)
    masks[0, 3:5, 2:4] = True
    rows, columns = np.nonzero(shifted(masks)[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 6, 4, 5)


def placed(top, left, height=24, width=32):
    return Placement("dog-bedroom-0000", "dog", "bedroom", 0, 0, top, left, height, width, "test")


def test_a_map_that_moves_with_the_object_is_the_same_in_its_frame():
    pattern = np.random.default_rng(0).random((24, 32))
    planes = np.zeros((2, 128, 128))
    planes[0, 10:34, 20:52], planes[1, 90:114, 71:103] = pattern, pattern
    frames = object_frame(planes[0], placed(10, 20)), object_frame(planes[1], placed(90, 71))
    np.testing.assert_allclose(frames[0], pattern)
    np.testing.assert_allclose(frames[1], pattern)


def test_frames_between_pixels_are_interpolated():
    """Of a plane that rises evenly every part rises evenly, wherever it begins; the input is 64 x 32."""
    rows, columns = np.indices((64, 32), float)
    found = object_frame(3 * rows - columns, placed(31, 41))
    assert found.shape == (12, 8)
    places = [31 / 2 + np.arange(12), 41 / 4 + np.arange(8)]
    # Centres of pixels, of 2 and of 4 of the dataset's.
    expected = 3 * places[0][:, None] - places[1][None]
    np.testing.assert_allclose(found, expected)
