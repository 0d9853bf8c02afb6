"""A network of tf_keras that asks a torch module."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.models.torch.network import TorchNetwork


class TorchLayer(keras.layers.Layer):
    """Pixels, float32 (N, H, W, 3) in 0..255, to the logits of a torch module, float32 (N, classes).

    It is asked through arrays, and so are its derivatives, which have none themselves.
    """

    def __init__(self, network: TorchNetwork, **how: Any):
        super().__init__(**how)
        self._network = network

    def call(self, pixels: tf.Tensor) -> tf.Tensor:
        """The logits."""

        @tf.custom_gradient
        def answers(pixels: tf.Tensor):
            logits = _asked(self._network.logits, pixels)
            logits.set_shape((pixels.shape[0], self._network.classes))

            def derivative(upstream: tf.Tensor) -> tf.Tensor:
                found = _asked(self._network.product, pixels, upstream)
                found.set_shape(pixels.shape)
                return found

            return logits, derivative

        return answers(pixels)

    def get_config(self) -> dict[str, Any]:
        """What tells it from others; it cannot be made again of this."""
        return {**super().get_config(), "digest": self._network.digest}


def _asked(function: Any, *given: tf.Tensor) -> tf.Tensor:
    return tf.numpy_function(function, given, tf.float32, stateful=False)


def as_keras(network: TorchNetwork) -> keras.Model:
    """A model of one layer, from pixels to logits."""
    pixels = keras.Input((*network.input_size, 3), name="pixels", dtype=np.float32)
    return keras.Model(pixels, TorchLayer(network, name="torch", dtype="float32")(pixels))
