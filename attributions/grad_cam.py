"""Grad-CAM: where the last convolutional features speak for the target."""

from __future__ import annotations

import numpy as np

from attributions.gradients import guided_backprop
from attributions.registry import method
from data_prep.errors import BamError
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
    if features.ndim != 4:
        raise BamError(f"Grad-CAM needs feature maps, but layer {layer} gives values of {features.shape[1:]}")
    cam = np.maximum(np.einsum("nhwc,nc->nhw", features, gradient.mean((1, 2))), 0)
    return resize(cam[..., None], classifier.input_size).numpy()[..., 0]


@method
def guided_grad_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    layer: str | None = None,
) -> np.ndarray:
    """Guided backpropagation times Grad-CAM (Selvaraju et al. 2016, section 3.2), (N, H, W, 3)."""
    cam = grad_cam(classifier, images, targets, seed=seed, layer=layer)
    return guided_backprop(classifier, images, targets, seed=seed) * cam[..., None]
