"""A torch module as a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from bam.base.errors import BamError, unknown
from bam.models.classifier import Classifier, indices
from bam.models.network.frozen import RULES
from bam.models.torch.layer import as_keras
from bam.models.torch.network import TorchNetwork

if TYPE_CHECKING:
    import tf_keras as keras
    import torch


class TorchClassifier(Classifier):
    """A classifier of raw pixels whose network is a torch module, see `TorchNetwork`.

    module: takes (N, 3, H, W); it is put into evaluation mode, with fixed weights in float32. input_size: its
    height and width. preprocess: the scale of its pixels, see `network.scales.scale_of`. known: what else
    identifies the network, such as the digest of the file that builds it. Names of layers are those of
    `module.named_modules()`, and outputs of a module that is called several times are those of its last call.
    The others, and all that is not said here, as of a `Classifier`; `model` is a network of tf_keras of one
    layer, which asks the module. Raises `BamError` if PyTorch or a module is lacking, for a module that
    cannot be asked, and for one that gives no logits of `class_names`.

    >>> from torch import nn  # doctest: +SKIP
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))  # doctest: +SKIP
    >>> TorchClassifier(network, ["cat", "dog"], (2, 2)).logits(images).shape  # doctest: +SKIP
    (1, 2)
    """

    transparent = False

    def __init__(
        self,
        module: torch.nn.Module,
        class_names: Iterable[str],
        input_size: tuple[int, int],
        preprocess: str = "none",
        name: str = "model",
        labels: str | None = None,
        batch_size: int = 32,
        precision: str = "float32",
        known: str = "",
    ):
        if precision != "float32":
            raise BamError(
                f"{name} is a network of PyTorch, which computes in float32: leave out `precision`"
            )
        self.torch_network = TorchNetwork(module, name, input_size, preprocess, known)
        model = as_keras(self.torch_network)
        super().__init__(
            model, class_names, name, labels, None, batch_size, precision, self.torch_network.remarks
        )

    @property
    def network(self) -> keras.Model:
        """The model itself."""
        return self.model

    def in_float32(self) -> Classifier:
        """This one, which computes so."""
        return self

    def logits(self, images: np.ndarray) -> np.ndarray:
        """float32 (N, classes) of prepared images."""
        return self._ask("logits", self.torch_network.logits, images)

    def features(self, images: np.ndarray, layer: str | None = None) -> np.ndarray:
        """float32 output of a module (the last with feature maps by default), feature maps (N, h, w, C)."""
        name = self._layer(layer)
        return self._ask(("features", name), partial(self.torch_network.features, layer=name), images)

    def gradient(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Derivative of the target's logit with respect to prepared images, float32 (N, H, W, 3)."""
        return self._ask("gradient", self.torch_network.gradient, images, indices(targets))

    def guided_gradient(self, images: np.ndarray, targets: np.ndarray, rule: str = "guided") -> np.ndarray:
        """The same with ReLUs that pass on positive derivatives only, float32 (N, H, W, 3).

        rule: as of a `Classifier`. Raises `BamError` for a network that is `unguidable`.
        """
        if rule not in RULES:
            raise unknown("rule of ReLUs", rule, RULES)
        if reason := self.unguidable():
            raise BamError(f"{self.name} {reason}, so it cannot be guided: leave guided methods out")
        guided = partial(self.torch_network.gradient, rule=rule)
        return self._ask(("guided_gradient", rule), guided, images, indices(targets))

    def layer_gradients(
        self, images: np.ndarray, targets: np.ndarray, layers: Sequence[str | None]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """What `layer_gradient` gives, for several modules in one sweep."""
        names = tuple(self._layer(layer) for layer in layers)
        ask = partial(self.torch_network.layer_gradients, layers=names)
        return self._ask(("layer_gradients", names), ask, images, indices(targets))

    def feature_layer(self) -> str:
        """Name of the last module with spatial feature maps, which Grad-CAM explains by default."""
        name = self.torch_network.feature_maps()
        if name is None:
            raise BamError(f"{self.name} has no layer with spatial feature maps: name one")
        return name

    def unguidable(self) -> str | None:
        """What keeps its ReLUs from being guided, in a few words; None if nothing does."""
        return self.torch_network.unguidable()

    def _layer(self, name: str | None) -> str:
        name = name or self.feature_layer()
        self.torch_network.check_layer(name)
        return name

    def _ask(self, key: Any, function: Callable, images: np.ndarray, *others: np.ndarray) -> Any:
        """Apply a function of arrays, batch by batch."""

        def compute() -> Any:
            self._check(images)
            parts = [function(*part) for part in self._batches(images, *others)]
            return tf.nest.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

        return self._memo.answer(key, compute, images, *others)
