"""The images of IIR: scenes, and a dog to be pasted into each, at a classifier's input size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bam.base.seeds import generator
from bam.data_prep.classes import COMMONALITY_OBJECT, IMAGE_SIZE
from bam.data_prep.dataset import Dataset
from bam.data_prep.paste import paste
from bam.data_prep.placement import SIZE_LAW, Placement, scaled
from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.images import ViewPictures, shuffled

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


class DatasetScenes(ViewPictures):
    """X_0,s on the test split, with the dog that X_o,s has in the same place (section 4.4).

    They are labelled for a classifier of scenes; for another one they are not, since there is nothing in them
    that it names.
    """

    def __init__(self, dataset: Dataset, classifier: Classifier, seed: int):
        scenes, composites = (
            shuffled(dataset.view(name).of_object(COMMONALITY_OBJECT), seed)
            for name in ("scene_only", "object_scene")
        )
        super().__init__(scenes, classifier, labelled=classifier.labels == "scene")
        self.name, self._composites = "iir-scene", ViewPictures(composites, classifier)

    def pasted(self, key: slice) -> np.ndarray:
        """The same images with their dogs, uint8 (n, H, W, 3); only what is in the masks is to be used."""
        return self._composites[key].images


class FolderScenes(FolderPictures):
    """The images of a folder, with a dog of the dataset's test split for each.

    Which dog it gets, how large, and where is drawn from the seed and the image's id; sizes follow the law
    of the dataset, by the input's shorter side.
    """

    name = "iir-folder"

    def __init__(
        self,
        folder: str | Path,
        dataset: Dataset,
        classifier: Classifier,
        seed: int,
        limit: int | None = None,
    ):
        self._dataset = dataset
        placements = dataset.view("scene_only").of_object(COMMONALITY_OBJECT).placements
        self._dogs = list({placement.cutout: placement for placement in placements}.values())
        super().__init__(folder, classifier.input_size, seed, limit)
        self.sources = np.array([(f"dog-{self._placement(name).cutout}", name) for name in self.ids])

    def _fingerprint(self, files: list[str]) -> str:
        """With what decides on the dogs."""
        return f"{self._dataset.fingerprint}-{super()._fingerprint(files)}"

    def _placement(self, name: str) -> Placement:
        """Which dog is pasted, and in which box of the input."""
        rng = generator(self._seed, "dog", name)
        chosen = self._dogs[rng.integers(len(self._dogs))]
        longer = rng.integers(*SIZE_LAW) * min(self._size) / IMAGE_SIZE
        cutout_size = self._dataset.cutout_sizes[chosen.object][chosen.cutout]
        height, width = scaled(cutout_size, max(1, round(longer)))
        top = int(rng.integers(0, self._size[0] - height + 1))
        left = int(rng.integers(0, self._size[1] - width + 1))
        return replace(chosen, image_id=name, top=top, left=left, height=height, width=width)

    def _composed(self, name: str, visible: bool) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self._read(name).copy(), np.zeros(self._size, bool)
        placement = self._placement(name)
        box = (placement.top, placement.left, placement.height, placement.width)
        paste(image, mask, self._dataset.cutout(placement), box, visible)
        return image, mask

    def _with_mask(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self._composed(name, False)

    def pasted(self, key: slice) -> np.ndarray:
        """The same images with their dogs, uint8 (n, H, W, 3)."""
        return np.stack([self._composed(name, True)[0] for name in self.ids[key]])
