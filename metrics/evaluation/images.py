"""The images that rows are computed of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bam.data_prep.dataset import Batch, Dataset, View
from bam.metrics.evaluation.folder import FolderPictures
from bam.models.training.task import Task

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


class ImageSet(Protocol):
    """What rows can be computed of: a `View`, or anything else that has these.

    fingerprint: identifies the images; results of others are never mixed with these. A batch's
    `labels(classifier.labels)` are the classes to explain; None stands for those predicted.
    """

    name: str
    ids: list[str]
    fingerprint: str

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice) -> Batch: ...


def shuffled(view: View, seed: int) -> View:
    """The images in a random order that depends on the seed alone; the first of it are those evaluated."""
    return view.subset(view.order(seed))


class Pictures(ImageSet, Protocol):
    """An image set of uint8 images at the input size, of which no labels are used.

    sources: str (n, factors), what each image is made of. left_out: why files were not used, by name.
    """

    sources: np.ndarray
    left_out: dict[str, str]


def described(pictures: Pictures, count: int) -> dict[str, Any]:
    """Which images, how many of them, and what was left out; for result files."""
    left_out = dict(pictures.left_out)
    return {"set": pictures.name, "fingerprint": pictures.fingerprint, "n": count, "left_out": left_out}


def left_out_note(left_out: Mapping[str, str]) -> list[str]:
    """A sentence on the files of a folder that were not used, with the first of their reasons."""
    named = "; ".join(f"{name} ({reason})" for name, reason in list(left_out.items())[:5])
    more = f", and {len(left_out) - 5} more (see the JSON file)" if len(left_out) > 5 else ""
    return [f"Left out of the folder, {len(left_out)} images: {named}{more}."] if left_out else []


class ViewPictures:
    """The composites of a view, in its order, rounded to whole grey levels at a classifier's input size.

    What is saved of them is then what is scored. labelled: whether their labels are to be used.
    """

    def __init__(self, view: View, classifier: Classifier, labelled: bool = False):
        self.view, self._classifier, self._labelled = view, classifier, labelled
        self.name, self.ids, self.fingerprint = f"{view.name}-pictures", view.ids, view.fingerprint
        self.sources, self.left_out = view.sources, {}

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: slice | list[int]) -> Batch:
        batch = self.view[key]
        images = np.rint(self._classifier.prepare(batch.images)).astype(np.uint8)
        masks = self._classifier.prepare_masks(batch.masks)
        return replace(batch, images=images, masks=masks, labelled=self._labelled)


def pictures(
    folder: Path | None, dataset: Dataset | None, classifier: Classifier, seed: int, limit: int | None
) -> Pictures:
    """The images of a folder or of a dataset, in a random order that depends on the seed alone.

    Of a folder at most `limit`; of a dataset the test split of the image set on which the classifier was
    trained (of X_o,s if that is unknown), without images of classes that it does not know.
    """
    if folder is not None:
        return FolderPictures(folder, classifier.input_size, seed, limit)
    view = dataset.view(classifier.description.get("config", {}).get("on") or "object_scene")
    return ViewPictures(shuffled(of_known_classes(view, classifier), seed), classifier)


def of_known_classes(view: View, classifier: Classifier) -> View:
    """Those composites of a view whose class is one that the classifier can name."""
    config = classifier.description.get("config", {})
    return (
        Task(config["labels"], classes=config["classes"]).of_classes(view) if config.get("classes") else view
    )
