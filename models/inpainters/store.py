"""Fills that were painted before, kept on disk, since many inpainters take seconds for one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from bam.base.digests import array_digest, key_digest
from bam.base.files import replacing
from bam.models.inpainters.base import Inpainter

GIGABYTES = 2.0
# What is left of a store that was full: less, so that the folder is not gone through for each further batch.
LEFT = 0.9


class FillStore:
    """A folder of fills, each a PNG file named by a digest of all that it depends on.

    That is the inpainter's key, the picture, the hole, the prompt and the seed. A file is there whole or not
    at all, and its name says all that is in it, so that runs may be killed, and work beside each other. A
    fill that is used is touched; when there are more than so many gigabytes, those go that were not used for
    longest, until a tenth is free.
    """

    def __init__(self, folder: str | Path, gigabytes: float = GIGABYTES):
        self._folder, self._most = Path(folder), gigabytes * 1e9
        self._size: float | None = None  # in bytes, unknown before anything is written

    def fill(
        self,
        inpainter: Inpainter,
        images: np.ndarray,
        holes: np.ndarray,
        prompts: Sequence[str],
        seeds: np.ndarray,
    ) -> np.ndarray:
        """What `inpainter.fill` gives, uint8 (N, H, W, 3), painted only where it is not there yet."""
        given = zip(images, holes, prompts, seeds, strict=True)
        paths = [
            self._folder / f"{key_digest([inpainter.key, array_digest(i), array_digest(h), p, int(s)])}.png"
            for i, h, p, s in given
        ]
        found = {path: _read(path, images.shape[1:]) for path in dict.fromkeys(paths)}
        # Of several that are the same, the first.
        lacking = [paths.index(path) for path, picture in found.items() if picture is None]
        if lacking:
            texts = [prompts[place] for place in lacking]
            painted = inpainter.fill(images[lacking], holes[lacking], texts, seeds[lacking])
            for place, picture in zip(lacking, painted, strict=True):
                self._write(paths[place], picture)
                found[paths[place]] = picture
            self._shrink()
        return np.stack([found[path] for path in paths])

    def _write(self, path: Path, picture: np.ndarray) -> None:
        with replacing(path) as temporary:
            Image.fromarray(picture).save(temporary)
        if self._size is not None:
            self._size += path.stat().st_size

    def _shrink(self) -> None:
        """If there are too many, remove the fills that were not used for longest."""
        if self._size is not None and self._size <= self._most:
            return
        states = []
        for path in self._folder.glob("[!.]*.png"):  # not what another run is writing
            with suppress(FileNotFoundError):  # another run removed it
                states.append((path.stat(), path))
        self._size = float(sum(state.st_size for state, _ in states))
        most = self._most if self._size <= self._most else LEFT * self._most
        for state, path in sorted(states, key=lambda pair: pair[0].st_mtime_ns):
            if self._size <= most:
                break
            path.unlink(missing_ok=True)
            self._size -= state.st_size


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The picture in a file, which is marked as used; None if there is none."""
    try:
        with Image.open(path) as image:
            picture = np.asarray(image)
        os.utime(path)
    except OSError:
        return None
    return picture if picture.shape == shape and picture.dtype == np.uint8 else None
