"""Networks whose true relevance is known, since they are built and not trained.

Each names the objects or the scenes of a few composites, and it is known by how much the object raises the
logit of each. They tell which methods find that, and which metrics reward those that do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tf_keras as keras

from bam.base.errors import BamError, unknown
from bam.base.seeds import generator
from bam.data_prep.classes import CLASSES, COMMONALITY_OBJECT, IMAGE_SIZE
from bam.data_prep.dataset import Dataset, View
from bam.models.classifier import Classifier
from bam.models.network.resizing import resize
from bam.models.stored import Models

# The window: columns on the left, as a share of the width, in which no object reaches.
WINDOW = 0.25
# Pixels of the scene between the window and the objects, which resizing to `SMALLEST` or more mixes.
MARGIN, SMALLEST = 4, 16
# Of the logit, how much is decided by what is beside the window: objects are more to whoever names them.
SHARES = {"object": 0.6, "scene": 0.2}
# What an object can come to, in shares of that: it speaks against the class in a third of the composites.
STRENGTHS = (-0.5, 1.0)
# What is there in place of an object always does, so that no branch is at the kink of its ReLUs.
BEHIND = -0.1
LOGIT = 6.0
# The sum of a saturated network; from 1 on it makes no difference.
SATURATED = 1.25
TASKS = {"object": "object", "scene": "scene", "scene_on_scene_only": "scene"}
# From brightness to edges of either sign, left to right and top to bottom.
_SOBEL = np.outer([1, 2, 1], [-1, 0, 1]) / 8


class BesideWindow(Dataset):
    """A dataset of whose test split only composites are left whose objects do not reach into the window.

    Of each scene there is one, with a dog if possible, which IIR needs; `count` at most, in an order drawn
    from the seed. Raises `BamError` if there is none.
    """

    def __init__(self, folder: str | Path, count: int | None = None, seed: int = 0):
        super().__init__(folder)
        view = super().view("object_scene")
        clear = [
            placement
            for placement in (view.placements[place] for place in view.order(seed))
            if placement.left >= WINDOW * IMAGE_SIZE + MARGIN
        ]
        # What comes later counts.
        clear.sort(key=lambda placement: placement.object == COMMONALITY_OBJECT)
        of_scenes = {(placement.scene, placement.scene_index): placement for placement in clear}
        self._chosen = {placement.image_id for placement in list(of_scenes.values())[:count]}
        if not self._chosen:
            raise BamError(
                f"in {folder} every object of the test split reaches into the left {WINDOW:.0%}: build it "
                "with more images"
            )

    def view(self, name: str, split: str = "test", k: float | None = None) -> View:
        """As of any dataset, see `Dataset.view`, without the other composites."""
        view = super().view(name, split, k)
        return view.subset(np.isin(view.ids, list(self._chosen))) if split == "test" else view


@dataclass(frozen=True)
class Composites:
    """What a network is built from, N composites at its size.

    with_objects, without: float (N, H, W, 3) in 0..255. classes: float (N, C), 1 for its class. share: of
    the logit, what is beside the window. strengths: float (N,), see `STRENGTHS`.
    """

    with_objects: np.ndarray
    without: np.ndarray
    classes: np.ndarray
    share: float
    strengths: np.ndarray

    @property
    def window(self) -> np.ndarray:
        """bool (H, W): where no object is."""
        height, width = self.without.shape[1:3]
        return np.tile(np.arange(width) < round(WINDOW * width), (height, 1))

    @property
    def raised(self) -> np.ndarray:
        """float (N,): the strengths as shares of what they can be, 0..1."""
        low, high = STRENGTHS
        return (self.strengths - low) / (high - low)


# The network, and by how much the object raises the logit of each composite's class, float (N,).
Built = tuple[keras.Model, np.ndarray]


@dataclass(frozen=True, eq=False)
class KnownAnswer:
    """A network, and its answer: by how much the object raises the logit of each composite's class.

    effects: float (N,), of the test split's composites in the order of the view.
    """

    classifier: Classifier
    effects: np.ndarray


def known_answer(
    name: str, dataset: BesideWindow, labels: Literal["object", "scene"], size: int, seed: int = 0
) -> KnownAnswer:
    """The network `name` of `NETWORKS` that tells the objects or the scenes of the dataset apart.

    size: of its input, height and width in pixels, 16 or more. seed: of how strong each object is. It names
    every composite rightly; if it names scenes, without the object too. Of black pixels its logits are 0.

    >>> dataset = BesideWindow("data/bam", count=20)  # doctest: +SKIP
    >>> blind = known_answer("blind", dataset, "scene", size=32)  # doctest: +SKIP
    >>> blind.effects.any()  # doctest: +SKIP
    False
    """
    if name not in NETWORKS:
        raise unknown("known-answer network", name, NETWORKS)
    if size < SMALLEST:
        raise BamError(f"`size` must be {SMALLEST} pixels or more, for objects to stay clear, not {size}")
    view = dataset.view("object_scene")
    pixels = [
        resize(each[:].images, (size, size)).numpy().astype(float) for each in (view, view.without_object())
    ]
    classes = np.eye(len(CLASSES[labels]))[view.labels(labels)]
    strengths = np.array([generator(seed, "strength", image).uniform(*STRENGTHS) for image in view.ids])
    model, effects = NETWORKS[name](Composites(*pixels, classes, SHARES[labels], strengths))
    description = {"config": {"labels": labels, "on": "object_scene", "dataset": dataset.fingerprint}}
    return KnownAnswer(Classifier(model, CLASSES[labels], name, labels, description), effects)


class KnownModels(Models):
    """The networks `name` in place of trained ones, for metrics."""

    def __init__(self, name: str, dataset: BesideWindow, size: int):
        super().__init__("")
        answers = {labels: known_answer(name, dataset, labels, size) for labels in SHARES}
        self._loaded = {task: answers[labels].classifier for task, labels in TASKS.items()}
        self.answers = answers

    def has(self, name: str) -> bool:
        """Whether there is one for this task."""
        return name in self._loaded

    def __getitem__(self, name: str) -> Classifier:
        """The network for a task. Raises `BamError` for those of the commonality series."""
        if name not in self._loaded:
            raise unknown("known-answer network's task", name, self._loaded)
        return self._loaded[name]

    def trained_on(self, dataset: Dataset, name: str) -> Classifier:
        """The same."""
        return self[name]


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
    return keras.Model(
        inputs, keras.layers.Add(name="logits")(branches)
    ), LOGIT * share * composites.strengths


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
