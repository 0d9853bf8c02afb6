"""What is to be cited: the publications that methods, metrics, inpainters and data are from, as BibTeX.

They name theirs by key where they are registered (`cite`).
"""

from __future__ import annotations

from collections.abc import Iterable

from bam.base.errors import unknown
from bam.base.publication import Publication
from bam.base.publications import PAPER, PUBLICATIONS, SOFTWARE

__all__ = ["PAPER", "PUBLICATIONS", "SOFTWARE", "bibtex"]


def bibtex(keys: Iterable[str]) -> str:
    """The entries of these keys, each once, in this order. Raises `BamError` for an unknown one.

    >>> print(bibtex(["smilkov2017smoothgrad"]).splitlines()[0])
    @misc{smilkov2017smoothgrad,
    """
    keys = list(dict.fromkeys(keys))
    for key in keys:
        if key not in PUBLICATIONS:
            raise unknown("publication", key, PUBLICATIONS)
    return "\n\n".join(_entry(key, PUBLICATIONS[key]) for key in keys)


def _entry(key: str, publication: Publication) -> str:
    """One entry under this key. Braces keep the title's capital letters."""
    published = "journal" if publication.kind == "article" else "booktitle"
    fields = {
        "title": f"{{{publication.title}}}",
        "author": publication.authors,
        published: publication.venue,
        "year": str(publication.year or ""),
        "eprint": publication.arxiv,
        "archivePrefix": publication.arxiv and "arXiv",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    kind = publication.kind if publication.venue or publication.kind == "software" else "misc"
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
