"""A trained network with the derivatives that attribution needs, in compiled batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError, unknown
from bam.models.memo import Memo
from bam.models.network.derivatives import forward, layer_gradients, logit_gradient
from bam.models.network.description import network_digest, seed_digest
from bam.models.network.ends import with_plain_ends
from bam.models.network.feature_maps import last_feature_maps
from bam.models.network.frozen import PRECISIONS, folded_norms, frozen, unguidable
from bam.models.network.outputs import with_logits
from bam.models.network.path_means import perturbed_sums, sampled_sums
from bam.models.network.rebuilt import flattened
from bam.models.network.resizing import as_batch, resize, resize_masks


class Classifier:
    """A classifier of raw pixels.

    model: tf_keras model from float32 (N, H, W, 3) in 0..255 to logits (N, classes), or one of Keras 3, which
    is rebuilt; kept flat, with a layer of its own for each call of a layer, see `flattened`. Without a
    `description`, as one that was trained or checked before has it, a last softmax is taken off, and answers
    that are no logits are refused, see `with_logits`.
    remarks: sentences on what was changed of it.
    labels: what it was trained on, "object" or "scene"; None if unknown.
    digest: identifies layers, their connections and weights; results of another network are never mixed
    with these. seed_digest: what random numbers are drawn from, see `network.description`.
    transparent: whether `model` has the layers that compute, to be looked at.
    """

    transparent = True

    def __init__(
        self,
        model: keras.Model,
        class_names: Iterable[str],
        name: str = "model",
        labels: str | None = None,
        description: dict[str, Any] | None = None,
        batch_size: int = 32,
        precision: str = "float32",
        remarks: Sequence[str] = (),
    ):
        model = with_plain_ends(model, name)
        if description is None and None not in model.input_shape[1:3]:
            model, found = with_logits(model, name)
            remarks = [*remarks, *found]
        self._given, self.model = model, flattened(model)
        self.class_names, self.name, self.labels = tuple(class_names), name, labels
        self.description, self.remarks = description or {}, tuple(remarks)
        self.batch_size, self.precision = batch_size, precision
        self.digest, self.seed_digest = network_digest(model), seed_digest(model)
        if model.output_shape[-1] != len(self.class_names):
            raise BamError(
                f"{name} has {model.output_shape[-1]} outputs, but {len(self.class_names)} class names"
            )
        if None in model.input_shape[1:3] or model.input_shape[3] != 3:
            raise BamError(
                f"{name} takes {model.input_shape}, but a fixed size and three channels are needed"
            )
        self.input_size: tuple[int, int] = model.input_shape[1:3]
        if precision not in PRECISIONS:
            raise unknown("precision", precision, PRECISIONS)
        self._compiled, self._memo = {}, Memo()

    @cached_property
    def network(self) -> keras.Model:
        """The model rebuilt for evaluation in this precision, see `frozen`."""
        return frozen(self.model, self.precision)

    def sharing(self, images: np.ndarray) -> AbstractContextManager[None]:
        """Within it, asking the same about this very array again returns the first answer, read-only.

        What is asked about other arrays is computed and forgotten.
        """
        return self._memo.about(images)

    def clock(self) -> float:
        """Seconds, as if nothing were answered from memory: their difference is what a method costs alone."""
        return time.perf_counter() + self._memo.spared

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Images (N, H, W, 3) in 0..255, any size and dtype, as float32 at the input size."""
        images = as_batch(images)
        if images.dtype == np.float32 and images.shape[1:3] == self.input_size:
            return images
        return resize(images, self.input_size).numpy()

    def in_float32(self) -> Classifier:
        """The same network in float32."""
        known = (self.class_names, self.name, self.labels, self.description, self.batch_size)
        return Classifier(self._given, *known, remarks=self.remarks)

    def at_input_size(self, maps: np.ndarray) -> np.ndarray:
        """Maps (N, h, w, C), resized bilinearly to the input size, float32 (N, H, W, C)."""
        return resize(maps, self.input_size).numpy()

    def prepare_masks(self, masks: np.ndarray) -> np.ndarray:
        """Masks bool (N, H, W), resized as the images are: True where at least half is covered."""
        if masks.dtype == bool and masks.shape[1:] == self.input_size:
            return masks
        return resize_masks(masks, self.input_size)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """float32 (N, classes) of prepared images."""
        return self._run("logits", lambda: forward(self.network), images)

    def predictions(self, images: np.ndarray) -> np.ndarray:
        """int (N,): the class of the largest logit of prepared images."""
        return self.logits(images).argmax(1)

    def softmax(self, images: np.ndarray) -> np.ndarray:
        """float32 (N, classes): class probabilities of prepared images."""
        return tf.nn.softmax(self.logits(images)).numpy()

    def features(self, images: np.ndarray, layer: str | None = None) -> np.ndarray:
        """float32 output of a layer (the last convolutional one by default) for prepared images."""
        name = self._layer(layer)

        def make():
            network = self._network_with([name])
            return forward(keras.Model(network.inputs, network.get_layer(name).output))

        return self._run(("features", name), make, images)

    def gradient(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Derivative of the target's logit with respect to prepared images, float32 (N, H, W, 3)."""
        return self._run("gradient", lambda: logit_gradient(self.network), images, indices(targets))

    def guided_gradient(self, images: np.ndarray, targets: np.ndarray, rule: str = "guided") -> np.ndarray:
        """The same with ReLUs that pass on positive derivatives only, float32 (N, H, W, 3).

        rule: "guided", where the ReLU does not give 0; "deconvnet", wherever.
        """

        def make():
            return logit_gradient(frozen(self.model, self.precision, rule))

        return self._run(("guided_gradient", rule), make, images, indices(targets))

    def unguidable(self) -> str | None:
        """What keeps its ReLUs from being guided, in a few words; None if nothing does."""
        return unguidable(self.model)

    def layer_gradient(
        self, images: np.ndarray, targets: np.ndarray, layer: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A layer's output (the last convolutional one by default) and the derivative of the target's
        logit with respect to it, both float32 (N, h, w, channels)."""
        return self.layer_gradients(images, targets, (layer,))[0]

    def layer_gradients(
        self, images: np.ndarray, targets: np.ndarray, layers: Sequence[str | None]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """What `layer_gradient` gives, for several layers in one sweep."""
        names = tuple(self._layer(layer) for layer in layers)

        def make():
            return layer_gradients(self._network_with(names), names)

        return self._run(("layer_gradients", names), make, images, indices(targets))

    def smoothed_gradients(
        self, images: np.ndarray, targets: np.ndarray, seeds: np.ndarray, samples: int, spread: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the gradients at `samples` noisy copies of each image, and mean of their squares.

        Noise is normal, its standard deviation `spread` times the image's range of values, and drawn
        from the image's seed (seeds: uint64 (N,)). Both float32 (N, H, W, 3).
        """
        ones = np.ones(samples, np.float32)
        return self._mean("smoothed", spread, ones, images, targets, images, seeds)

    def integrated_gradients(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        baselines: np.ndarray,
        seeds: np.ndarray,
        samples: int,
        spread: float = 0.0,
    ) -> np.ndarray:
        """Integral of the gradient on the way from `baselines` (N, H, W, 3) to the images, times that way.

        The way is cut into `samples` pieces and the gradient taken in the middle of each. With `spread`
        each piece belongs to another noisy copy of the image, as in `smoothed_gradients`. float32
        (N, H, W, 3).
        """
        places = (np.arange(samples, dtype=np.float32) + 0.5) / samples
        return self._mean("integrated", spread, places, images, targets, baselines, seeds)[0]

    def expected_gradients(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        baselines: np.ndarray,
        seeds: np.ndarray,
        samples: int,
        spread: float = 0.0,
    ) -> np.ndarray:
        """The same with gradients at `samples` random places of the way, drawn from the image's seed."""
        rngs = [np.random.default_rng([seed, samples]) for seed in seeds]
        places = np.array([rng.random(samples, np.float32) for rng in rngs])
        return self._mean("expected", spread, places, images, targets, baselines, seeds)[0]

    def _mean(self, kind: str, spread: float, places: np.ndarray, *given: np.ndarray) -> list[np.ndarray]:
        """Means over the samples at `places`, (S,) or (N, S), of their paths, see `perturbed_sums`.

        given: images, targets, baselines and seeds, one each per image.
        """
        images, targets, baselines, seeds = given
        difference, samples = kind != "smoothed", places.shape[-1]

        def compute() -> list[np.ndarray]:
            add = self.compiled(
                (difference, spread > 0), lambda: perturbed_sums(self.network, spread > 0, difference)
            )
            self._check(images)
            per_image = np.broadcast_to(places, (len(images), samples))
            arrays = (images, baselines, indices(targets), seeds.astype(np.int64), per_image)
            parts = [
                sampled_sums(add, self.batch_size, 1 if difference else 2, spread, *part)
                for part in self._batches(*arrays)
            ]
            return [np.concatenate(part) / samples for part in zip(*parts, strict=True)]

        return self._memo.answer((kind, spread, samples), compute, *given)

    def compiled(self, key: Any, make: Callable[[], Callable]) -> Callable:
        """The function of the network that `make` gives, made once for each key."""
        if key not in self._compiled:
            self._compiled[key] = make()
        return self._compiled[key]

    def forget(self) -> None:
        """What was made of weights that were others for a while is made anew."""
        self._compiled.clear()
        vars(self).pop("network", None)

    def feature_layer(self) -> str:
        """Name of the last layer with spatial feature maps, which Grad-CAM explains by default."""
        if name := last_feature_maps(self.model):
            return name
        raise BamError(f"{self.name} has no layer with spatial feature maps: name one")

    def _layer(self, name: str | None) -> str:
        names = [layer.name for layer in self.model.layers]
        name = name or self.feature_layer()
        if name not in names:
            raise unknown(f"layer of {self.name}", name, names)
        if isinstance(self.model.get_layer(name), keras.Model):
            raise BamError(f"{self.name}: {name} is a network inside the network, name a layer outside of it")
        return name

    def _network_with(self, layers: Sequence[str]) -> keras.Model:
        """A network in which all of `layers` give what they give in the model."""
        return self.model if folded_norms(self.model).keys() & set(layers) else self.network

    def _check(self, images: np.ndarray) -> None:
        if images.shape[1:] != (*self.input_size, 3):
            given = f"{(*self.input_size, 3)}, not {images.shape[1:]}"
            raise BamError(f"{self.name} takes images of {given}: use prepare()")
        if not len(images):
            raise BamError(f"{self.name} was given no images")

    def _batches(self, *arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
        for start in range(0, len(arrays[0]), self.batch_size):
            yield [array[start : start + self.batch_size] for array in arrays]

    def _run(self, key: Any, make: Callable[[], Callable], images: np.ndarray, *others: np.ndarray) -> Any:
        """Apply a function, compiled once for batches of any size, batch by batch."""

        def compute() -> Any:
            self._check(images)
            arrays = (np.asarray(images, np.float32), *others)
            specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays]
            function = self.compiled(key, lambda: tf.function(make(), input_signature=specs))
            results = [
                tf.nest.map_structure(np.asarray, function(*map(tf.constant, part)))
                for part in self._batches(*arrays)
            ]
            return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *results)

        return self._memo.answer(key, compute, images, *others)


def indices(targets: np.ndarray) -> np.ndarray:
    """Classes to explain, as compiled functions take them: int32 (N,)."""
    return np.asarray(targets, np.int32)
