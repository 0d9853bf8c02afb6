"""Masks of the objects in a user's own images: PNG files, or a file of COCO's annotations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.data_prep.sources.coco import mask_of
from bam.data_prep.sources.coco_annotations import Instance, load_annotations, plain
from bam.data_prep.sources.photographs import Unusable, read_mask, read_on_grid


class Masks(Protocol):
    """Masks by the names of their images, which are paths in the folder of these."""

    def read(self, path: Path, name: str) -> tuple[Image.Image, np.ndarray]:
        """The photograph in a file as RGB, and the mask of it, bool (H, W), on the same grid.

        Raises `Unusable` where there is no mask, or one of another size, or it or the photograph cannot be
        read.
        """
        ...

    def key(self, names: Sequence[str]) -> list[str]:
        """What the masks of these images depend on."""
        ...


def find_masks(place: str | Path) -> Masks:
    """The masks in a folder of PNG files, or in a JSON file of COCO's annotations.

    Raises `BamError` if there is neither.
    """
    path = Path(place)
    if path.is_dir():
        return PngMasks(path)
    if path.is_file():
        return CocoMasks(path)
    raise BamError(
        f"`masks` names neither a folder of PNG files nor a JSON file of COCO's annotations: {place}"
    )


class PngMasks:
    """A PNG file for each image, of its name but for the ending: an object is where it is not black."""

    def __init__(self, folder: Path):
        self._folder = folder

    def _path(self, name: str) -> Path:
        return (self._folder / name).with_suffix(".png")

    def read(self, path: Path, name: str) -> tuple[Image.Image, np.ndarray]:
        """See `Masks`."""
        if not self._path(name).is_file():
            raise Unusable(f"no mask: there is no {Path(name).with_suffix('.png').as_posix()}")
        mask = read_mask(self._path(name))
        return read_on_grid(path, *mask.shape[::-1]), mask

    def key(self, names: Sequence[str]) -> list[str]:
        """See `Masks`."""
        return [digest(self._path(name)) if self._path(name).is_file() else "" for name in names]


class CocoMasks:
    """All that is annotated in an image, by its `file_name`: outlines, or boxes where there are none.

    Of a box the pixels whose centre is in it.
    """

    def __init__(self, path: Path):
        data = load_annotations(path)
        self._digest = digest(path)
        self._grids = {
            image["file_name"]: (plain(image.get("width")), plain(image.get("height")))
            for image in data["images"]
        }
        names = {plain(image["id"]): image["file_name"] for image in data["images"]}
        self._annotations: dict[str | None, list[Mapping[str, Any]]] = defaultdict(list)
        for annotation in data["annotations"]:
            self._annotations[names.get(plain(annotation["image_id"]))].append(annotation)

    def read(self, path: Path, name: str) -> tuple[Image.Image, np.ndarray]:
        """See `Masks`."""
        if name not in self._annotations:
            raise Unusable("no mask: nothing is annotated in it")
        width, height = self._grids[name]
        # The photograph first: only then is the size of the grid, which may be anything, known to be true.
        photograph = read_on_grid(path, width, height)
        return photograph, np.any([_mask(each, name, width, height) for each in self._annotations[name]], 0)

    def key(self, names: Sequence[str]) -> list[str]:
        """See `Masks`."""
        return [self._digest]


def _mask(annotation: Mapping[str, Any], name: str, width: int, height: int) -> np.ndarray:
    outline = annotation.get("segmentation")
    if outline is not None and len(outline):
        return mask_of(Instance(name, width, height, plain(annotation.get("id")), 0, outline))
    try:
        left, top, across, down = np.asarray(annotation["bbox"], np.float64)
    except (KeyError, TypeError, ValueError):
        raise Unusable("mask cannot be read: an annotation has neither outline nor box") from None
    rows, columns = (np.arange(side) + 0.5 for side in (height, width))
    return np.outer((top <= rows) & (rows < top + down), (left <= columns) & (columns < left + across))
