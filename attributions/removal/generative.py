"""Inpainters in place of plain fills: the generative versions of methods (Agarwal & Nguyen 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.data_prep.classes import OBJECTS, SCENES
from bam.models.inpainters import Inpainter, make_inpainter, prompt_of

if TYPE_CHECKING:
    from bam.attributions.removal.engine import Removal
    from bam.data_prep.dataset import Dataset
    from bam.models.classifier import Classifier
    from bam.models.inpainters.store import FillStore

COST = "and as many fills with an inpainter that looks at the hole"


@lru_cache(4)  # networks that paint take long to load
def the_inpainter(name: str | None, dataset: Dataset | None, checkpoint: str | None) -> Inpainter:
    """The inpainter of this name; without one `donor` where there is a dataset, and else `blur`."""
    name = name or ("blur" if dataset is None else "donor")
    return make_inpainter(name, dataset, **({} if checkpoint is None else {"checkpoint": checkpoint}))


def inpainter_key(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the maps of a generative method depend on besides its settings: all of its inpainter."""
    return the_inpainter(settings["inpainter"], given.get("dataset"), settings["checkpoint"]).key


@dataclass(frozen=True)
class Fills:
    """What fills the holes of some images.

    images: float32 (N, H, W, 3), prepared; targets int (N,), seeds uint64 (N,), ids: their names, if they are
    known, which say of what classes they are. All holes of an image are filled from one picture of other
    classes, or with the prompt of another class and one seed: nothing tells what is in the image, or where.
    """

    inpainter: Inpainter
    classifier: Classifier
    images: np.ndarray
    targets: np.ndarray
    seeds: np.ndarray
    ids: Sequence[str] | None
    store: FillStore | None

    def removal(self, title: str) -> Removal:
        """The images, whose removed pixels are filled so."""
        from bam.attributions.removal.engine import PaintedRemoval, Removal  # which starts TensorFlow

        given = (title, self.classifier, self.images, self.targets)
        if self.inpainter.fixed:
            return Removal(*given, self.pictures())
        return PaintedRemoval(*given, self.painter())

    def pictures(self) -> np.ndarray:
        """float32 (N, H, W, 3): what all holes of each image are filled from, by a fixed inpainter."""
        names = self.classifier.class_names
        avoided = [{str(names[target]), *self._named(i)} for i, target in enumerate(self.targets)]
        return self.inpainter.elsewhere(_pixels(self.images), avoided, self.seeds).astype(np.float32)

    def _named(self, place: int) -> set[str]:
        """The classes in the name of an image of BAM's, such as dog-bamboo_forest-0017."""
        return set(self.ids[place].split("-")) & {*OBJECTS, *SCENES} if self.ids else set()

    def painter(self) -> Callable[..., np.ndarray]:
        """From places of images and holes bool (B, H, W) to painted pictures, uint8 (B, H, W, 3).

        Of other pictures than the images themselves, as they move under a mask, fills are not kept.
        """
        names = [str(name) for name in self.classifier.class_names]
        prompts = []
        for target, seed in zip(self.targets, self.seeds, strict=True):
            others = [name for label, name in enumerate(names) if label != target]
            prompts.append(prompt_of(others[np.random.default_rng(seed).integers(len(others))]))
        pixels = _pixels(self.images)

        def paint(index: np.ndarray, holes: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
            texts, seeds = [prompts[place] for place in index], self.seeds[index]
            if others is not None:
                return self.inpainter.fill(_pixels(others), holes, texts, seeds)
            if self.store is None:
                return self.inpainter.fill(pixels[index], holes, texts, seeds)
            return self.store.fill(self.inpainter, pixels[index], holes, texts, seeds)

        return paint


def _pixels(images: np.ndarray) -> np.ndarray:
    return np.rint(images).clip(0, 255).astype(np.uint8)
