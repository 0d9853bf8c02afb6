"""The networks: ResNet50 (He et al. 2016) as in the paper, and a small residual network.

All take raw RGB in 0..255 as float32 (N, size, size, 3) and give logits (N, classes); preprocessing is
a layer inside. All are flat, without nested models, so that every inner tensor can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tf_keras as keras

from data_prep.errors import BamError, unknown

# Means of ImageNet's red, green and blue, which ResNet50's published weights expect subtracted.
IMAGENET_MEANS = (123.68, 116.779, 103.939)


@dataclass(frozen=True)
class Architecture:
    """A network and the training settings that suit it.

    `images_seen` is how many training images the default schedule shows, `learning_rate` its peak.
    """

    build: Callable[[int, str], keras.Model]
    input_size: int
    images_seen: int
    learning_rate: float


def build_model(architecture: str, classes: int, weights: str, seed: int) -> keras.Model:
    """A network with fresh (`weights` "none"), ImageNet ("imagenet") or stored weights (a file).

    Raises `BamError` for unknown names and weights that cannot be had or do not fit.
    """
    if architecture not in ARCHITECTURES:
        raise unknown("architecture", architecture, ARCHITECTURES)
    keras.utils.set_random_seed(seed)
    return ARCHITECTURES[architecture].build(classes, weights)


def small(classes: int, weights: str) -> keras.Model:
    """A quarter as wide as ResNet-18 and with one block a stage, for 64 px; last feature maps 8 x 8."""
    inputs = keras.Input((64, 64, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(inputs)
    x = keras.layers.ReLU()(_conv(x, 16, 3, stride=2))
    for stage, (width, stride) in enumerate(((16, 1), (32, 2), (64, 2), (128, 1)), start=1):
        x = _basic_block(x, width, stride, name=f"block_layer{stage}")
    model = keras.Model(inputs, _head(x, classes), name="small")
    if weights == "imagenet":
        raise BamError(
            "there are no ImageNet weights for the architecture small: use --weights none or a .keras file"
        )
    if weights != "none":
        _load_keras_file(model, weights)
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


def resnet50(classes: int, weights: str) -> keras.Model:
    """ResNet50 for 224 px (v1, as in Keras Applications), last feature maps 7 x 7.

    A .h5 file is read as Keras Applications' own ImageNet file, a .keras file as one of ours.
    """
    inputs = keras.Input((224, 224, 3), name="pixels")
    x = keras.layers.Rescaling(1, offset=[-mean for mean in IMAGENET_MEANS], name="preprocess")(inputs)
    base = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    model = keras.Model(inputs, _head(base.output, classes), name="resnet50")
    if weights == "imagenet":
        _load_imagenet(model, _download_imagenet())
    elif weights.endswith(".h5"):
        _load_imagenet(model, weights)
    elif weights != "none":
        _load_keras_file(model, weights)
    return model


def _download_imagenet() -> str:
    url = (
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )
    try:
        return keras.utils.get_file(
            url.rsplit("/", 1)[-1], url, cache_subdir="models", file_hash="4d473c1dd8becc155b73f8504c6f6626"
        )
    except Exception as error:  # noqa: BLE001 - get_file raises plain Exception when the server cannot be reached
        raise BamError(
            f"the ImageNet weights cannot be fetched ({error}): use --weights none, or --weights FILE "
            "with Keras Applications' .h5 file"
        ) from None


def _load_imagenet(model: keras.Model, path: str) -> None:
    """Load Keras Applications' weights by layer name; their first kernel expects blue, green, red."""
    if not Path(path).is_file():
        raise BamError(f"there is no weights file {path}")
    first = model.get_layer("conv1_conv")
    before = first.get_weights()[0]
    try:
        model.load_weights(path, by_name=True)
    except (OSError, ValueError, KeyError) as error:
        raise BamError(f"{path} holds no ResNet50 weights in Keras Applications' layout ({error})") from None
    kernel, bias = first.get_weights()
    if (kernel == before).all():
        raise BamError(f"{path} holds no ResNet50 weights in Keras Applications' layout: no layer conv1_conv")
    first.set_weights([kernel[:, :, ::-1], bias])


def structure(model: keras.Model) -> list[str]:
    """What each layer does, whatever its name: class, settings and shape of its weights, in order."""
    described = []
    for layer in model.layers:
        settings = {key: value for key, value in layer.get_config().items() if key != "name"}
        described.append(f"{type(layer).__name__} {settings} {[weight.shape for weight in layer.weights]}")
    return described


def _load_keras_file(model: keras.Model, path: str) -> None:
    """Take over the weights of a .keras file, except those of a last layer with other classes."""
    if not Path(path).is_file():
        raise BamError(f"there is no weights file {path}: --weights is imagenet, none, or a file")
    try:
        other = keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise BamError(f"{path} is no .keras file ({error})") from None
    if structure(model)[:-1] != structure(other)[:-1]:
        raise BamError(f"{path} holds another architecture than {model.name}")
    for mine, theirs in zip(model.layers, other.layers, strict=True):
        if [weight.shape for weight in mine.weights] == [weight.shape for weight in theirs.weights]:
            mine.set_weights(theirs.get_weights())


ARCHITECTURES = {
    "small": Architecture(small, 64, 40_000, 3e-3),
    "resnet50": Architecture(resnet50, 224, 400_000, 1e-4),
}
