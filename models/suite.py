"""The thirteen models of the paper and their names."""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.classes import COMMONALITIES, OBJECTS, SCENES
from data_prep.dataset import Dataset, View
from data_prep.errors import BamError


@dataclass(frozen=True)
class Task:
    """What a classifier is to learn: `labels` ("object" or "scene") on an image set.

    `on` is "object_scene" or "scene_only"; with `commonality` k it is trained on X^k instead.
    """

    labels: str
    on: str = "object_scene"
    commonality: float | None = None

    def __post_init__(self):
        if self.labels == "object" and (self.on == "scene_only" or self.commonality is not None):
            raise BamError("without objects there are no object labels: use --labels scene")
        if self.commonality is not None and self.on != "object_scene":
            raise BamError("--commonality names the image set itself: leave out --on")
        if self.commonality is not None and self.commonality not in COMMONALITIES:
            raise BamError(f"--commonality must be one of {', '.join(map(str, COMMONALITIES))}")

    @property
    def name(self) -> str:
        """Folder name of the model: object, scene, scene_on_scene_only, scene_commonality_0.3."""
        if self.commonality is not None:
            return f"{self.labels}_commonality_{self.commonality:.1f}"
        return self.labels if self.on == "object_scene" else f"{self.labels}_on_{self.on}"

    @property
    def flags(self) -> str:
        """The flags with which `bam.train` trains it."""
        further = f" --commonality {self.commonality}" if self.commonality is not None else ""
        return f"--labels {self.labels}" + (" --on scene_only" if self.on == "scene_only" else further)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in label order."""
        return OBJECTS if self.labels == "object" else SCENES

    def view(self, dataset: Dataset, split: str) -> View:
        """The image set, on one split."""
        if self.commonality is not None:
            return dataset.view("commonality", split, k=self.commonality)
        return dataset.view(self.on, split)


SUITE = (
    Task("object"),
    Task("scene"),
    Task("scene", "scene_only"),
    *(Task("scene", commonality=k) for k in COMMONALITIES),
)
