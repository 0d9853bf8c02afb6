"""What libraries for PyTorch are given: the network's twin, its layers, images."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.libraries.base import probe
from bam.base.errors import BamError

if TYPE_CHECKING:
    import torch

    from bam.models.classifier import Classifier


def network_in_torch(classifier: Classifier) -> torch.nn.Module:
    """A copy of the network's twin in torch: what a library changes of it is of this one alone."""
    from bam.models.torch.importing import device
    from bam.models.torch.twin import torch_twin

    twin = classifier.compiled("torch twin", lambda: torch_twin(classifier))
    return copy.deepcopy(twin).to(device())


def in_torch(image: np.ndarray) -> torch.Tensor:
    """An image (H, W, 3) as the twin takes it, (1, 3, H, W)."""
    from bam.models.torch import twin
    from bam.models.torch.importing import device

    return twin.in_torch(image[None]).to(device())


def from_torch(tensor: torch.Tensor) -> np.ndarray:
    """The values of one image's map (1, C, h, w) as (h, w, C)."""
    return np.moveaxis(tensor.detach().cpu().numpy()[0], 0, -1)


def layer_in_torch(network: torch.nn.Module, classifier: Classifier, layer: str | None) -> torch.nn.Module:
    """The module of `network` that gives what a layer does, by default that of `Classifier.feature_layer`.

    Raises `BamError` for an unknown one, and for feature maps with their channels last, as Swin transformers
    have them: libraries would take the width for channels, and say nothing.
    """
    name = layer or classifier.feature_layer()
    module = network.of_layer(name)

    def compared() -> Callable[[], bool]:
        image, shapes = probe(classifier), []
        handle = module.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape)))
        network(in_torch(image[0]))
        handle.remove()
        maps = classifier.features(image, name)
        last = maps.ndim == 4 and shapes[-1] != np.moveaxis(maps, -1, 1).shape
        return lambda: last

    # Once for each network, and not for each batch.
    if classifier.compiled(("channels last", name), compared)():
        raise BamError(f"{name} gives its channels last, where the library takes them first")
    return module
