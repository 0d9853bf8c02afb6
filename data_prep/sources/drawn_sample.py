"""The drawn sample as a source: drawn when it is first needed, and then read like the real ones."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from bam.data_prep.sources.coco import MINIMUM_AREA, Coco
from bam.data_prep.sources.miniplaces import MiniPlaces
from bam.data_prep.sources.registry import source

# How a dataset's settings name the seed of the drawing, of objects and of scenes. Both may be drawn.
DRAW_SEEDS = {"object": "draw_seed_of_objects", "scene": "draw_seed_of_scenes"}


class _Drawn:
    name = "drawn"
    licence, licence_url = "apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"
    terms = "drawn by BAM itself, and under its licence, Apache-2.0"
    cite = ()
    folder: Path
    pictures_per_class: int | None
    draw_seed: int

    def prepare(self, workers: int) -> None:
        """Draw the whole sample, unless it is there."""
        # All the drawings, which are imported when they are drawn.
        from bam.data_prep.sources.drawn.sample import PICTURES_PER_CLASS, draw_sample

        pictures = self.pictures_per_class or PICTURES_PER_CLASS
        draw_sample(self.folder.parent, workers, pictures, self.draw_seed)

    def licences(self, files: Collection[str]) -> dict[str, str]:
        """None: all pictures are under the one."""
        return {}


@source
class DrawnObjects(_Drawn, Coco):
    """The objects of the drawn sample in a folder, which lie there as a COCO folder."""

    def __init__(
        self,
        folder: str | Path,
        minimum_area: float = MINIMUM_AREA,
        pictures_per_class: int | None = None,
        draw_seed: int = 0,
    ):
        super().__init__(Path(folder) / "coco", minimum_area)
        self.pictures_per_class, self.draw_seed = pictures_per_class, draw_seed

    def settings(self) -> dict[str, Any]:
        """Those of a COCO folder, and the seed of the drawing."""
        return {**super().settings(), DRAW_SEEDS[self.kind]: self.draw_seed}


@source
class DrawnScenes(_Drawn, MiniPlaces):
    """The scenes of the drawn sample in a folder, which lie there as a MiniPlaces folder."""

    def __init__(
        self,
        folder: str | Path,
        exclude_scenes: str | Path | None = None,
        pictures_per_class: int | None = None,
        draw_seed: int = 0,
    ):
        super().__init__(Path(folder) / "miniplaces", exclude_scenes)
        self.pictures_per_class, self.draw_seed = pictures_per_class, draw_seed

    def settings(self) -> dict[str, Any]:
        """Those of a MiniPlaces folder, and the seed of the drawing."""
        return {**super().settings(), DRAW_SEEDS[self.kind]: self.draw_seed}
