"""The drawn sample as a source: drawn when it is first needed, and then read like the real ones."""

from __future__ import annotations

from pathlib import Path

from bam.data_prep.sources.coco import MINIMUM_AREA, Coco
from bam.data_prep.sources.miniplaces import MiniPlaces
from bam.data_prep.sources.registry import source


class _Drawn:
    name = "drawn"
    folder: Path
    pictures_per_class: int | None

    def prepare(self, workers: int) -> None:
        """Draw the whole sample, unless it is there."""
        # All the drawings, which are imported when they are drawn.
        from bam.data_prep.sources.drawn.sample import PICTURES_PER_CLASS, draw_sample

        draw_sample(self.folder.parent, workers, self.pictures_per_class or PICTURES_PER_CLASS)


@source
class DrawnObjects(_Drawn, Coco):
    """The objects of the drawn sample in a folder, which lie there as a COCO folder."""

    def __init__(
        self,
        folder: str | Path,
        minimum_area: float = MINIMUM_AREA,
        pictures_per_class: int | None = None,
    ):
        super().__init__(Path(folder) / "coco", minimum_area)
        self.pictures_per_class = pictures_per_class


@source
class DrawnScenes(_Drawn, MiniPlaces):
    """The scenes of the drawn sample in a folder, which lie there as a MiniPlaces folder."""

    def __init__(
        self,
        folder: str | Path,
        exclude_scenes: str | Path | None = None,
        pictures_per_class: int | None = None,
    ):
        super().__init__(Path(folder) / "miniplaces", exclude_scenes)
        self.pictures_per_class = pictures_per_class
