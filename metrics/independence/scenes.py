"""The images of IIR: scenes, and a dog to be pasted into each, at a classifier's input size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from bam.data_prep.classes import COMMONALITY_OBJECT, OBJECTS
from bam.data_prep.dataset import Batch, Dataset, View
from bam.metrics.evaluation.sweep import shuffled
from bam.models.classifier import Classifier


class Unlabelled(Batch):
    """Images of which no classes are known: the ones that the classifier predicts are explained."""

    def labels(self, kind: str | None) -> None:
        """None."""


def unlabelled(batch: Batch) -> Unlabelled:
    """The same images without labels."""
    return Unlabelled(**{field.name: getattr(batch, field.name) for field in fields(batch)})


def dogs(view: View) -> View:
    """Those composites of `view` whose object is a dog, whether or not it is present."""
    return view.subset(view.object_labels == OBJECTS.index(COMMONALITY_OBJECT))


class DatasetScenes:
    """X_0,s on the test split, with the dog that X_o,s has in the same place (section 4.4).

    An image set for `metrics.collect.collect`, in the order of `shuffled`. Images are uint8 at the
    input size, so that what is saved of them is what is scored. They are labelled for a classifier of
    scenes; for another one they are not, since there is nothing in them that it names.
    """

    name = "iir-scene"

    def __init__(self, dataset: Dataset, classifier: Classifier, seed: int):
        views = [shuffled(dogs(dataset.view(name)), seed) for name in ("scene_only", "object_scene")]
        self._views, self._classifier = views, classifier
        self.fingerprint = dataset.fingerprint

    def __len__(self) -> int:
        return len(self._views[0])

    @property
    def ids(self) -> list[str]:
        """The image ids, such as dog-bamboo_forest-0017."""
        return self._views[0].ids

    @property
    def sources(self) -> np.ndarray:
        """str (n, 2): the cutout and the scene that each image is made of."""
        return self._views[0].sources

    def subset(self, indices: Sequence[int] | np.ndarray) -> View:
        """The scenes at `indices`, as the dataset has them."""
        return self._views[0].subset(indices)

    def __getitem__(self, key: slice) -> Batch:
        batch = self._views[0][key]
        masks = self._classifier.prepare_masks(batch.masks)
        batch = replace(batch, images=self._pixels(batch.images), masks=masks)
        return batch if self._classifier.labels == "scene" else unlabelled(batch)

    def pasted(self, key: slice) -> np.ndarray:
        """The same images with their dogs, uint8 (n, H, W, 3); only what is in the masks is to be used."""
        return self._pixels(self._views[1][key].images)

    def _pixels(self, images: np.ndarray) -> np.ndarray:
        return np.rint(self._classifier.prepare(images)).astype(np.uint8)
