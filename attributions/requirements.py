"""What some methods need of a network: each function says what it lacks, in a few words, or None."""

from __future__ import annotations

import itertools

import tf_keras as keras

from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.network.frozen import unguidable

# Layers whose pieces are linear but for a bias; which activations are so too, `_linear` says.
_LINEAR = (
    keras.layers.InputLayer,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Dense,
    keras.layers.BatchNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Add,
    keras.layers.Average,
    keras.layers.Concatenate,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
)


def relu(classifier: Classifier) -> str | None:
    """ReLUs whose derivative can be replaced."""
    reason = unguidable(classifier.model)
    return reason and f"the network {reason}"


def feature_maps(classifier: Classifier) -> str | None:
    """Spatial feature maps, which a sequence of tokens is not."""
    if attention_layers(classifier):
        return "the network has tokens in place of feature maps"
    try:
        layer = classifier.model.get_layer(classifier.feature_layer())
    except BamError:
        return "the network has no feature maps"
    return "its feature maps are in a network inside the network" if isinstance(layer, keras.Model) else None


def attention(classifier: Classifier) -> str | None:
    """Attention probabilities that are the output of layers."""
    return None if attention_layers(classifier) else "the network has no attention"


def attention_layers(classifier: Classifier) -> list[str]:
    """Names of the layers, in order, that give a softmax over the last axis of (N, heads, tokens, tokens)."""
    return [layer.name for layer in classifier.model.layers if _attends(layer)]


def _attends(layer: keras.layers.Layer) -> bool:
    softmax = getattr(layer, "activation", None) is keras.activations.softmax
    if not softmax and not (isinstance(layer, keras.layers.Softmax) and layer.axis in (-1, 3)):
        return False
    shape = layer.output_shape
    return len(shape) == 4 and shape[2] == shape[3] and shape[3] is not None


def linear_pieces(classifier: Classifier) -> str | None:
    """Layers that are linear but for biases and ReLUs, behind the preprocessing.

    Then the logit is the sum of what the input and the biases contribute by their gradients. Saturation,
    as in ReLU6, and bent functions would contribute by themselves.
    """
    preprocessing = preprocessing_layers(classifier.model)
    for layer in classifier.model.layers:
        if layer.name not in preprocessing and not _linear(layer):
            return f"the network is not linear between ReLUs ({layer.name})"
    return None


def preprocessing_layers(model: keras.Model) -> list[str]:
    """Names of the layers with which a network begins that only change the scale of its input."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    return [layer.name for layer in itertools.takewhile(lambda layer: isinstance(layer, scaling), layers)]


def _linear(layer: keras.layers.Layer) -> bool:
    if not isinstance(layer, _LINEAR):
        return False
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and not layer.threshold
    plain = (None, keras.activations.linear, keras.activations.relu)
    return getattr(layer, "activation", None) in plain
