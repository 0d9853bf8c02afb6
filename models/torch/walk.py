"""A network of tf_keras, walked through layer by layer, with modules of torch for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.network.rebuilt import unshared
from bam.models.torch import modules
from bam.models.torch.importing import import_torch


@dataclass(frozen=True)
class Value:
    """A tensor of the twin: its place among all of its network, and its shape in tf_keras without the batch.

    picture: whether it is (N, channels, height, width), so that what is last in tf_keras is first here.
    """

    place: int
    shape: tuple[int, ...]
    picture: bool


class Call:
    """A call of a layer, for which modules are added to the network.

    inputs: what it is called with; shape: of what it gives, in tf_keras without the batch.
    """

    def __init__(self, network: Any, node: Any, inputs: list[Value]):
        self.network, self.node, self.inputs = network, node, inputs
        self.layer: keras.layers.Layer = node.layer
        outputs = tf.nest.flatten(node.outputs)
        self.shape = tuple(outputs[0].shape[1:])
        if len(outputs) > 1:
            raise self.unknown("it gives several tensors")
        if getattr(self.layer, "data_format", "channels_last") not in ("channels_last", None):
            raise self.unknown("it has channels first")

    def add(self, module: Any, *inputs: Value, part: str = "", picture: bool | None = None) -> Value:
        """Add a module that is called with `inputs`, under the layer's name, or behind it that of a `part`.

        What it gives is a picture if the first of these is, unless said otherwise.
        """
        name = f"{self.layer.name}_{part}" if part else self.layer.name
        place = self.network.append(name, module, tuple(value.place for value in inputs))
        return Value(place, inputs[0].shape, inputs[0].picture if picture is None else picture)

    def picture(self, value: Value) -> Value:
        """The value with its channels first, of rank 4."""
        if value.picture:
            return value
        if len(value.shape) != 3:
            raise self.unknown(f"it is given {value.shape}")
        return self.add(modules.Permuted((3, 1, 2)), value, part="channels_first", picture=True)

    def plain(self, value: Value) -> Value:
        """The value as tf_keras has it."""
        if not value.picture:
            return value
        return self.add(modules.Permuted((2, 3, 1)), value, part="channels_last", picture=False)

    def alike(self) -> list[Value]:
        """The inputs, of one rank, all of them channels first if any is."""
        if len({len(value.shape) for value in self.inputs}) > 1:
            raise self.unknown("it is given tensors of several ranks")
        if any(value.picture for value in self.inputs):
            return [self.picture(value) for value in self.inputs]
        return self.inputs

    def unknown(self, why: str = "") -> BamError:
        """The error for what has no counterpart."""
        kind = getattr(self.layer, "symbol", None) or type(self.layer).__name__
        return BamError(
            f"the layer {self.layer.name} ({kind}{why and ': '}{why}) has no counterpart in torch, so that "
            "its network has no twin there: leave out what needs one"
        )


def network_of(model: keras.Model, translated: Callable[[Call], Value]) -> Any:
    """A `modules.Network` that computes what the model does, from and to channels first where of rank 4.

    translated: adds the modules for a call, and gives the value of the last. Raises `BamError` for what has
    no counterpart.
    """
    if not getattr(model, "_is_graph_network", False):
        raise BamError(
            f"{model.name} is a subclassed model, but a twin in torch needs layers: leave out what needs one"
        )
    model = unshared(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BamError(
            f"{model.name} has several inputs or outputs, but a twin in torch has one of each: leave out "
            "what needs one"
        )
    network = modules.Network()
    (start,), (end,) = model.inputs, model.outputs
    values = {id(start): Value(0, tuple(start.shape[1:]), len(start.shape) == 4)}
    for _, nodes in sorted(model._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            if not node.is_input:
                call = Call(network, node, [values[id(one)] for one in node.keras_inputs])
                value = replace(translated(call), shape=call.shape)
                network.ends[node.layer.name] = network.calls[value.place - 1][0]
                (output,) = tf.nest.flatten(node.outputs)
                ends_so = output is end and len(call.shape) == 3
                values[id(output)] = call.picture(value) if ends_so else value
    return network.ended(values[id(end)].place)


def loaded(module: Any, **weights: Any) -> Any:
    """A module that was made on the device "meta", so without drawing numbers, with these weights."""
    module.load_state_dict({name: tensor(value) for name, value in weights.items()}, assign=True)
    return module


def tensor(value: Any) -> Any:
    """A tensor of torch with a copy of the values of a variable or an array."""
    return import_torch().from_numpy(np.array(value, order="C"))
