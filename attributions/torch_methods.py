"""Methods of the user's own that explain a module of PyTorch: they are given the classifier's twin."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.errors import BamError
from bam.models.torch.importing import device, import_torch

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# What a file says at its top if all its methods are such, whatever the annotations.
FRAMEWORK = "torch"


def explains_module(function: Callable) -> bool:
    """Whether a function's first parameter is annotated as `torch.nn.Module`, be it as a text.

    Without an annotation: whether its file has FRAMEWORK = "torch".
    """
    try:
        first = next(iter(inspect.signature(function).parameters.values()), None)
    except (TypeError, ValueError):
        return False
    if first is None:
        return False
    names = getattr(inspect.unwrap(function), "__globals__", {})
    if first.annotation is inspect.Parameter.empty:
        return names.get("FRAMEWORK") == FRAMEWORK
    annotation = first.annotation
    if isinstance(annotation, str):
        annotation = _named(annotation.strip("\"' "), names)
    kinds = getattr(annotation, "__mro__", ())
    return any((kind.__module__, kind.__name__) == ("torch.nn.modules.module", "Module") for kind in kinds)


def _named(name: str, names: dict[str, Any]) -> Any:
    """What a dotted name stands for in a file; None if nothing there has it."""
    root, *parts = name.split(".")
    found = names.get(root)
    if found is None and name in ("torch.nn.Module", "nn.Module"):  # imported for type checkers only
        return import_torch().nn.Module
    for part in parts:
        found = getattr(found, part, None)
    return found


def on_twin(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """The function as a method of BAM's.

    It is called with the classifier's twin, the images float32 (N, 3, H, W) in 0..255 and the targets int64
    (N,). With a parameter `generator` it is also given a `torch.Generator` for the whole batch, seeded by its
    images' seeds, and with `seed` these themselves, int64 (N,); torch's own generator is seeded likewise, or
    always the same for a function that takes neither. Other arrays of `registry.GIVEN` come as tensors too.
    It returns maps, a tensor or an array, (N, H, W) or (N, channels, H, W). Raises `BamError` if it returns
    others, or changes the twin.
    """
    signature = inspect.signature(function)
    name = getattr(function, "__name__", type(function).__name__)

    @functools.wraps(function)
    def explained(classifier: Classifier, images: np.ndarray, targets: np.ndarray, **given: Any) -> Any:
        from bam.models.torch.twin import borrowed, in_torch

        torch = import_torch()
        seed = _one(given.get("seed", np.zeros(1, np.uint64)))
        # BAM's name is that of seeds; the function's may be either, or both.
        if "seed" not in signature.parameters and not _open(signature):
            given.pop("seed", None)
        with borrowed(classifier, name) as module, torch.random.fork_rng(), torch.enable_grad():
            given = {key: _as_tensor(value) for key, value in given.items()}
            if "generator" in signature.parameters:
                given["generator"] = torch.Generator(device()).manual_seed(seed)
            torch.manual_seed(seed)
            pixels = in_torch(images).to(device())
            maps = function(module, pixels, _as_tensor(targets.astype(np.int64)), **given)
        return _maps(maps, name, images.shape)

    explained.__signature__ = _seeded(signature)
    return explained


def _open(signature: inspect.Signature) -> bool:
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    return inspect.Parameter.VAR_KEYWORD in kinds


def _seeded(signature: inspect.Signature) -> inspect.Signature:
    """The signature with `seed` in place of `generator`."""
    parameters = [each for name, each in signature.parameters.items() if name != "generator"]
    if len(parameters) < len(signature.parameters) and "seed" not in signature.parameters:
        rest = [each for each in parameters if each.kind is inspect.Parameter.VAR_KEYWORD]
        parameters = [each for each in parameters if each not in rest]
        parameters += [inspect.Parameter("seed", inspect.Parameter.KEYWORD_ONLY), *rest]
    return signature.replace(parameters=parameters)


def _one(seeds: np.ndarray) -> int:
    """One seed from those of a batch's images."""
    return int(np.random.SeedSequence([int(seed) for seed in seeds]).generate_state(1, np.uint64)[0])


def _as_tensor(value: Any) -> Any:
    """An array as a tensor, seeds as int64, since few functions of torch take uint64; others as they are."""
    if not isinstance(value, np.ndarray):
        return value
    value = value.astype(np.int64) if value.dtype == np.uint64 else value
    return import_torch().from_numpy(np.ascontiguousarray(value)).to(device())


def _maps(maps: Any, name: str, shape: tuple[int, ...]) -> Any:
    """What a function returned, channels last, for the checks of all methods."""
    if isinstance(maps, import_torch().Tensor):
        maps = maps.detach().cpu()
        maps = (maps.float() if maps.is_floating_point() else maps).numpy()
    if getattr(maps, "ndim", 0) != 4:
        return maps
    if len(maps) != shape[0] or tuple(maps.shape[2:]) != shape[1:3]:
        count, height, width = shape[:3]
        raise BamError(
            f"{name} returned maps of shape {tuple(maps.shape)}, but one map per image at the network's "
            f"input size is needed: ({count}, {height}, {width}), or ({count}, channels, {height}, {width})"
        )
    return np.moveaxis(np.asarray(maps), 1, -1)
