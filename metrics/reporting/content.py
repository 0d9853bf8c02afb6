"""What a report is made of, from the files of a folder of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bam.base.errors import BamError
from bam.base.files import is_hidden
from bam.metrics.metric import METRICS
from bam.metrics.results.score import Score, read_score
from bam.models.stored import read_description


@dataclass(frozen=True)
class Picture:
    """A picture with its caption; `description` says in words what is to be seen.

    svg: a chart; or png: base64 of an image, of width x height pixels as shown.
    """

    caption: str
    description: str
    svg: str = ""
    png: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Part:
    """Something below a heading: a table, a picture, a grid of pictures, a heading, a paragraph, or code."""

    kind: Literal["table", "picture", "grid", "folded", "heading", "text", "code"]
    value: Any


@dataclass(frozen=True)
class Folded:
    """Pictures that are shown when they are asked for."""

    summary: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading. anchor: its id, by which it is linked to."""

    anchor: str
    heading: str
    text: Sequence[str] = ()
    parts: Sequence[Part] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """All of it, in order."""

    title: str
    overview: str
    sections: Sequence[Section]
    footer: str


@dataclass(frozen=True)
class Results:
    """What lies in a folder of results, and the networks behind it.

    scores: in the order of `METRICS`, then by name. networks: the content of model.json of those that are in
    `models` with the digests that the scores name. unread: files that hold no score of this version, and why.
    """

    folder: Path
    scores: Sequence[Score]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def score(self, metric: str) -> Score | None:
        """The score by a metric, if it is there."""
        return next((score for score in self.scores if score.metric == metric), None)


NO_SCORES = ("benchmark.json", "judgement.json")


def read_results(folder: str | Path, models: str | Path) -> Results:
    """What is in a folder of results. Raises `BamError` if no score is."""
    folder = Path(folder)
    scores, unread = [], {}
    for path in sorted(folder.glob("*.json")):
        if is_hidden(path.name) or path.name in NO_SCORES:
            continue
        try:
            scores.append(read_score(path))
        except BamError as error:
            unread[path.name] = str(error)
    if not scores:
        why = f": {next(iter(unread.values()))}" if unread else ""
        raise BamError(f"there is no score in {folder}{why}; `bam metrics` or `bam benchmark` makes some")
    order = list(METRICS)
    scores.sort(key=lambda score: order.index(score.metric) if score.metric in order else len(order))
    return Results(folder, scores, _networks(scores, Path(models)), unread)


def _networks(scores: Sequence[Score], models: Path) -> dict[str, Mapping[str, Any]]:
    wanted = {
        name: network.digest for score in scores for name, network in score.configuration.models.items()
    }
    found = {}
    for name, digest in wanted.items():
        if (models / name / "model.json").exists():
            description = read_description(models / name)
            if description["digest"] == digest:
                found[name] = description
    return found
