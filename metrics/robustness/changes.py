"""Small changes of an image, which keep what it shows and where."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

NOISE = 2  # standard deviation, in grey levels
BRIGHTNESS = 0.03
QUALITY = 90  # of JPEG
SHIFT = 2  # pixels, down and to the right

# From images, uint8 (N, H, W, 3), and their seeds, uint64 (N,), to changed ones of the same form.
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]


def noisy(images: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """With normal noise in each channel of each pixel, drawn from the image's seed."""
    noise = [np.random.default_rng(seed).normal(0, NOISE, images.shape[1:]) for seed in seeds]
    return _grey_levels(images + np.stack(noise))


def brighter(images: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """All values 3% larger."""
    return _grey_levels(images * (1 + BRIGHTNESS))


def darker(images: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """All values 3% smaller."""
    return _grey_levels(images * (1 - BRIGHTNESS))


def compressed(images: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """As JPEG of quality 90 gives them back."""
    return np.stack([_as_jpeg(image) for image in images])


def shifted(images: np.ndarray, seeds: np.ndarray | None = None) -> np.ndarray:
    """Two pixels down and to the right; what is uncovered has the value beside it. Masks (N, H, W) too."""
    margins = [(0, 0), (SHIFT, 0), (SHIFT, 0), (0, 0)][: images.ndim]
    return np.pad(images, margins, mode="edge")[:, :-SHIFT, :-SHIFT]


def shifted_back(planes: np.ndarray) -> np.ndarray:
    """Of maps of shifted images, (N, H, W), the part that those of the images before have too."""
    return planes[:, SHIFT:, SHIFT:]


def before_shift(planes: np.ndarray) -> np.ndarray:
    """The same part of the maps of the images before."""
    return planes[:, :-SHIFT, :-SHIFT]


SMALL: Mapping[str, Change] = {
    "noise": noisy,
    "brighter": brighter,
    "darker": darker,
    "jpeg": compressed,
    "shift": shifted,
}


def _grey_levels(images: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def _as_jpeg(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file).convert("RGB"))
