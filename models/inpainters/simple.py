"""Fills that look at the picture alone: its mean colour, its blur, black (Cohen et al. 2025, baselines)."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from bam.models.inpainters.base import Inpainter, inpainter

# Of the paper's blur: 10 pixels in pictures of 224.
BLUR_SHARE = 10 / 224


def blurred(images: np.ndarray) -> np.ndarray:
    """Pictures uint8 (N, H, W, 3) blurred by Pillow's Gaussian.

    Its standard deviation is the same share of the shorter side at all sizes: 10 pixels of 224.
    """
    blur = ImageFilter.GaussianBlur(BLUR_SHARE * min(images.shape[1:3]))
    return np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])


@inpainter
class Mean(Inpainter):
    """The mean of each channel over the whole picture, hole included, whatever is named."""

    name = "mean"
    fixed = True

    def _paint(self, images, holes, prompts, seeds, ids) -> np.ndarray:
        means = np.rint(images.mean((1, 2), keepdims=True)).astype(np.uint8)
        return np.broadcast_to(means, images.shape)


@inpainter
class Blur(Inpainter):
    """The whole picture, hole included, blurred, whatever is named."""

    name = "blur"
    fixed = True

    def _paint(self, images, holes, prompts, seeds, ids) -> np.ndarray:
        return blurred(images)


@inpainter
class Black(Inpainter):
    """Black, whatever is named."""

    name = "black"
    fixed = True

    def _paint(self, images, holes, prompts, seeds, ids) -> np.ndarray:
        return np.zeros_like(images)
