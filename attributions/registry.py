"""The attribution methods by name, and `explain`, which applies one of them.

A method is a function `f(classifier, images, targets, *, seed, **params) -> maps`:
images float32 (N, H, W, 3), prepared by the classifier; targets int (N,), class indices; seed uint64
(N,), one per image, for methods that draw random numbers; maps (N, H, W) or (N, H, W, channels), raw
and signed. A function with a parameter `masks` is given the object masks, bool (N, H, W); one with `ids`
or `view`, the images' ids or the name of the image set they are from.

What it needs of a network, beyond a gradient, it says when it is registered: see `attributions.needs`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bam.base.errors import BamError, unknown
from bam.models.classifier import Classifier

# Why a network lacks what is needed, in a few words; None if it does not.
Need = Callable[[Classifier], str | None]


@dataclass(frozen=True)
class Method:
    """An attribution method.

    version: rows of another one are not used. control: it knows nothing of the model, or everything of
    the truth, and shows what a score is worth. own: it is the user's: it is given copies, which it may
    change, and a map with NaN is an error. needs: what a network must have, see `unsuited`.
    """

    name: str
    function: Callable[..., np.ndarray]
    version: int | str = 1
    control: bool = False
    own: bool = False
    needs: tuple[Need, ...] = ()

    def takes(self, parameter: str) -> bool:
        """Whether the function has a parameter of this name."""
        return parameter in inspect.signature(self.function).parameters

    def settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Those of `params` that it takes and that are set."""
        return {name: value for name, value in params.items() if value is not None and self.takes(name)}

    def unsuited(self, classifier: Classifier) -> str | None:
        """Why it does not apply to the classifier's network, in a few words; None if it does."""
        return next(filter(None, (need(classifier) for need in self.needs)), None)


METHODS: dict[str, Method] = {}


def method(function: Callable[..., np.ndarray] | None = None, *, needs: Sequence[Need] = ()) -> Callable:
    """Register an attribution method under its function's name: `@method`, or `@method(needs=[...])`."""

    def register(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        METHODS[function.__name__] = Method(function.__name__, function, needs=tuple(needs))
        return function

    return register if function is None else register(function)


def control(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Register a control under its function's name."""
    METHODS[function.__name__] = Method(function.__name__, function, control=True)
    return function


def explain(
    classifier: Classifier,
    images: np.ndarray,
    targets: Sequence[int] | np.ndarray,
    method: str | Method | Callable[..., np.ndarray] = "vanilla_gradient",
    seed: int | Sequence[int] | np.ndarray = 0,
    masks: np.ndarray | None = None,
    ids: Sequence[str] | None = None,
    view: str | None = None,
    **params: Any,
) -> np.ndarray:
    """Attribution maps of one method, float32 (N, h, w[, channels]) at the classifier's input size.

    images: (N, H, W, 3) in 0..255, any size and dtype. targets: the class index to explain, per image.
    seed: one per image, which gives an image the same map whatever stands beside it; or one number,
    from which each place in the batch gets its own. masks: bool (N, H, W), True on the pasted object,
    for the methods that need them, as `ids` and `view` are.
    Raises `BamError` for an unknown method or target, missing masks, maps of a wrong shape, and maps
    with values that are not finite from a method of the user's own.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise unknown("attribution method", method, METHODS)
        method = METHODS[method]
    elif not isinstance(method, Method):
        method = Method(getattr(method, "__name__", type(method).__name__), method)
    images, targets = classifier.prepare(images), np.asarray(targets)
    if not len(images):
        raise BamError(f"{method.name} was given no images")
    count = len(classifier.class_names)
    if targets.shape != (len(images),) or not np.isin(targets, np.arange(count)).all():
        raise BamError(f"targets must be {len(images)} class indices from 0 to {count - 1}, not {targets}")
    targets = targets.astype(np.int32, copy=False)
    masks = None if masks is None else classifier.prepare_masks(masks)
    for name, value in {"masks": masks, "ids": ids, "view": view}.items():
        if method.takes(name):
            if value is None:
                raise BamError(f"{method.name} needs {name}, which explain() was not given")
            params[name] = value
    given = (images, targets, _seeds(seed, len(images)))
    if method.own:
        given = tuple(array.copy() for array in given)
        params = {name: value.copy() if name == "masks" else value for name, value in params.items()}
    maps = method.function(classifier, *given[:2], seed=given[2], **params)
    return _checked(maps, method, images)


def _seeds(seed: int | Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    if np.any(np.asarray(seed) < 0):
        raise BamError(f"seed must not be negative, not {seed}")
    seeds = np.asarray(seed, np.uint64)
    if seeds.ndim == 0:
        sequences = (np.random.SeedSequence((int(seeds), place)) for place in range(count))
        seeds = np.array([sequence.generate_state(1, np.uint64)[0] for sequence in sequences])
    if seeds.shape != (count,):
        raise BamError(f"seed must be one number or {count}, one per image, not {seeds.shape}")
    return seeds


def _checked(maps: Any, method: Method, images: np.ndarray) -> np.ndarray:
    if maps is None:
        raise BamError(f"{method.name} returned nothing: it must return the maps")
    try:
        maps = np.asarray(maps, np.float32)
    except (TypeError, ValueError):
        raise BamError(f"{method.name} returned {type(maps).__name__}, not an array of numbers") from None
    if maps.shape[:3] != images.shape[:3] or maps.ndim not in (3, 4):
        raise BamError(
            f"{method.name} returned maps of shape {maps.shape}, but one map per image at the classifier's "
            f"input size is needed: {images.shape[:3]}, with channels or without"
        )
    if method.own and not np.isfinite(maps).all():
        count = int((~np.isfinite(maps).reshape(len(maps), -1).all(1)).sum())
        raise BamError(f"{method.name} returned NaN or infinite values in {count} of {len(maps)} maps")
    return maps
