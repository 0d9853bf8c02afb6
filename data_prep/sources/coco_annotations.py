"""COCO's annotation file: the largest object of each class in each photograph, and what is no object.

What is plain is read: ids, areas and flags that are texts, a category that is named twice, an object whose
area is absent, 0 or no number.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS
from bam.data_prep.sources.photographs import Unusable
from bam.data_prep.sources.registry import Items
from bam.data_prep.sources.run_lengths import run_lengths


class Layout(NamedTuple):
    """Where in a COCO folder the annotations of one set of photographs are, and the photographs."""

    annotations: str
    photographs: str


# In the order in which they are looked for.
LAYOUTS = tuple(Layout(f"annotations/instances_{name}.json", name) for name in ("train2017", "val2017"))
ANNOTATIONS, PHOTOGRAPHS = LAYOUTS[0]


def coco_category(object_class: str) -> str:
    """COCO's name of an object class: `stop sign`, not `stop_sign`."""
    return object_class.replace("_", " ")


def layout_of(folder: Path) -> Layout:
    """The first layout of which both parts are in `folder`, or else of which one is, or else train2017.

    COCO's archive of annotations holds those of train2017 and of val2017, whichever photographs lie beside.
    """

    def parts(layout: Layout) -> int:
        return (folder / layout.annotations).is_file() + (folder / layout.photographs).is_dir()

    return max(LAYOUTS, key=parts)


@dataclass(frozen=True)
class Instance:
    """One annotated object: where its photograph is, the photograph's grid, its segmentation.

    area: in pixels of the photograph; 0 if neither the file nor the segmentation tells.
    """

    file: str
    width: int
    height: int
    annotation: int | str
    area: float
    segmentation: Any


class _Photograph(NamedTuple):
    file: str
    width: Any
    height: Any


def read_instances(folder: Path) -> Items:
    """The instances of each object class, ordered by file name. The full file takes a minute to read.

    Raises `BamError` if there is no file of this form, if one of the ten categories is not in it, or if there
    is no folder of photographs.
    """
    layout = layout_of(folder)
    found = instances(load_annotations(folder / layout.annotations), folder / layout.annotations)
    if not (folder / layout.photographs).is_dir():
        raise BamError(f"{folder} has annotations but no folder {layout.photographs} with the photographs")
    return found


def instances(data: Mapping[str, Any], path: Path) -> Items:
    """The instances of each object class, ordered by file name, in what was loaded from `path`.

    Raises `BamError` if one of the ten categories is not in it.
    """
    classes, file = category_classes(data["categories"], path), path.relative_to(path.parents[1]).as_posix()
    photographs: dict[Any, list[_Photograph]] = defaultdict(list)
    for image in data["images"]:
        found = _Photograph(image["file_name"], plain(image.get("width")), plain(image.get("height")))
        if found not in photographs[plain(image["id"])]:
            photographs[plain(image["id"])].append(found)
    listing = _Listing(photographs, file)
    unknown: dict[Any, list[Any]] = defaultdict(list)
    for annotation in data["annotations"]:
        category = plain(annotation["category_id"])
        if category not in classes:
            unknown[category].append(annotation.get("id"))
        elif name := classes[category]:
            listing.add(name, annotation)
    found = listing.items()
    found.left_out[""] = [
        (file, f"unknown category_id: {category} in {len(ids)} annotations such as {ids[0]}")
        for category, ids in unknown.items()
    ]
    found.licences = _licences(data)
    return found


def _licences(data: Mapping[str, Any]) -> dict[str, str]:
    """The licence of each photograph that has one, as the file calls it, with its address."""
    stated = data.get("licenses")
    entries = [entry for entry in stated if isinstance(entry, dict)] if isinstance(stated, list) else []
    names = {
        plain(entry.get("id")): " ".join(str(entry[key]) for key in ("name", "url") if entry.get(key))
        for entry in entries
    }
    return {
        image["file_name"]: names.get(plain(image["license"])) or f"licence {image['license']}"
        for image in data["images"]
        if image.get("license") is not None
    }


def plain(value: Any) -> Any:
    """An id or a whole number as it is meant: 3 for 3.0, "3" and "03"; what is neither, as a text."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        number = re.fullmatch(r"([+-]?\d{1,18})(\.0*)?", value.strip(), re.ASCII)
        return int(number[1]) if number else value.strip()
    return json.dumps(value, default=str)


def load_annotations(path: Path) -> dict[str, Any]:
    """The annotation file, its polygons as compact arrays (as lists the full file takes gigabytes).

    Raises `BamError` if there is none, or none of COCO's form.
    """

    def compact(entry: dict) -> dict:
        if isinstance(entry.get("segmentation"), list):
            with suppress(TypeError, ValueError):  # `mask_of` says which one is malformed
                entry["segmentation"] = [np.asarray(polygon, np.float64) for polygon in entry["segmentation"]]
        return entry

    try:
        with open(path, encoding="utf-8-sig") as file:
            data = json.load(file, object_hook=compact)
        for key, fields in (
            ("images", ("id", "file_name")),
            ("categories", ("id", "name")),
            ("annotations", ("image_id", "category_id")),
        ):
            for entry in data[key]:
                for field in fields:
                    entry[field]
        for entry in (*data["images"], *data["categories"]):
            if not isinstance(entry.get("file_name", entry.get("name")), str):
                raise TypeError("a name is not a text")
    except FileNotFoundError:
        raise BamError(
            f"there is no {path}: `coco` must be a folder with {ANNOTATIONS} and {PHOTOGRAPHS}/ (or those of "
            "val2017), as `python -m bam.data_prep.download` makes it"
        ) from None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"[:200]
        raise BamError(f"{path} is not a COCO instance annotation file ({problem})") from None
    return data


def category_classes(categories: list[dict], path: Path) -> dict[Any, str | None]:
    """The object class of each category by id and by name, None for one that BAM does not use."""
    wanted = {coco_category(name): name for name in OBJECTS}
    names = {category["name"] for category in categories}
    if missing := [name for name in wanted if name not in names]:
        raise BamError(f"{path} has no category {', '.join(missing)}")
    by_id: dict[Any, set[str]] = defaultdict(set)
    for category in categories:
        by_id[plain(category["id"])].add(category["name"])
    for number, several in by_id.items():
        if len(several) > 1 and several & wanted.keys():
            both = " and ".join(sorted(several))
            raise BamError(f"{path} gives the categories {both} the one id {number}: give each its own")
    return {name: wanted.get(name) for name in names} | {
        number: wanted.get(next(iter(several))) for number, several in by_id.items()
    }


class _Listing:
    """The largest instance of each class in each photograph, as annotations come."""

    def __init__(self, photographs: Mapping[Any, list[_Photograph]], file: str):
        self._photographs, self._file = photographs, file
        self._largest: dict[str, dict[str, Instance]] = {name: {} for name in OBJECTS}
        self._crowds: dict[str, dict[str, Any]] = {name: {} for name in OBJECTS}
        self._left_out: dict[str, list[tuple[str, str]]] = {name: [] for name in OBJECTS}

    def add(self, name: str, annotation: Mapping[str, Any]) -> None:
        """An annotation of the class `name`."""
        number, image = plain(annotation.get("id", "")), plain(annotation["image_id"])
        photographs = self._photographs.get(image, [])
        if len(photographs) != 1:
            several = "several photographs" if photographs else "no photograph"
            reason = f"image_id of {several}: {image} in annotation {number}"
            self._left_out[name].append((self._file, reason))
            return
        (photograph,), crowd = photographs, _flag(annotation.get("iscrowd"))
        if crowd is None:
            reason = f"iscrowd is neither 0 nor 1: {annotation['iscrowd']!r} in annotation {number}"
            self._left_out[name].append((photograph.file, reason))
        elif crowd:
            self._crowds[name].setdefault(photograph.file, number)
        else:
            former, area = self._largest[name].get(photograph.file), _area(annotation)
            if former is None or area > former.area:
                segmentation = annotation.get("segmentation")
                self._largest[name][photograph.file] = Instance(*photograph, number, area, segmentation)

    def items(self) -> Items:
        """The instances, and what was left out."""

        def order(instance: Instance) -> tuple:
            return instance.file, isinstance(instance.annotation, str), instance.annotation

        for name, crowds in self._crowds.items():
            self._left_out[name] += [
                (file, f"only crowds in the photograph: annotation {number}")
                for file, number in sorted(crowds.items())
                if file not in self._largest[name]
            ]
        items = {name: sorted(found.values(), key=order) for name, found in self._largest.items()}
        return Items(items, self._left_out)


def _flag(value: Any) -> bool | None:
    """What a flag of COCO's says, which may be absent; None if that is not plain."""
    if isinstance(value, str):
        value = {"false": 0, "true": 1, "": 0}.get(value.strip().lower(), plain(value))
    return bool(value) if value is None or value in (0, 1) else None


def _area(annotation: Mapping[str, Any]) -> float:
    """The area that is stated, or else that of the segmentation; 0 if neither is a number above 0."""
    area = annotation.get("area")
    with suppress(TypeError, ValueError, OverflowError):
        area = float(area) if isinstance(area, str) else area
        if not isinstance(area, bool) and math.isfinite(area) and area > 0:
            return area
    with suppress(Unusable, KeyError, TypeError, ValueError):
        area = _area_within(annotation["segmentation"])
        return area if math.isfinite(area) else 0.0
    return 0.0


def _area_within(segmentation: Any) -> float:
    """Of runs exactly; of polygons by the shoelace formula, as if they did not overlap."""
    if isinstance(segmentation, dict):
        return float(run_lengths(segmentation["counts"])[1::2].sum())
    corners = [np.reshape(polygon, (-1, 2)) for polygon in segmentation if len(polygon) >= 6]
    return sum(
        abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2 for x, y in (pairs.T for pairs in corners)
    )
