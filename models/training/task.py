"""What classifiers are to learn; the thirteen models of the paper and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bam.base.errors import BamError, unknown
from bam.data_prep.classes import CLASSES, COMMONALITIES
from bam.data_prep.dataset import Dataset, View


@dataclass(frozen=True)
class Task:
    """What a classifier is to learn: `labels` ("object" or "scene") on an image set.

    `on` is "object_scene" or "scene_only"; with `commonality` k it is trained on X^k instead. With `classes`
    only these are told apart, and images of the others are left out.
    """

    labels: str
    on: str = "object_scene"
    commonality: float | None = None
    classes: Sequence[str] | None = None  # kept as a tuple in label order

    def __post_init__(self):
        if self.labels == "object" and (self.on == "scene_only" or self.commonality is not None):
            raise BamError("without objects there are no object labels: set `labels` to scene")
        if self.commonality is not None and self.on != "object_scene":
            raise BamError("`commonality` names the image set itself: leave out `on`")
        if self.commonality is not None and self.commonality not in COMMONALITIES:
            raise BamError(f"`commonality` must be one of {', '.join(map(str, COMMONALITIES))}")
        if self.classes is not None:
            object.__setattr__(self, "classes", self._in_order(self.classes))

    def _in_order(self, classes: Sequence[str]) -> tuple[str, ...]:
        known = CLASSES[self.labels]
        for name in classes:
            others = [labels for labels, names in CLASSES.items() if name in names and labels != self.labels]
            if others:
                raise BamError(
                    f"{name} is no {self.labels} class, but one of {others[0]}s: set `labels` to {others[0]}"
                )
            if name not in known:
                raise unknown(f"{self.labels} class", name, known)
        if self.commonality is not None:
            raise BamError("`commonality` is about all scene classes: leave out `classes`")
        if len(classes) < 2 or len(set(classes)) < len(classes):
            raise BamError(f"`classes` must name two or more, each once, not {', '.join(classes) or 'none'}")
        return tuple(sorted(classes, key=known.index))

    @property
    def name(self) -> str:
        """Folder name of the model: object, scene_on_scene_only, scene_commonality_0.3, object_bird+dog."""
        if self.commonality is not None:
            return f"{self.labels}_commonality_{self.commonality:.1f}"
        name = f"{self.labels}_{'+'.join(self.classes)}" if self.classes else self.labels
        return name if self.on == "object_scene" else f"{name}_on_{self.on}"

    @property
    def flags(self) -> str:
        """The flags with which `bam.train` trains it."""
        further = f" --commonality {self.commonality}" if self.commonality is not None else ""
        further += f" --classes {','.join(self.classes)}" if self.classes else ""
        return f"--labels {self.labels}" + (" --on scene_only" if self.on == "scene_only" else "") + further

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in label order."""
        return self.classes or CLASSES[self.labels]

    def targets(self, images: View) -> np.ndarray:
        """int (n,): for each image which of `class_names` it shows, -1 for a class not among them."""
        labels = images.labels(self.labels)
        places = {name: place for place, name in enumerate(self.class_names)}
        return np.array([places.get(name, -1) for name in CLASSES[self.labels]])[labels]

    def of_classes(self, images: View) -> View:
        """Those composites of a view whose label is among the classes."""
        return images.subset(self.targets(images) >= 0) if self.classes else images

    def view(self, dataset: Dataset, split: str) -> View:
        """The image set, on one split, without images of other classes."""
        if self.commonality is not None:
            return dataset.view("commonality", split, k=self.commonality)
        return self.of_classes(dataset.view(self.on, split))


SUITE = (
    Task("object"),
    Task("scene"),
    Task("scene", "scene_only"),
    *(Task("scene", commonality=k) for k in COMMONALITIES),
)
