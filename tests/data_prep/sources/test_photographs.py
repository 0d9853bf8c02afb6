"""Photographs as they occur: greyscale, CMYK, 16 bits, transparent, rotated by EXIF, broken, missing."""

import io
import struct
import zlib

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


@pytest.fixture(params=["upright", "on_grid"])
def read(request, tmp_path):
    """Reads a picture, or the bytes of one, both ways; uint8 (height, width, 3)."""

    def read(picture, file="a.png"):
        if isinstance(picture, bytes):
            (tmp_path / file).write_bytes(picture)
        else:
            picture.save(tmp_path / file)
        size = Image.open(tmp_path / file).size
        image = (
            read_upright(tmp_path / file)
            if request.param == "upright"
            else read_on_grid(tmp_path / file, *size)
        )
        assert image.mode == "RGB"
        return np.asarray(image)

    return read


def in_grey(values):
    return np.stack([values] * 3, -1)


DEEP = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]])
SHALLOW = np.array([[0, 0, 1, 1, 128, 254, 255, 255]])


@pytest.mark.parametrize(
    ("dtype", "file"),
    [
        ("<u2", "a.png"),
        ("<u2", "a.tif"),
        (">u2", "a.tif"),
        ("<u2", "a.pgm"),
        ("<i4", "a.tif"),
    ],
)
def test_grey_of_16_bits_becomes_8(read, dtype, file):
    found = read(Image.fromarray(DEEP.astype(dtype)), file)
    np.testing.assert_array_equal(found, in_grey(SHALLOW))


def test_fewer_bits_in_16_stay_as_dark_as_the_file_says(read):
    ramp = np.linspace(0, 4095, 64).astype(np.uint16)[None]
    np.testing.assert_array_equal(read(Image.fromarray(ramp)), in_grey(np.rint(ramp / 257)))


def test_turned_grey_of_16_bits(tmp_path):
    upright = np.arange(0, 60000, 1000, np.uint16).reshape(6, 10)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(STORED[6](upright[..., None])[..., 0])).save(
        tmp_path / "a.png", exif=exif
    )
    np.testing.assert_array_equal(
        np.asarray(read_upright(tmp_path / "a.png")), in_grey(np.rint(upright / 257))
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([[0, 70000]], np.int32), "grey values are not of 16 bits: 0 to 70000"),
        (np.array([[-1, 300]], np.int32), "grey values are not of 16 bits: -1 to 300"),
        (np.array([[0, 0.5, 1]], np.float32), "floating-point picture: its range is not known"),
    ],
)
def test_pictures_whose_range_is_not_plain(read, values, reason):
    with pytest.raises(Unusable, match=f"^{reason}$"):
        read(Image.fromarray(values), "a.tif")


# Magenta, which is nowhere to be seen, where transparent.
HIDDEN = np.array([[(255, 0, 255), (10, 20, 30), (255, 0, 255), (200, 100, 0)]], np.uint8)
SHOWN = [(128, 128, 128), (10, 20, 30), (128, 128, 128), (200, 100, 0)]
ALPHA = np.array([[0, 255, 0, 255]], np.uint8)


@pytest.mark.parametrize("file", ["a.png", "a.webp", "a.tif"])
def test_hidden_colours_stay_hidden(read, file):
    if file == "a.webp":
        pytest.importorskip("PIL._webp")
    layers = Image.fromarray(np.dstack([HIDDEN, ALPHA]))
    options = {"lossless": True, "exact": True} if file == "a.webp" else {}
    buffer = io.BytesIO()
    layers.save(buffer, file[2:].replace("tif", "tiff"), **options)
    np.testing.assert_array_equal(read(buffer.getvalue(), file)[0], SHOWN)


def test_half_transparent_pixels_are_mixed_with_grey(read):
    pixels = np.array([[(200, 0, 100, 128), (200, 0, 100, 255)]], np.uint8)
    np.testing.assert_allclose(read(Image.fromarray(pixels))[0], [(164, 64, 114), (200, 0, 100)], atol=1)


def test_grey_with_alpha(read):
    pixels = Image.merge("LA", (Image.fromarray(HIDDEN[..., 0]), Image.fromarray(ALPHA)))
    np.testing.assert_array_equal(read(pixels)[0], in_grey(np.array([128, 10, 128, 200])))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(bits, colours, row, width, *chunks):
    """A PNG file of one row, written from the format's definition."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, colours, 0, 0, 0))
    content = [header, *chunks, chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(content)


def key(*values):
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


PALETTE = chunk(b"PLTE", HIDDEN.tobytes())


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (png(1, 0, b"\x50", 4, key(1)), in_grey(np.array([0, 128, 0, 128]))),
        (png(2, 0, b"\x1b", 4, key(2)), in_grey(np.array([0, 85, 128, 255]))),
        (png(4, 0, b"\x0f\x2f", 4, key(15)), in_grey(np.array([0, 128, 34, 128]))),
        (png(8, 0, b"\x09\x0a\x0b\xff", 4, key(10)), in_grey(np.array([9, 128, 11, 255]))),
        (
            png(16, 0, struct.pack(">4H", 2570, 2571, 257, 65535), 4, key(2570)),
            in_grey(np.array([128, 10, 1, 255])),
        ),
        (png(8, 2, HIDDEN.tobytes(), 4, key(255, 0, 255)), SHOWN),
        (
            png(16, 2, struct.pack(">6H", 514, 28086, 0, 46774, 46774, 46774), 2, key(514, 28086, 0)),
            [(128, 128, 128), (182, 182, 182)],
        ),
        (png(8, 3, b"\x00\x01\x02\x03", 4, PALETTE, chunk(b"tRNS", ALPHA.tobytes())), SHOWN),
        (png(2, 3, b"\x1b", 4, PALETTE, chunk(b"tRNS", ALPHA.tobytes())), SHOWN),
    ],
    ids=["1", "grey 2", "grey 4", "grey 8", "grey 16", "rgb 8", "rgb 16", "palette 8", "palette 2"],
)
def test_colours_that_stand_for_transparent(read, content, shown):
    np.testing.assert_array_equal(read(content)[0], shown)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "1", "YCbCr"])
def test_pictures_of_8_bits_are_converted_as_ever(read, picture, mode):
    image = Image.fromarray(picture(20, 30)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG" if mode in ("P", "1", "L", "RGB") else "JPEG")
    expected = Image.open(buffer).convert("RGB")
    np.testing.assert_array_equal(read(buffer.getvalue()), np.asarray(expected))


def test_opaque_alpha_changes_nothing(read, picture):
    pixels = picture(20, 30)
    np.testing.assert_array_equal(read(Image.fromarray(pixels).convert("RGBA")), pixels)


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


@pytest.mark.parametrize("error", [MemoryError(), EOFError("end"), KeyError("tag"), struct.error("short")])
def test_whatever_pillow_raises_for_a_broken_file(tmp_path, monkeypatch, error):
    def broken(_):
        raise error

    monkeypatch.setattr(Image, "open", broken)
    with pytest.raises(Unusable, match=r"^cannot be read: (MemoryError|end|'tag'|short)$"):
        read_upright(tmp_path / "a.png")


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
