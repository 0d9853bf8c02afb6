"""What a network answers: whether these are logits of classes of which an image has one."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.network.rebuilt import with_layers

# What turns logits into probabilities, or their logarithms, of classes of which one is right.
_SOFTMAX = ("softmax", "log_softmax")
_BENT = (*_SOFTMAX, "sigmoid", "hard_sigmoid", "tanh", "relu", "relu6", "softplus", "exp")
_REMEDY = "save the network without it"


def with_logits(model: keras.Model, name: str) -> tuple[keras.Model, list[str]]:
    """The network without its last softmax, if it has one, and a sentence that says so.

    name: what messages call it. Raises `BamError` for a network with a single output, one that ends in
    another activation (sigmoids are of classes that do not exclude each other), and one whose answers are
    probabilities all the same, or differ from one time to the next.
    """
    if model.output_shape[-1] < 2:
        raise BamError(
            f"{name} has one output, but one for each of two or more classes is needed: make two logits of "
            "one z, 0 and z"
        )
    last, activation = _last_activation(model)
    remarks = []
    if activation in _SOFTMAX and not _is_operator(last):
        model = _without(model, last)
        remarks = [f"The last {activation} of {name} is left out, since logits are explained."]
    elif activation is not None:
        several = ", as of classes of which an image has one" if "sigmoid" in activation else ""
        raise BamError(f"{name} ends in {activation}, but logits{several} are needed: {_REMEDY}")
    noise = np.random.default_rng(0).uniform(0, 255, (2, *model.input_shape[1:])).astype(np.float32)
    first, second = (model(noise, training=False).numpy().astype(np.float64) for _ in range(2))
    if not np.allclose(first, second, rtol=1e-3, atol=1e-3 * np.abs(first).max(initial=0)):
        raise BamError(
            f"{name} answers differently when asked twice: take out what draws random numbers (a dropout "
            "called with training=True)"
        )
    if (first >= 0).all() and np.allclose(first.sum(1), 1, atol=1e-3):
        raise BamError(f"{name} gives probabilities, but logits are needed: save it without the last softmax")
    return model, remarks


def _last_activation(model: keras.Model) -> tuple[keras.layers.Layer, str | None]:
    """The last layer that does more than reshape, and the name of the bent function it ends in, if any."""
    tensor = model.outputs[0]
    while True:
        layer = tensor._keras_history.layer
        if isinstance(layer, keras.Model):
            return _last_activation(layer)
        plain = isinstance(layer, keras.layers.Activation) and _bent(layer) is None
        if not plain and not isinstance(layer, (keras.layers.Reshape, keras.layers.Flatten)):
            return layer, _bent(layer)
        tensor = layer.get_input_at(tensor._keras_history.node_index)


def _bent(layer: keras.layers.Layer) -> str | None:
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)):
        return type(layer).__name__
    if _is_operator(layer):
        name = getattr(layer, "symbol", "").split(".")[-1]
    else:
        name = getattr(getattr(layer, "activation", None), "__name__", "linear")
        return None if name == "linear" else name.removesuffix("_v2")
    return name.removesuffix("_v2") if name.removesuffix("_v2") in _BENT else None


def _is_operator(layer: keras.layers.Layer) -> bool:
    """Whether it is a function of TensorFlow's, called outside of a layer."""
    return hasattr(layer, "symbol")


def _without(model: keras.Model, last: keras.layers.Layer) -> keras.Model:
    """The model, with a layer in it that has no activation any more, or is a softmax alone."""

    def straight(layer: keras.layers.Layer) -> keras.layers.Layer | None:
        if layer is not last:
            return None
        if isinstance(layer, keras.layers.Softmax):
            return keras.layers.Activation("linear", name=layer.name, dtype=layer.dtype_policy)
        return type(layer).from_config({**layer.get_config(), "activation": "linear"})

    return with_layers(model, straight)
