"""Versions of installed packages."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """The version of each package; None if it is not installed."""
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def in_words(found: dict[str, str | None] | None) -> str:
    """The versions in one line: what a description holds, or, of earlier ones, does not."""
    if found is None:
        return "not recorded"
    return ", ".join(f"{name} {number or '(not installed)'}" for name, number in found.items())
