"""Writing files so that a reader, or a later run, never takes half a file for a whole one."""

from __future__ import annotations

import fcntl
import heapq
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bam.base.errors import BamError, nearest


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error.

    Folders on the way are made. Whatever goes wrong, `path` holds its old content or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial.{os.getpid()}.{path.name}")  # keeps the suffix
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise BamError(f"{path} cannot be written ({error.strerror or error}): is the disk full?") from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: str | os.PathLike) -> Iterator[None]:
    """Hold the lock file `path`. Raises `BamError` if another process does: two would write the same."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have removed it since it was opened: then this is no lock any more.
            held = _is_at(file.fileno(), path)
        except BlockingIOError:
            held = False
        if not held:
            raise BamError(f"another run is writing to {path.parent}: wait for it to end")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one of this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write `value` as JSON; NaN and infinities are refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike) -> Any:
    """The value in a JSON file. Raises `BamError` if it holds none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        folder = Path(path).parent
        raise BamError(f"{path} is damaged ({error}): remove {folder} and make it again") from None


def write_array(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write `array` as .npy, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array, allow_pickle=False)


def made_once(path: str | os.PathLike, make: Callable[[], Any]) -> Any:
    """The JSON value at `path`; made by `make`, and written there, if it is not there yet."""
    if not Path(path).exists():
        write_json(path, make())
    return read_json(path)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is no content, such as .ipynb_checkpoints, ._a.png, __MACOSX."""
    return name.startswith(".") or name in ("__MACOSX", "@eaDir", "$RECYCLE.BIN")


def files_below(folder: str | os.PathLike, unreadable: Callable[[str], None] | None = None) -> list[str]:
    """All that is no folder in `folder` and below, as sorted relative paths; nothing that is hidden.

    Linked folders are looked into, but each folder once, by its own path rather than by a link, since links
    may lead in circles. Links that lead nowhere are among the files. unreadable: is called with the path of
    each folder that cannot be looked into; without it that raises `OSError`.
    """
    found, seen = [], set()
    waiting = [(False, "")]  # whether it is a link: those come last
    while waiting:
        _, below = heapq.heappop(waiting)
        try:
            status = os.stat(os.path.join(folder, below))
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(os.path.join(folder, below)) as entries:
                shown = [entry for entry in entries if not is_hidden(entry.name)]
        except OSError:
            if unreadable is None:
                raise
            unreadable(below)
            continue
        for entry in shown:
            path = os.path.join(below, entry.name)
            # A link in a circle of links is none, which `entry.is_dir` would raise.
            if os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir():
                heapq.heappush(waiting, (entry.is_symlink(), path))
            else:
                found.append(Path(path).as_posix())
    return sorted(found)


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Remove the temporary files that killed runs left anywhere in `folder`."""
    for path in list(Path(folder).rglob(".partial.*")):
        path.unlink()


def near_path(path: str | os.PathLike, fits: Callable[[Path], bool]) -> str:
    """A question with the path that may be meant by one that is not there, and a space; "" if none is near.

    fits: whether a path can be meant.
    """
    path = Path(path)
    if not path.parts:
        return ""
    found = Path(path.anchor)
    for part in path.parts[bool(path.anchor) :]:
        if not (found / part).exists():
            there = (each.name for each in found.iterdir()) if found.is_dir() else ()
            part = nearest(part, sorted(name for name in there if not name.startswith(".")))
            if part is None:
                return ""
        found = found / part
    return f"did you mean {str(found)!r}? " if fits(found) else ""
