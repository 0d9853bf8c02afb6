"""The layers of a vision transformer that Keras lacks, stored as `bam>Tokens` and `bam>Product`."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


@keras.saving.register_keras_serializable(package="bam")
class Tokens(keras.layers.Layer):
    """Patches (N, patches, width) with a learned class token before them, plus learned positions."""

    def build(self, shape: tuple[int | None, int, int]) -> None:
        _, patches, width = shape
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight("token", (1, 1, width), initializer="zeros")
        self.positions = self.add_weight("positions", (1, 1 + patches, width), initializer=normal)
        super().build(shape)

    def call(self, patches: tf.Tensor) -> tf.Tensor:
        token = tf.repeat(self.token, tf.shape(patches)[0], axis=0)
        return tf.concat([token, patches], axis=1) + self.positions


@keras.saving.register_keras_serializable(package="bam")
class Product(keras.layers.Layer):
    """The product of two tensors that an `einsum` equation describes, times a factor."""

    def __init__(self, equation: str, factor: float = 1.0, **settings):
        super().__init__(**settings)
        self.equation, self.factor = equation, factor

    def call(self, tensors: list[tf.Tensor]) -> tf.Tensor:
        return tf.einsum(self.equation, *tensors) * self.factor

    def get_config(self) -> dict:
        return {**super().get_config(), "equation": self.equation, "factor": self.factor}
