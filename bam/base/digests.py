"""Digests: what tells files, arrays and settings apart."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np


def digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's shape and content."""
    known = hashlib.sha256(repr(array.shape).encode())
    known.update(np.ascontiguousarray(array))
    return known.hexdigest()


def key_digest(key: Any) -> str:
    """SHA-256 of what results depend on, plain values in lists and dictionaries: for the names of files."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
