"""Controls: maps that know nothing of the model, and one that knows the truth."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from attributions.registry import control
from models.classifier import Classifier


@control
def random(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray
) -> np.ndarray:
    """Every pixel uniform in 0..1, drawn from the image's own seed, (N, H, W).

    Who compares maps must give every image, view and model another seed: equal draws tie.
    """
    return np.stack([np.random.default_rng(number).random(images.shape[1:3], np.float32) for number in seed])


@control
def constant(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray
) -> np.ndarray:
    """One everywhere, (N, H, W)."""
    return np.ones(images.shape[:3], np.float32)


@control
def edges(classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray) -> np.ndarray:
    """Length of the Sobel gradient of the brightness (mean of the channels), (N, H, W)."""
    # Picture by picture, since scipy's filter would smooth across the batch too.
    return np.stack([np.hypot(*(ndimage.sobel(plane, axis) for axis in (0, 1))) for plane in images.mean(-1)])


@control
def centre(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray
) -> np.ndarray:
    """A bell in the middle of the picture, a quarter of the side wide (standard deviation), (N, H, W)."""
    rows, columns = (np.linspace(-2, 2, side, dtype=np.float32) for side in images.shape[1:3])
    bell = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / 2)
    return np.repeat(bell[None], len(images), axis=0)


@control
def object_mask(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray, masks: np.ndarray
) -> np.ndarray:
    """The oracle: what the classifier was trained to rely on, (N, H, W).

    For an object classifier the object's pixels; for a scene classifier the scene's, that is all pixels
    where no object is. Scene pixels grow in weight from left to right, since a map that is the same
    everywhere (a scene without object) would say nothing.
    """
    if classifier.labels != "scene":
        return masks.astype(np.float32)
    ramp = np.linspace(0.5, 1, images.shape[2], dtype=np.float32)
    return np.where(masks, 0, ramp)
