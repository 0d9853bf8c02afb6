"""The same network in tf_keras, built by running that of Keras 3 call by call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.keras3.counterparts import (
    layer_like,
    learned_like,
    only_trains,
    operation_like,
    reversed_channels_of,
)
from bam.models.keras3.importing import import_keras3
from bam.models.keras3.operation import Keras3Layer, in_use, weights_of
from bam.models.network.rebuilt import ReversedChannels

# The side of probes where a network takes pictures of any size.
_ANY_SIZE = 96
# What a layer that is not like the one it stands for says when it is built, called or given weights.
_UNLIKE = (TypeError, ValueError, AttributeError, KeyError, NotImplementedError, tf.errors.OpError)


def translated(model: Any, name: str) -> keras.Model:
    """The network of tf_keras with the layers, connections and weights of one of Keras 3.

    It is flat: networks inside the network are replaced by their layers, named by path (`backbone/conv5`).
    What has no like in tf_keras is called from a `Keras3Layer`; layers that change pictures in training alone
    are left out. Each layer is taken only if it gives what the one it stands for gives, for random pixels in
    0..255 and in 0..1, and so must the whole. name: what messages call it. Raises `BamError` for a network
    that is no graph of layers from images (N, H, W, channels) to one answer, and if the answers differ.
    """
    if not isinstance(model, import_keras3().Model) or not getattr(model, "inputs", None):
        raise BamError(
            f"{name} is a subclassed model, but a functional or sequential one is needed: export it as a "
            "SavedModel folder"
        )
    shapes = [[tuple(tensor.shape) for tensor in ends] for ends in (model.inputs, model.outputs)]
    if [len(ends) for ends in shapes] != [1, 1] or len(shapes[0][0]) != 4:
        raise BamError(
            f"{name} goes from {shapes[0]} to {shapes[1]}, but from images to logits is needed: save "
            "keras.Model(images, logits)"
        )
    size = shapes[0][0][1:]
    probes = _probes([side or _ANY_SIZE for side in size])
    if "int" in str(model.inputs[0].dtype):
        probes = probes.round()
    start = keras.Input(size, name=_scope(model.inputs[0]._keras_history.operation.name))
    (end,) = _Replay(name).run(model, [_Pair(start, tf.constant(probes))], "")
    network = keras.Model(start, end.symbol, name=_scope(model.name))
    theirs = np.asarray(_flat(model(probes, training=False))[0], np.float64)
    found = np.asarray(network(probes, training=False), np.float64)
    if not _alike([found], [theirs], _tolerance(model)):
        raise BamError(
            f"{name} cannot be rebuilt in tf_keras, since the answers to random pixels differ by "
            f"{np.abs(found - theirs).max():.2g} (of {np.abs(theirs).max():.2g}), where rounding alone may: "
            "export it as a SavedModel folder"
        )
    return network


@dataclass(frozen=True)
class _Pair:
    """A tensor of the network: as the network of tf_keras has it, and what Keras 3 gave for the probes."""

    symbol: Any
    value: Any


@dataclass
class _Replay:
    """The layers of tf_keras that were made, by path."""

    name: str
    layers: dict[str, keras.layers.Layer] = field(default_factory=dict)

    def run(self, model: Any, inputs: list[_Pair], path: str) -> list[_Pair]:
        """What a network of Keras 3 gives, layer by layer; path: where it stands."""
        keras_3 = import_keras3()
        if isinstance(model, keras_3.Sequential):
            model = keras_3.Model(model.inputs, model.outputs, name=model.name)
        known = {id(tensor): pair for tensor, pair in zip(model.inputs, inputs, strict=True)}
        depths = sorted(model._nodes_by_depth.items(), reverse=True)
        for node in (node for _, nodes in depths for node in nodes if not node.is_input):
            found = self._call(node, known, path)
            known |= {id(tensor): pair for tensor, pair in zip(node.outputs, found, strict=True)}
        return [known[id(tensor)] for tensor in model.outputs]

    def _call(self, node: Any, known: dict[int, _Pair], path: str) -> list[_Pair]:
        """What one call gives."""
        operation, inputs = node.operation, node.arguments.keras_tensors
        tensors = [known[id(tensor)] for tensor in inputs]
        if isinstance(operation, import_keras3().Model) and getattr(operation, "inputs", None):
            return self.run(operation, tensors, f"{path}{operation.name}/")
        own = _scope(path + operation.name)
        args, kwargs = node.arguments.fill_in({id(tensor): known[id(tensor)].value for tensor in inputs})
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        values = _flat(operation(*args, **kwargs, **in_use(operation)))
        if only_trains(operation) and len(tensors) == 1 and _same(values, [tensors[0].value]):
            return tensors
        for layer, start in self._candidates(node, known, own):
            try:
                symbols, found = (_flat(start(layer, kind)) for kind in ("symbol", "value"))
                alike = len(found) == len(values) and _alike(found, values, _tolerance(operation))
            except _UNLIKE:
                continue
            if alike:
                self.layers[own] = layer
                return [_Pair(*pair) for pair in zip(symbols, values, strict=True)]
        raise BamError(
            f"{self.name} has a layer that cannot be rebuilt in tf_keras ({own}, of {_kind(operation)}): "
            "export it as a SavedModel folder"
        )

    def _candidates(self, node: Any, known: dict[int, _Pair], own: str) -> Iterator[tuple[Any, Callable]]:
        """Layers that may stand for a call, and how each is called with symbols or values."""
        operation, arguments = node.operation, node.arguments
        learned, tensors = weights_of(operation), [known[id(tensor)] for tensor in arguments.keras_tensors]

        def as_it_is(layer: keras.layers.Layer, kind: str) -> Any:
            args, kwargs = arguments.fill_in(
                {id(tensor): getattr(known[id(tensor)], kind) for tensor in arguments.keras_tensors}
            )
            kwargs = {key: value for key, value in kwargs.items() if key != "training" and value is not None}
            return _given(layer, learned_like(operation, learned), lambda: layer(*args, **kwargs))

        def of_tensors(layer: keras.layers.Layer, kind: str) -> Any:
            given = [getattr(pair, kind) for pair in tensors]
            return _given(layer, [], lambda: layer(given[0] if len(given) == 1 else given))

        def wrapped(layer: keras.layers.Layer, kind: str) -> Any:
            return _given(layer, learned, lambda: layer([getattr(pair, kind) for pair in tensors]))

        if own in self.layers:  # it is called again
            layer = self.layers[own]
            yield layer, wrapped if isinstance(layer, Keras3Layer) else as_it_is
            return
        if isinstance(operation, import_keras3().layers.Layer):
            like, start = layer_like(operation, own), as_it_is
        else:
            like = None if arguments.kwargs else operation_like(operation, arguments.args, own)
            start = of_tensors
        if like is not None:
            yield like, start
        source = reversed_channels_of(operation, arguments.args)
        if source is not None and id(source) in known:
            yield ReversedChannels(name=own), lambda layer, kind: layer(getattr(known[id(source)], kind))
        kwargs = {key: value for key, value in arguments.kwargs.items() if key != "training"}
        try:
            called = Keras3Layer.of(operation, arguments.args, kwargs, own)
        except _UNLIKE:  # it cannot be stored
            return
        yield called, wrapped


def _given(layer: keras.layers.Layer, weights: list[np.ndarray], call: Callable[[], Any]) -> Any:
    """What a layer gives; the first call, that of symbols, builds it."""
    new, found = not layer.built, call()
    if new:
        layer.set_weights(weights)
    return found


def _probes(shape: list[int]) -> np.ndarray:
    """Random pixels, a picture in 0..255 and one in 0..1."""
    noise = np.random.default_rng(0).uniform(0, 1, (2, *shape)).astype(np.float32)
    return noise * np.array([255, 1], np.float32)[:, None, None, None]


def _alike(found: list[Any], expected: list[Any], tolerance: float) -> bool:
    """Whether tensors are the same to rounding, judged by the largest value of each picture."""
    for mine, theirs in zip(found, expected, strict=True):
        mine, theirs = (np.asarray(each, np.float64) for each in (mine, theirs))
        if mine.shape != theirs.shape:
            return False
        rows = (len(theirs), -1) if theirs.ndim else (1, 1)
        scale = np.nan_to_num(np.abs(theirs.reshape(rows))).max(1, initial=0)[:, None]
        difference = np.abs(mine - theirs).reshape(rows)
        if not (np.isnan(mine) == np.isnan(theirs)).all() or (difference > tolerance * scale).any():
            return False
    return True


def _same(found: list[Any], expected: list[Any]) -> bool:
    return len(found) == len(expected) and _alike(found, expected, 0.0)


def _tolerance(operation: Any) -> float:
    """Rounding, as a part of the largest value: more where it computes with few bits."""
    parts = operation._flatten_layers() if hasattr(operation, "_flatten_layers") else [operation]
    exact = all(getattr(part, "compute_dtype", "float32") in ("float32", "float64") for part in parts)
    return 1e-4 if exact else 0.03


def _flat(tensors: Any) -> list[Any]:
    return tf.nest.flatten(tensors)


def _scope(name: str) -> str:
    """A name that TensorFlow takes."""
    return re.sub(r"^[^A-Za-z0-9.]|[^A-Za-z0-9_./>-]", "_", name)


def _kind(operation: Any) -> str:
    return f"{type(operation).__module__}.{type(operation).__name__}"
