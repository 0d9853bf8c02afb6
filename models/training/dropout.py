"""Dropout that is the same whether a training was interrupted or not."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from bam.models.network.rebuilt import with_layers


class StepwiseDropout(keras.layers.Dropout):
    """Dropout whose random numbers depend on seed, step and replica alone, not on what was drawn before.

    seed: two numbers. step: gives the number of the step, once the optimizer is known.
    """

    def __init__(self, rate: float, name: str, seed: tuple[int, int]):
        super().__init__(rate, name=name)
        self._first = seed[0] + (seed[1] << 32)
        # In a function, since Keras would count a variable among the weights.
        self.step: Callable[[], tf.Tensor] | None = None

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The inputs, a share of them zero and the others larger while training."""
        if not training or self.step is None:
            return inputs
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        second = tf.cast(self.step(), tf.int64) + tf.cast(replica, tf.int64) * 2**40
        drawn = tf.random.stateless_uniform(
            tf.shape(inputs), tf.stack([tf.constant(self._first, tf.int64), second])
        )
        return tf.where(drawn >= self.rate, inputs / (1 - self.rate), tf.zeros_like(inputs))


def with_stepwise_dropout(model: keras.Model, seed: int) -> keras.Model:
    """A copy of the model, to be trained; its weights are in the same order."""
    places = {layer.name: place for place, layer in enumerate(model.layers)}

    def stepwise(layer: keras.layers.Layer) -> keras.layers.Layer | None:
        if type(layer) is not keras.layers.Dropout or layer.name not in places:
            return None
        return StepwiseDropout(layer.rate, layer.name, (seed, places[layer.name]))

    return with_layers(model, stepwise)


def follow_steps(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Let the model's dropout depend on the optimizer's steps."""
    for layer in model.layers:
        if isinstance(layer, StepwiseDropout):
            layer.step = lambda: optimizer.iterations
