"""A user's folder of images."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.seeds import generator
from bam.data_prep.dataset import Batch
from bam.data_prep.sources.photographs import READING, Unusable, read_upright

SUFFIXES = (".jpg", ".jpeg", ".png")


class FolderPictures:
    """JPEG and PNG files, in the folder and those below, read as `sources.photographs` says.

    An image set for `evaluation.sweep.collect`, without labels and masks. An image's id is its path in the
    folder. Images come in a random order that depends on the seed alone; each is cut to the shape of the
    classifier's input, `size` (H, W), around its centre, and resized.

    At most `limit` images are taken. Those that cannot be used are left out: `left_out` holds the reason
    for each. Raises `BamError` if there is no folder, or nothing in it that can be used.
    """

    name = "folder"

    def __init__(self, folder: str | Path, size: tuple[int, int], seed: int, limit: int | None = None):
        self.folder, self._size, self._seed = Path(folder), size, seed
        if not self.folder.is_dir():
            raise BamError(f"`images` names no folder: {self.folder}")
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
            raise BamError(f"{self.folder} holds no image that can be used ({names}): name another `images`")
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
        known = [str(READING), str(self._seed), str(self._size)]
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

    def _with_mask(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self._read(name), np.zeros(self._size, bool)

    def __getitem__(self, key: slice) -> Batch:
        images, masks = zip(*(self._with_mask(name) for name in self.ids[key]), strict=True)
        nothing = np.zeros(len(images), int)
        present = nothing.astype(bool)
        return Batch(
            self.ids[key], np.stack(images), np.stack(masks), present, nothing, nothing, labelled=False
        )
