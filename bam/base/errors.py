"""The one exception that commands turn into one line and exit code 1."""


class BamError(Exception):
    """Something the user can mend; the message is one sentence: what is wrong, what to do."""


def unknown(kind: str, name: str, known) -> BamError:
    """The error for a name that is not among the `known` ones of its `kind`, with the nearest one."""
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return BamError(f"unknown {kind} {name!r}: {hint}known are {', '.join(known)}")
