"""One step of optimising masks, as a function for TensorFlow to compile."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from bam.attributions.removal.engine import target_probability

# Adam's, as its authors advise.
DECAYS, EPSILON = (0.9, 0.999), 1e-8


def optimisation_step(
    network: keras.Model, size: tuple[int, int], binary: bool = False
) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """One step of Adam on the masks of N images, compiled.

    Returns a function of the state (3, N, cells, cells), the masks and Adam's two means; the step's number
    from 1; images and nulls (N, H + j, W + j, 3), targets (N,), shifts int32 (N, 2) and the `weights` of an
    `Optimisation`. It returns the new state and what the masks were worth before, float32 (N,).
    """

    def step(state, number, images, nulls, targets, shifts, weights):
        mask, *means = tf.unstack(state)
        rate, *weights = tf.unstack(weights)
        images, nulls = shifted(images, shifts, size), shifted(nulls, shifts, size)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(mask)
            kept = enlarged(mask, size)
            if binary:
                kept += tf.stop_gradient(tf.cast(binarised(kept), tf.float32) - kept)
            pictures = nulls + kept[..., None] * (images - nulls)
            probability = tf.cast(target_probability(network, pictures, targets), tf.float32)
            worth = penalty(mask, *weights) + probability
        gradient = tape.gradient(worth, mask)
        means = [
            decay * mean + (1 - decay) * power
            for decay, mean, power in zip(DECAYS, means, (gradient, gradient**2), strict=True)
        ]
        first, second = (mean / (1 - decay**number) for decay, mean in zip(DECAYS, means, strict=True))
        mask = tf.clip_by_value(mask - rate * first / (tf.sqrt(second) + EPSILON), 0.0, 1.0)
        return tf.stack([mask, *means]), worth

    pictures, line = tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None,), tf.int32)
    return tf.function(
        step,
        input_signature=[
            tf.TensorSpec((3, None, None, None)),
            tf.TensorSpec(()),
            *(pictures, pictures, line),
            tf.TensorSpec((None, 2), tf.int32),
            tf.TensorSpec((4,)),
        ],
    )


def penalty(mask: tf.Tensor, sparsity: tf.Tensor, smoothness: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    """What masks (N, cells, cells) cost beside the probability, (N,): sums over their cells, not means."""
    down, across = mask[:, 1:] - mask[:, :-1], mask[:, :, 1:] - mask[:, :, :-1]
    rough = [tf.reduce_sum(tf.abs(change) ** exponent, (1, 2)) for change in (down, across)]
    return sparsity * tf.reduce_sum(tf.abs(1 - mask), (1, 2)) + smoothness * (rough[0] + rough[1])


def enlarged(mask: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Masks (N, cells, cells) at a size, each pixel from the cell that its index falls into, (N, H, W)."""
    for axis, length in enumerate(size, 1):
        mask = tf.gather(mask, tf.range(length) * tf.shape(mask)[axis] // length, axis=axis)
    return mask


def binarised(kept: tf.Tensor) -> tf.Tensor:
    """bool (N, H, W): where masks are at least max(.5, .5 (largest + smallest))."""
    ends = tf.reduce_max(kept, (1, 2), keepdims=True) + tf.reduce_min(kept, (1, 2), keepdims=True)
    return kept >= tf.maximum(0.5, 0.5 * ends)


def shifted(images: tf.Tensor, shifts: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Of each image the piece of this size that begins at its shift."""
    for axis, length in enumerate(size):
        places = shifts[:, axis, None] + tf.range(length)
        images = tf.gather(images, places, axis=axis + 1, batch_dims=1)
    return tf.ensure_shape(images, (None, *size, 3))
