"""The attribution methods by name, and `explain`, which applies one of them.

A method is `f(classifier, images, targets, *, seed, **params) -> maps`:
images float32 (N, H, W, 3), prepared by the classifier; targets int (N,), class indices; seed uint64
(N,), one per image, for methods that draw random numbers; maps (N, H, W) or (N, H, W, channels), raw
and signed. A method with a parameter `masks` is given the object masks, bool (N, H, W).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from data_prep.errors import BamError, unknown
from models.classifier import Classifier

Method = Callable[..., np.ndarray]

METHODS: dict[str, Method] = {}
VERSIONS: dict[str, int] = {}
# Controls know nothing of the model, or everything of the truth: they show what a score is worth.
CONTROLS: list[str] = []


def method(function: Method, version: int = 1) -> Method:
    """Register an attribution method under its function's name.

    A higher `version` tells that its maps have changed: rows of an older one are then not used.
    """
    METHODS[function.__name__] = function
    VERSIONS[function.__name__] = version
    return function


def control(function: Method) -> Method:
    """Register a control under its function's name."""
    CONTROLS.append(function.__name__)
    return method(function)


def explain(
    classifier: Classifier,
    images: np.ndarray,
    targets: Sequence[int] | np.ndarray,
    method: str | Method = "vanilla_gradient",
    seed: int | Sequence[int] | np.ndarray = 0,
    masks: np.ndarray | None = None,
    **params: Any,
) -> np.ndarray:
    """Attribution maps of one method, float32 (N, h, w[, channels]) at the classifier's input size.

    images: (N, H, W, 3) in 0..255, any size and dtype. targets: the class index to explain, per image.
    seed: one per image, which gives an image the same map whatever stands beside it; or one number,
    from which each place in the batch gets its own. masks: bool (N, H, W), True on the pasted object,
    for the methods that need them.
    Raises `BamError` for an unknown method or target, missing masks, and maps of a wrong shape.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise unknown("attribution method", method, METHODS)
        method = METHODS[method]
    images, targets = classifier.prepare(images), np.asarray(targets)
    count = len(classifier.class_names)
    if targets.shape != (len(images),) or not np.isin(targets, np.arange(count)).all():
        raise BamError(f"targets must be {len(images)} class indices from 0 to {count - 1}, not {targets}")
    seeds = np.asarray(seed, np.uint64)
    if seeds.ndim == 0:
        seeds = np.array(
            [
                np.random.SeedSequence((int(seeds), i)).generate_state(1, np.uint64)[0]
                for i in range(len(images))
            ]
        )
    if "masks" in inspect.signature(method).parameters:
        if masks is None:
            raise BamError(f"{method.__name__} needs the object masks")
        params["masks"] = classifier.prepare_masks(masks)
    maps = np.asarray(method(classifier, images, targets, seed=seeds, **params), np.float32)
    if maps.shape[:3] != images.shape[:3] or maps.ndim not in (3, 4):
        raise BamError(f"{method.__name__} returned maps of shape {maps.shape} for images of {images.shape}")
    return maps
