"""PAIR saliency: its methods ask for logits, gradients and feature maps, and need no torch."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.libraries.base import (
    Adapted,
    Colour,
    Library,
    MapOf,
    coloured,
    plain_settings,
    required,
    setting,
    subclasses,
)
from bam.attributions.requirements import lacks_feature_maps

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# What is given to each of them; the map of a layer is enlarged as BAM's own are.
HANDLED = frozenset(("batch_size", "should_resize", "three_dims"))
ASKED = {"x_value", "call_model_function"}
# Those of XRAI's parameters that change its map.
XRAI_PARAMETERS = ("steps", "area_threshold", "algorithm")


def _classes(module: ModuleType) -> dict[str, type]:
    found = subclasses(module, module.CoreSaliency)
    return {name: kind for name, kind in found.items() if required(kind.GetMask) <= ASKED}


def _adapted(kind: type, inner: type | None) -> Adapted:
    parameters = inspect.signature(kind.GetMask).parameters
    settings = plain_settings(kind.GetMask, HANDLED)
    if "x_baseline" in parameters:
        settings["x_baseline"] = setting("x_baseline", "black", Colour)
    if "extra_parameters" in parameters:
        known = vars(_home(kind).XRAIParameters())
        settings |= {name: setting(name, known[name], type(known[name])) for name in XRAI_PARAMETERS}
    of_layer = "CONVOLUTION_LAYER_VALUES" in getattr(kind, "expected_keys", ())
    if of_layer:
        settings["layer"] = setting("layer", None, str | None)
    needs = (lacks_feature_maps,) if of_layer else ()
    return Adapted(settings, lambda classifier, values: _prepared(kind, classifier, values), needs=needs)


def _prepared(kind: type, classifier: Classifier, values: Mapping[str, Any]) -> MapOf:
    """What makes one map with an object of this class."""
    home, parameters = _home(kind), inspect.signature(kind.GetMask).parameters
    if hasattr(home, "np") and "interpolation" not in inspect.signature(np.quantile).parameters:
        home.np = EarlierNumpy()
    method, layer = kind(), values.get("layer")
    fixed = {"batch_size": classifier.batch_size, "should_resize": False, "three_dims": False}
    given = {name: value for name, value in (fixed | values).items() if name in parameters}
    if "extra_parameters" in parameters:
        given["extra_parameters"] = home.XRAIParameters(**{name: values[name] for name in XRAI_PARAMETERS})

    def map_of(image: np.ndarray, target: int) -> np.ndarray:
        baseline = {"x_baseline": coloured(image, values["x_baseline"])} if "x_baseline" in values else {}
        return method.GetMask(image, _model(classifier, target, layer), **{**given, **baseline})

    return map_of


def _model(classifier: Classifier, target: int, layer: str | None) -> Any:
    """The function through which the library asks a network about one class."""
    from saliency.core import base

    def call_model(
        images: np.ndarray, call_model_args: Any = None, expected_keys: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        images = np.asarray(images, np.float32)
        targets = np.full(len(images), target)
        found = {}
        if base.INPUT_OUTPUT_GRADIENTS in expected_keys:
            found[base.INPUT_OUTPUT_GRADIENTS] = classifier.gradient(images, targets)
        if base.OUTPUT_LAYER_VALUES in expected_keys:
            found[base.OUTPUT_LAYER_VALUES] = classifier.logits(images)[:, target]
        if base.CONVOLUTION_LAYER_VALUES in expected_keys:
            values, gradient = classifier.layer_gradient(images, targets, layer)
            found |= {base.CONVOLUTION_LAYER_VALUES: values, base.CONVOLUTION_OUTPUT_GRADIENTS: gradient}
        return found

    return call_model


class EarlierNumpy:
    """numpy with the name that `quantile` had for its parameter `method` before 2.4, for Guided IG."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def quantile(*given: Any, interpolation: str = "linear", **more: Any) -> Any:
        return np.quantile(*given, **{"method": interpolation, **more})


def _home(kind: type) -> ModuleType:
    """The module that defines a class."""
    return sys.modules[kind.__module__]


SALIENCY = Library(
    "saliency", "PAIR saliency", "saliency", "saliency.core", _classes, _adapted, "pair2017saliency"
)
