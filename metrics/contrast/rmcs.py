"""Fine-grained MCS (sections 4.2, 5.1): does the attribution of a dog follow how much models rely on it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.errors import BamError
from bam.data_prep.classes import COMMONALITIES
from bam.data_prep.dataset import View
from bam.metrics.contrast.commonality import PREDICTORS, Drop, drop_of, missing, networks, series_table
from bam.metrics.contrast.mcs import model_contrast
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Concluded, NoSettings, metric
from bam.metrics.results.schema import Column, Line
from bam.metrics.statistics.comparison import ALPHA, Comparison, PairedTest
from bam.metrics.statistics.correlation import compare_correlations, correlation
from bam.metrics.statistics.estimate import Estimate

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

TEST = "z test of correlated correlations over the ten k (Meng, Rosenthal, Rubin 1992), Holm's correction"
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
    models, view = _networks(run), _view(run)
    rows = [run.collect(view, model) for model in models.values()]
    with_dog = [[row.correct for row in next(iter(of_model.values()))] for of_model in rows]
    drop = drop_of(models, run.first(view), with_dog)
    contrasts = [Pairs(of_model, rows[-1], model_contrast) for of_model in rows]
    series = {
        name: np.array([_mean(pairs.values[name]) for pairs in contrasts])
        for name in contrasts[0].values
        if all(name in pairs.values for pairs in contrasts)
    }
    lines = {name: _line(name, series[name], contrasts, rows, drop, run) for name in series}
    for name, values in PREDICTORS.items():
        lines[name] = Line(replace(correlation(values, drop.series), n=None), control=True)
    tests = _tests(series, drop, run)
    return Concluded(
        models,
        lines,
        Comparison(TEST, tuple(tests)),
        columns=[Column("r in the paper", "paper")],
        notes=[
            *_told_apart(tests),
            series_table("MCS against k=1.0", {"**accuracy drop**": drop.series, **series}),
        ],
        problems=drop.problems(),
        details=_details(drop, contrasts, series),
    )


def _mean(values: np.ndarray) -> float:
    """The mean without NaN; NaN where nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _line(
    name: str, values: np.ndarray, contrasts: Sequence[Pairs], rows: Sequence[Mapping], drop: Drop, run: Run
) -> Line:
    """One method: images and reasons are counted over all contrasts."""
    found = correlation(values, drop.series)
    used = sum(int(pairs.used[name].sum()) for pairs in contrasts)
    reasons = contrasts[0].excluded[name]
    return Line(
        Estimate(found.value, found.ci_low, found.ci_high, used),
        control=name in run.controls,
        excluded={why: sum(pairs.excluded[name][why] for pairs in contrasts) for why in reasons},
        seconds=round(sum(row.seconds for of_model in rows for row in of_model[name]), 3),
        beside={"paper": Estimate(PAPER[name])} if name in PAPER else {},
        counts={"points": found.n},
    )


def _tests(series: Mapping[str, np.ndarray], drop: Drop, run: Run) -> list[PairedTest]:
    """Between those methods that have a value for every k, and with the trivial predictors."""
    whole = {name: values for name, values in series.items() if not np.isnan(values).any()}
    return compare_correlations({**whole, **PREDICTORS}, drop.series, run.controls | set(PREDICTORS))


def _told_apart(tests: Sequence[PairedTest]) -> list[str]:
    """How many of the tests find a difference."""
    found = sum(test.is_significant for test in tests)
    what = f"Of {len(tests)} pairs of methods, or of a method and a control, {found} differ in r"
    return [f"{what} ({ALPHA:.0%} level, Holm's correction)."] if tests else []


def _details(drop: Drop, contrasts: Sequence[Pairs], series: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The series in numbers, for each k."""
    return {
        "k": list(COMMONALITIES),
        "accuracy": {
            "with_dog": drop.with_dog.mean(0).tolist(),
            "without_dog": drop.without_dog.mean(0).tolist(),
        },
        "accuracy_drop": drop.series.tolist(),
        "mcs": {
            name: [None if np.isnan(value) else float(value) for value in values]
            for name, values in series.items()
        },
        "n_of_each_k": {name: [int(pairs.used[name].sum()) for pairs in contrasts] for name in series},
    }
