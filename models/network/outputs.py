"""What a network answers: whether these are logits of classes of which an image has one."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.network.activations import SOFTMAX, activation_of, is_operator
from bam.models.network.probes import noise
from bam.models.network.rebuilt import unshared, with_layers


def with_logits(model: keras.Model, name: str) -> tuple[keras.Model, list[str]]:
    """The network without its last softmax, if it has one, and a sentence that says so.

    name: what messages call it. Raises `BamError` for a network with a single output, one that ends in
    another activation (sigmoids are of classes that do not exclude each other), and one whose answers are
    probabilities all the same, differ from one time to the next, or depend on what stands beside an image.
    """
    if model.output_shape[-1] < 2:
        raise BamError(
            f"{name} has one output, but one for each of two or more classes is needed: make two logits of "
            "one z, 0 and z"
        )
    last, activation = _last_activation(model.outputs[0])
    remarks = []
    if activation in SOFTMAX and not is_operator(last):
        model = _without_last(unshared(model))
        remarks = [f"The last {activation} of {name} is left out, since logits are explained."]
    elif activation is not None and "sigmoid" in activation:
        raise BamError(
            f"{name} ends in {activation}, as of classes that do not exclude each other, but logits of "
            "classes of which an image has one are needed: explain another network"
        )
    elif activation is not None:
        raise BamError(f"{name} ends in {activation}, but logits are needed: save the network without it")
    if layer := _called_as_in_training(model):
        raise BamError(
            f"{name} calls its layer {layer} with training=True, so that its answers are random or depend on "
            "what stands beside an image: build it without"
        )
    pixels = noise(8, model.input_shape[1:])
    first, second = (model(pixels, training=False).numpy().astype(np.float64) for _ in range(2))
    if not np.allclose(first, second, rtol=1e-4, atol=1e-4 * np.abs(first).max(initial=0)):
        raise BamError(
            f"{name} answers differently when asked twice: take out what draws random numbers (a dropout "
            "called with training=True)"
        )
    alone = model(pixels[:1], training=False).numpy().astype(np.float64)
    if not np.allclose(first[:1], alone, rtol=1e-4, atol=1e-4 * np.abs(first).max(initial=0)):
        raise BamError(
            f"{name} answers differently when an image stands beside others: take out what looks at them "
            "all (a batch normalisation called with training=True)"
        )
    if (first >= 0).all() and np.allclose(first.sum(1), 1, atol=1e-3):
        raise BamError(f"{name} gives probabilities, but logits are needed: save it without the last softmax")
    return model, remarks


def _last_activation(tensor: tf.Tensor) -> tuple[keras.layers.Layer, str | None]:
    """The last layer before it that does more than reshape, and what activation it ends in, if any."""
    while True:
        layer = tensor._keras_history.layer
        if isinstance(layer, keras.Model):
            return _last_activation(layer.outputs[tensor._keras_history.tensor_index])
        plain = isinstance(layer, keras.layers.Activation) and activation_of(layer) is None
        if not plain and not isinstance(layer, (keras.layers.Reshape, keras.layers.Flatten)):
            return layer, activation_of(layer)
        tensor = layer.get_input_at(tensor._keras_history.node_index)


def _called_as_in_training(model: keras.Model) -> str | None:
    """The name of a layer that is called as in training whenever the model is."""
    for layer in model.layers:
        if any(node.call_kwargs.get("training") is True for node in layer._inbound_nodes):
            return layer.name
        inner = _called_as_in_training(layer) if isinstance(layer, keras.Model) else None
        if inner:
            return inner
    return None


def _without_last(model: keras.Model) -> keras.Model:
    """The model, whose layers are called once each, without its last activation."""
    last, _ = _last_activation(model.outputs[0])

    def straight(layer: keras.layers.Layer) -> keras.layers.Layer | None:
        if layer is not last:
            return None
        if isinstance(layer, keras.layers.Softmax):
            return keras.layers.Activation("linear", name=layer.name, dtype=layer.dtype_policy)
        return type(layer).from_config({**layer.get_config(), "activation": "linear"})

    return with_layers(model, straight)
