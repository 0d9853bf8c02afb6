"""TCAV (Kim et al. 2018, arXiv:1711.11279) of the dog concept, as appendix F of the paper measures it.

A network's score in a layer is the share of images in which the true class's logit rises along the
concept's CAV. Its MCS is the score of a network to which dogs matter more, less that of one to which they
matter less. No partial results are kept: run again, all is computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.settings import setting, settings
from bam.data_prep.classes import COMMONALITIES, COMMONALITY_OBJECT
from bam.metrics.contrast.commonality import PREDICTORS, Drop, drop_of, missing, networks, series_table
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Concluded, metric
from bam.metrics.results.schema import Column
from bam.metrics.results.table import cell
from bam.metrics.statistics.comparison import Comparison
from bam.metrics.statistics.correlation import correlation
from bam.metrics.statistics.estimate import Estimate

if TYPE_CHECKING:
    from bam.metrics.concepts.sensitivity import Pool
    from bam.metrics.concepts.significance import Contrast
    from bam.models.classifier import Classifier

PAPER = 0.95  # Pearson's r of TCAV (Figure 13)


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

    seed, layers = run.settings.seed, settings.tcav_layers
    pool = make_pool(run.dataset, settings.tcav_images, settings.tcav_runs, seed)
    view = run.first(shuffled(run.dataset.view("object_scene").of_object(COMMONALITY_OBJECT), seed))
    models = {name: run.classifier(name) for name in ("object", "scene")}
    found = contrast(*(measure(model, pool, view, layers) for model in models.values()), view.sources)
    lines, lacking = found.lines(), missing(run)
    columns = [
        Column("score of f_o", "first"),
        Column("score of f_s", "second"),
        Column("sd of runs", "run_sd"),
        Column("layers passed", "passed"),
        Column("all layers", "all_layers"),
    ]
    series = None if lacking else _series(run, pool, layers)
    if series:
        models |= series.models
        beside = {"r": series.correlation(series.rows["MCS"]), "paper": Estimate(PAPER)}
        lines["tcav"] = replace(lines["tcav"], beside={**lines["tcav"].beside, **beside})
        columns += [
            Column("r", "r"),
            Column("95% interval of r", "r", shows="interval"),
            Column("r in the paper", "paper"),
        ]
        notes = series.notes()
    else:
        told = (
            f"{len(lacking)} of its {len(COMMONALITIES)} models are not there (`python -m bam.train --all`)."
        )
        notes = [f"No series along the commonality: {told}"]
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
            *found.rejected(),
            *notes,
        ],
        details={
            "pool": len(pool.images),
            "significance": SIGNIFICANCE,
            "layers": dict(zip(("first", "second"), found.layers, strict=True)),
            "series": series.details() if series else None,
        },
    )


@dataclass(frozen=True)
class _Series:
    """The series of section 5.1: for each k the MCS of the bamboo forest class between the network trained on
    X^k
    and that of k = 1, and what a network loses when the dog is left out."""

    models: Mapping[str, Classifier]
    drop: Drop
    contrasts: Sequence[Contrast]

    @property
    def rows(self) -> dict[str, list[float | None]]:
        """For each k the network's score, and its MCS."""
        return {
            "score": [each.concept.first for each in self.contrasts],
            "MCS": [each.concept.estimate.value for each in self.contrasts],
            "MCS, all layers": [each.everywhere.estimate.value for each in self.contrasts],
        }

    def correlation(self, values: Sequence[float | None] | np.ndarray) -> Estimate:
        """Pearson's r with the drop, over those k of which there is a value."""
        return correlation(np.array(values, float), self.drop.series)

    def others(self) -> dict[str, Estimate]:
        """The correlation of what the score is compared with."""
        series = {"all layers": self.rows["MCS, all layers"], **PREDICTORS}
        return {name: self.correlation(values) for name, values in series.items()}

    def notes(self) -> list[str]:
        """What the series shows, and its table."""
        listed = ", ".join(f"{name} {cell(found.value)}" for name, found in self.others().items())
        return [
            "`r`: Pearson's correlation, over the models k = 0.1 ... 1.0, of the MCS on bamboo forests with "
            f"dogs with the accuracy lost when the dog is removed. Of others: {listed}; `step` and `-k` know "
            "nothing but k.",
            *(f"The series is no test: {problem}." for problem in self.drop.problems()),
            series_table("against k=1.0", {"**accuracy drop**": self.drop.series.tolist(), **self.rows}),
        ]

    def details(self) -> dict[str, Any]:
        """For the file."""
        return {
            "k": list(COMMONALITIES),
            "accuracy_drop": self.drop.series.tolist(),
            **self.rows,
            "correlation": {name: asdict(found) for name, found in self.others().items()},
            "problems": self.drop.problems(),
        }


def _series(run: Run, pool: Pool, layers: Sequence[str]) -> _Series:
    """The series, of the ten networks."""
    from bam.metrics.concepts.sensitivity import measure
    from bam.metrics.concepts.significance import contrast

    view = run.first(shuffled(run.dataset.view("bamboo_forest"), run.settings.seed))
    models = networks(run)
    sides = [measure(model, pool, view, layers) for model in models.values()]
    drop = drop_of(models, view, [side.correct for side in sides])
    found = [contrast(side, sides[-1], view.sources) for side in sides]
    return _Series(models, drop, found)
