"""What of Keras 3 has no like in tf_keras: it is called from a layer of tf_keras."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.models.keras3.importing import import_keras3

# What moves values, adds or scales them: no function of single values that is bent.
_STRAIGHT = {
    *("add", "average_pool", "broadcast_to", "cast", "concatenate", "conv", "divide", "dot", "einsum"),
    *("expand_dims", "flip", "get_item", "matmul", "max", "max_pool", "mean", "moveaxis", "multiply"),
    *("negative", "pad", "ravel", "repeat", "reshape", "roll", "softmax", "split", "squeeze", "stack"),
    *("subtract", "sum", "swapaxes", "take", "tensordot", "tile", "transpose", "true_divide", "unstack"),
    *("custom_scale_layer", "layer_normalization", "layer_scale", "rms_normalization"),
}


class Keras3Layer(keras.layers.Layer):
    """An operation or a layer of Keras 3, with the weights of the latter as its own.

    It takes a list of the tensors that it was called with, of any shapes, and gives what it gives, several
    tensors as a list; derivatives pass. operation: it, as Keras 3 stores it, in JSON; arguments: those of its
    call, [positional, by name], likewise, each tensor as {"tensor": its place in the list}.
    """

    def __init__(self, operation: str, arguments: str, **settings: Any):
        super().__init__(**settings)
        self.operation, self.arguments = operation, arguments
        saving = import_keras3().saving
        restored = saving.deserialize_keras_object(json.loads(operation), safe_mode=True)
        # A function, since a layer that were an attribute would be tracked as one of tf_keras.
        self._restored = lambda: restored
        self._called_with = lambda: saving.deserialize_keras_object(json.loads(arguments), safe_mode=True)

    @classmethod
    def of(cls, operation: Any, args: tuple, kwargs: dict[str, Any], name: str) -> Keras3Layer:
        """For one call of an operation of Keras 3, whose arguments hold its `KerasTensor`s."""
        keras_3, places = import_keras3(), iter(range(1_000_000))

        def placed(part: Any) -> Any:
            return {"tensor": next(places)} if isinstance(part, keras_3.KerasTensor) else part

        described = keras_3.saving.serialize_keras_object(operation)
        if "name" in described["config"]:
            described["config"]["name"] = "operation"  # the same, whatever was called before it
        positional, named = keras_3.tree.map_structure(placed, (list(args), dict(kwargs)))
        arguments = keras_3.saving.serialize_keras_object([positional, named])
        return cls(json.dumps(described), json.dumps(arguments), name=name)

    def build(self, shape: Any) -> None:
        for place, weight in enumerate(getattr(self._restored(), "weights", ())):
            self.add_weight(
                f"weight_{place}",
                weight.shape,
                weight.dtype,
                "zeros",
                trainable=False,
                experimental_autocast=False,
            )
        super().build(shape)

    def call(self, tensors: Any) -> Any:
        operation, tensors = self._restored(), tf.nest.flatten(tensors)
        args, kwargs = _filled(self._called_with(), tensors)
        weights = list(zip(getattr(operation, "weights", ()), self.weights, strict=True))
        with import_keras3().StatelessScope(weights):
            found = tf.nest.flatten(operation(*args, **kwargs, **in_use(operation)))
        return found[0] if len(found) == 1 else found

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "operation": self.operation, "arguments": self.arguments}

    @property
    def kind(self) -> str:
        """What it calls: "get_item" for `GetItem`, "hard_silu" for a layer of that activation."""
        called = self._restored()
        function = getattr(called, "activation", None) if type(called).__name__ == "Activation" else None
        return snake_case(getattr(function, "__name__", type(called).__name__))

    @property
    def straight(self) -> bool:
        """Whether it bends no single values, as far as is known."""
        return self.kind in _STRAIGHT


def snake_case(name: str) -> str:
    """`RMSNormalization` as "rms_normalization"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def in_use(operation: Any) -> dict[str, bool]:
    """What is to be said to an operation of Keras 3 so that it does what it does in use."""
    return {"training": False} if "training" in inspect.signature(operation.call).parameters else {}


def weights_of(operation: Any) -> list[np.ndarray]:
    """The values of what an operation of Keras 3 has learned, in its order."""
    convert = import_keras3().ops.convert_to_numpy
    return [convert(weight) for weight in getattr(operation, "weights", ())]


def _filled(part: Any, tensors: list) -> Any:
    """Arguments with the tensors in their places."""
    if isinstance(part, dict):
        if set(part) == {"tensor"}:
            return tensors[part["tensor"]]
        return {key: _filled(value, tensors) for key, value in part.items()}
    return [_filled(inner, tensors) for inner in part] if isinstance(part, list) else part
