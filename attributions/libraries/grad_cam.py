"""pytorch-grad-cam: class activation maps of the network's twin in torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partialmethod
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

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
HANDLED = frozenset(("batch_size", "compute_input_gradient", "detach", "use_cuda", "uses_gradients"))
MADE_OF = {"model", "target_layers"}
# What explains all layers with biases, whatever it is given.
WITHOUT_LAYER = "FullGrad"


def _classes(module: ModuleType) -> dict[str, type]:
    from pytorch_grad_cam.base_cam import BaseCAM

    found = subclasses(module, BaseCAM)
    return {name: kind for name, kind in found.items() if required(kind.__init__) <= MADE_OF}


def _adapted(kind: type, inner: type | None) -> Adapted:
    settings = plain_settings(kind.__init__, HANDLED) | plain_settings(kind.__call__, HANDLED)
    if kind.__name__ != WITHOUT_LAYER:
        settings["layer"] = setting("layer", None, str | None)
    return Adapted(
        settings,
        lambda classifier, values: _prepared(kind, classifier, values),
        draws=kind.__name__.startswith("Random"),
        needs=(lacks_feature_maps,) if "layer" in settings else (),
    )


def _prepared(kind: type, classifier: Classifier, values: Mapping[str, Any]) -> MapOf:
    """What makes one map with an object of this class, at the size of the image."""
    import tqdm
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network = network_in_torch(classifier)
    layers = [layer_in_torch(network, classifier, values["layer"])] if "layer" in values else []
    cam = kind(network, layers, **taken(values, kind.__init__))
    if hasattr(cam, "batch_size"):
        cam.batch_size = classifier.batch_size
    given = taken(values, kind.__call__)
    # Some show a bar for each image.
    quiet = partialmethod(tqdm.tqdm.__init__, disable=True)

    def map_of(image: np.ndarray, target: int) -> np.ndarray:
        with mock.patch.object(tqdm.tqdm, "__init__", quiet):
            return cam(in_torch(image), [ClassifierOutputTarget(target)], **given)[0]

    return map_of


GRAD_CAM = Library(
    "grad_cam",
    "pytorch-grad-cam",
    "grad-cam",
    "pytorch_grad_cam",
    _classes,
    _adapted,
    "gildenblat2021gradcam",
    in_torch=True,
)
