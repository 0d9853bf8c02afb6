"""The derivatives that attribution needs, as functions for TensorFlow to compile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tf_keras as keras


def forward(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """images -> the network's output as float32."""
    return lambda images: tf.cast(network(images, training=False), tf.float32)


def logit_gradient(network: keras.Model) -> Callable[..., tf.Tensor]:
    """(images, targets) -> derivative of each target's logit by its image's pixels, (N, H, W, 3)."""

    def gradient(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.gather(network(images, training=False), targets, batch_dims=1)
        return tape.gradient(score, images)

    return gradient


def layer_gradients(network: keras.Model, layers: Sequence[str]) -> Callable[..., list]:
    """(images, targets) -> for each layer its output and the target logit's derivative by it."""
    outputs = [network.get_layer(name).output for name in layers]
    inner = keras.Model(network.inputs, [*outputs, network.output])

    def gradients(images: tf.Tensor, targets: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            *features, logits = inner(images, training=False)
            score = tf.gather(logits, targets, batch_dims=1)
        found = tape.gradient(score, features, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [
            (tf.cast(x, tf.float32), tf.cast(y, tf.float32)) for x, y in zip(features, found, strict=True)
        ]

    return gradients


def gradients_of_early_answers(network: keras.Model, pairs: Sequence[tuple[str, str]]) -> Callable[..., list]:
    """(images, targets) -> for each pair of a layer and a later one the derivative of a logit by the first.

    It is the logit of the target as the network's end gives it: what follows the second layer of the last
    pair, which is applied to the second layer of every pair.
    """
    names = [name for pair in pairs for name in pair]
    inner = keras.Model(network.inputs, [network.get_layer(name).output for name in names])
    head = keras.Model(network.get_layer(names[-1]).output, network.output)

    def gradients(images: tf.Tensor, targets: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(images)
            found = inner(images, training=False)
            scores = [tf.gather(head(end, training=False), targets, batch_dims=1) for end in found[1::2]]
        return [
            tf.cast(tape.gradient(score, layer), tf.float32)
            for score, layer in zip(scores, found[::2], strict=True)
        ]

    return gradients
