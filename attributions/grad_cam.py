"""Grad-CAM: where the last convolutional features speak for the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.gradients import guided_backprop
from bam.attributions.registry import method
from bam.attributions.requirements import lacks_feature_maps, lacks_relu
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@method(needs=[lacks_feature_maps], cite=["selvaraju2016gradcam"])
def grad_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2016, equations 1 and 2), (N, H, W), not negative.

    Feature maps are weighted by the spatial mean of the logit's derivative and summed; negative sums
    become zero; the map is enlarged bilinearly. `layer` names the feature maps, by default the last
    convolutional ones. A map that is zero everywhere stays so (the division by its maximum that makes
    NaN of it elsewhere is left to normalisation).
    """
    return positive_sum(classifier, _weighted_sum(classifier, images, targets, layer))


@method(needs=[lacks_feature_maps], cite=["selvaraju2016gradcam", "cohen2025meaningful"])
def layered_grad_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """Grad-CAM that counts what speaks against the target too, (N, H, W), not negative.

    The weighted sum of `grad_cam` as it is, enlarged bilinearly, then its absolute value: what Cohen et al.
    2025 call layered Grad-CAM (Captum's LayerGradCam).
    """
    cam = _weighted_sum(classifier, images, targets, layer)
    return np.abs(classifier.at_input_size(cam)[..., 0])


def _weighted_sum(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, layer: str | None
) -> np.ndarray:
    """Feature maps times the spatial means of the logit's derivatives by them, (N, h, w, 1)."""
    features, gradient = feature_gradient(classifier, images, targets, layer)
    return np.einsum("nhwc,nc->nhw", features, gradient.mean((1, 2)))[..., None]


def positive_sum(classifier: Classifier, terms: np.ndarray) -> np.ndarray:
    """The sum of terms (N, h, w, channels) over the channels, where above zero, enlarged: (N, H, W)."""
    cam = np.maximum(terms.sum(-1, keepdims=True), 0)
    return classifier.at_input_size(cam)[..., 0]


def feature_gradient(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, layer: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """The layer's feature maps, by default the last convolutional ones, and the logit's derivatives by them.

    Both float32 (N, h, w, channels). Raises `BamError` for a network without feature maps, and for a layer
    that gives none.
    """
    _check_maps(classifier, layer)
    features, gradient = classifier.layer_gradient(images, targets, layer)
    return _spatial(features, layer), gradient


def feature_maps(classifier: Classifier, images: np.ndarray, layer: str | None) -> np.ndarray:
    """The same feature maps, without derivatives."""
    _check_maps(classifier, layer)
    return _spatial(classifier.features(images, layer), layer)


def _check_maps(classifier: Classifier, layer: str | None) -> None:
    reason = None if layer else lacks_feature_maps(classifier)
    if reason:
        raise BamError(f"{classifier.name} has no layer with spatial feature maps to explain: {reason}")


def _spatial(features: np.ndarray, layer: str | None) -> np.ndarray:
    if features.ndim != 4:
        raise BamError(f"Grad-CAM needs feature maps, but layer {layer} gives values of {features.shape[1:]}")
    return features


@method(needs=[lacks_relu, lacks_feature_maps], cite=["selvaraju2016gradcam", "springenberg2014striving"])
def guided_grad_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """Guided backpropagation times Grad-CAM (Selvaraju et al. 2016, section 3.2), (N, H, W, 3)."""
    cam = grad_cam(classifier, images, targets, layer=layer)
    return guided_backprop(classifier, images, targets) * cam[..., None]
