"""What runs keep in a folder of results (rows, patches, pictures), and removing what none uses any more.

A run touches each file of rows that it opens, so that a file's time of change is that of its last use. That
is the plainest record of it: it stands in no index that could be torn, or that two runs could write at
once, it goes when the file goes, and it cannot be lost beside it. Times of access would not do, since most
systems write them once a day, or never. A copy that keeps no times only makes files younger: they are then
kept for longer than they need be.
"""

from __future__ import annotations

import csv
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bam.base.errors import BamError
from bam.base.files import is_hidden, locked

# By a column that no other kind has; an own metric's files may have none of them.
KINDS = {
    "g_c": "rows",
    "points": "curves",
    "overlap": "fills",
    "recognised": "painted classes",
    "pointing": "localisation",
    "spearman": "robustness",
    "log_odds": "answers",
    "background_1": "regions",
    "absolute": "randomisation",
}
OF_METHODS = ("rows", "localisation", "robustness", "regions", "randomisation")
PATCHES, PICTURES, OTHERS = "patches", "painted pictures", "others"
PATCH_TABLE = "patches.csv"
DAY = 24 * 60 * 60
# The digest that all names end in that runs give; what has none is not theirs, and not removed.
_DIGEST = re.compile(r"-[0-9a-f]{12}(\.csv)?")
_PICTURE = re.compile(r"[0-9a-f]{64}\.png")  # see `models.inpainters.store`


@dataclass(frozen=True)
class Kept:
    """A file of rows, a folder of patches, or a painted picture.

    kind: one of `KINDS`, "patches", "painted pictures" or "others". of: the method, with the metric or the
    inpainter before it, or what is patched. files: what it consists of. lines: of the table, without its
    header. size: in bytes. used: when it was last used, in seconds since 1970. own: whether a run made it, so
    that it may be removed.
    """

    path: Path
    kind: str
    of: str
    files: tuple[Path, ...]
    lines: int
    size: int
    used: float
    own: bool


def kept(out: Path) -> list[Kept]:
    """All that runs keep in a folder of results, by path. Links are listed as others, and not followed.

    Raises `BamError` if there is no such folder, or if what is kept lies behind a link.
    """
    if not out.is_dir():
        raise BamError(f"there are no results in {out}: name by `out` the folder that `bam metrics` wrote to")
    return [
        *map(_of_rows, _inside(out / "rows")),
        *map(_of_patches, _inside(out / "patches")),
        *filter(None, map(_of_picture, _inside(out / "fills"))),
    ]


def remove_unused(out: Path, days: int) -> Iterator[Kept]:
    """Remove what no run has used for so many days, one after another, each given when it is gone.

    Raises `BamError` if a run is at work there: it holds the same lock.
    """
    if not any(_unused(each, days) for each in kept(out)):
        return
    with locked(out / "rows" / ".lock"):
        for each in kept(out):  # what was seen before could have been used since
            if not _unused(each, days):
                continue
            if each.kind == PATCHES:
                with locked(each.path / ".lock"):
                    each = _of_patches(each.path)  # a run could have used them until now
                    if not _unused(each, days):
                        continue
                    _remove_files(each)
                _remove_folders(each.path)
            else:
                _remove_files(each)
            yield each


def _unused(each: Kept, days: int) -> bool:
    return each.own and time.time() - each.used >= days * DAY


def _remove_files(each: Kept) -> None:
    for path in each.files:
        path.unlink(missing_ok=True)


def _remove_folders(folder: Path) -> None:
    """Those that are empty, of a folder and those below; what somebody else put there stays."""
    for below, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(below)


def _inside(folder: Path) -> list[Path]:
    if folder.is_symlink():
        raise BamError(
            f"{folder} is a link to {os.readlink(folder)}, and links are not followed: name by `out` a "
            "folder that holds the files itself"
        )
    return sorted(path for path in folder.glob("*") if not is_hidden(path.name))


def _of_rows(path: Path) -> Kept:
    status = path.lstat()
    if path.is_symlink() or not path.is_file():
        return Kept(path, OTHERS, "", (), 0, status.st_size, status.st_mtime, own=False)
    header, first, lines = _table(path)
    kind = next((kind for column, kind in KINDS.items() if column in header), OTHERS)
    own = _DIGEST.fullmatch(path.name[-17:]) is not None
    # The name of a row has a method's settings too, of which there can be several, that of a file has not.
    method = dict(zip(header, first, strict=False)).get("method", "").partition("(")[0]
    of = _what(kind, path.stem[:-13] if own else path.name, method)
    return Kept(path, kind, of, (path,), lines, status.st_size, status.st_mtime, own)


def _what(kind: str, name: str, method: str) -> str:
    """What a file is of, by its name without the digest, and the method where its rows say it."""
    method = method or name.rpartition("-")[2]
    if kind == "curves":
        metric = name.removesuffix(f"-{method}").rpartition("-")[2]
        return f"{metric}, {method}"
    if kind == "fills":
        return name.partition("-inpainting-")[2] or name
    return method if kind in OF_METHODS else name


def _table(path: Path) -> tuple[list[str], list[str], int]:
    """The header and the first row of a CSV file, empty where it has none, and how many rows it has."""
    with open(path, "rb") as file:
        head = [file.readline().decode(errors="replace") for _ in range(2)]
        file.seek(0)
        count = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    header, first = (next(csv.reader([line]), []) for line in head)
    return header, first, max(count - 1, 0)


def _state(path: Path) -> os.stat_result | None:
    """None if it is not there."""
    with suppress(FileNotFoundError):
        return path.lstat()
    return None


def _of_picture(path: Path) -> Kept | None:
    """None if another run has removed it meanwhile."""
    status = _state(path)
    if status is None:
        return None
    own = stat.S_ISREG(status.st_mode) and _PICTURE.fullmatch(path.name) is not None
    files, kind = ((path,), PICTURES) if own else ((), OTHERS)
    return Kept(path, kind, "", files, 0, status.st_size, status.st_mtime, own)


def _of_patches(folder: Path) -> Kept:
    status = folder.lstat()
    if folder.is_symlink() or not folder.is_dir():
        return Kept(folder, OTHERS, "", (), 0, status.st_size, status.st_mtime, own=False)
    files = [
        Path(below, name)
        for below, _, names in os.walk(folder)  # which does not look into links
        for name in names
        if name == PATCH_TABLE or name.endswith(".png")  # those that a killed run left half, too
    ]
    # A run that is at work renames some of them meanwhile.
    states = {path: state for path in sorted(files) if (state := _state(path))}
    files = [path for path, state in states.items() if not stat.S_ISLNK(state.st_mode)]
    table = folder / PATCH_TABLE
    used = [states[path].st_mtime for path in ([table] if table in files else files)]
    own = bool(files) and _DIGEST.fullmatch(folder.name[-13:]) is not None
    lines = _table(table)[2] if table in files else 0
    size = sum(states[path].st_size for path in files)
    of = folder.name[:-13] if own else folder.name
    return Kept(folder, PATCHES, of, tuple(files), lines, size, max(used, default=status.st_mtime), own)
