"""A dataset folder and the paper's image sets as views of it, composed when read."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from bam.base.checked import changed_files
from bam.base.digests import array_digest, digest
from bam.base.errors import BamError, unknown
from bam.base.files import read_json
from bam.base.seeds import generator
from bam.data_prep.classes import (
    COMMONALITIES,
    COMMONALITY_OBJECT,
    COMMONALITY_ORDER,
    IMAGE_SIZE,
    OBJECTS,
    SCENES,
)
from bam.data_prep.paste import GREY, paste
from bam.data_prep.placement import SPLITS, Placement, read_placements

FORMAT = 2
VIEWS = ("object_scene", "scene_only", "object_only", "rescaled", "relocated", "bamboo_forest", "commonality")
# The two views behind the paper's robustness bars and the one of its fine-grained test exist for the test
# split and have tables of their own.
TEST_ONLY = ("rescaled", "relocated", "bamboo_forest")
TABLES = ("sources", "placements", *TEST_ONLY)


@dataclass(frozen=True)
class Batch:
    """Some images of a view.

    images: uint8 (n, 128, 128, 3); masks: bool (n, 128, 128), the object's region, whether or not the
    object is there; present: bool (n,), whether it is; labels: int (n,) indices into `OBJECTS` and `SCENES`,
    which mean nothing where the images are not `labelled`.
    """

    ids: list[str]
    images: np.ndarray
    masks: np.ndarray
    present: np.ndarray
    object_labels: np.ndarray
    scene_labels: np.ndarray
    labelled: bool = True

    def __repr__(self) -> str:
        return f"<Batch of {len(self.ids)} images, {' x '.join(map(str, self.images.shape[1:3]))}>"

    @cached_property
    def visible(self) -> np.ndarray:
        """bool (n, 128, 128): where an object is to be seen."""
        return self.masks & self.present[:, None, None]

    def labels(self, kind: str | None) -> np.ndarray | None:
        """int (n,): the labels of `kind`, "object" or "scene"; None for images without labels."""
        return _labels(self, kind) if self.labelled else None


class View:
    """One image set of the paper, on one split: a sequence of composites, made on access.

    background: what is behind the objects, their scenes or grey.
    """

    def __init__(
        self,
        dataset: Dataset,
        name: str,
        placements: Sequence[Placement],
        present: np.ndarray,
        background: Literal["scene", "grey"] = "scene",
    ):
        self.dataset, self.name = dataset, name
        self.placements, self.present = placements, present
        self.background = background

    def __len__(self) -> int:
        return len(self.placements)

    def __repr__(self) -> str:
        return f"<View {self.name} of {self.dataset.folder}, {len(self)} images>"

    @cached_property
    def ids(self) -> list[str]:
        """The image ids, such as dog-bamboo_forest-0017."""
        return [placement.image_id for placement in self.placements]

    @cached_property
    def object_labels(self) -> np.ndarray:
        """int (n,): index into `OBJECTS` of the class pasted (or that would be, where none is present)."""
        return np.array([OBJECTS.index(placement.object) for placement in self.placements], int)

    @cached_property
    def scene_labels(self) -> np.ndarray:
        """int (n,): index into `SCENES`."""
        return np.array([SCENES.index(placement.scene) for placement in self.placements], int)

    @cached_property
    def sources(self) -> np.ndarray:
        """str (n, 2): which cutout and which scene each image is made of, for bootstrapping over them."""
        return np.array([(f"{p.object}-{p.cutout}", f"{p.scene}-{p.scene_index}") for p in self.placements])

    def labels(self, kind: str) -> np.ndarray:
        """int (n,): the labels of `kind`, "object" or "scene"."""
        return _labels(self, kind)

    @property
    def fingerprint(self) -> str:
        """Identifies the dataset that the images are from."""
        return self.dataset.fingerprint

    def order(self, seed: int) -> np.ndarray:
        """int (n,): a random order of the images that depends on the seed alone."""
        return generator(seed, "images").permutation(len(self))

    def subset(self, indices: Sequence[int] | np.ndarray) -> View:
        """The view of the images at `indices` (or where a boolean array is True), in that order."""
        indices = np.asarray(indices)
        indices = np.arange(len(self))[indices if indices.size else []]
        placements = [self.placements[i] for i in indices]
        return View(self.dataset, self.name, placements, self.present[indices], self.background)

    def of_object(self, name: str) -> View:
        """Those composites whose object is of the class `name`, whether or not it is present."""
        return self.subset(self.object_labels == OBJECTS.index(name))

    def first(self, count: int | None) -> View:
        """The first `count` images; None: all of them."""
        return self.subset(np.arange(len(self))[:count])

    def without_object(self) -> View:
        """The same composites before anything is pasted; their masks still say where it would be."""
        nothing = np.zeros(len(self), bool)
        name = f"{self.name}-without_object"
        return View(self.dataset, name, self.placements, nothing, self.background)

    def __getitem__(self, key: int | slice | Sequence[int] | np.ndarray) -> Batch:
        chosen = self.subset(np.atleast_1d(np.arange(len(self))[key]))
        shape = (len(chosen), IMAGE_SIZE, IMAGE_SIZE)
        images, masks = np.empty((*shape, 3), np.uint8), np.zeros(shape, bool)
        for image, mask, placement, visible in zip(
            images, masks, chosen.placements, chosen.present, strict=True
        ):
            image[...] = GREY if self.background == "grey" else self.dataset.scene(placement)
            box = (placement.top, placement.left, placement.height, placement.width)
            paste(image, mask, self.dataset.cutout(placement), box, visible)
        return Batch(chosen.ids, images, masks, chosen.present, chosen.object_labels, chosen.scene_labels)

    def batches(self, size: int) -> Iterator[Batch]:
        """All images in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


def _labels(images: Batch | View, kind: str | None) -> np.ndarray:
    if kind not in ("object", "scene"):
        raise unknown("kind of label", str(kind), ("object", "scene"))
    return images.object_labels if kind == "object" else images.scene_labels


class Dataset:
    """A dataset folder made by `python -m bam.build_dataset`."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not (self.folder / "dataset.json").exists():
            raise BamError(
                f"there is no dataset in {self.folder}: make it with "
                f"`python -m bam.build_dataset --data {self.folder}`"
            )
        self.description = read_json(self.folder / "dataset.json")
        try:
            if self.description["format"] != FORMAT:
                raise ValueError(f"its format is {self.description['format']}, this version reads {FORMAT}")
            self.fingerprint: str = self.description["fingerprint"]
            for table in TABLES:
                if digest(self.folder / f"{table}.csv") != self.description["tables"][table]:
                    raise ValueError(f"{table}.csv was changed")
            if fingerprint_of(self.description["arrays"], self.description["tables"]) != self.fingerprint:
                raise ValueError("dataset.json was changed")
            self._scenes = {name: self._array("scenes", name, 3) for name in SCENES}
            self._cutouts = {name: self._array("cutouts", name, 4) for name in OBJECTS}
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise self._unusable(error) from None
        self._tables: dict[str, list[Placement]] = {}

    def _unusable(self, problem: Exception | str) -> BamError:
        return BamError(f"{self.folder} cannot be used ({problem}): remove it and build it again")

    def check_pixels(self) -> None:
        """Raise `BamError` if an array is not the one that was built; `changed_files` says when it reads."""
        arrays = {f"scenes/{name}.npy": array for name, array in self._scenes.items()}
        arrays |= {f"cutouts/{name}.npy": array for name, array in self._cutouts.items()}
        digests = {file: self.description["arrays"][Path(file).stem] for file in arrays}
        if changed := changed_files(self.folder, digests, lambda file: array_digest(arrays[file])):
            raise self._unusable(f"{', '.join(changed)} {'was' if len(changed) == 1 else 'were'} changed")

    def _array(self, kind: str, name: str, channels: int) -> np.ndarray:
        path = self.folder / kind / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{kind}/{name}.npy: {error}") from None
        shape = (sum(self.description["sources"][name].values()), IMAGE_SIZE, IMAGE_SIZE, channels)
        if array.shape != shape or array.dtype != np.uint8:
            raise ValueError(f"{kind}/{name}.npy holds {array.dtype} {array.shape}, not uint8 {shape}")
        return array

    @cached_property
    def cutout_sizes(self) -> dict[str, np.ndarray]:
        """For each object class int (n, 2), height and width of its cutouts."""
        sizes: dict[str, list] = {name: [] for name in OBJECTS}
        with open(self.folder / "sources.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["kind"] == "object":
                    sizes[row["class"]].append((int(row["height"]), int(row["width"])))
        return {name: np.array(values) for name, values in sizes.items()}

    def cutout(self, placement: Placement) -> np.ndarray:
        """The RGBA cutout of a composite, uint8 (h, w, 4), before it is resized."""
        height, width = self.cutout_sizes[placement.object][placement.cutout]
        return self._cutouts[placement.object][placement.cutout, :height, :width]

    def scene(self, placement: Placement) -> np.ndarray:
        """The scene of a composite, uint8 (128, 128, 3)."""
        return self._scenes[placement.scene][placement.scene_index]

    def _table(self, name: str) -> list[Placement]:
        if name not in self._tables:
            self._tables[name] = read_placements(self.folder / f"{name}.csv")
        return self._tables[name]

    def view(self, name: str, split: str = "test", k: float | None = None) -> View:
        """One of the paper's image sets (section 3), on the "train", "validation" or "test" split.

        `object_scene` (X_o,s), `scene_only` (X_0,s), `object_only` (X_o,g), `commonality` (X^k: a dog in
        the first 10 k scene classes of `COMMONALITY_ORDER`, the other scenes without object), and on
        the test split `rescaled`, `relocated`, and `bamboo_forest` (100 dogs in bamboo forests).
        """
        if name not in VIEWS:
            raise unknown("view", name, VIEWS)
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        if name in TEST_ONLY and split != "test":
            raise BamError(f"the view {name} exists for the test split only, not for {split}")
        known_k = k is not None and np.isclose(k, COMMONALITIES).any()
        if known_k != (name == "commonality") or (k is not None and not known_k):
            raise BamError(f"k is for the view commonality, one of {COMMONALITIES}, not {k} for {name}")
        table = self._table(name if name in TEST_ONLY else "placements")
        placements = [placement for placement in table if placement.split == split]
        present = np.full(len(placements), name != "scene_only")
        if k is not None:
            name = f"commonality-{k:.1f}"
            placements = [p for p in placements if p.object == COMMONALITY_OBJECT]
            with_object = COMMONALITY_ORDER[: round(10 * k)]
            present = np.array([p.scene in with_object for p in placements], bool)
        return View(self, name, placements, present, "grey" if name == "object_only" else "scene")


def fingerprint_of(arrays: Mapping[str, str], tables: Mapping[str, str]) -> str:
    """The digest of a dataset, from those of its arrays by class and of its tables."""
    digests = [arrays[name] for name in (*OBJECTS, *SCENES)] + [tables[table] for table in TABLES]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def load_dataset(folder: str | Path = "data/bam") -> Dataset:
    """Open a dataset folder. Raises `BamError` if there is none, one of another format, or a changed one.

    The first time all its pixels are read, to compare them with their digests: a second for a gigabyte.

    >>> batch = load_dataset("data/bam").view("object_scene", split="test")[:3]
    >>> batch.images.shape, batch.masks.dtype, batch.object_labels.shape
    ((3, 128, 128, 3), dtype('bool'), (3,))
    """
    dataset = Dataset(folder)
    dataset.check_pixels()
    return dataset
