"""The last section of the report: how to make it again, and what to cite."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bam.attributions.choice import ALWAYS, built_in, choose
from bam.attributions.libraries import cited
from bam.base.citations import PAPER, SOFTWARE, bibtex
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.metric import METRICS
from bam.metrics.reporting.content import Part, Results, Section
from bam.metrics.reporting.tables import Cell, Table
from bam.metrics.results.score import Score
from bam.models.inpainters import INPAINTERS

LICENCES = (
    "BAM and the drawn sample: Apache-2.0. COCO's annotations: CC BY 4.0, its photographs: their owners' "
    "licences. MiniPlaces: for research, as its site says. `DATASET_CARD.md` in the dataset's folder says "
    "what it is made of."
)


def provenance_section(results: Results, why: str, data: str | Path, models: str | Path) -> Section:
    """Commands, settings, versions and digests, as the scores' files have them. why: what is lacking. data,
    models: where the dataset and the networks are."""
    text = [why] if why else []
    text += [f"Not read: {name} ({reason})." for name, reason in results.unread.items()]
    text.append(
        "Commands that compute the scores again, where the dataset and the networks are the same (`bam "
        "build`, `bam train`; `bam report` makes the report of what is there):"
    )
    # Without maps they may be of another dataset or other networks.
    given = {} if why else {"data": (data, "data/bam"), "models": (models, "runs/models")}
    given["out"] = (results.folder, "runs/results")
    places = [
        _flag(name, shlex.quote(str(place)))
        for name, (place, usual) in given.items()
        if Path(place) != Path(usual)
    ]
    parts = [
        Part("code", "\n".join(" ".join([command_of(score), *places]) for score in results.scores)),
        Part("table", _environment(results.scores)),
        Part("table", _digests(results.scores)),
        Part("text", LICENCES),
        Part("text", "To be cited: BAM, the paper, and the sources of the metrics and methods above."),
        Part("code", bibtex(_cited(results.scores))),
    ]
    return Section("again", "How to make it again, and what to cite", text, parts)


def command_of(score: Score) -> str:
    """The command that computes a score, with the settings that are not as by default, and the methods if
    they are not the usual ones; those of the user's own by their names."""
    metric, asked = METRICS.get(score.metric), score.configuration
    words = ["bam metrics", f"--metric {score.metric}"]
    kinds: list[tuple[Mapping[str, Any], type | None]] = [
        (asked.run, RunSettings),
        (asked.metric, metric.settings if metric else None),
    ]
    for values, kind in kinds:
        defaults = kind() if kind else None
        for name, value in values.items():
            if defaults is None or (
                hasattr(defaults, name) and _plain(getattr(defaults, name)) != _plain(value)
            ):
                words.append(_flag(name, value))
    usual = {explainer.name for explainer in choose("all")}
    # Without a control that is always there it is of no attribution methods, as tcav is.
    if {*score.lines, *score.unsuited} != usual and score.lines.keys() & set(ALWAYS):
        words.append(f'--methods "{",".join(name for name in score.lines if name not in ALWAYS)}"')
    return " ".join(words)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def _flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    shown = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else value
    return f"--{name} {shown}"


def _environment(scores: Sequence[Score]) -> Table:
    """What each score was made with; the same lines once."""
    known = [field.name for field in fields(scores[0].environment) if field.name != "packages"]
    lines: dict[str, list[Cell]] = {}
    for name in known:
        lines[name] = [Cell(_shown(getattr(score.environment, name))) for score in scores]
    for name in scores[0].environment.packages:
        lines[name] = [Cell(_shown(score.environment.packages.get(name))) for score in scores]
    lines["precision"] = [Cell(score.configuration.precision) for score in scores]
    lines["seed"] = [Cell(_shown(score.configuration.run.get("seed"))) for score in scores]
    if all(len({cell.text for cell in cells}) == 1 for cells in lines.values()):
        lines = {name: cells[:1] for name, cells in lines.items()}
        head = ["", "all scores"]
    else:
        head = ["", *(score.metric for score in scores)]
    return Table("What the scores were made with", head, list(lines.items()))


def _digests(scores: Sequence[Score]) -> Table:
    found: dict[str, str] = {}
    for score in scores:
        if score.configuration.dataset:
            found["dataset"] = score.configuration.dataset
        found |= {f"network {name}": network.digest for name, network in score.configuration.models.items()}
    return Table(
        "Digests (SHA-256)", ["", "digest"], [(name, [Cell(digest)]) for name, digest in found.items()]
    )


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


def _cited(scores: Sequence[Score]) -> list[str]:
    """The keys of what is to be cited, each once."""
    keys = [SOFTWARE, PAPER]
    for score in scores:
        keys += METRICS[score.metric].cite if score.metric in METRICS else ()
        inpainter = INPAINTERS.get(score.configuration.metric.get("inpainter", ""))
        keys += inpainter.cite if inpainter else ()
        for name in score.lines:
            method = built_in(name)
            keys += method.cite if method else cited(name)
    return list(dict.fromkeys(keys))
