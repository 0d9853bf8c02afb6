"""Reading photographs as they occur: greyscale, CMYK, transparent, rotated by EXIF, truncated, missing.

All become RGB of 8 bits. Grey values of 16 bits are divided by 257, so that 65535 becomes 255; a picture that
uses fewer of the 16 bits is as dark as its file says. What is transparent is pasted on grey (128), as objects
are in `object_only`. Pictures of floating-point numbers are left out: nothing says which of them is white.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from bam.data_prep.paste import GREY

# Part of the keys under which results of pictures are kept: another number where they are read otherwise.
READING = 2
# What Pillow raises for files that are no images or broken ones, such as with a size of terabytes.
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, MemoryError, struct.error)
_BROKEN += (EOFError, LookupError, TypeError, OverflowError)


class Unusable(Exception):
    """A source file that is left out of the dataset; the message is the reason, details after a colon."""


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
        if image.format == "PNG" and image.mode in ("L", "RGB") and "transparency" in image.info:
            image.info["transparency"] = _in_8_bits(image.info["transparency"], path)
    except FileNotFoundError:
        raise Unusable("file is missing") from None
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise Unusable(f"cannot be read: {reason}".replace(str(path), path.name)) from None
    return image


def _in_8_bits(colour: int | tuple[int, ...], path: Path) -> int | tuple[int, ...]:
    """The colour that stands for transparent in a PNG file, which states it in as many bits as it has."""
    with open(path, "rb") as file:
        bits = file.read(25)[24]
    if isinstance(colour, tuple):
        return tuple(value >> bits - 8 for value in colour)
    return colour * 255 // (2**bits - 1)


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:  # broken EXIF, which Pillow cannot write back
        return image


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise Unusable("floating-point picture: its range is not known")
    try:
        if image.mode.startswith("I"):
            image = _of_8_bits(image)
        if not image.has_transparency_data:
            return image.convert("RGB")
        image = image.convert("RGBA")
    except ValueError as error:
        raise Unusable(f"cannot be read: {error}") from None
    opaque = Image.new("RGB", image.size, (GREY, GREY, GREY))
    opaque.paste(image, mask=image.getchannel("A"))
    return opaque


def _of_8_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits as one of 8, with alpha where it has a value that stands for transparent."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise Unusable(f"grey values are not of 16 bits: {values.min()} to {values.max()}")
    grey = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if "transparency" not in image.info:
        return grey
    visible = values != image.info["transparency"]
    return Image.merge("LA", (grey, Image.fromarray(np.where(visible, 255, 0).astype(np.uint8))))


def read_upright(path: Path) -> Image.Image:
    """The photograph as RGB, turned the way its EXIF orientation says, as viewers show it."""
    return _as_rgb(_turned(_open(path)))


def read_on_grid(path: Path, width: int, height: int) -> Image.Image:
    """The photograph as RGB on the pixel grid of its annotation, `width` x `height`.

    pycocotools draws masks on the grid given in the annotation file and knows no EXIF. That grid is
    mostly the stored one; where it is the turned one instead, the photograph is turned.
    Raises `Unusable` if neither fits.
    """
    stored = _open(path)
    for image in (stored, _turned(stored)):
        if image.size == (width, height):
            return _as_rgb(image)
    raise Unusable(
        f"size differs from its annotation: {stored.width} x {stored.height}, not {width} x {height}"
    )


def read_mask(path: Path) -> np.ndarray:
    """bool (H, W): where a picture is not black; of a palette, where it does not have the first colour.

    Raises `Unusable` for one with alpha, of which nobody can say which of the two is the mask.
    """
    image = _open(path)
    if image.mode != "RGB" and len(image.getbands()) > 1:
        raise Unusable(f"mask has several channels ({image.mode}): one is needed")
    values = np.asarray(image) != 0
    return values.any(-1) if values.ndim == 3 else values


def square(image: Image.Image, size: int) -> np.ndarray:
    """The central square of `image` as uint8 (size, size, 3); a square of that size is left as it is."""
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)
