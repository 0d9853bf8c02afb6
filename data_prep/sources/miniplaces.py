"""Reading scenes from a MiniPlaces folder (Zhou et al. 2017), without those that show a BAM object."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers.expat import errors

import numpy as np

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.files import files_below
from bam.data_prep.classes import IMAGE_SIZE, OBJECTS, SCENES
from bam.data_prep.sources.photographs import Unusable, read_upright, square
from bam.data_prep.sources.registry import Item, SceneSource, source

PHOTOGRAPHS = "images/train"
ANNOTATIONS = ("objects/train", "objects")
SUFFIXES = {".jpg", ".jpeg", ".png"}

# A plural counts too ("dogs"), and an underscore parts words as a space does ("garbage_truck"); a longer
# word does not count ("birdhouse").
_OBJECT_WORDS = re.compile(
    r"(?<![a-z])(" + "|".join(name.replace("_", r"[\s_-]+") for name in OBJECTS) + r")e?s?(?![a-z])"
)


_NAMES = {"track": "track/outdoor"}


def miniplaces_folder(scene_class: str) -> str:
    """The folder of a scene class below MiniPlaces' `images/train`, such as `t/track/outdoor`."""
    name = _NAMES.get(scene_class, scene_class)
    return f"{name[0]}/{name}"


@dataclass(frozen=True)
class Scene(Item):
    """A photograph, as a path below `images/train`; excluded: whether the user's list names it."""

    excluded: bool = False


@source
class MiniPlaces(SceneSource):
    """The photographs of a MiniPlaces folder whose annotations name none of the ten objects.

    exclude_scenes: a text file with scenes to leave out, one path such as b/bedroom/00000012.jpg a line.
    """

    name = "miniplaces"
    licence, licence_url = "other", "http://miniplaces.csail.mit.edu"
    terms = "the photographs are for research: see the site for what is allowed"
    cite = ("zhou2017places",)

    def __init__(self, folder: str | Path, exclude_scenes: str | Path | None = None):
        self.folder, self.exclude_scenes = Path(folder), exclude_scenes

    def settings(self) -> dict[str, Any]:
        """Digests of the scenes' names and object annotations, and of the list of exclusions."""
        listing = hashlib.sha256()
        for file in chain.from_iterable(self._files().values()):
            listing.update(f"{file}\n".encode())
            if path := annotation_of(self.folder, file):
                listing.update(path.read_bytes())
        excluded = digest(self.exclude_scenes) if self.exclude_scenes else None
        return {"scenes": listing.hexdigest(), "exclude_scenes": excluded}

    def notes(self) -> dict[str, int]:
        """What the absence of objects in the scenes rests on."""
        files = list(chain.from_iterable(self._files().values()))
        return {
            "scenes_with_object_annotation": sum(annotation_of(self.folder, f) is not None for f in files),
            "scenes_found": len(files),
            "exclude_scenes_lines_unknown": self._exclusions(files)[1],
        }

    def items(self) -> dict[str, list[Scene]]:
        """Scenes ordered by file name. Raises `BamError` if a class has no folder."""
        files = self._files()
        excluded, _ = self._exclusions(chain.from_iterable(files.values()))
        return {
            name: [Scene(file, excluded=file in excluded) for file in members]
            for name, members in files.items()
        }

    def read(self, item: Scene) -> np.ndarray:
        """Unusable is a scene that is excluded, that MiniPlaces' own annotation names one of the ten objects
        in (section 3.1 of the paper), or that cannot be read."""
        if item.excluded:
            raise Unusable("named in `exclude_scenes`")
        annotation = annotation_of(self.folder, item.file)
        for label in object_labels(annotation) if annotation else ():
            if _OBJECT_WORDS.search(label.lower()):
                raise Unusable(f"shows one of the objects: {label}")
        return square(read_upright(self.folder / PHOTOGRAPHS / item.file), IMAGE_SIZE)

    def _files(self) -> dict[str, list[str]]:
        root = self.folder / PHOTOGRAPHS
        folders = {name: root / miniplaces_folder(name) for name in SCENES}
        missing = [miniplaces_folder(name) for name, folder in folders.items() if not folder.is_dir()]
        if missing:
            raise BamError(
                f"{root} has no folder {', '.join(missing)}: `miniplaces` must be a folder with "
                f"{PHOTOGRAPHS}/<letter>/<scene>/, as `python -m bam.data_prep.download` makes it"
            )
        return {
            name: [
                f"{miniplaces_folder(name)}/{file}"
                for file in files_below(folder)
                if Path(file).suffix.lower() in SUFFIXES
            ]
            for name, folder in folders.items()
        }

    def _exclusions(self, files: Iterable[str]) -> tuple[frozenset[str], int]:
        return read_exclusions(self.exclude_scenes, files) if self.exclude_scenes else (frozenset(), 0)


def annotation_of(folder: str | Path, file: str) -> Path | None:
    """MiniPlaces' object annotation of a scene, if there is one (only part of the scenes have one)."""
    for below in ANNOTATIONS:
        path = (Path(folder) / below / file).with_suffix(".xml")
        if path.exists():
            return path
    return None


def object_labels(path: Path) -> list[str]:
    """The object names in an annotation file of MiniPlaces, VOC or LabelMe form.

    A name stands in a `name` or `class` element at any depth below an `object` or `objects` element, or as
    that element's own text; objects that LabelMe marks as deleted do not count. MiniPlaces itself has no root
    element, and in `class` the number of the object in its list: those that BAM uses are named here. Raises
    `Unusable` for a file that cannot be read, or in which an object has no name: it is not known then what
    the scene shows.
    """
    try:
        text = path.read_bytes()
        if b"<!ENTITY" in text:
            raise Unusable("object annotation cannot be read: it defines entities")
        root = _root(text)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2].lower()  # without a namespace
        labels = list(_names(root, inside=False))
        nameless = next(_nameless(root), None)
    except (ElementTree.ParseError, LookupError, RecursionError, ValueError) as error:
        raise Unusable(f"object annotation cannot be read: {error}") from None
    if nameless is None and not (labels or any(_opens(element) for element in root.iter())):
        nameless = _foreign(root)
    if nameless is not None:
        raise Unusable(f"object annotation names nothing: <{nameless.tag}> has no name of an object")
    return labels


# Which of the 175 objects of MiniPlaces (object_categories.txt of its development kit) are among BAM's ten.
_NUMBERED, _OBJECTS_OF_MINIPLACES = {158: "toilet", 165: "truck"}, 175
_OPENING = ("object", "objects")
# What may stand beside objects, and so without any in a file that says that there are none.
_BESIDE = {"filename", "folder", "path", "class", "size", "imagesize", "segmented"}
_BESIDE |= {"source", "owner", "private", "scenedescription"}


def _root(text: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        if error.code != errors.codes[errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]:
            raise
    declaration = re.match(rb"\s*<\?xml.*?\?>", text, re.DOTALL)
    return ElementTree.fromstring(
        b"<annotation>%s</annotation>" % text[declaration.end() if declaration else 0 :]
    )


def _opens(element: ElementTree.Element) -> bool:
    return element.tag in _OPENING


def _deleted(element: ElementTree.Element) -> bool:
    return (element.findtext("deleted") or "").strip() == "1"


def _name(element: ElementTree.Element) -> str:
    """The name that is an element's text; none if that is a number, but for those of MiniPlaces."""
    text = (element.text or "").strip()
    if not text.isdecimal():
        return text
    listed = element.tag == "class" and int(text) < _OBJECTS_OF_MINIPLACES
    return _NUMBERED.get(int(text), text) if listed else ""


def _names(element: ElementTree.Element, inside: bool) -> Iterator[str]:
    opens = _opens(element)
    if opens and _deleted(element):
        return
    if (opens or (inside and element.tag in ("name", "class"))) and (name := _name(element)):
        yield name
    for child in element:
        yield from _names(child, inside or opens)


def _nameless(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The objects that have no name; an empty `objects` element holds none."""
    if _opens(element):
        if _deleted(element):
            return
        called = {"name", "class", "label"}.intersection(element.keys())
        empty = element.tag == "objects" and not (len(element) or called)
        holds = any(_opens(child) for child in element)
        if not (empty or holds or any(_names(element, inside=False))):
            yield element
    for child in element:
        yield from _nameless(child)


def _foreign(root: ElementTree.Element) -> ElementTree.Element | None:
    """What is no part of the known forms in a file without objects; it may be objects of another form."""
    if root.tag != "annotation":
        return root
    return next((child for child in root if child.tag not in _BESIDE), None)


def read_exclusions(path: str | Path, files: Iterable[str]) -> tuple[frozenset[str], int]:
    """Which of the scenes' files are named in a text file, one a line, such as b/bedroom/00000012.jpg.

    A leading folder up to `images/train/` is ignored, `#` begins a comment. Returns those that are named,
    and how many lines name none of them (a list for all of MiniPlaces has many). Raises `BamError` if no
    line does.
    """
    known = set(files)
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    named = {line.split(f"{PHOTOGRAPHS}/")[-1] for line in lines if line}
    if named and not named & known:
        raise BamError(
            f"{path} names none of the scenes: give paths below images/train such as "
            f"{next(iter(sorted(known)), 'b/bedroom/00000012.jpg')}"
        )
    return frozenset(named & known), len(named - known)
