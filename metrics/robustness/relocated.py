"""The same composites with the object elsewhere, and maps in the object's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.classes import IMAGE_SIZE
from bam.data_prep.dataset import Batch, View
from bam.data_prep.placement import Placement
from bam.metrics.evaluation.images import ViewPictures

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


class Relocated:
    """Composites, and those of the view `relocated` that have the same parts, each by its id."""

    def __init__(self, view: View, classifier: Classifier):
        relocated = view.dataset.view("relocated")
        self._pictures = ViewPictures(relocated, classifier)
        self._places = {image: place for place, image in enumerate(relocated.ids)}
        self._before = {placement.image_id: placement for placement in view.placements}
        self._after = {placement.image_id: placement for placement in relocated.placements}

    @property
    def name(self) -> str:
        """That of the image set."""
        return self._pictures.name

    def batch(self, batch: Batch) -> Batch:
        """The same composites as in a batch, with the object elsewhere."""
        return self._pictures[[self._places[image] for image in batch.ids]]

    def in_frame(self, image: str, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What two maps (H, W) of an image have in the box of the object, where it was and where it is."""
        return object_frame(before, self._before[image]), object_frame(after, self._after[image])


def object_frame(plane: np.ndarray, placement: Placement) -> np.ndarray:
    """A map (H, W) within the object's box, float (h, w); bilinear where the box lies between its pixels."""
    from scipy import ndimage  # takes long to load

    scales = [side / IMAGE_SIZE for side in plane.shape]
    sides = [
        max(1, round(length * scale))
        for length, scale in zip((placement.height, placement.width), scales, strict=True)
    ]
    places = [
        start * scale + (np.arange(side) + 0.5) * length * scale / side - 0.5
        for start, length, side, scale in zip(
            (placement.top, placement.left), (placement.height, placement.width), sides, scales, strict=True
        )
    ]
    return ndimage.map_coordinates(plane, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
