"""What some methods need of a network: each function says what it lacks, in a few words, or None."""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING

from bam.base.errors import BamError

if TYPE_CHECKING:
    import tf_keras as keras

    from bam.models.classifier import Classifier

# Layers whose pieces are linear but for a bias; which activations are so too, `_linear` says.
_LINEAR = (
    "InputLayer",
    "Conv2D",
    "DepthwiseConv2D",
    "SeparableConv2D",
    "Conv2DTranspose",
    "Dense",
    "BatchNormalization",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "MaxPooling2D",
    "AveragePooling2D",
    "GlobalMaxPooling2D",
    "GlobalAveragePooling2D",
    "Add",
    "Average",
    "Concatenate",
    "Flatten",
    "Reshape",
    "Permute",
    "ZeroPadding2D",
    "Cropping2D",
    "Dropout",
    "SpatialDropout2D",
)


def lacks_layers(classifier: Classifier) -> str | None:
    """Layers that can be looked into, which a program has not."""
    programs = [layer.concealed for layer in classifier.model.layers if hasattr(layer, "concealed")]
    return f"the network is {programs[0]}" if programs else None


def lacks_relu(classifier: Classifier) -> str | None:
    """ReLUs whose derivative can be replaced."""
    reason = classifier.unguidable()
    return lacks_layers(classifier) or (reason and f"the network {reason}")


def lacks_feature_maps(classifier: Classifier) -> str | None:
    """Spatial feature maps, which a sequence of tokens is not."""
    if reason := lacks_layers(classifier):
        return reason
    if attention_layers(classifier):
        return "the network has tokens in place of feature maps"
    try:
        name = classifier.feature_layer()
    except BamError:
        return "the network has no feature maps"
    nested = classifier.transparent and hasattr(classifier.model.get_layer(name), "layers")
    return "its feature maps are in a network inside the network" if nested else None


def lacks_second_class(classifier: Classifier) -> str | None:
    """Two classes or more, since the probability of a single one is always 1."""
    return None if len(classifier.class_names) > 1 else "the network has one class, of probability 1"


def check_second_class(title: str, classifier: Classifier) -> None:
    """Raise `BamError` for a network that lacks a second class. title: what cannot explain it."""
    if reason := lacks_second_class(classifier):
        raise BamError(f"{title} cannot explain {classifier.name}: {reason}")


def lacks_attention(classifier: Classifier) -> str | None:
    """Attention probabilities that are the output of layers."""
    if not classifier.transparent:
        return "the attention of a network of PyTorch cannot be told from its other parts"
    return (
        None if attention_layers(classifier) else lacks_layers(classifier) or "the network has no attention"
    )


def attention_layers(classifier: Classifier) -> list[str]:
    """Names of the layers, in order, that give a softmax over the last axis of (N, heads, tokens, tokens)."""
    return [layer.name for layer in classifier.model.layers if _attends(layer)]


def lacks_token_sums(classifier: Classifier) -> str | None:
    """Attention, and behind each layer of it a sum of tokens that what follows the last one could take."""
    reason = lacks_attention(classifier)
    if reason or token_sums(classifier):
        return reason
    return "the network has no sum of tokens behind each of its attention layers"


def token_sums(classifier: Classifier) -> list[tuple[str, str]]:
    """Names of each attention layer and of the last sum of tokens before the next one, in order.

    These sums are what a block of a transformer gives. Empty if one is missing, or if the network's end, what
    follows the last of them, takes more than that.
    """
    import tf_keras as keras

    pairs: list[tuple[str, str | None]] = []
    for layer in classifier.model.layers:
        if _attends(layer):
            pairs.append((layer.name, None))
        elif pairs and isinstance(layer, keras.layers.Add) and len(layer.output_shape) == 3:
            pairs[-1] = (pairs[-1][0], layer.name)
    if not pairs or None in dict(pairs).values():
        return []
    return pairs if _leads_alone(classifier.model.get_layer(pairs[-1][1]), classifier.model) else []


def _leads_alone(layer: keras.layers.Layer, model: keras.Model) -> bool:
    """Whether the model's output depends on its input by way of this layer only."""
    history = model.outputs[0]._keras_history
    nodes, seen = [history.layer._inbound_nodes[history.node_index]], set()
    while nodes:
        node = nodes.pop()
        if node.is_input:
            return False
        if node.layer is not layer and id(node) not in seen:
            seen.add(id(node))
            nodes += node.parent_nodes
    return True


def _attends(layer: keras.layers.Layer) -> bool:
    import tf_keras as keras

    softmax = getattr(layer, "activation", None) is keras.activations.softmax
    if not softmax and not (isinstance(layer, keras.layers.Softmax) and layer.axis in (-1, 3)):
        return False
    shape = layer.output_shape
    return len(shape) == 4 and shape[2] == shape[3] and shape[3] is not None


def lacks_linear_pieces(classifier: Classifier) -> str | None:
    """Layers that are linear but for biases and ReLUs, behind the preprocessing.

    Then the logit is the sum of what the input and the biases contribute by their gradients. Saturation,
    as in ReLU6, and bent functions would contribute by themselves.
    """
    if not classifier.transparent:
        return "of a network of PyTorch it cannot be told whether it is linear between ReLUs"
    if reason := lacks_layers(classifier):
        return reason
    preprocessing = preprocessing_layers(classifier.model)
    for layer in classifier.model.layers:
        if layer.name not in preprocessing and not _linear(layer):
            return f"the network is not linear between ReLUs ({layer.name})"
    return None


def preprocessing_layers(model: keras.Model) -> list[str]:
    """Names of the layers with which a network begins that only change the scale of its input."""
    import tf_keras as keras

    from bam.models.network.frozen import PREPROCESSING

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return [
        layer.name for layer in itertools.takewhile(lambda layer: isinstance(layer, PREPROCESSING), layers)
    ]


@cache
def _linear_kinds() -> tuple[type, ...]:
    import tf_keras as keras

    return tuple(getattr(keras.layers, name) for name in _LINEAR)


def _linear(layer: keras.layers.Layer) -> bool:
    import tf_keras as keras

    if not isinstance(layer, _linear_kinds()):
        return False
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and not layer.threshold
    plain = (None, keras.activations.linear, keras.activations.relu)
    return getattr(layer, "activation", None) in plain
