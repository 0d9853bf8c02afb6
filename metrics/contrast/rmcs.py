"""Fine-grained MCS (sections 4.2, 5.1): does the attribution of a dog follow how much models rely on it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bam.base.errors import BamError
from bam.data_prep.dataset import View
from bam.metrics.contrast.commonality import PREDICTORS, drop_of, missing, networks, series_table
from bam.metrics.contrast.mcs import model_contrast
from bam.metrics.contrast.series import Correlations, OfTraining, Series, intervals_table
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Concluded, NoSettings, metric
from bam.metrics.results.schema import Column, Line
from bam.metrics.stacking import each_training
from bam.metrics.statistics.comparison import ALPHA, PairedTest
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import Resampling

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SEVERAL = (
    "Of several trainings `r` is over {} points, and its interval, in place of Fisher's, over further "
    "trainings, cutouts and scenes, of the same k: by it methods are tested and ranked. `sd between "
    "trainings` is of r over the ten points of one. `given k`: the partial correlation within the networks "
    "of one k, below 1.0: whether attribution follows what training makes of the same data, which no "
    "predictor of k can."
)
# Pearson's r of the paper (Figure 13). The code behind its SG and IG-SG squares gradients.
PAPER = {
    "grad_cam": 0.92,
    "vanilla_gradient": 0.77,
    "smoothgrad_squared": 0.69,
    "integrated_gradients": 0.87,
    "integrated_gradients_smoothgrad": 0.88,
    "gradient_x_input": 0.76,
    "guided_backprop": 0.80,
    "guided_grad_cam": 0.86,
}


def _networks(run: Run) -> dict[str, Classifier]:
    if lacking := missing(run):
        raise BamError(
            f"the series needs ten models, and {run.models.folder} lacks {', '.join(lacking)}: "
            f"make them with `python -m bam.train --all --models {run.models.folder}`"
        )
    return networks(run)


def _view(run: Run) -> View:
    return shuffled(run.dataset.view("bamboo_forest"), run.settings.seed)


def _planned(run: Run, settings: NoSettings) -> list[Planned]:
    models = _networks(run)
    return [run.planned(_view(run), model) for model in models.values()]


@metric(
    title="r",
    direction="up",
    version=1,
    question="Relative model contrast: over ten networks, does a dog's attribution follow how much they "
    "rely on it?",
    source="Yang & Kim 2019, sections 4.2 and 5.1, Figures 6 and 13",
    cite=("yang2019bam",),
    per_image=False,
    planned=_planned,
)
def rmcs(run: Run, settings: NoSettings) -> Concluded:
    """Pearson's r between MCS_k and the accuracy drop of k = 0.1 ... 1.0, on bamboo forests with dogs.

    MCS_k is that of f_1, trained on X^k, and f_2, trained on X^1.0, over the images that both classify
    correctly: each contrast has its own set, the same for its two models. The drop is over all the images.
    Both explain bamboo forest. With a limit, all is of the first images alone.

    Below the table:
        `r`: Pearson's correlation, over the ten models k = 0.1 ... 1.0, of the MCS against the model of k =
        1.0 with the accuracy lost when the dog is removed. `95% interval`: Fisher's, for ten points, one of
        which (k = 1.0) is 0 by definition. `n` and `left out` count images, summed over the ten contrasts.

        Ten points separate little: `step` and `-k` know nothing but k, and with the paper's own drops they
        reach r = 0.97 and 0.87, where its methods have 0.69 ... 0.92 and TCAV 0.95. (The code behind its SG
        and IG-SG squares the gradients.)
    """
    view = _view(run)
    models, found, further = each_training(
        run, _networks, lambda run, models: _of_training(run, models, view)
    )
    series = Series(found)
    resampling = Resampling(run.first(view).sources, run.settings.seed)
    correlations = series.correlations(resampling, run.controls)
    lines = {name: _line(name, series, correlations, run) for name in series.mcs}
    for name in PREDICTORS:
        known, between = correlations.found[name], correlations.between.get(name)
        lines[name] = Line(replace(known, n=None), control=True, trainings=between)
    tests = correlations.comparison.tests
    title, details = "MCS against k=1.0", series.details()
    table = series_table(title, {"**accuracy drop**": series.drop.series, **series.of_all})
    columns = [Column("r in the paper", "paper")]
    if further:
        at_each_k = series.at_each_k(resampling)
        details |= series.further_details(at_each_k)
        shown = {name or "**accuracy drop**": of for name, of in at_each_k.items()}
        table = intervals_table(f"{title}, with 95% intervals", shown)
        columns = [Column("rank set", "rank"), Column("given k", "given_k"),
                   Column("95% interval of it", "given_k", shows="interval"), *columns]  # fmt: skip
    return Concluded(
        models,
        lines,
        correlations.comparison,
        columns=columns,
        notes=[
            *_told_apart(tests, len(found)),
            *([SEVERAL.format(10 * len(found)), *correlations.comparison.notes()] if further else []),
            table,
        ],
        problems=series.drop.problems(),
        details=details,
        trainings=len(found),
        further=further,
        summed=True,
    )


def _of_training(run: Run, models: Mapping[str, Classifier], view: View) -> OfTraining:
    rows = [run.collect(view, model) for model in models.values()]
    with_dog = [[row.correct for row in next(iter(of_model.values()))] for of_model in rows]
    drop = drop_of(models, run.first(view), with_dog)
    return OfTraining(drop, [Pairs(of_model, rows[-1], model_contrast) for of_model in rows], rows)


def _line(name: str, series: Series, correlations: Correlations, run: Run) -> Line:
    """One method: images and reasons are counted over all contrasts, and all trainings."""
    found = correlations.found[name]
    contrasts = [pairs for each in series.trainings for pairs in each.contrasts]
    reasons = contrasts[0].excluded[name]
    seconds = (row.seconds for each in series.trainings for of_model in each.rows for row in of_model[name])
    beside = {"paper": Estimate(PAPER[name])} if name in PAPER else {}
    beside |= {"given_k": correlations.given_k[name]} if name in correlations.given_k else {}
    return Line(
        replace(found, n=sum(int(pairs.used[name].sum()) for pairs in contrasts)),
        control=name in run.controls,
        excluded={why: sum(pairs.excluded[name][why] for pairs in contrasts) for why in reasons},
        seconds=round(sum(seconds), 3),
        rank=correlations.comparison.ranks.get(name),
        beside=beside,
        counts={"points": int((~np.isnan(series.means[name])).sum())},
        trainings=correlations.between.get(name),
    )


def _told_apart(tests: Sequence[PairedTest], trainings: int) -> list[str]:
    """How many of the tests find a difference."""
    found = sum(test.is_significant for test in tests)
    what = f"Of {len(tests)} pairs of methods, or of a method and a control, {found} differ in r"
    how = "Holm's correction" if trainings == 1 else "corrected over the pairs"
    return [f"{what} ({ALPHA:.0%} level, {how})."] if tests else []
