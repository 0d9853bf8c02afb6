"""An entry of the leaderboard. `leaderboard/entry.schema.json` is the JSON schema of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from bam.base.errors import BamError
from bam.base.files import is_hidden, write_json

FORMAT = 1
# A key that is misspelt is one that is not there, and one too many.
_part = dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
Link = Annotated[str, Field(pattern=r"^(https?://\S+)?$")]


@_part
class Number:
    """A score: its value, its 95% interval, of how many images it is, how many were left out, by reason.

    rank: its rank set among the built-in methods; None for a control, and where it is not known.
    """

    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int | None
    excluded: Mapping[str, int]
    rank: tuple[int, int] | None = None


@_part
class Found:
    """What one metric says of the method, and of the controls beside it.

    version, settings: of the metric, with those of the run. commit: of the code.
    """

    version: int
    settings: Mapping[str, Any]
    commit: str | None
    method: Number
    controls: Mapping[str, Number]


@_part
class Machine:
    """What numbers were made with. processor: its kind, see `machine.processor`; None where not known."""

    python: str
    platform: str
    processor: str | None
    devices: tuple[str, ...]
    packages: Mapping[str, str | None]


@_part
class Findings:
    """All numbers of one run. command: makes them again. g_c: of each network that of the entry's images."""

    command: str
    machine: Machine
    g_c: Mapping[str, tuple[float | None, ...]]
    metrics: Mapping[str, Found]


@_part
class Subject:
    """The method. choice: what it is asked for by: its name, a file's function or a folder of maps.

    version, settings: see `Method`; a method from a file has a digest of that as its version.
    """

    name: str
    choice: str
    version: int | str
    settings: Mapping[str, Any]
    control: bool
    authors: str
    link: Link


@_part
class Data:
    """The dataset: its fingerprint, the seed of the drawn pictures, the packages that built it."""

    fingerprint: str
    draw_seed: int
    versions: Mapping[str, str | None]


@_part
class Entry:
    """A file of the leaderboard.

    networks: their digests by name. images: ids of those whose g_c is recorded. reported: the numbers of who
    submits the method; measured: those of the leaderboard itself, computed anew.
    """

    method: Subject
    dataset: Data
    networks: Mapping[str, str]
    images: tuple[str, ...]
    reported: Findings | None
    measured: Findings | None
    format: int = FORMAT

    @property
    def findings(self) -> dict[str, Findings]:
        """Those that are there, by what they are: "measured" first."""
        found = {"measured": self.measured, "reported": self.reported}
        return {kind: each for kind, each in found.items() if each is not None}

    def write(self, path: str | Path) -> Path:
        """Write it as JSON."""
        write_json(path, _adapter().dump_python(self, mode="json"))
        return Path(path)


@cache
def _adapter() -> TypeAdapter:
    return TypeAdapter(Entry)


def entry_schema() -> dict[str, Any]:
    """The JSON schema of an entry's file."""
    return _adapter().json_schema(mode="serialization")


def read_entry(path: str | Path) -> Entry:
    """The entry in a file. Raises `BamError` for a file that holds none, or one of another format."""
    if not Path(path).is_file():
        raise BamError(f"there is no entry {path}: `bam leaderboard --make METHOD` makes one")
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text)
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise BamError(f"{path} is of format {found}, this version reads {FORMAT}: make the entry again")
        return _adapter().validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BamError(f"{path} is no entry: {place}: {first['msg']}: make the entry again") from None
    except ValueError as error:
        if isinstance(error, BamError):
            raise
        raise BamError(f"{path} is no JSON ({error}): make the entry again") from None


NO_ENTRIES = ("entry.schema.json",)


def read_entries(folder: str | Path) -> dict[Path, Entry]:
    """All entries in a folder, by file, sorted by name. Raises `BamError` if there is none."""
    paths = sorted(Path(folder).glob("*.json"))
    paths = [path for path in paths if not is_hidden(path.name) and path.name not in NO_ENTRIES]
    if not paths:
        raise BamError(f"there is no entry in {folder}: give as `entries` the folder of the leaderboard")
    return {path: read_entry(path) for path in paths}
