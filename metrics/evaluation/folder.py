"""A user's folder of images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from bam.base.digests import digest
from bam.base.errors import BamError, lacking
from bam.base.files import files_below
from bam.base.seeds import generator
from bam.data_prep.dataset import Batch
from bam.data_prep.sources.photographs import READING, Unusable, read_upright

SUFFIXES = (".jpg", ".jpeg", ".png")
# Pictures too, which are not taken but named.
OTHER_SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".jfif", ".jp2", ".jxl", ".tif", ".tiff", ".webp")


class FolderPictures:
    """JPEG and PNG files, in the folder and those below, read as `sources.photographs` says.

    Linked folders are followed, and what is hidden is passed over (`base.files.files_below`). An image set
    for `evaluation.sweep.collect`, without labels and masks. An image's id is its path in the folder. Images
    come in a random order that depends on the seed and on how many they are; each is cut to the shape of the
    classifier's input, `size` (H, W), around its centre, and resized.

    At most `limit` images are taken, or those of `names` alone, in their order. Those that cannot be used, or
    are there under another name too, are left out: `left_out` holds the reason for each. Raises `BamError` if
    there is no folder, nothing in it that can be used, or no file of one of the names.
    """

    name = "folder"

    def __init__(
        self,
        folder: str | Path,
        size: tuple[int, int],
        seed: int,
        limit: int | None = None,
        names: Sequence[str] = (),
    ):
        self.folder, self._size, self._seed = Path(folder), size, seed
        if not self.folder.is_dir():
            raise BamError(f"`images` names no folder: {self.folder}")
        self.ids: list[str] = []
        self.left_out: dict[str, str] = {}
        files = self._files()
        self._digests = {name: self._digest(name) for name in files}
        self._names = {self._digests[name]: name for name in reversed(files) if name.isprintable()}
        in_order = [files[index] for index in generator(seed, "images").permutation(len(files))]
        for name in dict.fromkeys(names) or in_order:
            if len(self.ids) == limit:
                break
            if name not in self._digests:
                raise lacking(f"the folder {self.folder}", "image", name, files)
            self._take(name)
        if not self.ids:
            names = ", ".join(list(self.left_out)[:3]) or "no .jpg, .jpeg or .png file"
            raise BamError(f"{self.folder} holds no image that can be used ({names}): name another `images`")
        self.fingerprint = self._fingerprint(files)
        self.sources = np.array([[name] for name in self.ids])

    def _files(self) -> list[str]:
        found = files_below(self.folder, self._unreadable)
        for name in found:
            if not Path(name).suffix and not (self.folder / name).exists():
                self._unreadable(name)  # a link to a folder that is away
            elif Path(name).suffix.lower() in OTHER_SUFFIXES:
                self._leave_out(name, "neither a JPEG nor a PNG file")
        return [name for name in found if Path(name).suffix.lower() in SUFFIXES]

    def _take(self, name: str) -> None:
        try:
            if not name.isprintable():
                raise Unusable("its name cannot be printed")
            if self._digests[name] and self._names[self._digests[name]] != name:
                raise Unusable(f"the same picture as {self._names[self._digests[name]]}")
            self._read(name)
        except Unusable as reason:
            self._leave_out(name, str(reason))
        else:
            self.ids.append(name)

    def _leave_out(self, name: str, reason: str) -> None:
        self.left_out[name.encode("unicode_escape").decode()] = reason

    def _unreadable(self, below: str) -> None:
        self._leave_out(below, "folder cannot be looked into")

    def _digest(self, name: str) -> str:
        """What cannot be opened is not used either, so that its name is enough."""
        path = self.folder / name
        return digest(path) if path.is_file() and os.access(path, os.R_OK) else ""

    def _fingerprint(self, files: list[str]) -> str:
        """Of all files, so that it does not change with the limit."""
        known = [str(READING), str(self._seed), str(self._size)]
        for name in files:
            known += [repr(name), self._digests[name]]
        return hashlib.sha256("\n".join(known).encode()).hexdigest()

    def _read(self, name: str) -> np.ndarray:
        """uint8 (H, W, 3)."""
        return self._fitted(read_upright(self._file(name)))

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if path.exists() and not path.is_file():
            raise Unusable("is no file that can be read")
        return path

    def _fitted(self, image: Image.Image) -> np.ndarray:
        """Cut to the shape of the input around its centre, and resized."""
        return np.asarray(ImageOps.fit(image, self._size[::-1], Image.Resampling.BILINEAR))

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
