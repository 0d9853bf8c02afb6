"""What is known: each network names the objects or the scenes of its composites, and by how much the object
raises the logit of each is known exactly.

They tell which methods find that, and which metrics reward those that do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bam.base.errors import BamError, unknown
from bam.base.seeds import generator
from bam.data_prep.classes import CLASSES
from bam.data_prep.dataset import Dataset
from bam.models.classifier import Classifier
from bam.models.known_answers.composites import SMALLEST, STRENGTHS, WINDOW, BesideWindow, Composites
from bam.models.known_answers.networks import NETWORKS
from bam.models.network.resizing import resize
from bam.models.stored import Models

# Of the logit, how much is decided by what is beside the window: objects are more to whoever names them.
SHARES = {"object": 0.6, "scene": 0.2}
TASKS = {"object": "object", "scene": "scene", "scene_on_scene_only": "scene"}


@dataclass(frozen=True, eq=False)
class KnownAnswer:
    """A network, and its answer: by how much the object raises the logit of each composite's class.

    effects: float (N,), of the test split's composites in the order of the view.
    """

    classifier: Classifier
    effects: np.ndarray


def known_answer(
    name: str, dataset: BesideWindow, labels: Literal["object", "scene"], size: int
) -> KnownAnswer:
    """The network `name` of `NETWORKS` that tells the objects or the scenes of the dataset apart.

    size: of its input, height and width in pixels, 16 or more. It names every composite rightly; if it names
    scenes, without the object too. Of black pixels its logits are 0. How strong each object is, is drawn from
    the composite's id. Raises `BamError` for an unknown name, and for more composites than a picture of this
    size can tell apart.

    >>> dataset = BesideWindow("data/bam", count=20)  # doctest: +SKIP
    >>> blind = known_answer("blind", dataset, "scene", size=32)  # doctest: +SKIP
    >>> blind.effects.any()  # doctest: +SKIP
    False
    """
    if name not in NETWORKS:
        raise unknown("known-answer network", name, NETWORKS)
    if size < SMALLEST:
        raise BamError(f"`size` must be {SMALLEST} pixels or more, for objects to stay clear, not {size}")
    view, values = dataset.view("object_scene"), 3 * size * round(WINDOW * size)
    if len(view) > values:
        raise BamError(
            f"{len(view)} composites are too many for the {values} values in the window of {size} x {size} "
            "pixels: give a smaller `count`, or a larger `size`"
        )
    pixels = [
        resize(each[:].images, (size, size)).numpy().astype(float) for each in (view, view.without_object())
    ]
    classes = np.eye(len(CLASSES[labels]))[view.labels(labels)]
    strengths = np.array([generator(0, "strength", image).uniform(*STRENGTHS) for image in view.ids])
    model, effects = NETWORKS[name](Composites(*pixels, classes, SHARES[labels], strengths))
    description = {"config": {"labels": labels, "on": "object_scene", "dataset": dataset.fingerprint}}
    return KnownAnswer(Classifier(model, CLASSES[labels], name, labels, description), effects)


class KnownModels(Models):
    """The networks `name` in place of trained ones, for metrics; `answers` has them by what they name."""

    def __init__(self, name: str, dataset: BesideWindow, size: int):
        super().__init__("")
        answers = {labels: known_answer(name, dataset, labels, size) for labels in SHARES}
        self._loaded = {task: answers[labels].classifier for task, labels in TASKS.items()}
        self.answers = answers

    def has(self, name: str) -> bool:
        """Whether there is one for this task."""
        return name in self._loaded

    def __getitem__(self, name: str) -> Classifier:
        """The network for a task. Raises `BamError` for another one, as those of the commonality series."""
        if name not in self._loaded:
            raise unknown("known-answer network's task", name, self._loaded)
        return self._loaded[name]

    def trained_on(self, dataset: Dataset, name: str) -> Classifier:
        """The same."""
        return self[name]
