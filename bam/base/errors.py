"""The one exception that commands turn into one line and exit code 1."""

from collections.abc import Iterable


class BamError(ValueError):
    """Something the user can mend; the message is one sentence: what is wrong, what to do.

    Parameters stand in it as `name`; the commands make the flag of it.
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> BamError:
    """The error for a name that is not among the `known` ones of its `kind`, with the nearest one."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return BamError(f"unknown {kind} {name!r}: {hint}known are {', '.join(known) or 'none'}")
