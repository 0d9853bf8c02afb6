"""Reading scenes from a MiniPlaces folder (Zhou et al. 2017), without those that show a BAM object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from bam.base.errors import BamError
from bam.data_prep.classes import IMAGE_SIZE, OBJECTS, SCENES, coco_category, miniplaces_folder
from bam.data_prep.sources.photographs import Unusable, read_upright, square

PHOTOGRAPHS = "images/train"
ANNOTATIONS = ("objects/train", "objects")
SUFFIXES = {".jpg", ".jpeg", ".png"}

# A plural counts too ("dogs"), and an underscore parts words as a space does ("garbage_truck"); a longer
# word does not count ("birdhouse").
_OBJECT_WORDS = re.compile(
    r"(?<![a-z])("
    + "|".join(re.escape(coco_category(name)).replace(r"\ ", r"[\s_-]+") for name in OBJECTS)
    + r")e?s?(?![a-z])"
)


def list_scenes(folder: str | Path) -> dict[str, list[str]]:
    """The photographs of each scene class, as sorted paths below `images/train`.

    Raises `BamError` if a class has no folder.
    """
    root = Path(folder) / PHOTOGRAPHS
    missing = [miniplaces_folder(name) for name in SCENES if not (root / miniplaces_folder(name)).is_dir()]
    if missing:
        raise BamError(
            f"{root} has no folder {', '.join(missing)}: --miniplaces must be a folder with "
            f"{PHOTOGRAPHS}/<letter>/<scene>/, as `python -m bam.data_prep.download` makes it"
        )
    return {
        name: sorted(
            path.relative_to(root).as_posix()
            for path in (root / miniplaces_folder(name)).iterdir()
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
        )
        for name in SCENES
    }


def annotation_of(folder: str | Path, file: str) -> Path | None:
    """MiniPlaces' object annotation of a scene, if there is one (only part of the scenes have one)."""
    for below in ANNOTATIONS:
        path = (Path(folder) / below / file).with_suffix(".xml")
        if path.exists():
            return path
    return None


def read_scene(folder: str | Path, file: str, excluded: frozenset[str] = frozenset()) -> np.ndarray:
    """One scene as uint8 (128, 128, 3).

    Raises `Unusable` if it is among the `excluded` ones, if MiniPlaces' own annotation names one of
    the ten objects in it (section 3.1 of the paper), or if it cannot be read.
    """
    if file in excluded:
        raise Unusable("named in --exclude_scenes")
    annotation = annotation_of(folder, file)
    for label in object_labels(annotation) if annotation else ():
        found = _OBJECT_WORDS.search(label.lower())
        if found:
            raise Unusable(f"shows one of the objects: {label}")
    return square(read_upright(Path(folder) / PHOTOGRAPHS / file), IMAGE_SIZE)


def object_labels(path: Path) -> list[str]:
    """The object names in an annotation file of MiniPlaces, VOC or LabelMe form.

    A name stands in a `name` or `class` element at any depth below an `object` or `objects` element,
    or as that element's own text; objects that LabelMe marks as deleted do not count.
    """
    try:
        text = path.read_bytes()
        if b"<!ENTITY" in text:
            raise Unusable("object annotation cannot be read: it defines entities")
        return list(_names(ElementTree.fromstring(text), inside=False))
    except (ElementTree.ParseError, LookupError, RecursionError, ValueError) as error:
        raise Unusable(f"object annotation cannot be read: {error}") from None


def _names(element: ElementTree.Element, inside: bool) -> Iterator[str]:
    opens = element.tag in ("object", "objects")
    if opens and (element.findtext("deleted") or "").strip() == "1":
        return
    text = (element.text or "").strip()
    if text and (opens or (inside and element.tag in ("name", "class"))):
        yield text
    for child in element:
        yield from _names(child, inside or opens)


def read_exclusions(path: str | Path, scenes: dict[str, list[str]]) -> tuple[frozenset[str], int]:
    """The scenes named in a text file, one a line, as paths such as b/bedroom/00000012.jpg.

    A leading folder up to `images/train/` is ignored, `#` begins a comment. Returns the scenes of the
    ten classes that are named, and how many lines name none of them (a list for all of MiniPlaces has
    many). Raises `BamError` if no line does.
    """
    known = {file for files in scenes.values() for file in files}
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    named = {line.split(f"{PHOTOGRAPHS}/")[-1] for line in lines if line}
    if named and not named & known:
        raise BamError(
            f"{path} names none of the scenes: give paths below images/train such as "
            f"{next(iter(sorted(known)), 'b/bedroom/00000012.jpg')}"
        )
    return frozenset(named & known), len(named - known)
