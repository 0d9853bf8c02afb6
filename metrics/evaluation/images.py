"""The images of the perturbation metrics, at a classifier's input size and without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from bam.data_prep.dataset import Batch, View
from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import ImageSet, shuffled
from bam.metrics.independence.scenes import unlabelled
from bam.models.classifier import Classifier
from bam.models.training.task import Task


class Pictures(ImageSet, Protocol):
    """An image set of uint8 images at the input size, of which no labels are used.

    sources: str (n, factors), what each image is made of. left_out: why files were not used, by name.
    """

    sources: np.ndarray
    left_out: dict[str, str]

    def subset(self, indices: Sequence[int] | np.ndarray) -> Pictures: ...


def left_out_note(left_out: Mapping[str, str]) -> list[str]:
    """A sentence on the files of a folder that were not used, with the first of their reasons."""
    named = "; ".join(f"{name} ({reason})" for name, reason in list(left_out.items())[:5])
    more = f", and {len(left_out) - 5} more (see the JSON file)" if len(left_out) > 5 else ""
    return [f"Left out of the folder, {len(left_out)} images: {named}{more}."] if left_out else []


class ViewPictures:
    """The composites of a view, in its order, rounded to whole grey levels at the input size."""

    def __init__(self, view: View, classifier: Classifier):
        self.view, self._classifier = view, classifier
        self.name, self.ids, self.fingerprint = f"{view.name}-pictures", view.ids, view.fingerprint
        self.sources, self.left_out = view.sources, {}

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, indices: Sequence[int] | np.ndarray) -> ViewPictures:
        """The images at `indices`."""
        return ViewPictures(self.view.subset(indices), self._classifier)

    def __getitem__(self, key: slice) -> Batch:
        batch = self.view[key]
        images = np.rint(self._classifier.prepare(batch.images)).astype(np.uint8)
        return unlabelled(replace(batch, images=images, masks=self._classifier.prepare_masks(batch.masks)))


def pictures(request: Request, classifier: Classifier) -> Pictures:
    """The images that a request asks for, in a random order that depends on its seed alone.

    Those of the folder `request.options["images"]`; else of the test split of the image set on which the
    classifier was trained (of X_o,s if that is unknown), without images of classes that it does not know.
    """
    if "images" in request.options:
        return FolderPictures(
            request.options["images"], classifier.input_size, request.seed, request.whole(classifier)
        )
    config = classifier.description.get("config", {})
    view = request.dataset.view(config.get("on") or "object_scene")
    if config.get("classes"):
        view = Task(config["labels"], classes=config["classes"]).of_classes(view)
    return ViewPictures(shuffled(view, request.seed), classifier)
