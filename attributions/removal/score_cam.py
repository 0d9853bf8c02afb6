"""Score-CAM: feature maps, each weighted by what the network says of the image under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from bam.attributions.grad_cam import feature_maps, positive_sum
from bam.attributions.registry import method
from bam.attributions.removal.substrates import substrate
from bam.attributions.requirements import lacks_feature_maps

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@method(
    needs=[lacks_feature_maps],
    cite=["wang2020scorecam"],
    slow="1 forward pass, and 1 for every channel of the layer: 2,048 of ResNet50, 512 of VGG-19",
)
def score_cam(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    layer: str | None = None,
    fill: str = "grey",
) -> np.ndarray:
    """Score-CAM (Wang et al. 2020, algorithm 1), (N, H, W), not negative.

    Each channel of the feature maps, enlarged and put on 0..1 by its own lowest and highest value, is a mask:
    where it is below 1 there is as much less of the image and more of `fill`, see `substrate`; a channel that
    is the same everywhere masks all. The softmax over the channels of the target's logits under the masks
    weighs the maps; negative sums become zero; the map is enlarged bilinearly. `layer` names the feature
    maps, by default the last convolutional ones.
    """
    from bam.attributions.removal.engine import Removal  # which starts TensorFlow
    from bam.attributions.removal.masks import FEATURE_MAPS

    features = feature_maps(classifier, images, layer)
    removal = Removal("score_cam", classifier, images, targets, substrate(images, fill))
    found = removal.logits(
        FEATURE_MAPS,
        [features.shape[-1]] * len(images),
        lambda image, part: (np.moveaxis(features[image, ..., part], -1, 0),),
    )
    weights = softmax(np.stack(found), axis=1).astype(np.float32)
    return positive_sum(classifier, features * weights[:, None, None])
