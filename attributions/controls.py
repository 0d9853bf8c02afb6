"""Controls: maps that know nothing of the model, and one that knows the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import Method, control

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@control
def random(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray
) -> np.ndarray:
    """Every pixel uniform in 0..1, drawn from the image's own seed, (N, H, W).

    Who compares maps must give every image, view and model another seed: equal draws tie.
    """
    return np.stack([np.random.default_rng(number).random(images.shape[1:3], np.float32) for number in seed])


@control
def constant(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """One everywhere, (N, H, W)."""
    return np.ones(images.shape[:3], np.float32)


@control
def edges(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Length of the Sobel gradient of the brightness (mean of the channels), (N, H, W)."""
    # Picture by picture, since scipy's filter would smooth across the batch too.
    from scipy import ndimage  # takes long to load

    return np.stack([np.hypot(*(ndimage.sobel(plane, axis) for axis in (0, 1))) for plane in images.mean(-1)])


@control
def centre(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A bell in the middle of the picture, a quarter of the side wide (standard deviation), (N, H, W)."""
    rows, columns = (np.linspace(-2, 2, side, dtype=np.float32) for side in images.shape[1:3])
    bell = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / 2)
    return np.repeat(bell[None], len(images), axis=0)


@control
def object_mask(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, masks: np.ndarray
) -> np.ndarray:
    """The oracle: what the classifier was trained to rely on, (N, H, W).

    For an object classifier the object's pixels; for a scene classifier the scene's, that is all pixels
    where no object is. Scene pixels grow in weight from left to right, since a map that is the same
    everywhere (a scene without object) would say nothing.
    """
    # A classifier of some classes has no `labels`, since its indices are others, but was trained on a kind.
    kind = classifier.labels or classifier.description.get("config", {}).get("labels")
    if kind != "scene":
        return masks.astype(np.float32)
    ramp = np.linspace(0.5, 1, images.shape[2], dtype=np.float32)
    return np.where(masks, 0, ramp)


@control
def inverse_mask(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, masks: np.ndarray
) -> np.ndarray:
    """One less the object's mask, whatever the classifier names, (N, H, W): all of it beside the object."""
    return 1 - masks.astype(np.float32)


NOISE_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def degraded_oracle(share: float) -> Method:
    """The oracle with noise in it, to test metrics: the worse the map, the worse must be its score.

    The values of a random `share` (0 to 1) of the pixels are shuffled among these, so that the map keeps
    its histogram. A larger share holds the pixels of a smaller one. 0 is the oracle, 1 is chance.
    """

    def noisy(
        classifier: Classifier,
        images: np.ndarray,
        targets: np.ndarray,
        *,
        seed: np.ndarray,
        masks: np.ndarray,
    ) -> np.ndarray:
        """The oracle with noise, (N, H, W)."""
        maps = object_mask(classifier, images, targets, masks=masks).copy()
        for plane, number in zip(maps.reshape(len(maps), -1), seed, strict=True):
            rng = np.random.default_rng(number)
            chosen = rng.permutation(plane.size)[: round(share * plane.size)]
            plane[chosen] = plane[rng.permutation(chosen)]
        return maps

    return Method(f"object_mask_with_{round(100 * share)}%_noise", noisy, control=True)
