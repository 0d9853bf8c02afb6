"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """The lines of a table; what cells may be, `cell` says."""
    return "\n".join([_line(head), "|---" * len(head) + "|", *(_line(map(cell, line)) for line in lines)])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def look_up(entry: Any, key: str) -> Any:
    """What an entry holds under "a.b", the b of its a; None if nothing."""
    for part in key.split("."):
        entry = entry.get(part) if isinstance(entry, Mapping) else None
    return entry


def cell(value: Any) -> str:
    """A number, a text, a (low, high) pair, or a mapping, of which "value" is shown; "-" for None."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, (list, tuple)):
        return " ... ".join(map(cell, value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.3f}"
    return "-" if value is None else str(value)
