"""Which methods are asked for, with which settings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bam.attributions.custom import custom_method, is_custom
from bam.attributions.libraries import is_of_library, library_method
from bam.attributions.registry import GROUPS, METHODS, Explainer, Method
from bam.base.errors import BamError, unknown
from bam.base.texts import split_outside_brackets

ALWAYS = ("random", "edges")

# What stands for a method: a name, a file's function or a folder (see `custom_method`), a function, itself.
Choice = str | Callable[..., np.ndarray] | Method | Explainer


def choose(
    methods: str | Sequence[Choice],
    common: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    always: Sequence[str] = ALWAYS,
) -> list[Explainer]:
    """The methods asked for, each once, and `always`: the controls that no table is without.

    methods: a list, or a text with commas between its entries. An entry is a registered name, "all" for
    the usual ones of those, "everything" for every one, a function, or what `custom_method` or
    `library_method` takes; settings may follow in brackets, as in "smoothgrad(noise=.1, samples=20)". common:
    settings for all methods that have them; overrides: "METHOD.PARAMETER=VALUE" for every entry of one
    method. What is nearest to the entry wins. Values are Python literals or words. Raises `BamError` for
    unknown names and settings.

    >>> [explainer.name for explainer in choose("smoothgrad(samples=20), constant", {"samples": 9})]
    ['smoothgrad(samples=20)', 'constant', 'random', 'edges']
    """
    entries = split_outside_brackets(methods) if isinstance(methods, str) else methods
    changes = _by_method(overrides)
    chosen: dict[str, Explainer] = {}
    for entry in entries:
        for method, settings in named(entry):
            shared = {key: value for key, value in (common or {}).items() if method.takes(key)}
            explainer = method.with_settings(**{**shared, **changes.get(method.name, {}), **settings})
            known = chosen.setdefault(explainer.name, explainer)
            if known.method != method:
                raise BamError(f"two methods are called {explainer.name}: rename one")
    if not chosen:
        raise BamError("`methods` names no attribution method")
    asked = sorted({explainer.method.name for explainer in chosen.values()})
    for name in changes:
        if name in METHODS and name not in asked:
            raise BamError(f"`set` names {name}, which is none of the methods asked for: {', '.join(asked)}")
        if name not in asked:
            raise unknown("method", name, asked)
    for key in common or {}:
        if not any(explainer.method.takes(key) for explainer in chosen.values()):
            raise BamError(f"none of the methods has the setting `{key}`")
    added = {name: METHODS[name].with_settings() for name in always}
    return list({**chosen, **added}.values())


def built_in(name: str) -> Method | None:
    """The method of BAM's that an explainer of this name is of, as `smoothgrad(samples=20)`; None for others.

    >>> built_in("smoothgrad(samples=20)").name, built_in("mine")
    ('smoothgrad', None)
    """
    return METHODS.get(name.partition("(")[0])


def named(entry: Choice) -> Iterator[tuple[Method, dict[str, Any]]]:
    """The methods that an entry stands for, see `choose`, with the settings in it."""
    if isinstance(entry, Explainer):
        yield entry.method, dict(entry.settings)
        return
    if isinstance(entry, Method) or callable(entry):
        yield entry if isinstance(entry, Method) else custom_method(entry), {}
        return
    if not isinstance(entry, str):
        raise BamError(f"`methods` takes names, functions and methods, not {entry!r}")
    if entry.count("(") != entry.count(")"):
        raise BamError(f"{entry}: a bracket is not closed, or not opened")
    name, settings = _parsed(entry)
    if is_of_library(name):
        yield library_method(name), settings
    elif is_custom(name):
        yield custom_method(name), settings
    elif name in GROUPS:
        if settings:
            raise BamError(
                f"{entry}: settings are for one method, and not for {name}: name each with its own"
            )
        yield from ((method, {}) for method in METHODS.values() if name == "everything" or method.usual)
    elif name in METHODS:
        yield METHODS[name], settings
    else:
        own = (path.name for path in Path().iterdir() if path.is_dir() or path.suffix == ".py")
        raise unknown("attribution method", name, METHODS, [each for each in own if each[0] != "."])


def _parsed(entry: str) -> tuple[str, dict[str, Any]]:
    """The name in an entry, and the settings in brackets behind it."""
    entry = entry.strip()
    if not entry.endswith(")"):
        return entry, {}
    depth = 0
    for place in range(len(entry) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(entry[place], 0)
        if not depth:
            break
    else:
        return entry, {}
    name, text = entry[:place], entry[place + 1 : -1]
    if is_of_library(name) and text.strip().isidentifier():  # a method that is given another one
        return entry, {}
    settings = {}
    for part in split_outside_brackets(text):
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            raise BamError(f"{entry}: settings are NAME=VALUE, not {part!r}")
        settings[key.strip()] = _value(value)
    return name, settings


def _by_method(overrides: Sequence[str]) -> dict[str, dict[str, Any]]:
    changes: dict[str, dict[str, Any]] = {}
    for text in overrides:
        place, equals, value = text.partition("=")
        name, dot, key = place.strip().rpartition(".")
        if not equals or not dot or not key.isidentifier():
            raise BamError(f"`set` takes METHOD.PARAMETER=VALUE, not {text!r}")
        changes.setdefault(name, {})[key] = _value(value)
    return changes


def _value(text: str) -> Any:
    """A Python literal, or else the text itself."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()
