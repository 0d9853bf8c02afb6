"""Composites that leave a part of the picture free of objects, and what networks are built from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bam.base.errors import BamError
from bam.data_prep.classes import COMMONALITY_OBJECT, IMAGE_SIZE
from bam.data_prep.dataset import Dataset, View

# The window: columns on the left, as a share of the width, in which no object reaches.
WINDOW = 0.25
# Pixels of the scene between the window and the objects, which resizing to `SMALLEST` or more mixes.
MARGIN, SMALLEST = 4, 16
# What an object can come to, as a share of all that is beside the window: in a third of the composites it
# speaks against the class.
STRENGTHS = (-0.5, 1.0)


class BesideWindow(Dataset):
    """A dataset of whose test split only composites are left whose objects do not reach into the window.

    Of each scene there is one, with a dog if possible, which IIR needs; `count` at most, in an order drawn
    from the seed. Raises `BamError` if there is none.
    """

    def __init__(self, folder: str | Path, count: int | None = None, seed: int = 0):
        super().__init__(folder)
        view = super().view("object_scene")
        clear = [
            placement
            for placement in (view.placements[place] for place in view.order(seed))
            if placement.left >= WINDOW * IMAGE_SIZE + MARGIN
        ]
        # What comes later counts.
        clear.sort(key=lambda placement: placement.object == COMMONALITY_OBJECT)
        of_scenes = {(placement.scene, placement.scene_index): placement for placement in clear}
        self._chosen = {placement.image_id for placement in list(of_scenes.values())[:count]}
        if not self._chosen:
            raise BamError(
                f"in {folder} every object of the test split reaches into the left {WINDOW:.0%}: build it "
                "with more images"
            )

    def view(self, name: str, split: str = "test", k: float | None = None) -> View:
        """As of any dataset, see `Dataset.view`, without the other composites."""
        view = super().view(name, split, k)
        return view.subset(np.isin(view.ids, list(self._chosen))) if split == "test" else view


@dataclass(frozen=True)
class Composites:
    """What a network is built from, N composites at its size.

    with_objects, without: float (N, H, W, 3) in 0..255. classes: float (N, C), 1 for its class. share: of
    the logit, what is beside the window. strengths: float (N,), see `STRENGTHS`.
    """

    with_objects: np.ndarray
    without: np.ndarray
    classes: np.ndarray
    share: float
    strengths: np.ndarray

    @property
    def window(self) -> np.ndarray:
        """bool (H, W): where no object is."""
        height, width = self.without.shape[1:3]
        return np.tile(np.arange(width) < round(WINDOW * width), (height, 1))

    @property
    def raised(self) -> np.ndarray:
        """float (N,): the strengths as shares of what they can be, 0..1."""
        low, high = STRENGTHS
        return (self.strengths - low) / (high - low)
