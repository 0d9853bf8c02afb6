"""A network written anew: each call of a layer a layer of its own, the input put on another scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from bam.models.network.scales import scale_of


class ReversedChannels(keras.layers.Layer):
    """Pictures (N, H, W, 3) with their channels in reverse order."""

    def call(self, pictures: tf.Tensor) -> tf.Tensor:
        """Red, green, blue as blue, green, red."""
        return pictures[..., ::-1]


def preprocessed(model: keras.Model, scale: str) -> keras.Model:
    """The model behind a scale, see `scale_of`, so that it takes pixels in 0..255."""
    mean, deviation, reverse = scale_of(scale)
    if scale == "none":
        return model
    rescaling = keras.layers.Rescaling(
        [1 / float(one) for one in deviation],
        [-float(one) / float(other) for one, other in zip(mean, deviation, strict=True)],
        name="scale_of_pixels",
    )
    channels = ReversedChannels(name="order_of_channels")
    return _rewritten(model, lambda x: rescaling(channels(x) if reverse else x))


def with_layers(
    model: keras.Model, replaced: Callable[[keras.layers.Layer], keras.layers.Layer | None]
) -> keras.Model:
    """A copy of the model, and of the models inside it, with the same weights.

    replaced: what is to stand for a layer; None for a copy of it.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model):
            return keras.models.clone_model(layer, clone_function=clone)
        return replaced(layer) or type(layer).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def unshared(model: keras.Model) -> keras.Model:
    """The same function, with a layer of its own, and weights of its own, for each call of a layer.

    The last call keeps the layer's name; the first of several of `conv` is called `conv_call_1`, and so on.
    A model without shared layers, and one that is no graph of layers, is returned as it is. Models inside the
    model are told apart, but not looked into.
    """
    graph = getattr(model, "_is_graph_network", False)
    nodes = _nodes(model) if graph else []
    return _rewritten(model) if len({node.layer.name for node in nodes}) < len(nodes) else model


def _nodes(model: keras.Model) -> list:
    """The calls of layers, each behind those that it needs."""
    return [node for _, depth in sorted(model._nodes_by_depth.items(), reverse=True) for node in depth]


def _rewritten(model: keras.Model, before: Callable[[tf.Tensor], tf.Tensor] = lambda x: x) -> keras.Model:
    """The model with copies of its layers, one a call; before: what is done to its input."""
    layers = _copies(model)
    inputs = [
        keras.Input(x.shape[1:], x.shape[0], x._keras_history.layer.name, x.dtype) for x in model.inputs
    ]
    # What has been computed, by the tensor's identity, as often as it is asked for: so Keras runs a graph.
    known: dict[str, list] = {}

    def keep(tensors: list, results: list) -> None:
        for tensor, result in zip(tensors, results, strict=True):
            known[str(id(tensor))] = [result] * (model._tensor_usage_count[str(id(tensor))] + 1)

    keep(model.inputs, [before(x) for x in inputs])
    nodes = [node for node in _nodes(model) if not node.is_input]
    for node in nodes:
        args, kwargs = node.map_arguments(known)
        keep(tf.nest.flatten(node.outputs), tf.nest.flatten(layers[id(node)](*args, **kwargs)))
    outputs = [known[str(id(tensor))].pop() for tensor in model.outputs]
    rewritten = keras.Model(inputs, outputs, name=model.name)
    for node in nodes:
        layers[id(node)].set_weights(node.layer.get_weights())
    return rewritten


def _copies(model: keras.Model) -> dict[int, keras.layers.Layer]:
    """A copy of its layer for each call, by the call's identity."""
    calls = defaultdict(list)
    for node in _nodes(model):
        calls[node.layer.name].append(node)
    copies = {}
    for name, of_layer in calls.items():
        for place, node in enumerate(of_layer, 1):
            own = name if node is of_layer[-1] else f"{name}_call_{place}"
            while own != name and own in calls:
                own += "_"
            copies[id(node)] = type(node.layer).from_config({**node.layer.get_config(), "name": own})
    return copies
