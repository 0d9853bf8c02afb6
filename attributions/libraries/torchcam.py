"""torch-cam: class activation maps of the network's twin in torch."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.gradients import NOISE
from bam.attributions.libraries.base import (
    Adapted,
    Library,
    MapOf,
    plain_settings,
    required,
    setting,
    subclasses,
    taken,
)
from bam.attributions.libraries.twins import in_torch, layer_in_torch, network_in_torch
from bam.attributions.requirements import lacks_feature_maps

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# How it is computed.
HANDLED = frozenset(("batch_size", "enable_hooks"))
MADE_OF = {"model"}


def _classes(module: ModuleType) -> dict[str, type]:
    from torchcam.methods.core import _CAM

    found = subclasses(module, _CAM)
    return {name: kind for name, kind in found.items() if required(kind.__init__) <= MADE_OF}


def _adapted(kind: type, inner: type | None) -> Adapted:
    settings = plain_settings(kind.__init__, HANDLED) | plain_settings(kind.__call__, HANDLED)
    settings["layer"] = setting("layer", None, str | None)
    if kind.__name__ == "SmoothGradCAMpp":
        # torch-cam's 0.3 is of inputs with a standard deviation of 1.
        settings["std"] = setting("std", 255 * NOISE, float)
    return Adapted(
        settings,
        lambda classifier, values: _prepared(kind, classifier, values),
        draws="std" in settings,
        needs=(lacks_feature_maps,),
    )


def _prepared(kind: type, classifier: Classifier, values: Mapping[str, Any]) -> MapOf:
    """What makes one map with an object of this class, at the size of the feature maps."""
    network = network_in_torch(classifier)
    given = taken(values, kind.__init__)
    if "batch_size" in inspect.signature(kind.__init__).parameters:
        given["batch_size"] = classifier.batch_size
    logging.getLogger("torchcam").setLevel(logging.ERROR)
    layer = layer_in_torch(network, classifier, values["layer"])
    extract = kind(network, layer, input_shape=(3, *classifier.input_size), **given)
    called = taken(values, kind.__call__)

    def map_of(image: np.ndarray, target: int) -> np.ndarray:
        scores = network(in_torch(image).requires_grad_())
        (cam,) = extract(target, scores, **called)
        return cam.detach().cpu().numpy()[0]

    return map_of


TORCHCAM = Library(
    "torchcam",
    "torch-cam",
    "torchcam",
    "torchcam.methods",
    _classes,
    _adapted,
    "fernandez2020torchcam",
    in_torch=True,
)
