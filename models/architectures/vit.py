"""Vision transformers (Dosovitskiy et al. 2020), whose attention is the output of layers.

The layers block1_attention, block2_attention, ... give probabilities (N, heads, tokens, tokens); the class
token is the first, the patches follow row by row.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import tf_keras as keras
from scipy import ndimage

from bam.base.errors import BamError
from bam.models.architectures.tokens import Product, Tokens
from bam.models.architectures.weights import load_weights

POSITIONS = "Transformer/posembed_input/pos_embedding"


def vit_b16(classes: int, weights: str) -> keras.Model:
    """ViT-B/16 for 224 px: 14 x 14 patches, 12 blocks of width 768 with 12 heads."""
    return _started(vision_transformer("vit_b16", (224, 224), 16, 768, 12, 12, classes), weights)


def vit_tiny(classes: int, weights: str) -> keras.Model:
    """The same on a small scale for 64 px: 8 x 8 patches, 4 blocks of width 64 with 4 heads."""
    return _started(vision_transformer("vit_tiny", (64, 64), 8, 64, 4, 4, classes), weights)


def _started(model: keras.Model, weights: str) -> keras.Model:
    if weights == "imagenet":
        raise BamError(
            f"there are no ImageNet weights to fetch for {model.name}: set `weights` to a .npz file as "
            "published by google-research/vision_transformer, or to none"
        )
    if weights.endswith(".npz"):
        load_npz(model, weights)
    else:
        load_weights(model, weights)
    return model


def vision_transformer(
    name: str, size: tuple[int, int], patch: int, width: int, depth: int, heads: int, classes: int
) -> keras.Model:
    """From pixels in 0..255, float32 (N, *size, 3), to logits (equations 1 to 4 of the paper).

    size: multiples of `patch`. width: of the tokens, a multiple of `heads`. The head is one linear layer.
    """
    inputs = keras.Input((*size, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(inputs)
    x = keras.layers.Conv2D(width, patch, patch, name="embedding")(x)
    x = Tokens(name="tokens")(keras.layers.Reshape((-1, width))(x))
    for number in range(1, depth + 1):
        x = _block(x, heads, f"block{number}")
    x = keras.layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    token = keras.layers.Flatten()(keras.layers.Cropping1D((0, x.shape[1] - 1), name="class_token")(x))
    return keras.Model(inputs, keras.layers.Dense(classes, name="logits")(token), name=name)


def _block(x, heads: int, name: str):
    """Attention, then two dense layers; both behind a norm and with a path around them (equations 2, 3)."""
    width = x.shape[-1]
    y = keras.layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    each = (None, heads, width // heads)
    query, key, value = (
        _map("ntd,dhe->nthe", each, "he", width, f"{name}_{part}")(y) for part in ("query", "key", "value")
    )
    scores = Product("nqhe,nkhe->nhqk", (width // heads) ** -0.5, name=f"{name}_scores")([query, key])
    attention = keras.layers.Softmax(name=f"{name}_attention")(scores)
    y = Product("nhqk,nkhe->nqhe", name=f"{name}_values")([attention, value])
    y = _map("nqhe,hed->nqd", (None, width), "d", width, f"{name}_out")(y)
    x = keras.layers.Add(name=f"{name}_attended")([x, y])
    y = keras.layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    y = keras.layers.Dense(4 * width, activation="gelu", name=f"{name}_dense1")(y)
    y = keras.layers.Dense(width, name=f"{name}_dense2")(y)
    return keras.layers.Add(name=name)([x, y])


def _map(equation: str, shape: tuple, bias_axes: str, width: int, name: str) -> keras.layers.Layer:
    """A linear map of tokens to tokens, one of the two split into heads."""
    # Glorot's bound; Keras would take the kernel's three axes for those of a convolution.
    bound = (6 / (width + width)) ** 0.5
    start = keras.initializers.RandomUniform(-bound, bound)
    return keras.layers.EinsumDense(equation, shape, bias_axes=bias_axes, kernel_initializer=start, name=name)


def load_npz(model: keras.Model, path: str) -> None:
    """Load the weights of a file as published by google-research/vision_transformer.

    A head for other classes is left out, with the layer `pre_logits` that may stand before it. Positions of
    another grid of patches, which must be square, are resized bilinearly. Raises `BamError` if arrays are
    missing, unknown, or of a wrong shape.
    """
    stored = _read_arrays(path)
    tokens = model.get_layer("tokens")
    slots = {"cls": (tokens, 0), POSITIONS: (tokens, 1), **_slots(model)}
    shapes = {name: tuple(layer.weights[place].shape) for name, (layer, place) in slots.items()}
    if stored.get("head/bias", np.empty(0)).shape != shapes["head/bias"]:
        left_out = ("head/", "pre_logits/")
        stored = {name: array for name, array in stored.items() if not name.startswith(left_out)}
        shapes = {name: shape for name, shape in shapes.items() if not name.startswith(left_out)}
    if POSITIONS in stored:
        grid = model.get_layer("embedding").output_shape[1:3]
        stored[POSITIONS] = _resized_positions(stored[POSITIONS], grid)
    _check(stored, shapes, f"{path} does not hold the weights of {model.name}")
    for name in shapes:
        layer, place = slots[name]
        layer.weights[place].assign(stored[name])


def _read_arrays(path: str) -> dict[str, np.ndarray]:
    if not Path(path).is_file():
        raise BamError(f"there is no weights file {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise BamError(f"{path} is no .npz file of arrays ({error})") from None


def _slots(model: keras.Model) -> dict[str, tuple[keras.layers.Layer, int]]:
    """For the name of each array but two, the layer it belongs to and its place among that one's weights."""
    parts = {
        "LayerNorm_0": "norm1",
        "MultiHeadDotProductAttention_1/query": "query",
        "MultiHeadDotProductAttention_1/key": "key",
        "MultiHeadDotProductAttention_1/value": "value",
        "MultiHeadDotProductAttention_1/out": "out",
        "LayerNorm_2": "norm2",
        "MlpBlock_3/Dense_0": "dense1",
        "MlpBlock_3/Dense_1": "dense2",
    }
    names = {"embedding": "embedding", "Transformer/encoder_norm": "norm", "head": "logits"}
    for number in range(sum(layer.name.endswith("_attention") for layer in model.layers)):
        for theirs, ours in parts.items():
            names[f"Transformer/encoderblock_{number}/{theirs}"] = f"block{number + 1}_{ours}"
    slots = {}
    for theirs, ours in names.items():
        layer = model.get_layer(ours)
        kernel = "scale" if isinstance(layer, keras.layers.LayerNormalization) else "kernel"
        slots |= {f"{theirs}/{kernel}": (layer, 0), f"{theirs}/bias": (layer, 1)}
    return slots


def _resized_positions(positions: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Positions (1, 1 + side * side, width) for another grid; what is no such array stays as it is."""
    side = round((positions.shape[1] - 1) ** 0.5) if positions.ndim == 3 else 0
    if (side, side) == grid or side < 1 or positions.shape[1] != 1 + side**2:
        return positions
    width = positions.shape[2]
    # Corners stay corners, as where the network was first tuned to larger images.
    scale = (grid[0] / side, grid[1] / side, 1)
    patches = ndimage.zoom(positions[0, 1:].reshape(side, side, width), scale, order=1)
    return np.concatenate([positions[:, :1], patches.reshape(1, -1, width)], axis=1)


def _check(stored: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]], wrong: str) -> None:
    found = {
        "missing": [name for name in shapes if name not in stored],
        "unknown": [name for name in stored if name not in shapes],
        "of another shape": [
            f"{name} {stored[name].shape}, not {shape}"
            for name, shape in shapes.items()
            if name in stored and stored[name].shape != shape
        ],
    }
    faults = [f"{len(names)} {kind}, first {names[0]}" for kind, names in found.items() if names]
    if faults:
        raise BamError(f"{wrong}: {'; '.join(faults)}")
