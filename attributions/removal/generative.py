"""Inpainters in place of plain fills: the generative versions of methods (Agarwal & Nguyen 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.removal.substrates import as_pixels
from bam.attributions.requirements import check_second_class
from bam.base.digests import array_digest
from bam.base.errors import BamError
from bam.base.seeds import image_seeds
from bam.data_prep.classes import OBJECTS, SCENES
from bam.models.inpainters import Inpainter, make_inpainter, prompt_of

if TYPE_CHECKING:
    from bam.attributions.removal.engine import PaintedRemoval, Removal
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
    """What fills the holes of some images for a method, the `title`.

    images: float32 (N, H, W, 3), prepared; targets int (N,); ids: their names, if they are known, which say
    of what classes they are. All holes of an image are filled from one picture of other classes, or with the
    prompt of another class and one seed: nothing tells what is in the image, or where. Draws depend on `seed`
    and the image's id alone, so that two maps of copies of an image, or of two networks, do not differ by
    them; without ids, on the image's pixels. Raises `BamError` for a network with one class, and without ids
    for an inpainter that must know what the images show, as `donor`: it could put into a hole what the image
    has there.
    """

    title: str
    inpainter: Inpainter
    classifier: Classifier
    images: np.ndarray
    targets: np.ndarray
    seed: int
    ids: Sequence[str] | None
    store: FillStore | None = None

    def __post_init__(self):
        check_second_class(self.title, self.classifier)
        if self.ids is None and self.inpainter.takes("dataset"):
            raise BamError(
                f"{self.title} fills holes by {self.inpainter.name}, which must not show what the images do: "
                "give `ids`, the images' names, or as `inpainter` one without a dataset, as blur"
            )

    @cached_property
    def seeds(self) -> np.ndarray:
        """uint64 (N,)."""
        names = [array_digest(image) for image in self.images] if self.ids is None else self.ids
        return image_seeds(names, self.seed, "fills")

    def removal(self) -> Removal | PaintedRemoval:
        """The images, whose removed pixels are filled so."""
        from bam.attributions.removal.engine import PaintedRemoval, Removal  # which starts TensorFlow

        given = (self.title, self.classifier, self.images, self.targets)
        if self.inpainter.fixed:
            return Removal(*given, self.pictures())
        return PaintedRemoval(*given, self.painter())

    def pictures(self) -> np.ndarray:
        """float32 (N, H, W, 3): what all holes of each image are filled from, by a fixed inpainter."""
        names = self.classifier.class_names
        avoided = [{str(names[target]), *self._named(i)} for i, target in enumerate(self.targets)]
        return self.inpainter.elsewhere(as_pixels(self.images), avoided, self.seeds).astype(np.float32)

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
        pixels = as_pixels(self.images)

        def paint(index: np.ndarray, holes: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
            texts, seeds = [prompts[place] for place in index], self.seeds[index]
            if others is not None:
                return self.inpainter.fill(as_pixels(others), holes, texts, seeds)
            if self.store is None:
                return self.inpainter.fill(pixels[index], holes, texts, seeds)
            return self.store.fill(self.inpainter, pixels[index], holes, texts, seeds)

        return paint
