"""BAM's own counterfactual: the pixels of the same picture with another scene, or another object."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from bam.base.errors import BamError, unknown
from bam.data_prep.classes import CLASSES, IMAGE_SIZE, OBJECTS, SCENES
from bam.data_prep.dataset import Dataset, View
from bam.data_prep.placement import Placement, scaled
from bam.models.inpainters.base import Inpainter, inpainter, prompt_of

CACHED = 1024  # donor pictures, which are asked for again with other holes: 150 MB at 224 px


@inpainter
class Donor(Inpainter):
    """The same picture with another scene, or another object, of the class named.

    A hole is filled with what that picture, the donor, has there. For a prompt that names a scene class, the
    donor is the same composite (with its object, or without) in a scene of that class. For an object class
    it is the same background with an object of that class around the same centre, its box as large in area
    as the old one. Scenes and objects are drawn from the seed among those of the test images. An image whose
    id is not in the view, or that has none, gets some test composite X_o,s of the class. A donor depends on
    id, prompt and seed alone.
    """

    name = "donor"
    targeted = True
    fixed = True

    def __init__(self, dataset: Dataset | None, kind: str | None = None, view: View | None = None):
        """dataset: whose scenes and objects are taken. kind: what prompts name, "object" or "scene"; None
        for both. view: the image set of the dataset in which ids are looked up."""
        if dataset is None:
            raise BamError("donor fills holes from a dataset: give one, or choose another inpainter")
        kinds = {**CLASSES, None: OBJECTS + SCENES}
        if kind not in kinds:
            raise unknown("kind of class", str(kind), CLASSES)
        self._dataset, self._view = dataset, view
        self._targets = {prompt_of(name): name for name in kinds[kind]}
        self._places = {} if view is None else {name: place for place, name in enumerate(view.ids)}
        self._test = dataset.view("object_scene")
        self._members = _members(self._test)
        self._donor = lru_cache(CACHED)(self._make_donor)
        self._stranger = lru_cache(CACHED)(self._make_stranger)

    @property
    def key(self) -> dict[str, Any]:
        """With the dataset, and the view in which ids are looked up."""
        view = None if self._view is None else self._view.name
        return super().key | {"dataset": self._dataset.fingerprint, "view": view}

    @property
    def shown(self) -> Collection[str]:
        """The classes of objects and scenes that the test composites show."""
        return self._members.keys()

    def _paint(
        self,
        images: np.ndarray,
        holes: np.ndarray,
        prompts: list[str],
        seeds: np.ndarray,
        ids: list[str | None],
    ) -> np.ndarray:
        for prompt in prompts:
            if prompt not in self._targets:
                hint = "choose another `inpainter` for a network of other classes"
                raise BamError(f"{unknown('class for a donor', prompt, self._targets)}; {hint}")
        size = images.shape[1:3]
        return np.stack(
            [
                self._donor(name, self._targets[prompt], int(seed), size)
                for name, prompt, seed in zip(ids, prompts, seeds, strict=True)
            ]
        )

    def elsewhere(
        self, images: np.ndarray, avoided: Sequence[Collection[str]], seeds: np.ndarray
    ) -> np.ndarray:
        """For each image a test composite X_o,s that shows none of the classes avoided, drawn from its seed.

        It is the first such one in an order of the seed's own, so that to avoid one class more seldom makes
        it another. It knows no more of the image: one that was aligned with it would give the object away,
        since it agrees with the image wherever the object is not.
        """
        size = images.shape[1:3]
        return np.stack(
            [
                self._stranger(frozenset(map(prompt_of, names)), int(seed), size)
                for names, seed in zip(avoided, seeds, strict=True)
            ]
        )

    def _make_stranger(self, avoided: frozenset[str], seed: int, size: tuple[int, int]) -> np.ndarray:
        """uint8 (*size, 3)."""
        composites = self._test.placements
        for place in np.random.default_rng(seed).permutation(len(composites)):
            shown = composites[place]
            if not avoided & {prompt_of(shown.object), prompt_of(shown.scene)}:
                return _picture(self._test.subset([place]), size)
        raise BamError(f"donor has no test image without {', '.join(sorted(avoided))}")

    def _make_donor(self, name: str | None, target: str, seed: int, size: tuple[int, int]) -> np.ndarray:
        """uint8 (*size, 3)."""
        rng = np.random.default_rng(seed)
        if name in self._places:
            donor = self._counterpart(self._places[name], target, rng)
        else:
            composites = self._test.placements
            places = [i for i, p in enumerate(composites) if target in (p.object, p.scene)]
            donor = self._test.subset([rng.choice(places)])
        return _picture(donor, size)

    def _counterpart(self, place: int, target: str, rng: np.random.Generator) -> View:
        """The composite at this place of the view with another scene or object."""
        view, placement, present = self._view, self._view.placements[place], self._view.present[place]
        source = int(rng.choice(self._members[target]))
        if target in OBJECTS:
            box = _box_like(placement, self._dataset.cutout_sizes[target][source])
            placement, present = replace(placement, object=target, cutout=source, **box), True
        elif view.background == "grey":
            raise BamError(
                f"{view.name} shows no scenes, so donor cannot put in a {prompt_of(target)}: "
                "choose another image set"
            )
        else:
            placement = replace(placement, scene=target, scene_index=source)
        return View(self._dataset, view.name, [placement], np.array([present]), view.background)


def _picture(view: View, size: tuple[int, int]) -> np.ndarray:
    """The only picture of a view, uint8 (*size, 3), resized as a classifier resizes images."""
    from bam.models.network.resizing import resize  # which starts TensorFlow

    return np.rint(resize(view[:].images, size).numpy()[0]).astype(np.uint8)


def _members(test: View) -> dict[str, list[int]]:
    """For each class, which of its cutouts or scenes the images of a view are made of."""
    members = defaultdict(set)
    for placement in test.placements:
        members[placement.object].add(placement.cutout)
        members[placement.scene].add(placement.scene_index)
    return {name: sorted(indices) for name, indices in members.items()}


def _box_like(old: Placement, size: Sequence[int] | np.ndarray) -> dict[str, int]:
    """The box of a cutout of this size with about the area and the centre of an old box, within the scene."""
    longer = round(max(size) * math.sqrt(old.height * old.width / (size[0] * size[1])))
    height, width = scaled(size, min(longer, IMAGE_SIZE))
    top, left = old.top + (old.height - height) // 2, old.left + (old.width - width) // 2
    return {
        "top": min(max(top, 0), IMAGE_SIZE - height),
        "left": min(max(left, 0), IMAGE_SIZE - width),
        "height": height,
        "width": width,
    }
