"""Reading objects from COCO instance annotations (Lin et al. 2014) through pycocotools' masks."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS
from bam.data_prep.sources.photographs import Unusable, read_on_grid
from bam.data_prep.sources.registry import ObjectSource, source
from bam.data_prep.sources.run_lengths import run_lengths

ANNOTATIONS = "annotations/instances_train2017.json"
PHOTOGRAPHS = "train2017"

# In pixels of the photograph: COCO's border between small and medium objects.
MINIMUM_AREA = 32**2


def coco_category(object_class: str) -> str:
    """COCO's name of an object class: `stop sign`, not `stop_sign`."""
    return object_class.replace("_", " ")


@dataclass(frozen=True)
class Instance:
    """One annotated object: where its photograph is, the photograph's grid, its segmentation."""

    file: str
    width: int
    height: int
    annotation: int
    area: float
    segmentation: Any


@source
class Coco(ObjectSource):
    """The largest non-crowd instance of each object class in each photograph of a COCO folder.

    minimum_area: smaller objects are left out, in pixels of their photograph.
    """

    name = "coco"

    def __init__(self, folder: str | Path, minimum_area: float = MINIMUM_AREA):
        self.folder, self.minimum_area = Path(folder), minimum_area

    def settings(self) -> dict[str, Any]:
        """The area, and the annotation file's digest."""
        annotations = self.folder / ANNOTATIONS
        return {
            "minimum_area": self.minimum_area,
            "annotations": digest(annotations) if annotations.exists() else None,
        }

    def items(self) -> dict[str, list[Instance]]:
        """Instances ordered by file name. The full annotation file takes a minute to read.

        Raises `BamError` if there is none, or if one of the ten categories is not in it.
        """
        data = _load(self.folder / ANNOTATIONS)
        categories = {category["name"]: category["id"] for category in data["categories"]}
        missing = [coco_category(name) for name in OBJECTS if coco_category(name) not in categories]
        if missing:
            raise BamError(f"{self.folder / ANNOTATIONS} has no category {', '.join(missing)}")
        if not (self.folder / PHOTOGRAPHS).is_dir():
            raise BamError(f"{self.folder} has annotations but no folder {PHOTOGRAPHS} with the photographs")
        images = {image["id"]: image for image in data["images"]}
        by_category = defaultdict(list)
        for annotation in data["annotations"]:
            if not annotation.get("iscrowd"):
                by_category[annotation["category_id"]].append(annotation)
        return {name: _largest(by_category[categories[coco_category(name)]], images) for name in OBJECTS}

    def read(self, item: Instance) -> np.ndarray:
        """The photograph, its alpha from the annotation alone, so that black objects stay opaque."""
        if item.area < self.minimum_area:
            raise Unusable(f"object too small: {item.area:g} px")
        # The photograph first: only then is the size of the grid, which may be anything, known to be true.
        photograph = read_on_grid(self.folder / PHOTOGRAPHS / item.file, item.width, item.height)
        return np.dstack([photograph, np.where(mask_of(item), 255, 0).astype(np.uint8)])


def _load(path: Path) -> dict:
    """The annotation file, its polygons as compact arrays (as lists the full file takes gigabytes)."""

    def compact(entry: dict) -> dict:
        if isinstance(entry.get("segmentation"), list):
            with suppress(TypeError, ValueError):  # `mask_of` says which one is malformed
                entry["segmentation"] = [np.asarray(polygon, np.float64) for polygon in entry["segmentation"]]
        return entry

    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file, object_hook=compact)
        for key, fields in (
            ("images", ("id", "file_name", "width", "height")),
            ("categories", ("id", "name")),
            ("annotations", ("id", "image_id", "category_id", "segmentation", "area")),
        ):
            for entry in data[key]:
                for field in fields:
                    entry[field]
        for entry in data["annotations"]:
            if not isinstance(entry["area"], int | float):
                raise TypeError("an area is not a number")
            hash((entry["id"], entry["image_id"], entry["category_id"]))
        for entry in (*data["images"], *data["categories"]):
            if not isinstance(entry.get("file_name", entry.get("name")), str):
                raise TypeError("a name is not a text")
            hash(entry["id"])
    except FileNotFoundError:
        raise BamError(
            f"there is no {path}: `coco` must be a folder with {ANNOTATIONS} and {PHOTOGRAPHS}/, "
            "as `python -m bam.data_prep.download` makes it"
        ) from None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"[:200]
        raise BamError(f"{path} is not a COCO instance annotation file ({problem})") from None
    return data


def _largest(annotations: list[dict], images: dict[int, dict]) -> list[Instance]:
    best: dict[int, dict] = {}
    for annotation in annotations:
        image = annotation["image_id"]
        if image in images and annotation["area"] > best.get(image, {"area": 0})["area"]:
            best[image] = annotation
    found = [
        Instance(
            images[image]["file_name"],
            images[image]["width"],
            images[image]["height"],
            annotation["id"],
            annotation["area"],
            annotation["segmentation"],
        )
        for image, annotation in best.items()
    ]
    return sorted(found, key=lambda instance: (instance.file, instance.annotation))


def mask_of(instance: Instance) -> np.ndarray:
    """The instance's mask as bool (height, width): polygons are united, RLE may have holes."""
    height, width, segmentation = instance.height, instance.width, instance.segmentation
    try:
        if isinstance(segmentation, dict):
            if list(segmentation["size"]) != [height, width]:
                raise Unusable(f"mask is for another grid: {segmentation['size']}")
            runs = run_lengths(segmentation["counts"])
            if (filled := runs.sum()) != height * width:
                raise Unusable(f"mask {'stops short of' if filled < height * width else 'exceeds'} its grid")
            inside = np.arange(len(runs)) % 2 == 1
            return np.repeat(inside, runs).reshape((width, height)).T
        polygons = [np.asarray(polygon, np.float64) for polygon in segmentation if len(polygon) >= 6]
        # pycocotools walks along each outline pixel by pixel, and takes NaN for a place far away.
        if not all((abs(polygon) < 10 * (height + width)).all() for polygon in polygons):
            raise Unusable("mask lies far outside its grid")
        outlines = rle.frPyObjects([polygon.tolist() for polygon in polygons], height, width)
        return rle.decode(rle.merge(outlines)).astype(bool)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise Unusable(f"segmentation cannot be read: {error!r}") from None
