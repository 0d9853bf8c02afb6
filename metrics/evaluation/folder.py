"""A user's folder of images: as they are, and as the scenes of IIR, which "applies to any model given any
inputs"."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.seeds import generator
from bam.data_prep.classes import IMAGE_SIZE
from bam.data_prep.dataset import Batch, Dataset
from bam.data_prep.paste import paste
from bam.data_prep.placement import SIZE_LAW, Placement, scaled
from bam.data_prep.sources.photographs import Unusable, read_upright
from bam.metrics.independence.scenes import Unlabelled, dogs
from bam.models.classifier import Classifier

SUFFIXES = (".jpg", ".jpeg", ".png")
Folder = TypeVar("Folder", bound="FolderPictures")


class FolderPictures:
    """JPEG and PNG files, in the folder and those below.

    An image set for `metrics.collect.collect`, without labels and masks. An image's id is its path in the
    folder. Images come in a random order that depends on the seed alone; each is cut to the shape of the
    classifier's input, `size` (H, W), around its centre, and resized.

    At most `limit` images are taken. Those that cannot be used are left out: `left_out` holds the reason
    for each. Raises `BamError` if there is no folder, or nothing in it that can be used.
    """

    name = "folder"

    def __init__(self, folder: str | Path, size: tuple[int, int], seed: int, limit: int | None = None):
        self.folder, self._size, self._seed = Path(folder), size, seed
        if not self.folder.is_dir():
            raise BamError(f"--images names no folder: {self.folder}")
        self.ids: list[str] = []
        self.left_out: dict[str, str] = {}
        files = sorted(
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        for index in generator(seed, "images").permutation(len(files)):
            if len(self.ids) == limit:
                break
            self._take(files[index])
        if not self.ids:
            names = ", ".join(list(self.left_out)[:3]) or "no .jpg, .jpeg or .png file"
            raise BamError(f"{self.folder} holds no image that can be used ({names}): name another --images")
        self.fingerprint = self._fingerprint(files)
        self.sources = np.array([[name] for name in self.ids])

    def _take(self, name: str) -> None:
        try:
            if not name.isprintable():
                raise Unusable("its name cannot be printed")
            self._read(name)
        except Unusable as reason:
            self.left_out[name.encode("unicode_escape").decode()] = str(reason)
        else:
            self.ids.append(name)

    def _fingerprint(self, files: list[str]) -> str:
        """Of all files, so that it does not change with the limit."""
        known = [str(self._seed), str(self._size)]
        for name in files:
            # What cannot be opened is not used either, so that its name is enough.
            readable = os.access(self.folder / name, os.R_OK)
            known += [repr(name), digest(self.folder / name) if readable else ""]
        return hashlib.sha256("\n".join(known).encode()).hexdigest()

    def _read(self, name: str) -> np.ndarray:
        """uint8 (H, W, 3)."""
        height, width = self._size
        image = read_upright(self.folder / name)
        return np.asarray(ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR))

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self: Folder, indices: Sequence[int] | np.ndarray) -> Folder:
        """The images at `indices`."""
        part = object.__new__(type(self))
        part.__dict__ |= self.__dict__
        part.ids, part.sources = [self.ids[index] for index in indices], self.sources[indices]
        return part

    def _with_mask(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self._read(name), np.zeros(self._size, bool)

    def __getitem__(self, key: slice) -> Batch:
        images, masks = zip(*(self._with_mask(name) for name in self.ids[key]), strict=True)
        nothing = np.zeros(len(images), int)
        return Unlabelled(
            self.ids[key], np.stack(images), np.stack(masks), nothing.astype(bool), nothing, nothing
        )


class FolderScenes(FolderPictures):
    """The images of a folder, with a dog of the dataset's test split for each.

    Which dog it gets, how large, and where is drawn from the seed and the image's id; sizes follow the law
    of the dataset, by the input's shorter side.
    """

    name = "iir-folder"

    def __init__(
        self,
        folder: str | Path,
        dataset: Dataset,
        classifier: Classifier,
        seed: int,
        limit: int | None = None,
    ):
        self._dataset = dataset
        placements = dogs(dataset.view("scene_only")).placements
        self._dogs = list({placement.cutout: placement for placement in placements}.values())
        super().__init__(folder, classifier.input_size, seed, limit)
        self.sources = np.array([(f"dog-{self._placement(name).cutout}", name) for name in self.ids])

    def _fingerprint(self, files: list[str]) -> str:
        """With what decides on the dogs."""
        return f"{self._dataset.fingerprint}-{super()._fingerprint(files)}"

    def _placement(self, name: str) -> Placement:
        """Which dog is pasted, and in which box of the input."""
        rng = generator(self._seed, "dog", name)
        chosen = self._dogs[rng.integers(len(self._dogs))]
        longer = rng.integers(*SIZE_LAW) * min(self._size) / IMAGE_SIZE
        cutout_size = self._dataset.cutout_sizes[chosen.object][chosen.cutout]
        height, width = scaled(cutout_size, max(1, round(longer)))
        top = int(rng.integers(0, self._size[0] - height + 1))
        left = int(rng.integers(0, self._size[1] - width + 1))
        return replace(chosen, image_id=name, top=top, left=left, height=height, width=width)

    def _composed(self, name: str, visible: bool) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self._read(name).copy(), np.zeros(self._size, bool)
        placement = self._placement(name)
        box = (placement.top, placement.left, placement.height, placement.width)
        paste(image, mask, self._dataset.cutout(placement), box, visible)
        return image, mask

    def _with_mask(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self._composed(name, False)

    def pasted(self, key: slice) -> np.ndarray:
        """The same images with their dogs, uint8 (n, H, W, 3)."""
        return np.stack([self._composed(name, True)[0] for name in self.ids[key]])
