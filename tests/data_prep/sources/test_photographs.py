"""Photographs as they occur: greyscale, CMYK, rotated by EXIF, broken, missing."""

import numpy as np
import pytest
from PIL import Image

from bam.data_prep.sources.photographs import Unusable, read_on_grid, read_upright, square

# How each EXIF orientation stores an upright picture, by EXIF 2.3: row 0 and column 0 of the stored
# array are these sides of the upright one.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: upright.transpose(1, 0, 2)[:, ::-1],
}
# A TIFF header, orientation 6, and a software tag whose text is no text.
BROKEN_EXIF = (
    b"Exif\0\0MM\0*\0\0\0\x08\0\x02"
    b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    b"\x01\x1a\0\x02\0\0\0\x05\0\0\0\x26"
    b"\0\0\0\0\xff\xfe\xfd\xfc\xfb"
)


@pytest.fixture
def saved(tmp_path):
    """Saves an array as PNG with an EXIF orientation, returns the path."""

    def save(pixels, orientation=None):
        exif = Image.Exif()
        if orientation:
            exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "a.png", exif=exif)
        return tmp_path / "a.png"

    return save


@pytest.mark.parametrize("orientation", STORED)
def test_upright_follows_exif(saved, picture, orientation):
    upright = picture(30, 50)
    path = saved(STORED[orientation](upright), orientation)
    np.testing.assert_array_equal(np.asarray(read_upright(path)), upright)


@pytest.mark.parametrize("orientation", STORED)
def test_annotation_grid_is_the_stored_one(saved, picture, orientation):
    stored = picture(30, 50)
    path = saved(stored, orientation)
    np.testing.assert_array_equal(np.asarray(read_on_grid(path, 50, 30)), stored)


def test_annotation_grid_may_be_the_turned_one(saved, picture):
    upright = picture(50, 30)
    path = saved(STORED[6](upright), 6)
    assert Image.open(path).size == (50, 30)
    np.testing.assert_array_equal(np.asarray(read_on_grid(path, 30, 50)), upright)


def test_square_photograph_is_never_turned_for_its_annotation(saved, picture):
    stored = picture(40, 40)
    np.testing.assert_array_equal(np.asarray(read_on_grid(saved(stored, 6), 40, 40)), stored)


def test_broken_exif_does_not_matter(tmp_path, picture):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture(30, 50)).save(path, exif=BROKEN_EXIF)
    assert read_on_grid(path, 50, 30).size == (50, 30)
    assert read_upright(path).mode == "RGB"


def test_greyscale_becomes_rgb(tmp_path, picture):
    grey = picture(20, 30)[..., 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    rgb = np.asarray(read_upright(tmp_path / "a.png"))
    np.testing.assert_array_equal(rgb, np.stack([grey] * 3, -1))


def test_cmyk_becomes_the_colour_it_stands_for(tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 0] = 255  # cyan ink alone takes away red alone
    Image.fromarray(ink, "CMYK").save(tmp_path / "a.jpg", quality=95)
    rgb = np.asarray(read_on_grid(tmp_path / "a.jpg", 16, 16))
    assert rgb.shape == (16, 16, 3)
    assert np.abs(rgb.astype(int) - (0, 255, 255)).max() < 12


def test_missing_file(tmp_path):
    with pytest.raises(Unusable, match=r"^file is missing$"):
        read_upright(tmp_path / "a.jpg")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_truncated_file(tmp_path, picture, keep):
    path = tmp_path / "some_folder" / "a.jpg"
    path.parent.mkdir()
    Image.fromarray(picture(100, 100)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    for read in (read_upright, lambda path: read_on_grid(path, 100, 100)):
        with pytest.raises(Unusable, match=r"^cannot be read: ") as caught:
            read(path)
        assert "some_folder" not in str(caught.value)  # datasets do not depend on where sources lie


def test_size_mismatch_says_both_sizes(saved, picture):
    with pytest.raises(Unusable, match="size differs from its annotation: 50 x 30, not 60 x 30"):
        read_on_grid(saved(picture(30, 50)), 60, 30)


def test_square_leaves_a_square_of_that_size_alone(picture):
    pixels = picture(128, 128)
    np.testing.assert_array_equal(square(Image.fromarray(pixels), 128), pixels)


@pytest.mark.parametrize(("height", "width"), [(60, 180), (180, 60)])
def test_square_is_the_centre(height, width):
    pixels = np.zeros((height, width, 3), np.uint8)
    middle = np.s_[:, 60:120] if width > height else np.s_[60:120]
    pixels[middle] = 200
    result = square(Image.fromarray(pixels), 30)
    assert result.shape == (30, 30, 3)
    assert (result[2:-2, 2:-2] == 200).all()
