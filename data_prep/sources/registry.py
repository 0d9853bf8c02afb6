"""What a source of objects or of scenes is, and the sources by name.

A source is a class that is made with its folder; further parameters of its constructor are its settings, with
their defaults. `@source` registers it, for `make_source` and `bam build --objects NAME=FOLDER`;
docs/extending.md has an example.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np

from bam.base.errors import unknown
from bam.base.parameters import check_settings, defaults
from bam.base.registry import check_name


@dataclass(frozen=True)
class Item:
    """What a class has of a source: what it is read from, and the number of the object there, if it has one.

    Sources may have items of their own kind, with these two fields.
    """

    file: str
    annotation: int | str = ""


class Items(dict[str, Sequence[Any]]):
    """The items of each class, and what a source found in listing them that is no item.

    left_out: file and reason, details after a colon, by class. What is under "" may be of any class: it is
    named with those that have fewer items than are wanted. licences: of the files, where they are stated.
    """

    def __init__(
        self,
        items: Mapping[str, Sequence[Any]],
        left_out: Mapping[str, Sequence[tuple[str, str]]],
        licences: Mapping[str, str] | None = None,
    ):
        super().__init__(items)
        self.left_out, self.licences = dict(left_out), dict(licences or {})


class Source(Protocol):
    """What sources of objects and of scenes have in common; see `ObjectSource` and `SceneSource`."""

    kind: ClassVar[Literal["object", "scene"]]
    name: ClassVar[str]
    # For the card of a dataset: the licence as Hugging Face names it, where it stands, what is to be known of
    # it, and whom to cite (see `base.citations`).
    licence: ClassVar[str] = "unknown"
    licence_url: ClassVar[str] = ""
    terms: ClassVar[str] = "the source does not say: ask whoever made the pictures"
    cite: ClassVar[tuple[str, ...]] = ()

    def prepare(self, workers: int) -> None:
        """Make what is not there yet, with this many threads or processes. Most have nothing to make."""
        return

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What a dataset of it depends on, wherever the folder lies: plain values and digests, for JSON.

        A dataset that was built with others is not taken for the same. What takes too long to digest, as all
        of COCO's photographs do, may be missing. The keys are those of no other source.
        """

    @abstractmethod
    def items(self) -> Mapping[str, Sequence[Any]]:
        """What there is of each class, in the same order whenever and wherever it is asked.

        An item has a `file`, by which the dataset names it (what is of one file falls in one split), and an
        `annotation`. What cannot become an item is counted if they are given as `Items`. Raises `BamError` if
        the folder holds no such source. It is asked for once in a build, and may take its time.
        """

    @abstractmethod
    def read(self, item: Any) -> np.ndarray:
        """The pixels of an item. Raises `Unusable`, with the reason in one line, for one to be left out.

        Several threads call it at once.
        """

    def licences(self, files: Collection[str]) -> dict[str, str]:
        """The licence of each of these files, where the source has one for each; {} if it has none."""
        return {}

    def notes(self) -> dict[str, Any]:
        """What else `dataset.json` is to say. It is asked for before anything is read."""
        return {}


class ObjectSource(Source, Protocol):
    """A source of the ten classes `OBJECTS`.

    `read` gives uint8 RGBA (h, w, 4) of any size, opaque where the object is: the dataset keeps the object's
    box, at most 128 pixels long, and leaves out what could not be seen when pasted.
    """

    kind = "object"


class SceneSource(Source, Protocol):
    """A source of the ten classes `SCENES`. `read` gives uint8 RGB (128, 128, 3)."""

    kind = "scene"


@dataclass(frozen=True)
class Sources:
    """What a dataset is made from."""

    objects: ObjectSource
    scenes: SceneSource

    @property
    def name(self) -> str:
        """Both names, such as "coco/miniplaces"; one if it is the same."""
        return "/".join(dict.fromkeys((self.objects.name, self.scenes.name)))


SOURCES: dict[str, dict[str, type[Source]]] = {"object": {}, "scene": {}}
Registered = TypeVar("Registered", bound=type[Source])


def source(registered: Registered) -> Registered:
    """Register a source under its `name`, among those of its `kind`; no other may have one of BAM's."""
    check_name("a source", registered.name, registered, SOURCES[registered.kind].get(registered.name))
    SOURCES[registered.kind][registered.name] = registered
    return registered


def make_source(kind: str, name: str, folder: str | Path, **settings: Any) -> Source:
    """The source of this name, of kind "object" or "scene", in a folder.

    Raises `BamError` for an unknown name, and for a setting that the source does not have.
    """
    if name not in SOURCES[kind]:
        raise unknown(f"source of {kind}s", name, SOURCES[kind])
    check_settings(name, settings, defaults(SOURCES[kind][name]))
    return SOURCES[kind][name](Path(folder), **settings)
