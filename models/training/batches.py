"""From a view to batches for training, which are a function of the seed and the step alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from bam.base.seeds import generator
from bam.data_prep.dataset import View
from bam.models.network.resizing import resize
from bam.models.training.task import Task

# Training pictures are shifted by up to this share of their side and mirrored half the time; their
# brightness and contrast change by up to these shares.
SHIFT, BRIGHTNESS, CONTRAST = 0.06, 0.15, 0.2
# Resized images are kept up to this size of all of them, 3,566 at 224 pixels; larger sets are made anew.
KEPT_BYTES = 2**31
MADE_TOGETHER = 256


class TrainingPictures:
    """The images of a view in the size that a network takes, and their labels.

    Labels are indices into `classes`, to which all images of the view must belong, or into all classes.
    Images are composed and resized once, and kept as float32, if all of them fit into `KEPT_BYTES`; else for
    each batch anew.
    """

    def __init__(self, view: View, labels: str, size: tuple[int, int], classes: Sequence[str] | None = None):
        self.view, self.size = view, size
        self.labels = Task(labels, classes=classes).targets(view).astype(np.int64)
        shape = (len(view), *size, 3)
        self._kept = self._made(shape) if 4 * math.prod(shape) <= KEPT_BYTES else None

    def __len__(self) -> int:
        return len(self.view)

    def batch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For `tf.data`: float32 images (n, *size, 3) in 0..255 and int labels, of an index (n,)."""
        if self._kept is not None:
            return tf.gather(self._kept, index), tf.gather(self.labels, index)
        images = tf.numpy_function(self._resized, (index,), tf.float32, stateful=False)
        images.set_shape((index.shape[0], *self.size, 3))
        return images, tf.gather(self.labels, index)

    def _made(self, shape: tuple[int, ...]) -> tf.Tensor:
        images = np.empty(shape, np.float32)
        for start in range(0, len(images), MADE_TOGETHER):
            places = np.arange(start, min(start + MADE_TOGETHER, len(images)))
            images[places] = self._resized(places)
        with _on_processor():
            return tf.constant(images)

    def _resized(self, index: np.ndarray) -> np.ndarray:
        with _on_processor():
            return resize(self.view[index].images, self.size).numpy()


def _on_processor() -> tf.device:
    """Where `tf.data` computes: a GPU has other things to do, and rounds otherwise."""
    return tf.device("CPU")


def training_batches(pictures: TrainingPictures, batch_size: int, seed: int, steps: range) -> tf.data.Dataset:
    """The batches of `steps`: augmented float32 images (batch, *size, 3) in 0..255 and int labels.

    An epoch shows every image once, but for the remainder that fills no batch. Step i gives the same batch
    whatever came before, so that an interrupted training goes on to the same end.
    """
    count = len(pictures)
    per_epoch = count // batch_size or 1

    def indices(step: int) -> np.ndarray:
        epoch, position = divmod(step, per_epoch)
        order = generator(seed, "epoch", str(epoch)).permutation(count)
        return (
            np.resize(order[position * batch_size :], batch_size)
            if count < batch_size
            else order[position * batch_size : (position + 1) * batch_size]
        )

    table = np.stack([indices(step) for step in steps])
    numbers = np.arange(steps.start, steps.stop)

    def augmented(index: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = pictures.batch(index)
        return augment(images, tf.stack([tf.constant(seed, tf.int64), step])), labels

    batches = tf.data.Dataset.from_tensor_slices((table, numbers))
    return batches.map(augmented, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(pictures: TrainingPictures, batch_size: int) -> tf.data.Dataset:
    """All images in order, as float32 (n, *size, 3) in 0..255, with labels as for training."""
    batches = tf.data.Dataset.from_tensor_slices(np.arange(len(pictures))).batch(batch_size)
    return batches.map(pictures.batch, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror, shift, brighten and change the contrast of each image, float32 (n, h, w, 3) in 0..255.

    `seed` is int64 (2,); the same seed gives the same pictures.
    """
    shape = tf.shape(images)
    draws = tf.random.stateless_uniform((5, shape[0]), seed, -1, 1)
    for axis, draw in ((1, draws[1]), (2, draws[2])):
        length = shape[axis]
        shift = tf.cast(tf.round(draw * SHIFT * tf.cast(length, tf.float32)), tf.int32)
        lines = tf.clip_by_value(tf.range(length)[None] + shift[:, None], 0, length - 1)
        if axis == 2:
            lines = tf.where((draws[0] < 0)[:, None], length - 1 - lines, lines)
        images = tf.gather(images, lines, axis=axis, batch_dims=1)
    mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
    contrast = 1 + CONTRAST * draws[3][:, None, None, None]
    brightness = 255 * BRIGHTNESS * draws[4][:, None, None, None]
    return tf.clip_by_value((images - mean) * contrast + mean + brightness, 0, 255)
