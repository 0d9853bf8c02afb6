"""Files whose content is checked once, and again only when they were written since."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bam.base.errors import BamError
from bam.base.files import write_json

RECORD = ".checked.json"


def changed_files(
    folder: str | os.PathLike, digests: Mapping[str, str], digest_of: Callable[[str], str]
) -> list[str]:
    """Those of the files in `folder` that do not have their digest.

    What has it is noted in `folder/.checked.json`, with the file's size and times, and not read again while
    these stay. Where that cannot be written, as in a folder that is read-only, files are read each time.
    digest_of: of a file by its name.
    """
    path = Path(folder) / RECORD
    known, sound, changed = _read(path), {}, []
    for name, digest in digests.items():
        # Before it is read: what is written meanwhile is then noticed the next time.
        state = {"digest": digest, **_state(Path(folder) / name)}
        if known.get(name) == state or digest_of(name) == digest:
            sound[name] = state
        else:
            changed.append(name)
    if sound != known:
        # Nothing depends on it; other processes write the same.
        with suppress(BamError, OSError):
            write_json(path, sound)
    return changed


def _state(path: Path) -> dict[str, int]:
    """With the time of the inode's last change, since programs that copy set that of the content back."""
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "ctime_ns": status.st_ctime_ns}


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        if isinstance(known := json.loads(path.read_text(encoding="utf-8")), dict):
            return known
    return {}
