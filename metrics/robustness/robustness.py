"""Robustness: how much of a map stays under another seed, another setting, a change that nobody would see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.settings import setting, settings
from bam.metrics.evaluation.answers import doubts
from bam.metrics.evaluation.images import described, left_out_note
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.regions import CONSTANT
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Beside, Measured, metric
from bam.metrics.results.schema import Column
from bam.metrics.robustness.changes import SMALL as CHANGES
from bam.metrics.robustness.comparing import Comparing
from bam.metrics.robustness.other_settings import SETTING, SIZES
from bam.metrics.robustness.rows import CHANGED, MEASURES, OfMethod, count_of, left_out, mean_of

VERSION = 2
MODEL = "object"
# What a change is of, by how the kinds of changes begin, and the headings of the table.
SMALL, SEED, RELOCATED = "small", "seed", "relocated"
HEADINGS = {
    SMALL: "",
    SEED: "other seed, ",
    SETTING: "other setting, ",
    SIZES: "other patch size, ",
    RELOCATED: "relocated, ",
}
TITLES = {"ssim": "SSIM", "hog": "HOG", "spearman": "Spearman"}
# Why a method has no number of a kind.
LACKING = {SEED: "draws nothing", SETTING: "has no other"}


@settings
class Robustness:
    """Settings of robustness."""

    other_seeds: int = setting(2, "other seeds with which maps are compared", ge=1)
    other_settings: tuple[str, ...] = setting(
        (),
        "METHOD(NAME=VALUE), other settings with which a method's maps are compared; may be given several "
        "times (by default those of docs/metrics.md)",
    )


def _comparing(run: Run, settings: Robustness) -> Comparing:
    return Comparing(run, run.explained(MODEL), settings.other_seeds, settings.other_settings)


def _planned(run: Run, settings: Robustness) -> list[Planned]:
    comparing = _comparing(run, settings)
    return [
        Planned(comparing.images, comparing.classifier, files) for files in comparing.files_by_kind().values()
    ]


@metric(
    title="robustness",
    direction="up",
    version=VERSION,
    question="Does a map stay as it is when the image changes by what nobody would see?",
    source="Agarwal & Nguyen 2020 (SSIM, HOG, Spearman)",
    cite=("agarwal2020explaining",),
    images="any",
    needs_dataset=False,
    random_is_worst=False,
    ranked=False,
    always=("centre",),
    settings=Robustness,
    planned=_planned,
)
def robustness(run: Run, settings: Robustness) -> Measured:
    """Similarity of two maps of one image, of the class that the network predicts.

    Under another seed: the same image. Under another setting: the same image and seed. Under small changes,
    and with the object elsewhere: with fresh draws, as whoever asked again would have them. Holes are filled
    from the same in all of them, since fills depend on an image's id and the run's seed alone.

    Below the table:
        The mean Spearman correlation of an image's map with those of five copies: noise (sd 2), 3% brighter
        and darker, JPEG of quality 90, shifted by 2 pixels, with the map shifted back; beside it `SSIM` and
        Pearson's correlation of `HOG`. `other seed`, `other setting`: the same image again; `draws nothing`,
        `has no other` where there is nothing to compare. `other patch size`: far from the row's own, where
        `other setting` is the next size below and above. `relocated`: the object elsewhere, compared within
        the object's box: there a map that does not move with the object is wrong.

        Robustness is not ranked: a map that says nothing of the network is perfectly robust, as `centre` and
        `edges` show. Read it beside MCS and localisation. Similarities of maps without differences are
        undefined, counted (`undefined`) and left out, as are copies in which the network sees another class
        (`changed class`).
    """
    comparing = _comparing(run, settings)
    images, classifier = comparing.images, comparing.classifier
    count = len(images.ids[: run.settings.limit])
    rows = comparing.rows()
    groups = {method: _grouped(of_method) for method, of_method in rows.items()}
    beside = _beside(groups) | _each(rows)
    small = {method: list(of[SMALL].values()) for method, of in groups.items()}
    pairs = {method: list(of_method.values()) for method, of_method in rows.items()}
    kinds = [kind for kind in HEADINGS if any(kind in of for of in groups.values()) or kind in LACKING]
    return Measured(
        {classifier.name: classifier},
        {method: mean_of(lines, "spearman") for method, lines in small.items()},
        images.sources[:count],
        {method: left_out(lines) for method, lines in small.items()},
        {method: sum(row.seconds for lines in of for row in lines) for method, of in pairs.items()},
        beside=beside,
        counts={
            CHANGED: {method: count_of(lines, CHANGED) for method, lines in small.items()},
            "undefined": {method: count_of(lines, CONSTANT) for method, lines in pairs.items()},
            **_lacking(groups),
        },
        columns=[
            Column(f"{HEADINGS[kind]}{TITLES[measure]}", f"{kind}_{measure}")
            for kind in kinds
            for measure in (MEASURES if kind != SMALL else MEASURES[:2])
        ]
        + [Column("changed class", CHANGED), Column("undefined", "undefined")],
        notes=[
            f"The network {classifier.name}, {count} images of {images.name}. Other seeds: "
            f"{settings.other_seeds}.",
            *_settings_note(comparing),
            *left_out_note(images.left_out),
        ],
        problems=doubts(classifier, images),
        oracle=False,
        ids=images.ids[:count],
        images=described(images, count),
        details={"other_settings": _of_settings(rows, comparing.others)},
    )


def _grouped(rows: OfMethod) -> dict[str, dict[str, Sequence[Any]]]:
    """Rows by what they are a change of, then by the change."""
    groups: dict[str, dict[str, Sequence[Any]]] = {}
    for kind, lines in rows.items():
        begin, _, rest = kind.partition(" ")
        groups.setdefault(begin if begin in HEADINGS else SMALL, {})[rest or kind] = lines
    return groups


def _beside(groups: Mapping[str, Mapping[str, Mapping[str, Sequence[Any]]]]) -> dict[str, Beside]:
    """The mean over the changes of each group; a method that has none of them is not there."""
    return {
        f"{kind}_{measure}": Beside(
            {method: mean_of(list(of[kind].values()), measure) for method, of in groups.items() if kind in of}
        )
        for kind in HEADINGS
        for measure in MEASURES
        if (kind, measure) != (SMALL, "spearman")
    }


def _each(rows: Mapping[str, OfMethod]) -> dict[str, Beside]:
    """Of each small change alone."""
    return {
        f"{change}_{measure}": Beside(
            {method: mean_of([of_method[change]], measure) for method, of_method in rows.items()}
        )
        for change in CHANGES
        for measure in MEASURES
    }


def _lacking(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """What cells say of methods that have nothing to be compared with."""
    return {
        f"{kind}_{measure}": {method: text for method, of in groups.items() if kind not in of}
        for kind, text in LACKING.items()
        for measure in MEASURES
    }


def _settings_note(comparing: Comparing) -> list[str]:
    """A sentence on what other settings are compared with: the method's own."""
    found = []
    for name, others in comparing.others.items():
        explainer, texts = comparing.explainers[name], [kind.partition(" ")[2] for kind in others]
        changed = {
            key: value
            for other in others.values()
            for key, value in explainer.settings.items()
            if other.settings[key] != value
        }
        own = ", ".join(f"{key}={value}" for key, value in changed.items())
        found += [f"{name} with {own} beside {' or '.join(texts)}"] if texts else []
    return [f"Other settings: {'; '.join(found)}."] if found else []


def _of_settings(
    rows: Mapping[str, OfMethod], others: Mapping[str, Mapping[str, Explainer]]
) -> dict[str, Any]:
    """The mean similarities of each other setting, by method; None where none is defined."""

    def mean(lines: Sequence[Any], measure: str) -> float | None:
        values = mean_of([lines], measure)
        return None if np.isnan(values).all() else float(np.nanmean(values))

    return {
        method: {
            kind.partition(" ")[2]: {measure: mean(rows[method][kind], measure) for measure in MEASURES}
            for kind in of_method
        }
        for method, of_method in others.items()
        if of_method
    }
