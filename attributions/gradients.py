"""Methods that are derivatives with respect to the pixels."""

from __future__ import annotations

import numpy as np

from attributions.registry import method
from models.classifier import Classifier


@method
def vanilla_gradient(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, *, seed: np.ndarray
) -> np.ndarray:
    """Derivative of the target's logit by each pixel (Simonyan et al. 2013), (N, H, W, 3)."""
    return classifier.gradient(images, targets)
