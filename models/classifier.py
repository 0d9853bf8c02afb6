"""A trained network with the derivatives that attribution needs, in compiled batches."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from data_prep.errors import BamError
from data_prep.files import read_json
from models.architectures import structure


def resize(images: tf.Tensor | np.ndarray, size: tuple[int, int]) -> tf.Tensor:
    """(N, H, W, C) to float32 (N, *size, C): bilinear, averaging where it shrinks."""
    return tf.image.resize(images, size, method="bilinear", antialias=True)


class Classifier:
    """A classifier of raw pixels.

    model: tf_keras model from float32 (N, H, W, 3) in 0..255 to logits (N, classes).
    labels: what it was trained on, "object" or "scene"; None if unknown.
    digest: identifies layers and weights; results of another network are never mixed with these.
    """

    def __init__(
        self,
        model: keras.Model,
        class_names: Iterable[str],
        name: str = "model",
        labels: str | None = None,
        description: dict[str, Any] | None = None,
        batch_size: int = 32,
        precision: str = "float32",
    ):
        self.model, self.class_names, self.name, self.labels = model, tuple(class_names), name, labels
        self.description = description or {}
        self.batch_size, self.precision = batch_size, precision
        self.digest = network_digest(model)
        if model.output_shape[-1] != len(self.class_names):
            raise BamError(
                f"{name} has {model.output_shape[-1]} outputs, but {len(self.class_names)} class names"
            )
        if None in model.input_shape[1:3] or model.input_shape[3] != 3:
            raise BamError(
                f"{name} takes {model.input_shape}, but a fixed size and three channels are needed"
            )
        self.input_size: tuple[int, int] = model.input_shape[1:3]
        self._compiled: dict[Any, Callable] = {}
        self._shared: dict[Any, Any] | None = None

    @contextlib.contextmanager
    def sharing(self) -> Iterator[None]:
        """Within it, asking the same of the same arrays again returns the first answer, not to be changed."""
        self._shared = {}
        try:
            yield
        finally:
            self._shared = None

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Images (N, H, W, 3) in 0..255, any size and dtype, as float32 at the input size."""
        images = np.asarray(images)
        if images.dtype == np.float32 and images.shape[1:3] == self.input_size:
            return images
        return resize(images, self.input_size).numpy()

    def prepare_masks(self, masks: np.ndarray) -> np.ndarray:
        """Masks bool (N, H, W), resized as the images are: True where at least half is covered."""
        if masks.dtype == bool and masks.shape[1:] == self.input_size:
            return masks
        return resize(masks[..., None].astype(np.float32), self.input_size).numpy()[..., 0] >= 0.5

    def logits(self, images: np.ndarray) -> np.ndarray:
        """float32 (N, classes) of prepared images."""
        return self._run("logits", lambda: lambda x: self.model(x, training=False), images)

    def predictions(self, images: np.ndarray) -> np.ndarray:
        """int (N,): the class of the largest logit of prepared images."""
        return self.logits(images).argmax(1)

    def softmax(self, images: np.ndarray) -> np.ndarray:
        """float32 (N, classes): class probabilities of prepared images."""
        return tf.nn.softmax(self.logits(images)).numpy()

    def features(self, images: np.ndarray, layer: str | None = None) -> np.ndarray:
        """Output of a layer (the last convolutional one by default) for prepared images."""

        def make():
            inner = keras.Model(self.model.inputs, self._layer(layer).output)
            return lambda x: inner(x, training=False)

        return self._run(("features", layer), make, images)

    def gradient(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Derivative of the target's logit with respect to prepared images, float32 (N, H, W, 3)."""

        def make():
            def gradient(x, targets):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(x)
                    score = tf.gather(self.model(x, training=False), targets, batch_dims=1)
                return tape.gradient(score, x)

            return gradient

        return self._run("gradient", make, images, np.asarray(targets, np.int32))

    def layer_gradient(
        self, images: np.ndarray, targets: np.ndarray, layer: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A layer's output (the last convolutional one by default) and the derivative of the target's
        logit with respect to it, both float32 (N, h, w, channels)."""

        def make():
            inner = keras.Model(self.model.inputs, [self._layer(layer).output, self.model.output])

            def gradient(x, targets):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(x)
                    features, logits = inner(x, training=False)
                    score = tf.gather(logits, targets, batch_dims=1)
                return features, tape.gradient(score, features)

            return gradient

        return self._run(("layer_gradient", layer), make, images, np.asarray(targets, np.int32))

    def feature_layer(self) -> str:
        """Name of the last layer with spatial feature maps, which Grad-CAM explains by default."""
        for layer in reversed(self.model.layers):
            shape = getattr(layer, "output_shape", ())
            if isinstance(shape, tuple) and len(shape) == 4 and shape[1] and shape[1] > 1:
                return layer.name
        raise BamError(f"{self.name} has no layer with spatial feature maps: name one")

    def _layer(self, name: str | None) -> keras.layers.Layer:
        names = [layer.name for layer in self.model.layers]
        name = name or self.feature_layer()
        if name not in names:
            raise BamError(f"{self.name} has no layer {name!r}; it has {', '.join(names)}")
        return self.model.get_layer(name)

    def _run(self, key: Any, make: Callable[[], Callable], images: np.ndarray, *others: np.ndarray) -> Any:
        """Apply a function, compiled once for batches of any size, batch by batch."""
        if self._shared is None:
            return self._computed(key, make, images, *others)
        # The arrays are kept with the answer, so that no other array can come to have their identity.
        asked = (key, *(id(array) for array in (images, *others)))
        if asked not in self._shared:
            answer = self._computed(key, make, images, *others)
            for array in tf.nest.flatten(answer):
                array.flags.writeable = False
            self._shared[asked] = (answer, images, others)
        return self._shared[asked][0]

    def _computed(
        self, key: Any, make: Callable[[], Callable], images: np.ndarray, *others: np.ndarray
    ) -> Any:
        images = np.asarray(images, np.float32)
        if images.shape[1:] != (*self.input_size, 3):
            expected = (*self.input_size, 3)
            raise BamError(f"{self.name} takes images of {expected}, not {images.shape[1:]}: use prepare()")
        if not len(images):
            raise BamError(f"{self.name} was given no images")
        if key not in self._compiled:
            specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in (images, *others)]
            self._compiled[key] = tf.function(make(), input_signature=specs)
        results = []
        for start in range(0, len(images), self.batch_size):
            part = slice(start, start + self.batch_size)
            outputs = self._compiled[key](*(tf.constant(array[part]) for array in (images, *others)))
            results.append(tf.nest.map_structure(lambda tensor: tensor.numpy(), outputs))
        return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *results)


def network_digest(model: keras.Model) -> str:
    """SHA-256 over layers and weights in order: the same for the same network, however it was stored."""
    digest = hashlib.sha256("\n".join(structure(model)).encode())
    for weight in model.get_weights():
        digest.update(repr(weight.shape).encode() + np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def read_description(folder: Path) -> dict[str, Any]:
    """The content of a model folder's model.json. Raises `BamError` if it is damaged."""
    description = read_json(folder / "model.json")
    needed = {"config", "class_names", "digest", "accuracy"}
    if not isinstance(description, dict) or not needed <= set(description):
        raise BamError(f"{folder / 'model.json'} is damaged: remove {folder} and train it again")
    return description


def load_classifier(folder: str | Path, precision: str = "float32") -> Classifier:
    """The classifier in a model folder made by `python -m bam.train`, such as runs/models/scene.

    Raises `BamError` if it is not there, incomplete, or damaged.
    """
    folder = Path(folder)
    if not (folder / "model.json").exists():
        raise BamError(f"there is no trained model in {folder}: make it with `python -m bam.train`")
    description = read_description(folder)
    try:
        model = keras.models.load_model(folder / "model.keras", compile=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BamError(f"{folder / 'model.keras'} cannot be read ({error}): train it again") from None
    classifier = Classifier(
        model,
        description["class_names"],
        folder.name,
        description["config"]["labels"],
        description,
        precision=precision,
    )
    if classifier.digest != description["digest"]:
        raise BamError(
            f"{folder / 'model.keras'} is not the network that model.json describes: train it again"
        )
    return classifier
