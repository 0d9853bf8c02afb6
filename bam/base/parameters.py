"""The settings of a registered class or function: its parameters that have defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
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


def check_settings(name: str, settings: Iterable[str], known: Collection[str]) -> None:
    """Raise `BamError` for the first setting that `name` does not have."""
    for setting in settings:
        if setting not in known:
            has = ", ".join(f"`{other}`" for other in known) or "none"
            raise BamError(f"{name} has no setting `{setting}`: it has {has}")
