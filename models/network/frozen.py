"""A trained network rebuilt for evaluation: batch norms folded, bfloat16 arithmetic, guided ReLUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError, unknown
from bam.models.network.activations import other_activation
from bam.models.network.rebuilt import ReversedChannels

PRECISIONS = ("float32", "bfloat16")
# What ReLUs can be made to pass on, see `frozen`.
RULES = ("guided", "deconvnet")
# Layers that change only the scale of a picture.
PREPROCESSING = (keras.layers.Rescaling, keras.layers.Normalization, ReversedChannels)


def frozen(model: keras.Model, precision: str = "float32", rule: str | None = None) -> keras.Model:
    """The same function with fixed weights, computed faster; layers keep their names.

    A batch norm that alone follows a convolution becomes part of its kernel and bias. Every layer's output
    stays the same to rounding, but for that of such a convolution (`folded_norms` names them).
    precision: "bfloat16" computes so in all layers but preprocessing and the last, which gives float32.
    rule: one of `RULES`, what ReLUs (layers, and activations of layers; not leaky ones) pass on: "guided",
    positive derivatives only (Springenberg et al. 2014, section 3.1); "deconvnet", these even where the ReLU
    gives 0 (Zeiler & Fergus 2014, section 2.1). None: their own derivative.
    Raises `BamError` if `model` is not a graph of layers, or is to have a rule and is `unguidable`.
    """
    if rule is not None and rule not in RULES:
        raise unknown("rule of ReLUs", rule, RULES)
    reason = unguidable(model) if rule else None
    if reason:
        raise BamError(f"{model.name} {reason}, so it cannot be guided: leave guided methods out")
    return _rebuilt(model, precision, rule)


def unguidable(model: keras.Model) -> str | None:
    """What keeps a model's ReLUs from being guided, in a few words; None if nothing does."""
    layers = list(_leaves(model))
    if any(getattr(layer, "function", None) in (tf.nn.relu, tf.nn.relu6) for layer in layers):
        return "calls tf.nn.relu outside of a layer (keras.layers.ReLU is one)"
    if not any(_relu_of(layer) for layer in layers):
        return "has no ReLU"
    other = other_activation(layers)
    return other and f"has another activation beside its ReLUs ({other})"


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        yield from _leaves(layer) if isinstance(layer, keras.Model) else (layer,)


def _rebuilt(model: keras.Model, precision: str, rule: str | None) -> keras.Model:
    """The model rebuilt, with those inside it."""
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if not getattr(model, "_is_graph_network", False):
        raise BamError(f"{model.name} is a subclassed model: a functional or sequential one is needed")
    folded = folded_norms(model)
    norms = {norm.name for norm in folded.values()}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model):
            return _rebuilt(layer, precision, rule)
        settings = layer.get_config()
        if precision == "bfloat16":
            exact = layer.name in model.output_names or isinstance(layer, PREPROCESSING)
            settings["dtype"] = "float32" if exact else "mixed_bfloat16"
        if layer.name in norms:
            return keras.layers.Activation("linear", name=layer.name, dtype=settings["dtype"])
        if layer.name in folded:
            settings["use_bias"] = True
        relu = _relu_of(layer) if rule else None
        if relu is not None and isinstance(layer, keras.layers.ReLU):
            return keras.layers.Activation(_guide(relu, rule), name=layer.name, dtype=settings["dtype"])
        copy = layer.__class__.from_config(settings)
        if relu is not None:
            copy.activation = _guide(relu, rule)
        return copy

    rebuilt = keras.models.clone_model(model, clone_function=clone)
    for layer in model.layers:
        if layer.name in folded:
            rebuilt.get_layer(layer.name).set_weights(_folded_weights(layer, folded[layer.name]))
        elif layer.name not in norms and not isinstance(layer, keras.Model):
            rebuilt.get_layer(layer.name).set_weights(layer.get_weights())
    rebuilt.trainable = False
    return rebuilt


def folded_norms(model: keras.Model) -> dict[str, keras.layers.BatchNormalization]:
    """The batch norm that can become part of each convolution, by the convolution's name."""
    nodes = [node for depth in model._nodes_by_depth.values() for node in depth]
    calls = Counter(node.layer.name for node in nodes)
    consumers: dict[str, list[keras.layers.Layer]] = {name: [] for name in calls}
    for node in nodes:
        for parent in node.parent_nodes:
            consumers[parent.layer.name].append(node.layer)
    return {
        layer.name: consumers[layer.name][0]
        for layer in model.layers
        if type(layer) is keras.layers.Conv2D
        and layer.activation is keras.activations.linear
        and layer.name not in model.output_names
        and calls[layer.name] == 1
        and len(consumers[layer.name]) == 1
        and isinstance(consumers[layer.name][0], keras.layers.BatchNormalization)
        and calls[consumers[layer.name][0].name] == 1
        and layer.data_format == "channels_last"
        and consumers[layer.name][0].axis in ([3], [-1], 3, -1)
    }


def _folded_weights(layer: keras.layers.Conv2D, norm: keras.layers.BatchNormalization) -> list[np.ndarray]:
    """Kernel and bias of norm(layer(x)) as one convolution, worked out in float64."""
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy() if layer.use_bias else 0.0
    scale, shift = scale_and_shift(norm)
    return [kernel * scale, bias * scale + shift]


def scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """By what a batch norm multiplies its input in use, and what it then adds, float64 (channels,) each."""
    scale = 1 / np.sqrt(norm.moving_variance.numpy().astype(np.float64) + norm.epsilon)
    if norm.scale:
        scale = scale * norm.gamma.numpy()
    shift = -norm.moving_mean.numpy() * scale
    return scale, shift + norm.beta.numpy() if norm.center else shift


def _relu_of(layer: keras.layers.Layer) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """The ReLU that a layer is, or ends in; None if there is none, or it is a leaky one."""
    if isinstance(layer, keras.layers.ReLU):
        return None if layer.negative_slope else layer.call
    if isinstance(getattr(layer, "activation", None), keras.layers.Layer):
        return _relu_of(layer.activation)
    known = {keras.activations.relu: tf.nn.relu, tf.nn.relu: tf.nn.relu, tf.nn.relu6: tf.nn.relu6}
    return known.get(getattr(layer, "activation", None))


def _guide(relu: Callable[[tf.Tensor], tf.Tensor], rule: str | None) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.custom_gradient
    def deconvolved(x: tf.Tensor):
        return relu(x), tf.nn.relu

    @tf.custom_gradient
    def guided(x: tf.Tensor):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = relu(x)
        return y, lambda upstream: tape.gradient(y, x, output_gradients=tf.nn.relu(upstream))

    return deconvolved if rule == "deconvnet" else guided
