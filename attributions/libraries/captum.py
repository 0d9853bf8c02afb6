"""captum: its methods explain the network's twin in torch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.gradients import NOISE
from bam.attributions.libraries.base import (
    INNER,
    Adapted,
    Colour,
    Library,
    MapOf,
    coloured,
    plain_settings,
    required,
    setting,
)
from bam.attributions.libraries.lrp import lacks_conservation, prepare_lrp, share_of_logit
from bam.attributions.libraries.twins import from_torch, in_torch, layer_in_torch, network_in_torch
from bam.attributions.removal.superpixels import COMPACTNESS, SEGMENTS, SIGMA, superpixels
from bam.attributions.requirements import lacks_feature_maps

if TYPE_CHECKING:
    import torch

    from bam.models.classifier import Classifier

# How many images the network is asked about at once, under captum's several names.
BATCHES = ("internal_batch_size", "nt_samples_batch_size", "perturbations_per_eval")
# What is no setting: how it is computed, and what else could be returned.
HANDLED = frozenset(
    (
        *BATCHES,
        *("attr_dim_summation", "attribute_to_layer_input", "draw_baseline_from_distrib", "memory_efficient"),
        *("return_convergence_delta", "return_input_shape", "show_progress", "verbose"),
    )
)
# What a class for images may ask for, when it is made and when it explains.
MADE_OF = {"forward_func", "model", "layer", INNER}
ASKED = {"inputs", "baselines", "sliding_window_shapes"}
# Where captum leaves the choice: a window and its steps in (channels, rows, columns), in pixels.
WINDOW, STRIDES = (3, 15, 15), (3, 8, 8)
# What `method`, the rule of an integral, is called here, since `explain` has a parameter of that name.
INTEGRATION = "integration"
# Of a distribution of baselines.
COLOURS = ("black", "grey", "white")
# Exact Shapley values ask for every order of the segments.
FEW_SEGMENTS = 4


def _classes(module: ModuleType) -> dict[str, type]:
    known = {name: getattr(module, name) for name in module.__all__}
    return {
        name: kind
        for name, kind in sorted(known.items())
        if isinstance(kind, type) and issubclass(kind, module.Attribution) and _for_images(kind)
        # Which exchange features between the images of a batch, so that one alone has none.
        if not issubclass(kind, module.FeaturePermutation)
    }


def _for_images(kind: type) -> bool:
    """Whether it explains one class of one image: not a neuron, nor a text, nor many batches."""
    explain = getattr(kind, "attribute", None)
    if explain is None or not required(kind.__init__) <= MADE_OF or not required(explain) <= ASKED:
        return False
    return "target" in inspect.signature(explain).parameters or INNER in required(kind.__init__)


def _adapted(kind: type, inner: type | None) -> Adapted:
    of = inner or kind
    made, explain = _parameters(of.__init__), _parameters(of.attribute)
    settings = plain_settings(of.__init__, HANDLED) | plain_settings(of.attribute, HANDLED)
    if "baselines" in explain:
        several = "baselines" in required(of.attribute)
        known = (COLOURS, tuple[str | float, ...]) if several else ("black", Colour)
        settings["baselines"] = setting("baselines", *known)
    if "method" in settings:
        settings[INTEGRATION] = setting(INTEGRATION, settings.pop("method").default, str)
    if "sliding_window_shapes" in explain:
        sizes = {"sliding_window_shapes": WINDOW, "strides": STRIDES}
        settings |= {name: setting(name, size, tuple[int, int, int]) for name, size in sizes.items()}
    if "feature_mask" in explain:
        count = FEW_SEGMENTS if of.__name__ == "ShapleyValues" else SEGMENTS
        settings["segments"] = setting("segments", count, int)
    if inner:
        settings |= plain_settings(kind.attribute, HANDLED)
        # captum's 1 is of inputs that are about as large.
        settings["stdevs"] = setting("stdevs", 255 * NOISE, float)
    if "layer" in made:
        settings["layer"] = setting("layer", None, str | None)
    relevance = of.__name__ in ("LRP", "LayerLRP")

    def prepare(classifier: Classifier, values: Mapping[str, Any]) -> MapOf:
        return _prepared(kind, inner, classifier, values)

    share = share_of_logit(f"{kind.__name__} {of.__name__}", prepare, settings)
    return Adapted(
        settings,
        prepare,
        draws=bool({"n_samples", "nt_samples"} & settings.keys()),
        needs=(lacks_feature_maps,) if "layer" in made else (),
        checks=(lacks_conservation(share),) if relevance else (),
        share=share if relevance else None,
    )


def _parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def _prepared(kind: type, inner: type | None, classifier: Classifier, values: Mapping[str, Any]) -> MapOf:
    """What makes one map with an object of this class, or with one of `inner` in it."""
    from captum.attr import LayerAttribution

    of, network = inner or kind, network_in_torch(classifier)
    made = {name: values[name] for name in _parameters(of.__init__) & values.keys() if name != "layer"}
    if "layer" in values:
        made["layer"] = layer_in_torch(network, classifier, values["layer"])
    relevance = of.__name__ in ("LRP", "LayerLRP")
    attach = prepare_lrp(network) if relevance else lambda: None
    method = of(network, **made)
    method = kind(method) if inner else method
    asked = _parameters(of.attribute) | (_parameters(kind.attribute) if inner else set())
    several = "baselines" in required(of.attribute)
    plain = {name: values[name] for name in asked & values.keys() if name != "baselines"}
    plain |= dict.fromkeys(asked & set(BATCHES), classifier.batch_size)
    if INTEGRATION in values:
        plain["method"] = values[INTEGRATION]

    def map_of(image: np.ndarray, target: int) -> np.ndarray:
        attach()
        pixels = in_torch(image)
        given = _of_image(image, classifier, asked, values, several)
        given = {name: tensor.to(pixels.device) for name, tensor in given.items()}
        found = method.attribute(pixels, target=target, **plain, **given)
        (found,) = found if isinstance(found, tuple) else (found,)
        found = from_torch(found)
        # What a layer's channels are given is summed up, as captum's own examples do.
        return found.sum(-1) if issubclass(of, LayerAttribution) else found

    return map_of


def _of_image(
    image: np.ndarray, classifier: Classifier, asked: set[str], values: Mapping[str, Any], several: bool
) -> dict[str, torch.Tensor]:
    """What captum is given that is made of the image: baselines, and what is removed as a whole.

    several: whether there are several baselines.
    """
    import torch

    given = {}
    if "baselines" in values:
        colours = values["baselines"]
        found = [coloured(image, colour) for colour in (colours if several else [colours])]
        given["baselines"] = torch.cat([in_torch(each) for each in found])
    if "feature_mask" in asked:
        segments = superpixels(image[None], values["segments"], COMPACTNESS, SIGMA)
        given["feature_mask"] = torch.from_numpy(segments.astype(np.int64))[None]
    if "layer_mask" in asked:
        # Each place of the feature maps is one feature, with all of its channels.
        height, width = classifier.features(image[None], values["layer"]).shape[1:3]
        given["layer_mask"] = torch.arange(height * width).reshape(1, 1, height, width)
    return given


CAPTUM = Library(
    "captum", "captum", "captum", "captum.attr", _classes, _adapted, "kokhlikyan2020captum", in_torch=True
)
