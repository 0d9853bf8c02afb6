"""What stands of a publication in lists of sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Publication:
    """One entry.

    authors: as BibTeX takes them, joined by " and ". venue: the conference or journal; none: a preprint.
    arxiv: its number there.
    """

    title: str
    authors: str
    year: int | None
    venue: str = ""
    arxiv: str = ""
    kind: str = "inproceedings"
