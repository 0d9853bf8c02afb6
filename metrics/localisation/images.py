"""The images of localisation: with the mask of an object, and the same without the object."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from bam.base.digests import key_digest
from bam.data_prep.dataset import Batch, View
from bam.data_prep.sources.photographs import Unusable
from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.images import Pictures, ViewPictures
from bam.metrics.localisation.masks import Masks
from bam.models.inpainters.simple import blurred

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


# The name of the set of composites at the input size.
COMPOSITES = "object_scene-pictures"


class ObjectPictures(Pictures, Protocol):
    """Images at the input size, with the masks of their objects."""

    def without_objects(self, batch: Batch) -> np.ndarray:
        """The same images without their objects, uint8 (n, H, W, 3)."""
        ...


class Composites(ViewPictures):
    """Composites of the dataset; without their objects they are their scenes.

    They are labelled for a classifier of objects or of scenes; of another one the predicted class counts.
    """

    def __init__(self, view: View, classifier: Classifier):
        super().__init__(view, classifier, labelled=classifier.labels is not None)
        self._scenes = ViewPictures(view.without_object(), classifier)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {image: place for place, image in enumerate(self.ids)}

    def without_objects(self, batch: Batch) -> np.ndarray:
        """The scenes that the objects are pasted on, uint8 (n, H, W, 3)."""
        return self._scenes[[self._places[image] for image in batch.ids]].images


class MaskedPictures(FolderPictures):
    """The images of a folder that have a mask; without their objects they are blurred where these were.

    Masks are cut and resized as the images are: an object is where at least half of a pixel is covered. What
    has no mask, one of another size, or one that leaves nothing or everything inside is left out.
    """

    name = "masked-folder"

    def __init__(
        self, folder: str | Path, masks: Masks, size: tuple[int, int], seed: int, limit: int | None = None
    ):
        self._masks = masks
        super().__init__(folder, size, seed, limit)

    def _fingerprint(self, files: list[str]) -> str:
        return f"{super()._fingerprint(files)}-{key_digest(self._masks.key(files))}"

    def _read(self, name: str) -> np.ndarray:
        return self._with_mask(name)[0]

    def _with_mask(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        photograph, mask = self._masks.read(self._file(name), name)
        inside = self._fitted(Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))) >= 128
        if not inside.any():
            raise Unusable("its mask is empty at the input size")
        if inside.all():
            raise Unusable("its mask is the whole image")
        return self._fitted(photograph), inside

    def __getitem__(self, key: slice) -> Batch:
        batch = super().__getitem__(key)
        unknown = np.full(len(batch.ids), -1)
        return replace(
            batch, present=np.ones(len(batch.ids), bool), object_labels=unknown, scene_labels=unknown
        )

    def without_objects(self, batch: Batch) -> np.ndarray:
        """The images, blurred where the objects were, uint8 (n, H, W, 3)."""
        return np.where(batch.masks[..., None], blurred(batch.images), batch.images)
