"""Plain convolutional networks: VGG-19, and the four-convolution net of Cohen et al. 2025."""

from __future__ import annotations

import tf_keras as keras

from bam.models.architectures.weights import Published, load_weights
from bam.models.network.scales import IMAGENET_MEANS

# The file with the dense layers, which belong to the network here.
VGG19 = Published(
    "VGG19",
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
    "cbe5617147190e668d6c5d5026f83318",
    "block1_conv1",
)


def vgg19(classes: int, weights: str) -> keras.Model:
    """VGG-19 (Simonyan & Zisserman 2014, configuration E) for 224 px; last feature maps 7 x 7.

    The layers are those of Keras Applications, with the dropout of the paper (section 3.1) between the dense
    ones.
    """
    inputs = keras.Input((224, 224, 3), name="pixels")
    x = keras.layers.Rescaling(1, offset=[-mean for mean in IMAGENET_MEANS], name="preprocess")(inputs)
    x = keras.applications.VGG19(include_top=False, weights=None, input_tensor=x).output
    x = keras.layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = keras.layers.Dense(4096, activation="relu", name=name)(x)
        x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x), name="vgg19")
    load_weights(model, weights, VGG19)
    return model


def four_conv(classes: int, weights: str) -> keras.Model:
    """Four convolutions and three dense layers for 224 px, as in the code published with Cohen et al. 2025.

    It is called AlexNet there, and has two classes. Its last feature maps are 14 x 14; that code lets
    Grad-CAM explain the layer conv4, 28 x 28.
    """
    inputs = keras.Input((224, 224, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(inputs)
    for number, width in enumerate((16, 32, 64, 128), start=1):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
        x = keras.layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    for width in (64, 32):
        x = keras.layers.Dense(width, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x), name="four_conv")
    load_weights(model, weights)
    return model
