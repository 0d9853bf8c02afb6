"""Settings as frozen dataclasses: checked when they are made, recorded whole, and described for the commands.

    @settings
    class Mine:
        radius: float = setting(2.0, "of the blur, in pixels", ge=0)

From there pydantic reads type, default, bounds and description, and nothing writes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from bam.base.errors import BamError, unknown

Kind = TypeVar("Kind")


def setting(default: Any, description: str, **bounds: Any) -> Any:
    """A field's default, its description, and its bounds as `pydantic.Field` has them."""
    return Field(default=default, description=description, **bounds)


def settings(kind: type[Kind]) -> type[Kind]:
    """Make a class a frozen dataclass whose values are checked; numbers are finite."""
    return checked_dataclass(frozen=True, config={"allow_inf_nan": False})(kind)


def one_of(kind: str, known: Iterable[str]) -> AfterValidator:
    """That a text is one of `known` names of some `kind`; an error names the nearest."""

    def check(name: str | None) -> str | None:
        if name is not None and name not in known:
            raise unknown(kind, name, known)
        return name

    return AfterValidator(check)


def _named(path: str) -> str:
    if not str(path):
        raise ValueError("must name a folder")
    return path


Folder = Annotated[str, AfterValidator(_named)]


@dataclass(frozen=True)
class NoSettings:
    """Of what has none."""


@dataclass(frozen=True)
class Parameter:
    """One field of a settings dataclass, as a command shows it.

    kind: "boolean", "array", "integer", "number" or "string". choices: all values there are, if they are few.
    """

    name: str
    description: str
    default: Any
    kind: str
    choices: tuple[str, ...] = ()


@cache
def _adapter(kind: type) -> TypeAdapter:
    return TypeAdapter(kind)


def checked(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """Settings of this kind with these values, the others as they are by default.

    Texts are read as what a field holds ("3" as 3). Raises `BamError` for a value that a field cannot have,
    with the field's name in backticks, and for a name that no field has.
    """
    names = [field.name for field in fields(kind)]
    for name in values:
        if name not in names:
            raise unknown("setting", name, names)
    try:
        return _adapter(kind).validate_python(dict(values))
    except ValidationError as error:
        raise BamError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    reason = first.get("ctx", {}).get("error")
    if isinstance(reason, BamError):
        return f"`{first['loc'][0]}`: {reason}"
    what = first["msg"].removeprefix("Value error, ").replace("Input should", "must")
    what = what.partition(", unable to parse")[0]
    return f"`{first['loc'][0]}` {what}, not {first['input']!r}"


@cache
def parameters(kind: type) -> tuple[Parameter, ...]:
    """The fields of a settings dataclass, described."""
    described = []
    for name, known in _adapter(kind).json_schema().get("properties", {}).items():
        kinds = [option.get("type", "null") for option in [known, *known.get("anyOf", ())]]
        kind_of = next((each for each in kinds if each != "null"), None)
        if kind_of is None or "default" not in known:
            raise BamError(f"{kind.__name__}.{name} must have a default, and be a number, a text or a list")
        choices = tuple(known.get("enum", ()))
        described.append(Parameter(name, known.get("description", ""), known["default"], kind_of, choices))
    return tuple(described)
