"""manifest.json: the pictures that were fetched, with their SHA-256, and those left out, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bam.base.errors import BamError
from bam.base.files import read_json, write_json

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Picture:
    """A file that was fetched and found sound.

    object_class: the one that it was chosen for. height, width: in pixels. size: in bytes. cutout: the digest
    of the object's pixels, by which duplicates are told.
    """

    file: str
    object_class: str
    annotation: int | str
    height: int
    width: int
    size: int
    sha256: str
    cutout: str


@dataclass(frozen=True)
class LeftOut:
    """A file that was asked for and cannot be used; reason: details after a colon."""

    file: str
    object_class: str
    reason: str


@dataclass
class Manifest:
    """What is known of the pictures in `folder`, by file.

    settings: what the choice of pictures depends on. notes: what else there is to say.
    """

    folder: Path
    settings: Mapping[str, Any]
    notes: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    @classmethod
    def opened(cls, folder: Path, settings: Mapping[str, Any]) -> Manifest:
        """What earlier runs wrote, or an empty one.

        Raises `BamError` if they chose by other settings, or if it cannot be read.
        """
        manifest, path = cls(folder, settings), folder / MANIFEST
        if not path.exists():
            return manifest
        try:
            content = read_json(path)
            former = dict(content["settings"])
            pictures = [Picture(**row) for row in content["pictures"]]
            left_out = [LeftOut(**row) for row in content["left_out"]]
        except (BamError, KeyError, TypeError, ValueError):
            raise BamError(
                f"{path} is damaged: remove it and run again, the pictures beside it are checked and kept"
            ) from None
        changed = [
            # A digest tells a reader nothing.
            f"other {key}" if key == "annotations" else f"`{key}` {former.get(key)}, not {value}"
            for key, value in settings.items()
            if former.get(key) != value
        ]
        if changed:
            raise BamError(
                f"the pictures in {folder} were chosen with {', '.join(changed)}: give another `folder`, or "
                f"remove {folder}"
            )
        manifest.pictures |= {each.file: each for each in pictures}
        manifest.left_out |= {each.file: each for each in left_out}
        return manifest

    def save(self) -> None:
        """Write it, in the order of the files."""
        rows = {
            "pictures": [asdict(self.pictures[file]) for file in sorted(self.pictures)],
            "left_out": [asdict(self.left_out[file]) for file in sorted(self.left_out)],
        }
        write_json(self.folder / MANIFEST, {"settings": dict(self.settings), **self.notes, **rows})
