"""A network written anew: flat, each call of a layer a layer of its own, the input put on another scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


def sized(model: keras.Model, size: tuple[int, int]) -> keras.Model:
    """The model for pictures of one size (height, width), of one that takes any.

    Raises `ValueError` for a size that it cannot take.
    """
    return _rewritten(model, size=size)


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


def flattened(model: keras.Model) -> keras.Model:
    """The same function as `unshared`, and flat: networks inside the network are replaced by their layers.

    These are named by path, as `backbone/conv5`. What inside it is no graph of layers stays as it is.
    """
    graph = getattr(model, "_is_graph_network", False)
    names = [name for name, _ in _calls(model, True)] if graph else []
    nested = graph and any(map(_is_graph, model.layers))
    return _rewritten(model, flat=True) if nested or len(set(names)) < len(names) else model


def _nodes(model: keras.Model) -> list:
    """The calls of layers, each behind those that it needs."""
    return [node for _, depth in sorted(model._nodes_by_depth.items(), reverse=True) for node in depth]


def _calls(model: keras.Model, flat: bool, path: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """The calls of layers in the order in which they are computed, each with its layer's path.

    flat: whether those of a network inside the network take its place.
    """
    for node in _nodes(model):
        if node.is_input and path:
            continue
        name = path + node.layer.name
        if flat and _is_graph(node.layer):
            yield from _calls(node.layer, flat, f"{name}/")
        else:
            yield name, node.layer


def _is_graph(layer: keras.layers.Layer) -> bool:
    """Whether it is a network that is a graph of layers."""
    return isinstance(layer, keras.Model) and getattr(layer, "_is_graph_network", False)


def _rewritten(
    model: keras.Model,
    before: Callable[[tf.Tensor], tf.Tensor] = lambda x: x,
    flat: bool = False,
    size: tuple[int, int] | None = None,
) -> keras.Model:
    """The model with copies of its layers, one a call.

    before: what is done to its input. flat: whether it becomes flat, see `flattened`. size: height and width
    of its pictures, by default as they are.
    """
    copies = _copies(model, flat)
    inputs = [
        keras.Input(
            (*size, x.shape[3]) if size else x.shape[1:], x.shape[0], x._keras_history.layer.name, x.dtype
        )
        for x in model.inputs
    ]
    outputs = _replayed(model, [before(x) for x in inputs], iter([copy for copy, _ in copies]), flat)
    rewritten = keras.Model(inputs, outputs, name=model.name)
    for copy, layer in copies:
        copy.set_weights(layer.get_weights())
    return rewritten


def _replayed(
    model: keras.Model, inputs: list, copies: Iterator[keras.layers.Layer], flat: bool
) -> list[tf.Tensor]:
    """What the model gives for these inputs, with the next of the copies in place of each layer called."""
    # What has been computed, by the tensor's identity, as often as it is asked for: so Keras runs a graph.
    known: dict[str, list] = {}

    def keep(tensors: list, results: list) -> None:
        for tensor, result in zip(tensors, results, strict=True):
            known[str(id(tensor))] = [result] * (model._tensor_usage_count[str(id(tensor))] + 1)

    keep(model.inputs, inputs)
    for node in _nodes(model):
        if node.is_input:
            continue
        args, kwargs = node.map_arguments(known)
        if flat and _is_graph(node.layer):
            found = _replayed(node.layer, tf.nest.flatten(args), copies, flat)
        else:
            found = tf.nest.flatten(next(copies)(*args, **kwargs))
        keep(tf.nest.flatten(node.outputs), found)
    return [known[str(id(tensor))].pop() for tensor in model.outputs]


def _copies(model: keras.Model, flat: bool) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """A copy of its layer for each call, in order, beside the layer; the inputs are left out."""
    calls = [call for call in _calls(model, flat) if not isinstance(call[1], keras.layers.InputLayer)]
    names = [name for name, _ in calls]
    copies = []
    for place, (name, layer) in enumerate(calls):
        own = name if name not in names[place + 1 :] else f"{name}_call_{names[: place + 1].count(name)}"
        while own != name and own in names:
            own += "_"
        copies.append((type(layer).from_config({**layer.get_config(), "name": own}), layer))
    return copies
