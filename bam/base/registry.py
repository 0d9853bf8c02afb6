"""Names in registries: those of BAM's own parts stay BAM's."""

from __future__ import annotations

from collections.abc import Callable

from bam.base.errors import BamError


def check_name(kind: str, name: str, definition: Callable, former: Callable | None) -> None:
    """Raise `BamError` if a definition from elsewhere takes the name of one of BAM's own.

    Its kept rows and patches would else be taken for those of the other. former: what the name stood for.
    """
    former = getattr(former, "func", former)  # of a partial
    own = (getattr(each, "__module__", None) or "" for each in (former, definition))
    if [module.startswith("bam.") for module in own] == [True, False]:
        raise BamError(f"{name} is the name of {kind} of BAM's: rename yours")
