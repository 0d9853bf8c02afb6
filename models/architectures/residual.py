"""Residual networks: ResNet50 (He et al. 2016) as in the paper, and a small one."""

from __future__ import annotations

import tf_keras as keras

from bam.models.architectures.weights import Published, load_weights
from bam.models.network.scales import IMAGENET_MEANS

RESNET50 = Published(
    "ResNet50",
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "4d473c1dd8becc155b73f8504c6f6626",
    "conv1_conv",
)


def small(classes: int, weights: str) -> keras.Model:
    """A quarter as wide as ResNet-18 and with one block a stage, for 64 px; last feature maps 8 x 8."""
    inputs = keras.Input((64, 64, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(inputs)
    x = keras.layers.ReLU()(_conv(x, 16, 3, stride=2))
    for stage, (width, stride) in enumerate(((16, 1), (32, 2), (64, 2), (128, 1)), start=1):
        x = _basic_block(x, width, stride, name=f"block_layer{stage}")
    model = keras.Model(inputs, _head(x, classes), name="small")
    load_weights(model, weights)
    return model


def resnet50(classes: int, weights: str) -> keras.Model:
    """ResNet50 for 224 px (v1, as in Keras Applications), last feature maps 7 x 7."""
    inputs = keras.Input((224, 224, 3), name="pixels")
    x = keras.layers.Rescaling(1, offset=[-mean for mean in IMAGENET_MEANS], name="preprocess")(inputs)
    base = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    model = keras.Model(inputs, _head(base.output, classes), name="resnet50")
    load_weights(model, weights, RESNET50)
    return model


def _conv(x, width: int, kernel: int, stride: int = 1):
    x = keras.layers.Conv2D(
        width, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9)(x)


def _basic_block(x, width: int, stride: int, name: str):
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        shortcut = _conv(x, width, 1, stride)
    y = keras.layers.ReLU()(_conv(x, width, 3, stride))
    y = keras.layers.Add()([shortcut, _conv(y, width, 3)])
    return keras.layers.ReLU(name=name)(y)


def _head(x, classes: int):
    return keras.layers.Dense(classes, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
