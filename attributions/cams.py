"""Grad-CAM's kin: other weights for the same feature maps.

A stands for the feature maps (h, w, channels) and g for the logit's derivative by them. All enlarge the sum
over the channels bilinearly, after negative sums became zero; `layer` names the feature maps, by default the
last convolutional ones. Several of these methods share one pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.grad_cam import feature_gradient, positive_sum
from bam.attributions.registry import method
from bam.attributions.requirements import lacks_feature_maps

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@method(needs=[lacks_feature_maps], cite=["chattopadhay2018gradcam"], usual=False)
def grad_cam_pp(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """Grad-CAM++ (Chattopadhay et al. 2018, equations 5 and 19), (N, H, W), not negative.

    A channel weighs the sum over its places of a max(0, g), where a is g^2 / (2 g^2 + g^3 sum A), the sum
    over the channel's places. The exponential of the logit, whose derivatives the paper takes, is a factor
    that all channels have. A denominator of zero makes a weight of zero; nothing is added to it.
    """
    features, gradient = feature_gradient(classifier, images, targets, layer)
    # The square of g in a cancels.
    denominator = 2 + gradient * features.sum((1, 2), keepdims=True)
    weights = _ratio(np.maximum(gradient, 0), denominator).sum((1, 2), keepdims=True)
    return positive_sum(classifier, weights * features)


@method(needs=[lacks_feature_maps], cite=["fu2020axiom"], usual=False)
def xgrad_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """XGrad-CAM (Fu et al. 2020), (N, H, W), not negative.

    A channel weighs the mean over its places of g, each place weighted by its share of sum A; a channel whose
    sum is zero weighs nothing.
    """
    features, gradient = feature_gradient(classifier, images, targets, layer)
    shares = _ratio(features, features.sum((1, 2), keepdims=True))
    return positive_sum(classifier, (shares * gradient).sum((1, 2), keepdims=True) * features)


@method(needs=[lacks_feature_maps], cite=["jiang2021layercam"], usual=False)
def layer_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """LayerCAM (Jiang et al. 2021), (N, H, W), not negative: the sum over channels of max(0, g) A."""
    features, gradient = feature_gradient(classifier, images, targets, layer)
    return positive_sum(classifier, np.maximum(gradient, 0) * features)


@method(needs=[lacks_feature_maps], cite=["draelos2020hirescam"], usual=False)
def hires_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """HiResCAM (Draelos & Carin 2020), (N, H, W), not negative: the sum over the channels of g A."""
    features, gradient = feature_gradient(classifier, images, targets, layer)
    return positive_sum(classifier, gradient * features)


@method(needs=[lacks_feature_maps], cite=["muhammad2020eigencam"], usual=False)
def eigen_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
) -> np.ndarray:
    """Eigen-CAM (Muhammad & Yeasin 2020), (N, H, W), not negative; knows no target.

    A at each place, projected on the first right singular vector of A as a matrix of places and channels,
    not centred. Of the vector's two signs the one is taken whose map has the larger sum: with features that
    are not negative no value of it is.
    """
    # With the derivative, which costs little there, the others ask for the same.
    features, _ = feature_gradient(classifier, images, targets, layer)
    return positive_sum(classifier, np.stack([_projected(each) for each in features])[..., None])


def _projected(features: np.ndarray) -> np.ndarray:
    """Features (h, w, channels) along their first singular vector, (h, w); NaN if one is not finite."""
    matrix = features.reshape(-1, features.shape[-1])
    if not np.isfinite(matrix).all():
        return np.full(features.shape[:2], np.nan, np.float32)
    left, sizes, _ = np.linalg.svd(matrix, full_matrices=False)
    found = left[:, 0] * sizes[0]
    return (found if found.sum() >= 0 else -found).reshape(features.shape[:2])


def _ratio(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Values divided by others, 0 where these are 0."""
    shape = np.broadcast_shapes(values.shape, by.shape)
    return np.divide(values, by, out=np.zeros(shape, values.dtype), where=by != 0)
