"""The settings of a registered class or function: its parameters that have defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from math import isfinite
from typing import Any

from bam.base.errors import BamError


def defaults(function: Callable, given: Collection[str] = ()) -> dict[str, Any]:
    """The settings of a function or of a class's constructor, as they are by default.

    given: parameters that are no settings, since whoever calls it knows what they must be.
    """
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in given and parameter.default is not inspect.Parameter.empty
    }


def is_plain(value: Any) -> bool:
    """Whether JSON can hold it: a finite number, a text, None, or lists of such."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    if isinstance(value, float):
        return isfinite(value)
    return value is None or isinstance(value, (bool, int, str))


def check_settings(name: str, settings: Iterable[str], known: Collection[str]) -> None:
    """Raise `BamError` for the first setting that `name` does not have."""
    for setting in settings:
        if setting not in known:
            has = ", ".join(f"`{other}`" for other in known) or "none"
            raise BamError(f"{name} has no setting `{setting}`: it has {has}")
