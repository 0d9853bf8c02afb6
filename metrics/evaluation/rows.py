"""The rows behind every score: one number per image, view, model and method, appended as they come."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

from bam.base.errors import BamError


@dataclass(frozen=True)
class Row:
    """What one map said about one image.

    status: see `positive_map`, or "empty_mask" where the object vanishes at the input size.
    g_c, g_random: mean attribution of the object's region and of as many random pixels; NaN if unknown.
    signed, raw, total: of the map as it is, see `signed_attribution`; NaN if unknown.
    seconds: time for the map, its share of the batch, as if no other method were asked for.
    """

    image_id: str
    view: str
    model: str
    method: str
    target: int
    predicted: int
    status: str
    g_c: float
    g_random: float
    signed: float
    raw: float
    total: float
    seconds: float

    @property
    def correct(self) -> bool:
        """Whether the model recognised the image."""
        return self.target == self.predicted


Line = TypeVar("Line")


class RowFile(Generic[Line]):
    """A CSV file of rows that grows; whatever a killed run left of a line is dropped when it is opened.

    path: None for rows that are not kept. kind: the dataclass of its lines, of fields str, int and float;
    `keys` are those that tell them apart. `rows` holds the lines by their key, a tuple if `keys` are several.
    """

    def __init__(self, path: Path | None, kind: type[Line] = Row, keys: Sequence[str] = ("image_id",)):
        self.path, self.kind, self._key = path, kind, attrgetter(*keys)
        self._header = [field.name for field in fields(kind)]
        self._types = [{"str": str, "int": int, "float": float}[field.type] for field in fields(kind)]
        self.rows: dict[Any, Line] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._read()
            # It is in use, see `evaluation.kept`. Where another user's files are, rows can still be read.
            with suppress(PermissionError):
                os.utime(path)
        else:
            self._write([self._header])

    def _read(self) -> None:
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(self.path, len(whole))
        try:
            lines = list(csv.reader(io.StringIO(whole.decode())))
            if lines and lines[0] != self._header:
                raise ValueError("other columns")
            rows = [
                self.kind(*(of(v) for of, v in zip(self._types, line, strict=True))) for line in lines[1:]
            ]
        except ValueError as error:
            raise BamError(f"{self.path} is damaged or of another version ({error}): remove it") from None
        self.rows = {self._key(row): row for row in rows}
        if not lines:
            self._write([self._header])

    def append(self, rows: Iterable[Line]) -> None:
        """Add rows, on disk when this returns."""
        rows = list(rows)
        self._write([astuple(row) for row in rows])
        self.rows |= {self._key(row): row for row in rows}

    def _write(self, lines: list) -> None:
        if self.path is None:
            return
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
            file.flush()
            os.fsync(file.fileno())


def seconds_of(path: Path) -> dict[str, float]:
    """The `seconds` of the images that a file has rows of, by image; nothing where there is no file.

    The file stays as it is, torn lines and time of use included: this is for those who only ask.
    """
    if not path.exists():
        return {}
    text = path.read_bytes()
    lines = csv.DictReader(io.StringIO(text[: text.rfind(b"\n") + 1].decode(errors="replace")))
    try:
        return {line["image_id"]: float(line["seconds"]) for line in lines}
    except (KeyError, TypeError, ValueError):
        raise BamError(f"{path} is damaged or of another version: remove it") from None
