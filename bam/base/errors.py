"""The one exception that commands turn into one line and exit code 1."""

from collections.abc import Iterable


class BamError(ValueError):
    """Something the user can mend; the message is one sentence: what is wrong, what to do.

    Parameters stand in it as `name`; the commands make the flag of it.
    """


def unknown(kind: str, name: str, known: Iterable[str], further: Iterable[str] = ()) -> BamError:
    """The error for a name that is not among the `known` ones of its `kind`, with the nearest one.

    further: what else may be meant, without being listed.
    """
    known = list(known)
    hint = did_you_mean(name, [*known, *further])
    return BamError(f"unknown {kind} {name!r}: {hint}known are {', '.join(known) or 'none'}")


def lacking(place: str, kind: str, name: str, known: Iterable[str]) -> BamError:
    """The error for a name that is not among the `known` ones of a place that has too many to list.

    >>> print(lacking("the folder photos", "image", "dgo.png", ["cat.png", "dog.png"]))
    the folder photos has no image 'dgo.png': did you mean 'dog.png'? 2 are there, such as 'cat.png'
    """
    known = list(known)
    there = f"{len(known)} are there, such as {known[0]!r}" if known else "there are none"
    return BamError(f"{place} has no {kind} {name!r}: {did_you_mean(name, known)}{there}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question with the nearest of the `known` names, whatever the case, and a space; "" if none is near.

    >>> did_you_mean("Grad-CAM", ["random", "grad_cam"])
    "did you mean 'grad_cam'? "
    """
    near = nearest(name, known)
    return "" if near is None else f"did you mean {near!r}? "


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The nearest of the `known` names, whatever the case; None if none is near."""
    import difflib

    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None


def one_line(error: BaseException) -> str:
    """The type and the text of someone else's error, in one line.

    >>> one_line(ValueError("no such\\n  thing"))
    'ValueError: no such thing'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def first_line(error: BaseException) -> str:
    """What someone else's error says first, at most 200 characters; its type if it says nothing.

    >>> first_line(ValueError("no such thing.\\nLook elsewhere.")), first_line(ValueError())
    ('no such thing', 'ValueError')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:200]
