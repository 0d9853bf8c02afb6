"""A classifier's network in PyTorch: the same layers, under the same names, with the same weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from bam.base.errors import BamError
from bam.models.network.probes import noise
from bam.models.torch.importing import device, import_torch

if TYPE_CHECKING:
    import torch

    from bam.models.classifier import Classifier

# By how much of the largest logit a twin's may be off: far more than rounding, far less than a wrong layer.
_TOLERANCE = 1e-3


def torch_twin(classifier: Classifier) -> torch.nn.Module:
    """The classifier's network as a module of torch, in evaluation mode, with weights of its own.

    It takes float32 (N, 3, H, W), red, green, blue in 0..255, at the classifier's input size; preprocessing
    is inside. It gives logits, float32 (N, classes). Each layer is a module of its own under its name (a dot
    in that is `_`); what else it does stands before or behind it, as `conv_padding` and `conv_activation`;
    `twin.of_layer(name)` is the module that gives what the layer gives. No module is called twice. Pictures
    in it have their channels first, tokens are (N, tokens, width). `.double()` makes it one in float64.
    Of a `TorchClassifier` it is a copy of its module behind the scale of its pixels, with layers named as
    there, and activations that change nothing in place. Raises `BamError` without PyTorch, for a layer that
    has no counterpart there, and if logits differ.

    >>> scene = load_classifier("runs/models/scene")  # doctest: +SKIP
    >>> twin = bam.torch_twin(scene)  # doctest: +SKIP
    >>> twin(torch.zeros(2, 3, 64, 64)).shape  # doctest: +SKIP
    torch.Size([2, 10])
    """
    torch = import_torch()
    from bam.models.torch.classifier import TorchClassifier
    from bam.models.torch.layers import translated
    from bam.models.torch.walk import network_of

    if isinstance(classifier, TorchClassifier):
        twin = classifier.torch_network.twin().eval()
    else:
        twin = network_of(classifier.model, translated).eval()
    pixels = noise(2, (*classifier.input_size, 3))
    expected = np.asarray(classifier.model(pixels, training=False), np.float64)
    with torch.no_grad():
        found = twin(in_torch(pixels)).double().numpy()
    difference, largest = np.abs(found - expected).max(), np.abs(expected).max()
    if not difference <= _TOLERANCE * largest:
        raise BamError(
            f"the twin of {classifier.name} in torch gives other logits, by {difference:.2g} of "
            f"{largest:.2g}, so that one of its layers does something else there: leave out what needs a twin"
        )
    return twin


def in_torch(images: np.ndarray) -> torch.Tensor:
    """Images float32 (N, H, W, 3) as a tensor (N, 3, H, W) of its own."""
    return import_torch().from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


_KEPT: WeakKeyDictionary[Classifier, tuple[Any, dict[str, str]]] = WeakKeyDictionary()


@contextmanager
def borrowed(classifier: Classifier, borrower: str) -> Iterator[torch.nn.Module]:
    """The classifier's twin, made once, for a method that must leave it as it was.

    It is on a GPU if torch can use one. borrower: what the method is called. Raises `BamError` if weights,
    modules or hooks are others afterwards; then the next one is given a new twin.
    """
    if classifier not in _KEPT:
        twin = torch_twin(classifier).to(device())
        _KEPT[classifier] = twin, _fingerprints(twin)
    twin, before = _KEPT.pop(classifier)  # and it stays away if anything goes wrong
    yield twin
    twin.zero_grad(set_to_none=True)
    twin.eval().requires_grad_(True)
    after = _fingerprints(twin)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if changed:
        raise BamError(
            f"{borrower} changed the network ({changed[0]}), which other methods explain too: let it work on "
            "copy.deepcopy(module), and remove what it hooks to it"
        )
    _KEPT[classifier] = twin, before


def _fingerprints(twin: torch.nn.Module) -> dict[str, str]:
    """What each module is, its settings and hooks, and a digest of each weight, by their names."""
    found = {}
    for name, module in twin.named_modules():
        own = vars(module).items()
        added = [key for key, value in own if key == "forward" or (key.endswith("_hooks") and value)]
        found[name or "network"] = f"{type(module).__name__} {id(module)} {module.extra_repr()} {added}"
    for name, value in (*twin.named_parameters(), *twin.named_buffers()):
        content = np.ascontiguousarray(value.detach().cpu().numpy())
        found[name] = f"{content.dtype} {content.shape} {hashlib.blake2b(content).hexdigest()}"
    return found
