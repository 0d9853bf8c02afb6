import io

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.metrics.reporting.colours import GREY, coloured, png_bytes


def luminance(pixels):
    """Relative luminance of sRGB pixels."""
    linear = ((pixels / 255 + 0.055) / 1.055) ** 2.4
    return linear @ [0.2126, 0.7152, 0.0722]


def test_the_scale_grows_brighter_all_along_and_is_the_same_for_all_maps():
    scale = coloured(np.linspace(0, 1, 256)[None])[0]
    assert scale.dtype == np.uint8
    assert len(np.unique(scale, axis=0)) == 256
    assert (np.diff(luminance(scale.astype(float))) > -1e-4).all()
    half = coloured(np.linspace(0, 0.5, 5)[None])[0]
    np.testing.assert_array_equal(half, coloured(np.linspace(0, 1, 9)[None])[0][:5])


def test_what_is_not_finite_is_grey_which_is_no_colour_of_the_scale():
    picture = coloured(np.array([[np.nan, 0.5]]))
    assert picture[0, 0].tolist() == [GREY] * 3
    assert GREY not in coloured(np.linspace(0, 1, 256)[None]).mean(-1)
    assert (coloured(np.full((2, 3), np.nan, np.float32)) == GREY).all()


@pytest.mark.parametrize("plane", [[[0.0, 1.1]], [[-0.1, 1.0]], [0.5], np.zeros((2, 2, 3))])
def test_other_arrays_are_no_maps(plane):
    with pytest.raises(BamError, match=r"must be \(H, W\) with values in 0\.\.1"):
        coloured(plane)


def test_small_pictures_are_enlarged_by_sharp_squares():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    read = np.asarray(Image.open(io.BytesIO(png_bytes(image, side=12))))
    np.testing.assert_array_equal(read, image.repeat(3, 0).repeat(3, 1))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(image)))), image)
    with pytest.raises(BamError, match="must be uint8"):
        png_bytes(image / 255)
