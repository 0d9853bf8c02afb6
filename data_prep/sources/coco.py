"""Reading objects from COCO instance annotations (Lin et al. 2014) through pycocotools' masks."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle

from bam.base.digests import digest
from bam.data_prep.sources.coco_annotations import Instance, Layout, layout_of, plain, read_instances
from bam.data_prep.sources.photographs import Unusable, read_on_grid
from bam.data_prep.sources.registry import Items, ObjectSource, source
from bam.data_prep.sources.run_lengths import run_lengths

# In pixels of the photograph: COCO's border between small and medium objects.
MINIMUM_AREA = 32**2


@source
class Coco(ObjectSource):
    """The largest non-crowd instance of each object class in each photograph of a COCO folder.

    The photographs are those of train2017, or those of val2017 where only these are there.
    minimum_area: smaller objects are left out, in pixels of their photograph.
    """

    name = "coco"
    licence, licence_url = "other", "https://cocodataset.org/#termsofuse"
    terms = (
        "the annotations are under CC BY 4.0; the photographs are not COCO's, and each is under the licence "
        "that its author chose on Flickr"
    )
    cite = ("lin2014coco",)

    def __init__(self, folder: str | Path, minimum_area: float = MINIMUM_AREA):
        self.folder, self.minimum_area = Path(folder), minimum_area
        self._licences: dict[str, str] | None = None

    @property
    def layout(self) -> Layout:
        """Which of the folder's photographs are read."""
        return layout_of(self.folder)

    def settings(self) -> dict[str, Any]:
        """The area, and the annotation file's digest."""
        annotations = self.folder / self.layout.annotations
        return {
            "minimum_area": self.minimum_area,
            "annotations": digest(annotations) if annotations.exists() else None,
        }

    def items(self) -> Items:
        """Instances ordered by file name, and what of the annotations is none."""
        found = read_instances(self.folder)
        self._licences = found.licences
        return found

    def licences(self, files: Collection[str]) -> dict[str, str]:
        """As the annotation file says, which is read again if `items` was not asked for."""
        if self._licences is None:
            self.items()
        return {file: self._licences[file] for file in files if file in self._licences}

    def read(self, item: Instance) -> np.ndarray:
        """The photograph, its alpha from the annotation alone, so that black objects stay opaque."""
        if not self.may_be_large_enough(item):
            raise _too_small(item.area)
        # The photograph first: only then is the size of the grid, which may be anything, known to be true.
        photograph = read_on_grid(self.folder / self.layout.photographs / item.file, item.width, item.height)
        mask = mask_of(item)
        if not item.area and (area := np.count_nonzero(mask)) < self.minimum_area:
            raise _too_small(area)
        return np.dstack([photograph, np.where(mask, 255, 0).astype(np.uint8)])

    def may_be_large_enough(self, item: Instance) -> bool:
        """Whether the stated area is; where none is stated, that of the mask counts, which `read` sees."""
        return not item.area or item.area >= self.minimum_area


def _too_small(area: float) -> Unusable:
    return Unusable(f"object too small: {area:g} px")


def mask_of(instance: Instance) -> np.ndarray:
    """The instance's mask as bool (height, width): polygons are united, RLE may have holes."""
    height, width, segmentation = instance.height, instance.width, instance.segmentation
    if segmentation is None:
        raise Unusable("segmentation cannot be read: there is none")
    try:
        if isinstance(segmentation, dict):
            if [plain(length) for length in segmentation["size"]] != [height, width]:
                raise Unusable(f"mask is for another grid: {segmentation['size']}")
            runs = run_lengths(segmentation["counts"])
            if (filled := runs.sum()) != height * width:
                raise Unusable(f"mask {'stops short of' if filled < height * width else 'exceeds'} its grid")
            inside = np.arange(len(runs)) % 2 == 1
            return np.repeat(inside, runs).reshape((width, height)).T
        polygons = [np.asarray(polygon, np.float64) for polygon in segmentation if len(polygon) >= 6]
        if not polygons:
            raise Unusable("segmentation cannot be read: it has no polygon of three points")
        # pycocotools walks along each outline pixel by pixel, and takes NaN for a place far away.
        if not all((abs(polygon) < 10 * (height + width)).all() for polygon in polygons):
            raise Unusable("mask lies far outside its grid")
        outlines = rle.frPyObjects([polygon.tolist() for polygon in polygons], height, width)
        return rle.decode(rle.merge(outlines)).astype(bool)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise Unusable(f"segmentation cannot be read: {error!r}") from None
