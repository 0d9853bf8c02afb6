"""Reading photographs as they occur: greyscale, CMYK, rotated by EXIF, truncated, missing."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

# What Pillow raises for files that are no images or broken ones.
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class Unusable(Exception):
    """A source file that is left out of the dataset; the message is the reason, details after a colon."""


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError:
        raise Unusable("file is missing") from None
    except _BROKEN as error:
        raise Unusable(f"cannot be read: {error}".replace(str(path), path.name)) from None
    return image


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (*_BROKEN, TypeError, struct.error):  # broken EXIF, which Pillow cannot write back
        return image


def read_upright(path: Path) -> Image.Image:
    """The photograph as RGB, turned the way its EXIF orientation says, as viewers show it."""
    return _turned(_open(path)).convert("RGB")


def read_on_grid(path: Path, width: int, height: int) -> Image.Image:
    """The photograph as RGB on the pixel grid of its annotation, `width` x `height`.

    pycocotools draws masks on the grid given in the annotation file and knows no EXIF. That grid is
    mostly the stored one; where it is the turned one instead, the photograph is turned.
    Raises `Unusable` if neither fits.
    """
    stored = _open(path)
    for image in (stored, _turned(stored)):
        if image.size == (width, height):
            return image.convert("RGB")
    raise Unusable(
        f"size differs from its annotation: {stored.width} x {stored.height}, not {width} x {height}"
    )


def square(image: Image.Image, size: int) -> np.ndarray:
    """The central square of `image` as uint8 (size, size, 3); a square of that size is left as it is."""
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)
