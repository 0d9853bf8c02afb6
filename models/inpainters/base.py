"""What all inpainters have in common: checks, and that pixels outside of the hole stay as they are."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

import numpy as np

from bam.base.errors import BamError
from bam.base.parameters import defaults
from bam.base.registry import check_name


def prompt_of(class_name: str) -> str:
    """A class as one would say it: `bamboo forest` for `bamboo_forest`."""
    return class_name.replace("_", " ")


# What the run gives to constructors that ask for it; see `make_inpainter`.
GIVEN = ("dataset", "kind", "view")


class Inpainter(ABC):
    """Repaints the holes of pictures.

    The first line of a class's docstring says what it paints. Its constructor may ask for what is in `GIVEN`;
    the other parameters are settings, which have defaults, and which attributes of their names hold.

    targeted: it paints what the prompt says. version: what another one painted is not used. batch_size:
    how many pictures are best painted at once. may_refuse: it may withhold a sample, which then is black
    all over. fixed: what it paints is a part of one picture for each image, whatever the hole. paste_back:
    whether the pixels outside of the hole are those of the picture, bit for bit. cite: keys of the
    publications it is from (`bam.base.citations`).
    """

    name: str
    targeted = False
    version = 1
    batch_size = 256
    may_refuse = False
    fixed = False
    paste_back = True
    cite: tuple[str, ...] = ()

    @classmethod
    def summary(cls) -> str:
        """What it paints, in one line, for lists."""
        return inspect.getdoc(cls).splitlines()[0]

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Its settings, as they are by default."""
        return defaults(cls, GIVEN)

    @classmethod
    def takes(cls, name: str) -> bool:
        """Whether its constructor asks for one of what is in `GIVEN`."""
        return name in inspect.signature(cls).parameters

    @property
    def key(self) -> dict[str, Any]:
        """All that its output depends on, besides what `fill` is given; for JSON."""
        settings = {name: getattr(self, name) for name in self.settings()}
        return {"name": self.name, "version": self.version, "paste_back": self.paste_back, **settings}

    def fill(
        self,
        images: np.ndarray,
        holes: np.ndarray,
        prompts: Sequence[str],
        seeds: np.ndarray,
        ids: Sequence[str | None] | None = None,
    ) -> np.ndarray:
        """The pictures with their holes repainted, uint8 (N, H, W, 3).

        images: uint8 (N, H, W, 3). holes: bool (N, H, W), True where to repaint. prompts: what to paint,
        N texts. seeds: uint64 (N,); a picture's fill depends on its own seed, not on what stands beside
        it. ids: which images these are, for `donor`. Raises `BamError` for anything else.
        """
        _check(images, holes, prompts, seeds, ids)
        result = images.copy()
        # With the rest pasted back, nothing of what is painted for an empty hole would be seen.
        wanted = np.flatnonzero(holes.any((1, 2)) | (not self.paste_back))
        for start in range(0, len(wanted), self.batch_size):
            part = wanted[start : start + self.batch_size]
            texts, names = [prompts[i] for i in part], [None if ids is None else ids[i] for i in part]
            painted = self._paint(images[part], holes[part], texts, seeds[part], names)
            filled = np.where(holes[part][..., None], painted, images[part]) if self.paste_back else painted
            if self.may_refuse:
                filled[~painted.any((1, 2, 3))] = 0
            result[part] = filled
        return result

    def elsewhere(
        self, images: np.ndarray, avoided: Sequence[Collection[str]], seeds: np.ndarray
    ) -> np.ndarray:
        """Of a `fixed` inpainter, for each image the picture that all its holes are filled from, uint8.

        It must not tell what is in the image, or where. avoided: for each image names of classes that the
        picture is not to show, with spaces or underscores.
        """
        return self.fill(images, np.ones(images.shape[:3], bool), [""] * len(images), seeds)

    def withheld(self, pictures: np.ndarray, holes: np.ndarray) -> np.ndarray:
        """bool (N,): which of the pictures that `fill` gave for these holes were withheld."""
        return self.may_refuse & ~pictures.any((1, 2, 3)) & holes.any((1, 2))

    @abstractmethod
    def _paint(
        self,
        images: np.ndarray,
        holes: np.ndarray,
        prompts: list[str],
        seeds: np.ndarray,
        ids: list[str | None],
    ) -> np.ndarray:
        """uint8 (N, H, W, 3), of which `fill` uses the holes; at most `batch_size` pictures."""


INPAINTERS: dict[str, type[Inpainter]] = {}
Registered = TypeVar("Registered", bound=type[Inpainter])


def inpainter(registered: Registered) -> Registered:
    """Register an inpainter under its `name`, which must not be that of one of BAM's."""
    check_name("an inpainter", registered.name, registered, INPAINTERS.get(registered.name))
    INPAINTERS[registered.name] = registered
    return registered


def _check(images: Any, holes: Any, prompts: Any, seeds: Any, ids: Any) -> None:
    if not _is_array(images, np.uint8, 4) or images.shape[3] != 3 or not images.size:
        raise BamError(f"images to inpaint must be uint8 (N, H, W, 3), not {_described(images)}")
    count = len(images)
    if not _is_array(holes, bool, 3) or holes.shape != images.shape[:3]:
        raise BamError(f"holes must be bool {images.shape[:3]}, one per image, not {_described(holes)}")
    if not _is_array(seeds, np.uint64, 1) or len(seeds) != count:
        raise BamError(f"seeds must be uint64 ({count},), one per image, not {_described(seeds)}")
    if not _is_list(prompts, count) or not all(isinstance(text, str) for text in prompts):
        raise BamError(f"prompts must be {count} texts, one per image, not {_described(prompts)}")
    if ids is not None and not _is_list(ids, count):
        raise BamError(f"ids must be {count} names, one per image, not {_described(ids)}")


def _is_list(value: Any, count: int) -> bool:
    return isinstance(value, (list, tuple, np.ndarray)) and len(value) == count


def _is_array(value: Any, dtype: type, dimensions: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == dimensions


def _described(value: Any) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else repr(value)[:60]
