"""Pasting a cutout onto a scene: the one place where composites are made."""

from __future__ import annotations

import numpy as np
from PIL import Image

GREY = 128


def resize_cutout(cutout: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A cutout at its pasted size: colours uint8 (height, width, 3) and mask bool (height, width).

    Bilinear; Pillow weighs colours by alpha, so that no background bleeds in. The mask is hard (alpha
    of at least one half), so that a composite differs from its scene in whole object pixels only.
    """
    if cutout.shape[:2] != (height, width):
        cutout = np.asarray(Image.fromarray(cutout).resize((width, height), Image.Resampling.BILINEAR))
    return cutout[..., :3], cutout[..., 3] >= 128


def paste(
    canvas: np.ndarray, region: np.ndarray, cutout: np.ndarray, box: tuple[int, int, int, int], visible: bool
) -> None:
    """Paste `cutout` into `canvas` (uint8, h x w x 3) in `box` (top, left, height, width), in place.

    `region` (bool, h x w, all False before) becomes the object's mask, also where the object is not
    `visible` and the canvas stays as it is.
    """
    top, left, height, width = box
    colours, mask = resize_cutout(cutout, height, width)
    region[top : top + height, left : left + width] = mask
    if visible:
        np.copyto(canvas[top : top + height, left : left + width], colours, where=mask[..., None])
