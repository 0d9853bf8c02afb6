"""Randomisation: does a map change when the weights that it is to explain are drawn anew?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bam.base.settings import setting, settings
from bam.metrics.evaluation.answers import doubts
from bam.metrics.evaluation.images import described, left_out_note
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.regions import CONSTANT
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Beside, Curves, Measured, metric
from bam.metrics.randomisation.rows import MEASURES, OfDraws, left_out, mean_of
from bam.metrics.randomisation.stages import VERSION, Layers, Stages
from bam.metrics.results.schema import Column
from bam.metrics.statistics.moments import mean_over

MODEL = "object"
TITLES = {"ssim": "SSIM", "hog": "HOG", "correlation": "Spearman", "absolute": "Spearman of absolute values"}


@settings
class Randomisation:
    """Settings of randomisation."""

    weight_draws: int = setting(3, "draws of fresh weights", ge=1)
    cascade_stages: int = setting(
        5, "stages from the first layer, that of the logits, to all layers; 1: all layers alone", ge=1
    )
    independent: bool = setting(
        True, "also the last layer of each stage alone, all others as trained (nearly twice the work)"
    )


def _stages(run: Run, settings: Randomisation) -> tuple[Stages, list[Layers]]:
    """What makes the randomised networks, and all that are asked for."""
    stages = Stages(run, run.explained(MODEL), settings.cascade_stages, settings.weight_draws)
    return stages, [*stages.cascading, *(stages.independent if settings.independent else [])]


def _planned(run: Run, settings: Randomisation) -> list[Planned]:
    stages, asked = _stages(run, settings)
    return stages.planned(asked)


@metric(
    title="randomisation",
    direction="down",
    version=VERSION,
    question="Does a map change when the weights that it is to explain are drawn anew?",
    source="Adebayo et al. 2018, section 3; Agarwal & Nguyen 2020 (the similarities)",
    cite=("adebayo2018sanity", "agarwal2020explaining"),
    images="any",
    needs_dataset=False,
    random_is_worst=False,
    ranked=False,
    settings=Randomisation,
    planned=_planned,
)
def randomisation(run: Run, settings: Randomisation) -> Measured:
    """Similarity of a map to that of the same network with fresh weights, of the class that it predicted.

    Cascading: layers are randomised one after another from the logits down, each stage keeping what was drawn
    in the one before. Independent: a layer alone, all others as they were trained.

    Below the table:
        The mean Spearman correlation of an image's map with the one after all layers have fresh weights;
        beside it `SSIM`, Pearson's correlation of `HOG`, and Spearman's of the maps' absolute values
        (`absolute`). `1 of 13`: after that many layers, from the logits down. `independent`: the mean over
        layers randomised alone. What explains the weights must fall; about 0 is all that can be asked.

        Randomisation is not ranked: noise falls furthest, as `random` shows. A method that stays near 1, as
        `edges` does, draws the image, whatever the network has learned. Similarities of maps without
        differences are undefined, counted (`undefined`) and left out.
    """
    stages, asked = _stages(run, settings)
    rows = stages.rows(asked)
    images, classifier = stages.images, stages.classifier
    count, total = len(images.ids[: run.settings.limit]), len(stages.layers)
    last, pairs = rows[stages.cascading[-1]], _all_rows(rows)
    steps = {
        f"cascading_{place}": _means(rows[layers], "correlation")
        for place, layers in zip(stages.places[:-1], stages.cascading[:-1], strict=True)
    }
    alone = [_means(rows[layers], "correlation") for layers in stages.independent if settings.independent]
    independent = {"independent": _mean_over(alone)} if alone else {}
    beside = {measure: _means(last, measure) for measure in MEASURES if measure != "correlation"}
    return Measured(
        {classifier.name: classifier},
        _means(last, "correlation"),
        images.sources[:count],
        {method: left_out(draws) for method, draws in last.items()},
        {method: sum(row.seconds for row in lines) for method, lines in pairs.items()},
        beside={key: Beside(values) for key, values in (beside | steps | independent).items()},
        counts={
            "undefined": {
                method: sum(row.status == CONSTANT for row in lines) for method, lines in pairs.items()
            }
        },
        columns=[
            *(Column(TITLES.get(key, key) if key != "absolute" else key, key) for key in beside),
            *(Column(f"{place} of {total}", f"cascading_{place}") for place in stages.places[:-1]),
            *(Column(key, key) for key in independent),
            Column("undefined", "undefined"),
        ],
        curves=_curves(stages, rows, settings.independent),
        notes=[
            f"The network {classifier.name}, {count} images of {images.name}. Draws of fresh weights: "
            f"{settings.weight_draws}, each network's own. Layers, from the output on: {_listed(stages)}.",
            *left_out_note(images.left_out),
        ],
        problems=doubts(classifier, images),
        oracle=False,
        ids=images.ids[:count],
        images=described(images, count),
        details={"layers": list(stages.layers), "draws": _of_draws(last)},
    )


def _means(draws: Mapping[str, OfDraws], measure: str) -> dict[str, np.ndarray]:
    return {method: mean_of(lines, measure) for method, lines in draws.items()}


def _mean_over(stages: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """For each method the mean over stages, float (N,), of those where maps can be compared."""
    return {method: mean_over(np.array([each[method] for each in stages])) for method in stages[0]}


def _all_rows(rows: Mapping[Layers, Mapping[str, OfDraws]]) -> dict[str, list]:
    """By method, whatever the stage and the draw."""
    found: dict[str, list] = {}
    for of_stage in rows.values():
        for method, draws in of_stage.items():
            found.setdefault(method, []).extend(row for lines in draws for row in lines)
    return found


def _of_draws(draws: Mapping[str, OfDraws]) -> dict[str, list[float | None]]:
    """For each method the mean Spearman correlation of each draw, which says how much they differ."""
    found: dict[str, list[float | None]] = {}
    for method, each in draws.items():
        values = [[row.correlation for row in lines if not np.isnan(row.correlation)] for lines in each]
        found[method] = [float(np.mean(known)) if known else None for known in values]
    return found


def _listed(stages: Stages) -> str:
    """The layers at the places that were looked at."""
    return ", ".join(f"{place} {stages.layers[place - 1]}" for place in stages.places)


def _curves(stages: Stages, rows: Mapping[Layers, Mapping[str, OfDraws]], independent: bool) -> Curves:
    """Each similarity along the cascade, and for layers alone."""
    asked = {"cascading": stages.cascading} | ({"independent": stages.independent} if independent else {})
    curves = {
        f"{mode}_{measure}": {
            method: np.stack([mean_of(rows[layers][method], measure) for layers in of_mode], 1)
            for method in stages.explainers
        }
        for mode, of_mode in asked.items()
        for measure in MEASURES
    }
    panels = {f"{TITLES[measure]}, cascading": f"cascading_{measure}" for measure in MEASURES[:3]}
    panels |= {"Spearman, one layer alone": "independent_correlation"} if independent else {}
    return Curves(
        f"{stages.classifier.name}, maps after randomisation",
        "layers randomised, from the output on",
        [place / len(stages.layers) for place in stages.places],
        curves,
        panels,
    )
