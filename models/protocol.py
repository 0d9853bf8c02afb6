"""What methods and metrics see of a network, whatever framework it is of: arrays with channels last."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Explained(Protocol):
    """A classifier of raw pixels and its derivatives: `Classifier` of tf_keras, `TorchClassifier` of PyTorch.

    Images are float32 (N, H, W, 3) in 0..255 at `input_size` (height, width), as `prepare` makes them;
    targets are indices into `class_names`, int (N,). Layers are named as the framework names them, and layer
    None is `feature_layer()`; feature maps are (N, h, w, channels) in either. `digest` tells networks apart.
    `transparent`: whether there is more to see, the layers of `model`; a method that needs these says so.
    """

    name: str
    class_names: tuple[str, ...]
    labels: str | None
    description: dict[str, Any]
    remarks: tuple[str, ...]
    input_size: tuple[int, int]
    batch_size: int
    precision: str
    digest: str
    seed_digest: str
    transparent: bool

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Images (N, H, W, 3) in 0..255, any size and dtype, as float32 at the input size."""

    def prepare_masks(self, masks: np.ndarray) -> np.ndarray:
        """Masks bool (N, H, W), resized as the images are."""

    def at_input_size(self, maps: np.ndarray) -> np.ndarray:
        """Maps (N, h, w, C), enlarged bilinearly, float32 (N, H, W, C)."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        """float32 (N, classes)."""

    def softmax(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities, float32 (N, classes)."""

    def predictions(self, images: np.ndarray) -> np.ndarray:
        """The class of the largest logit, int (N,)."""

    def gradient(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Derivative of the target's logit by the images, float32 (N, H, W, 3)."""

    def guided_gradient(self, images: np.ndarray, targets: np.ndarray, rule: str = "guided") -> np.ndarray:
        """The same with ReLUs that pass on positive derivatives only. Raises `BamError` if `unguidable`.

        rule: "guided", where the ReLU does not give 0; "deconvnet", wherever.
        """

    def unguidable(self) -> str | None:
        """What keeps its ReLUs from being guided, in a few words; None if nothing does."""

    def features(self, images: np.ndarray, layer: str | None = None) -> np.ndarray:
        """A layer's output, float32."""

    def layer_gradient(
        self, images: np.ndarray, targets: np.ndarray, layer: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A layer's output, and the derivative of the target's logit by it."""

    def layer_gradients(
        self, images: np.ndarray, targets: np.ndarray, layers: Sequence[str | None]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """The same for several layers."""

    def feature_layer(self) -> str:
        """The last layer with feature maps. Raises `BamError` if there is none."""

    def sharing(self, images: np.ndarray) -> AbstractContextManager[None]:
        """Within it, asking the same about this very array again returns the first answer."""

    def clock(self) -> float:
        """Seconds, as if nothing were answered from memory."""
