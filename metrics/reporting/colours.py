"""The one scale on which maps are coloured, and small pictures of them."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image

from bam.base.errors import BamError

# Perceptually uniform, and legible to the colour-blind.
SCALE = "inferno"
# What has no value: no colour of the scale.
GREY = 170


@cache
def _table() -> np.ndarray:
    """uint8 (256, 3): the colours of the scale."""
    import matplotlib

    return matplotlib.colormaps[SCALE](np.arange(256), bytes=True)[:, :3]


def coloured(plane: np.ndarray) -> np.ndarray:
    """A positive map (H, W), values in 0..1, as a picture, uint8 (H, W, 3); what is not finite is grey.

    0 is black and 1 pale yellow, whatever else is in the map, so that pictures can be compared. Raises
    `BamError` for an array that is no such map.

    >>> coloured(np.array([[0.0, 1.0, np.nan]])).tolist()
    [[[0, 0, 3], [252, 254, 164], [170, 170, 170]]]
    """
    plane = np.asarray(plane, np.float64)
    known = np.isfinite(plane)
    values = plane[known]
    if plane.ndim != 2 or (values.size and not (values.min() >= 0 and values.max() <= 1)):
        raise BamError(
            f"a map to be coloured must be (H, W) with values in 0..1, as `positive_map` gives it, not "
            f"{plane.shape} with values in {values.min(initial=0):g}..{values.max(initial=0):g}"
        )
    picture = np.full((*plane.shape, 3), GREY, np.uint8)
    picture[known] = _table()[np.rint(255 * values).astype(int)]
    return picture


def png_bytes(image: np.ndarray, side: int | None = None) -> bytes:
    """A picture uint8 (H, W, 3) as a PNG file, its longer side scaled to `side` pixels, each a sharp square.

    Raises `BamError` for an array that is no such picture.

    >>> png_bytes(coloured(np.eye(4)), side=64)[:4]
    b'\\x89PNG'
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise BamError(f"a picture must be uint8 (H, W, 3), not {image.dtype} {image.shape}")
    picture = Image.fromarray(image)
    if side is not None:
        scale = side / max(picture.size)
        size = [max(1, round(length * scale)) for length in picture.size]
        picture = picture.resize(size, Image.Resampling.NEAREST)
    with io.BytesIO() as file:
        picture.save(file, format="PNG")
        return file.getvalue()
