"""Grad-CAM: where the last convolutional features speak for the target."""

from __future__ import annotations

import numpy as np

from attributions.registry import method
from models.classifier import Classifier, resize


@method
def grad_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    layer: str | None = None,
) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2016, equations 1 and 2), (N, H, W), not negative.

    Feature maps are weighted by the spatial mean of the logit's derivative and summed; negative sums
    become zero; the map is enlarged bilinearly. `layer` names the feature maps, by default the last
    convolutional ones. A map that is zero everywhere stays so (the division by its maximum that makes
    NaN of it elsewhere is left to normalisation).
    """
    features, gradient = classifier.layer_gradient(images, targets, layer)
    cam = np.maximum(np.einsum("nhwc,nc->nhw", features, gradient.mean((1, 2))), 0)
    return resize(cam[..., None], classifier.input_size).numpy()[..., 0]
