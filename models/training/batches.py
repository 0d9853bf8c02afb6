"""From a view to batches for training, on the fly; a function of the seed and the step alone."""

from __future__ import annotations

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


def training_batches(
    view: View,
    labels: str,
    size: tuple[int, int],
    batch_size: int,
    seed: int,
    steps: range,
    classes: Sequence[str] | None = None,
) -> tf.data.Dataset:
    """The batches of `steps`: augmented float32 images (batch, *size, 3) in 0..255 and int labels.

    Labels are indices into `classes`, to which all images of the view must belong, or into all classes.
    An epoch shows every image once, but for the remainder that fills no batch. Step i gives the same
    batch whatever came before, so that an interrupted training goes on to the same end.
    """
    per_epoch = len(view) // batch_size or 1

    def indices(step: int) -> np.ndarray:
        epoch, position = divmod(step, per_epoch)
        order = generator(seed, "epoch", str(epoch)).permutation(len(view))
        return (
            np.resize(order[position * batch_size :], batch_size)
            if len(view) < batch_size
            else order[position * batch_size : (position + 1) * batch_size]
        )

    table = np.stack([indices(step) for step in steps])
    numbers = np.arange(steps.start, steps.stop)

    def augmented(images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return augment(images, tf.stack([tf.constant(seed, tf.int64), step])), labels

    batches = tf.data.Dataset.from_tensor_slices((table, numbers))
    batches = batches.map(_composer(view, labels, classes, size), tf.data.AUTOTUNE, deterministic=True)
    return batches.map(augmented, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(
    view: View, labels: str, size: tuple[int, int], batch_size: int, classes: Sequence[str] | None = None
) -> tf.data.Dataset:
    """All images of a view in order, as float32 (n, *size, 3) in 0..255, with labels as for training."""
    table = np.arange(len(view))
    batches = tf.data.Dataset.from_tensor_slices(table).batch(batch_size).map(lambda index: (index, index[0]))
    batches = batches.map(_composer(view, labels, classes, size), tf.data.AUTOTUNE, deterministic=True)
    return batches.map(lambda images, labels, step: (images, labels)).prefetch(tf.data.AUTOTUNE)


def _composer(view: View, labels: str, classes: Sequence[str] | None, size: tuple[int, int]):
    all_labels = Task(labels, classes=classes).targets(view).astype(np.int64)

    def compose(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return view[index].images, all_labels[index]

    def composed(index: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        images, labels = tf.numpy_function(compose, (index,), (tf.uint8, tf.int64), stateful=False)
        images.set_shape((index.shape[0], None, None, 3))
        labels.set_shape((index.shape[0],))
        return resize(images, size), labels, step

    return composed


def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror, shift, brighten and change the contrast of each image, float32 (n, h, w, 3) in 0..255.

    `seed` is int64 (2,); the same seed gives the same pictures.
    """
    shape = tf.shape(images)
    count, height, width = shape[0], shape[1], shape[2]
    draws = tf.random.stateless_uniform((5, count), seed, -1, 1)
    images = tf.where((draws[0] < 0)[:, None, None, None], images[:, :, ::-1], images)
    for axis, (length, draw) in enumerate(((height, draws[1]), (width, draws[2])), start=1):
        shift = tf.cast(tf.round(draw * SHIFT * tf.cast(length, tf.float32)), tf.int32)
        lines = tf.clip_by_value(tf.range(length)[None] + shift[:, None], 0, length - 1)
        images = tf.gather(images, lines, axis=axis, batch_dims=1)
    mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
    contrast = 1 + CONTRAST * draws[3][:, None, None, None]
    brightness = 255 * BRIGHTNESS * draws[4][:, None, None, None]
    return tf.clip_by_value((images - mean) * contrast + mean + brightness, 0, 255)
