"""TCAV (Kim et al. 2018, arXiv:1711.11279) of the dog concept, as appendix F of the paper measures it.

A network's score in a layer is the share of images in which the true class's logit rises along the
concept's CAV. Its MCS is the score of a network to which dogs matter more, less that of one to which they
matter less. No partial results are kept: run again, all is computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bam.base.settings import setting, settings
from bam.data_prep.classes import COMMONALITIES, COMMONALITY_OBJECT
from bam.metrics.concepts.series import Series
from bam.metrics.contrast.commonality import NAMES, Drop, drop_of, missing, networks
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Concluded, metric
from bam.metrics.results.schema import Column
from bam.metrics.stacking import each_training, told
from bam.metrics.statistics.comparison import Comparison
from bam.metrics.statistics.estimate import Estimate

if TYPE_CHECKING:
    from bam.metrics.concepts.sensitivity import Pool
    from bam.metrics.concepts.significance import Contrast
    from bam.models.classifier import Classifier

PAPER = 0.95  # Pearson's r of TCAV (Figure 13)
PAIR = ("object", "scene")  # f_o and f_s


@settings
class Concepts:
    """Settings of TCAV."""

    tcav_runs: int = setting(30, "random draws behind a TCAV score", ge=2)
    tcav_images: int = setting(100, "images of either kind behind a concept vector", ge=2)
    tcav_layers: tuple[str, ...] = setting((), "layers of TCAV (by default four stages and the logits)")


@metric(
    title="TCAV's MCS",
    direction="up",
    version=1,
    question="Do mean scores of the dog concept differ between networks that rely on dogs more and less?",
    source="Yang & Kim 2019, appendix F; Kim et al. 2018",
    cite=("yang2019bam", "kim2018tcav"),
    per_image=False,
    settings=Concepts,
)
def tcav(run: Run, settings: Concepts) -> Concluded:
    """TCAV's MCS between f_o and f_s, and along the commonality series where its models are there."""
    from bam.metrics.concepts.sensitivity import make_pool, measure
    from bam.metrics.concepts.significance import SIGNIFICANCE, contrast
    from bam.metrics.concepts.trainings import lines_of

    lacking = missing(run)
    for name in (*PAIR, *(() if lacking else NAMES)):
        run.check_trainings(name)  # before all is measured that comes ahead of those which lack some
    seed, layers = run.settings.seed, settings.tcav_layers
    pool = make_pool(run.dataset, settings.tcav_images, settings.tcav_runs, seed)
    view = run.first(shuffled(run.dataset.view("object_scene").of_object(COMMONALITY_OBJECT), seed))

    def contrasted(run: Run, models: Mapping[str, Classifier]) -> Contrast:
        return contrast(*(measure(model, pool, view, layers) for model in models.values()), view.sources)

    models, each, further = each_training(run, _pair, contrasted)
    found = each[0]
    lines = dict(lines_of(each, view.sources))
    columns = [
        Column("score of f_o", "first"),
        Column("score of f_s", "second"),
        Column("sd of runs", "run_sd"),
        Column("layers passed", "passed"),
        Column("all layers", "all_layers"),
    ]
    series = None
    if not lacking:
        series, theirs, others = _series(run, pool, layers)
        models, further = {**models, **theirs}, {**further, **others}
        beside = {"r": series.correlation("MCS"), "paper": Estimate(PAPER)}
        lines["tcav"] = replace(lines["tcav"], beside={**lines["tcav"].beside, **beside})
        columns += [
            Column("r", "r"),
            Column("95% interval of r", "r", shows="interval"),
            Column("r in the paper", "paper"),
        ]
        notes = series.notes(len(each))
    else:
        there = f"{len(lacking)} of its {len(COMMONALITIES)} models are not there"
        notes = [f"No series along the commonality: {there} (`python -m bam.train --all`)."]
    return Concluded(
        models,
        lines,
        Comparison("none: the intervals resample the draws and the images' sources"),
        columns=columns,
        notes=[
            "Scores: share of images in which the true class's logit rises along the CAV, mean of "
            f"{settings.tcav_runs} runs and of the layers that differ from the random concept; on test "
            "images with dogs that both networks classify correctly. `all layers`: the MCS of all layers, "
            "whether they differ or not. The control is the same of random concepts, in all layers.",
            *told([contrast.rejected() for contrast in each]),
            *notes,
        ],
        details={
            "pool": len(pool.images),
            "significance": SIGNIFICANCE,
            "layers": dict(zip(("first", "second"), found.layers, strict=True)),
            "series": series.details() if series else None,
        }
        | ({"further_trainings": [contrast.layers for contrast in each[1:]]} if each[1:] else {}),
        trainings=len(each),
        further=further,
    )


def _pair(run: Run) -> dict[str, Classifier]:
    return {name: run.classifier(name) for name in PAIR}


def _series(
    run: Run, pool: Pool, layers: Sequence[str]
) -> tuple[Series, dict[str, Classifier], dict[str, Any]]:
    """The series, its networks, and those of further trainings."""
    from bam.metrics.concepts.sensitivity import measure
    from bam.metrics.concepts.significance import contrast

    view = run.first(shuffled(run.dataset.view("bamboo_forest"), run.settings.seed))

    def contrasted(run: Run, models: Mapping[str, Classifier]) -> tuple[Drop, list[Contrast]]:
        sides = [measure(model, pool, view, layers) for model in models.values()]
        drop = drop_of(models, view, [side.correct for side in sides])
        return drop, [contrast(side, sides[-1], view.sources) for side in sides]

    models, found, further = each_training(run, networks, contrasted)
    return Series(*zip(*found, strict=True), view.sources), models, further
