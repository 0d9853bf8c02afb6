"""Pasting: object pixels where the mask is, the canvas untouched everywhere else."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bam.data_prep.paste import paste, resize_cutout


def cutout_of(rng, height, width):
    """A random cutout with a hard random mask."""
    alpha = rng.integers(0, 2, (height, width, 1)) * 255
    return np.concatenate([rng.integers(0, 256, (height, width, 3)), alpha], 2).astype(np.uint8)


def test_cutout_of_the_right_size_is_not_resampled():
    cutout = cutout_of(np.random.default_rng(0), 40, 30)
    colours, mask = resize_cutout(cutout, 40, 30)
    np.testing.assert_array_equal(colours, cutout[..., :3])
    np.testing.assert_array_equal(mask, cutout[..., 3] == 255)


def test_resizing_keeps_the_background_out():
    cutout = np.zeros((100, 100, 4), np.uint8)
    cutout[..., :3] = (0, 255, 0)  # green background, transparent
    disc = np.hypot(*(np.mgrid[:100, :100] - 49.5)) < 40
    cutout[disc] = (200, 10, 30, 255)
    for size in (52, 73, 120):
        colours, mask = resize_cutout(cutout, size, size)
        assert colours.shape == (size, size, 3)
        assert (np.abs(colours[mask].astype(int) - (200, 10, 30)) <= 3).all()  # rounding of 8 bits
        assert abs(mask.mean() - np.pi * 0.16) < 0.02


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_paste(data):
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    top, left = data.draw(st.integers(0, 40 - height)), data.draw(st.integers(0, 40 - width))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    cutout = cutout_of(rng, data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60)))
    before = rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)
    canvases, regions = (before.copy(), before.copy()), np.zeros((2, 40, 40), bool)
    for canvas, region, visible in zip(canvases, regions, (True, False), strict=True):
        paste(canvas, region, cutout, (top, left, height, width), visible)
    colours, mask = resize_cutout(cutout, height, width)
    for y in range(40):
        for x in range(40):
            in_box = top <= y < top + height and left <= x < left + width
            pasted = in_box and mask[y - top, x - left]
            assert regions[0, y, x] == regions[1, y, x] == pasted
            expected = colours[y - top, x - left] if pasted else before[y, x]
            assert (canvases[0][y, x] == expected).all()
    np.testing.assert_array_equal(canvases[1], before)
