"""The images that maps are asked for, as `bam images` writes them: a folder that stands in for a dataset.

    README.md                           what is in it, and the loop that makes the maps
    manifest.csv                        a line for each image of each set, see `Asked`
    images.json                         the size of the maps, the seed, and what else the images depend on
    images/<view>/<image id>.png        pixels
    masks/<view>/<image id>.png         the object's region at the size of the maps, 255 inside
    without/<view>/<image id>.png       the pixels without the object, for localisation

Reading it loads no TensorFlow. The masks are there at the size of the maps, since what resizes them for
networks is TensorFlow's.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.base.digests import digest, key_digest
from bam.base.errors import BamError, unknown
from bam.base.files import read_json, replacing
from bam.base.threads import cores, in_order
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.dataset import Batch

FORMAT = 1
MARKER, MANIFEST = "images.json", "manifest.csv"


@dataclass(frozen=True)
class Asked:
    """One image of one set: a line of `manifest.csv`.

    view: the name of the image set. object, scene: its classes. cutout, scene_index: which of their sources
    it is made of. present: 1 where the object is to be seen, else 0. networks: those whose maps are wanted of
    it, with spaces between; each explains the class in the column of its name. image, mask: paths in the
    folder. without_object: that of the same image without the object, where answers to it are of use.
    """

    view: str
    image_id: str
    split: str
    object: str
    scene: str
    cutout: int
    scene_index: int
    present: int
    networks: str
    image: str
    mask: str
    without_object: str


def write_manifest(folder: Path, lines: Sequence[Asked]) -> None:
    """Write `manifest.csv` into a folder."""
    with (
        replacing(folder / MANIFEST) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Asked))
        writer.writerows(vars(line).values() for line in lines)


class WrittenImages:
    """A folder that `bam images` wrote.

    size: height and width of the maps. asked: the lines of the manifest. fingerprint: of the manifest, the
    images and the masks; rows of others are never mixed with those of these. Raises `BamError` if there is no
    such folder, or one that is damaged.

    >>> images = WrittenImages("for_maps")  # doctest: +SKIP
    >>> images.view("object_scene")[:3].masks.shape  # doctest: +SKIP
    (3, 64, 64)
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not (self.folder / MARKER).exists():
            raise BamError(
                f"{self.folder} holds no images that maps are asked for: `data` must name a folder that "
                "`bam images` wrote"
            )
        self.description: Mapping[str, Any] = read_json(self.folder / MARKER)
        try:
            if self.description["format"] != FORMAT:
                raise ValueError(f"its format is {self.description['format']}, this version reads {FORMAT}")
            height, width = self.description["size"]
            self.size = (int(height), int(width))
            self.seed = int(self.description["seed"])
            self.asked = self._lines()
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise self._unusable(str(error) or type(error).__name__) from None
        self.fingerprint = self._fingerprint()

    def _unusable(self, problem: str) -> BamError:
        return BamError(f"{self.folder} cannot be used ({problem}): remove it and write it again")

    def _lines(self) -> list[Asked]:
        kinds = {field.name: int if field.type == "int" else str for field in fields(Asked)}
        with open(self.folder / MANIFEST, newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        if header != list(kinds):
            raise ValueError(f"{MANIFEST} has other columns")
        return [Asked(*(of(v) for of, v in zip(kinds.values(), row, strict=True))) for row in rows]

    def _fingerprint(self) -> str:
        names = [path for line in self.asked for path in (line.image, line.mask)]
        if lacking := [name for name in names if not (self.folder / name).is_file()]:
            raise self._unusable(f"{len(lacking)} of {len(names)} files lack, such as {lacking[0]}")
        digests = in_order(lambda name: digest(self.folder / name), names, cores())
        return key_digest([digest(self.folder / name) for name in (MARKER, MANIFEST)] + list(digests))

    def view(self, name: str, split: str = "test") -> WrittenView:
        """The images of one set, in the order in which they were chosen."""
        lines = [line for line in self.asked if (line.view, line.split) == (name, split)]
        if not lines:
            known = dict.fromkeys(line.view for line in self.asked)
            raise BamError(
                f"{self.folder} has no images of the set {name} ({split}), only of {', '.join(known)}: "
                "`bam images` writes those of a metric and its settings"
            )
        return WrittenView(self, name, split, lines)

    def pixels(self, name: str, mode: str) -> np.ndarray:
        """uint8 (H, W, 3) for the mode "RGB", (H, W) for "L". Raises `BamError` if it cannot be read."""
        try:
            with Image.open(self.folder / name) as image:
                return np.asarray(image.convert(mode))
        except (OSError, SyntaxError, ValueError) as error:
            raise self._unusable(f"{name}: {error}") from None


class WrittenView:
    """One image set of such a folder, as `View` is one of a dataset."""

    def __init__(self, images: WrittenImages, name: str, split: str, lines: Sequence[Asked]):
        self.images, self.name, self.split, self.lines = images, name, split, lines
        self.left_out: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.lines)

    @cached_property
    def ids(self) -> list[str]:
        """The image ids."""
        return [line.image_id for line in self.lines]

    @cached_property
    def sources(self) -> np.ndarray:
        """str (n, 2): which cutout and which scene each image is made of."""
        return np.array(
            [(f"{each.object}-{each.cutout}", f"{each.scene}-{each.scene_index}") for each in self.lines]
        )

    @property
    def fingerprint(self) -> str:
        """Identifies the folder that the images are from."""
        return self.images.fingerprint

    def order(self, seed: int) -> np.ndarray:
        """int (n,): that in which they stand. Raises `BamError` if they were chosen with another seed."""
        if seed != self.images.seed:
            raise BamError(
                f"the images in {self.images.folder} were chosen with the seed {self.images.seed}, not "
                f"{seed}: give `seed` {self.images.seed}, or write them again"
            )
        return np.arange(len(self))

    def subset(self, indices: Sequence[int] | np.ndarray) -> WrittenView:
        """The view of the images at `indices`, in that order."""
        lines = [self.lines[index] for index in np.asarray(indices, int)]
        return WrittenView(self.images, self.name, self.split, lines)

    def first(self, count: int | None) -> WrittenView:
        """The first `count` images; None: all of them."""
        return self.subset(np.arange(len(self))[:count])

    def without_object(self) -> WrittenView:
        """The set of the same images without their objects."""
        return self.images.view(f"{self.name}-without_object", self.split)

    def __getitem__(self, key: slice) -> Batch:
        lines = self.lines[key]
        masks = [self._mask(line) for line in lines]
        return Batch(
            [line.image_id for line in lines],
            np.stack([self.images.pixels(line.image, "RGB") for line in lines]),
            np.stack(masks),
            np.array([line.present for line in lines], bool),
            np.array([_index(OBJECTS, line.object) for line in lines]),
            np.array([_index(SCENES, line.scene) for line in lines]),
        )

    def _mask(self, line: Asked) -> np.ndarray:
        """bool (H, W)."""
        mask = self.images.pixels(line.mask, "L")
        if mask.shape != self.images.size:
            raise BamError(
                f"{self.images.folder / line.mask} is {mask.shape}, and maps are {self.images.size}: remove "
                f"{self.images.folder} and write it again"
            )
        return mask >= 128


def _index(classes: Sequence[str], name: str) -> int:
    if name not in classes:
        raise unknown("class", name, classes)
    return classes.index(name)
