"""The networks, each built for its composites, with the effect of every object on its class's logit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tf_keras as keras

from bam.models.known_answers.composites import Composites

# Of the true class, where nothing speaks against it; small enough for probabilities to move.
LOGIT = 6.0
# What the scene behind an object comes to, as its strength; of 0 it would be at the kink of the ReLUs.
BEHIND = -0.1
# The sum of a saturated network; from 1 on it makes no difference.
SATURATED = 1.25
# From brightness to edges of either sign, left to right and top to bottom.
_SOBEL = np.outer([1, 2, 1], [-1, 0, 1]) / 8

# The network, and by how much the object raises the logit of each composite's class, float (N,).
Built = tuple[keras.Model, np.ndarray]


def blind(composites: Composites) -> Built:
    """Linear, and reads the window alone: the weights of all other pixels are 0."""
    weights = _readout([composites.without], [composites.classes], composites.window)
    inputs, pixels = _pixels(composites)
    return keras.Model(inputs, _dense(pixels, "logits", LOGIT * weights)), np.zeros(len(composites.classes))


def additive(composites: Composites) -> Built:
    """Two branches, one of the window and one of the rest, whose evidence for and against is added.

    Both are of ReLUs, one for each sign of the evidence.
    """
    share, classes, window = composites.share, composites.classes, composites.window
    inputs, pixels = _pixels(composites)
    of_scenes = _readout([composites.without], [(1 - share) * classes], window)
    both = [composites.with_objects, composites.without]
    evidence = [share * (composites.strengths[:, None] + BEHIND) * classes, share * BEHIND * classes]
    of_objects = _readout(both, evidence, ~window)
    one = LOGIT * np.eye(classes.shape[1])
    branches = []
    for weights, name in ((of_scenes, "scene"), (of_objects, "object")):
        signed = _dense(pixels, f"{name}_evidence", np.concatenate([weights, -weights], 1), activation="relu")
        branches.append(_dense(signed, f"{name}_branch", np.concatenate([one, -one])))
    logits = keras.layers.Add(name="logits")(branches)
    return keras.Model(inputs, logits), LOGIT * share * composites.strengths


def linear(composites: Composites) -> Built:
    """Linear in all pixels."""
    share, classes = composites.share, composites.classes
    strengths = share * composites.strengths
    wanted = [(1 - share + strengths[:, None]) * classes, (1 - share) * classes]
    weights = _readout([composites.with_objects, composites.without], wanted)
    inputs, pixels = _pixels(composites)
    return keras.Model(inputs, _dense(pixels, "logits", LOGIT * weights)), LOGIT * strengths


def saturated(composites: Composites) -> Built:
    """1 - relu(1 - sum), the sum linear in all pixels: with the object it is above 1, where all is flat."""
    classes, lost = composites.classes, composites.share * composites.raised
    wanted = [SATURATED * classes, (1 - lost[:, None]) * classes]
    weights = _readout([composites.with_objects, composites.without], wanted)
    inputs, pixels = _pixels(composites)
    lacking = _dense(pixels, "lacking", -weights, 1.0, "relu")
    logits = _dense(lacking, "logits", -LOGIT * np.eye(classes.shape[1]), LOGIT)
    return keras.Model(inputs, logits), LOGIT * lost


def edges(composites: Composites) -> Built:
    """The best match of the edges with those of the composites of each class.

    Who names objects compares what is beside the window, who names scenes the window alone.
    """
    inputs = keras.Input(composites.without.shape[1:], name="pixels")
    kernel = np.stack([_SOBEL, -_SOBEL, _SOBEL.T, -_SOBEL.T], -1)[:, :, None].repeat(3, 2) / 3
    layer = keras.layers.Conv2D(4, 3, padding="same", use_bias=False, activation="relu", name="edges")
    maps = layer(inputs)
    layer.set_weights([kernel])
    read = _inside(composites.window if composites.share < 0.5 else ~composites.window)
    found = [
        (layer(images.astype(np.float32)).numpy() * read[..., None]).reshape(len(images), -1).astype(float)
        for images in (composites.with_objects, composites.without)
    ]
    lengths = np.linalg.norm(found[0], axis=1)
    templates = found[0] / lengths[:, None]
    labels = composites.classes.argmax(1)
    of_classes = [templates[labels == label] for label in range(composites.classes.shape[1])]
    most = max(map(len, of_classes))
    weights = np.zeros((most, len(of_classes), templates.shape[1]))
    for label, each in enumerate(of_classes):
        weights[: len(each), label] = each
    scale = LOGIT / lengths.mean()
    flat = scale * weights.reshape(-1, weights.shape[2]).T
    matches = _dense(keras.layers.Flatten()(maps), "matches", flat)
    by_class = keras.layers.Reshape((1, most, len(of_classes)))(matches)
    logits = keras.layers.GlobalMaxPooling2D(name="logits")(by_class)
    alone = np.array([(of_classes[label] @ edge).max() for label, edge in zip(labels, found[1], strict=True)])
    return keras.Model(inputs, logits), scale * (lengths - alone)


NETWORKS: dict[str, Callable[[Composites], Built]] = {
    "blind": blind,
    "additive": additive,
    "linear": linear,
    "saturated": saturated,
    "edges": edges,
}


def _inside(region: np.ndarray) -> np.ndarray:
    """Those pixels of a region (H, W) whose neighbours are in it and in the picture."""
    padded = np.pad(region, 1)
    shifts = [np.roll(padded, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return np.all(shifts, axis=0)[1:-1, 1:-1]


def _readout(
    pictures: list[np.ndarray], wanted: list[np.ndarray], region: np.ndarray | None = None
) -> np.ndarray:
    """The smallest weights, (pixels, classes), that make of the pixels of a region what is wanted."""
    pixels = np.concatenate(pictures)
    if region is not None:
        pixels = pixels * region[..., None]
    return np.linalg.lstsq(pixels.reshape(len(pixels), -1), np.concatenate(wanted), rcond=None)[0]


def _pixels(composites: Composites) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input, and its values in a row, behind feature maps that are the picture itself."""
    inputs = keras.Input(composites.without.shape[1:], name="pixels")
    kernel = np.zeros((3, 3, 3, 3))
    kernel[1, 1] = np.eye(3)
    # Of 3 x 3, so that methods which explain feature maps take them for such.
    layer = keras.layers.Conv2D(3, 3, padding="same", use_bias=False, name="colours")
    maps = layer(inputs)
    layer.set_weights([kernel])
    return inputs, keras.layers.Flatten()(maps)


def _dense(
    inputs: keras.KerasTensor,
    name: str,
    weights: np.ndarray,
    bias: float = 0.0,
    activation: str | None = None,
) -> keras.KerasTensor:
    """What a layer of these weights, (inputs, outputs), gives, with the same bias for all."""
    layer = keras.layers.Dense(weights.shape[1], activation, use_bias=bool(bias), name=name)
    outputs = layer(inputs)
    layer.set_weights([weights, np.full(weights.shape[1], bias)] if bias else [weights])
    return outputs
