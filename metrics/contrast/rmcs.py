"""Fine-grained MCS (sections 4.2, 5.1): does the attribution of a dog follow how much models rely on it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bam.base.errors import BamError
from bam.data_prep.classes import COMMONALITIES
from bam.metrics.contrast.mcs import model_contrast
from bam.metrics.evaluation.pairs import Pairs, evaluated
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect, shuffled
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import ALPHA, compare_correlations
from bam.metrics.statistics.resampling import correlation
from bam.models.classifier import Classifier
from bam.models.training.accuracy import probabilities
from bam.models.training.task import Task
from bam.models.training.validity import LEARNED

VERSION = 1
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
# What knows the commonality alone. The paper's drop is high up to k = 0.6 and gone from k = 0.7 on.
PREDICTORS = {
    "step (k <= 0.6)": np.array([float(k < 0.65) for k in COMMONALITIES]),
    "-k": -np.array(COMMONALITIES),
}
LEAST_FALL = 0.05  # of the mean accuracy drop, from the five smaller k to the five larger ones
COLUMNS = {"r in the paper": "paper"}
NOTES = (
    "`r`: Pearson's correlation, over the ten models k = 0.1 ... 1.0, of the MCS against the model of "
    "k = 1.0 with the accuracy lost when the dog is removed. `95% interval`: Fisher's, for ten points, one "
    "of which (k = 1.0) is 0 by definition. `n` and `left out` count images, summed over the ten contrasts.",
    "Ten points separate little: `step` and `-k` know nothing but k, and with the paper's own drops they "
    "reach r = 0.97 and 0.87, where its methods have 0.69 ... 0.92 and TCAV 0.95. (The code behind its SG "
    "and IG-SG squares the gradients.)",
)


@dataclass(frozen=True)
class Drop:
    """What removing the dog costs each of the ten models on bamboo forests.

    with_dog, without_dog: bool (N, 10), whether the models classify each image.
    """

    with_dog: np.ndarray
    without_dog: np.ndarray

    @property
    def per_image(self) -> np.ndarray:
        """float (N, 10): 1 where the dog was needed, -1 where it was in the way."""
        return self.with_dog.astype(float) - self.without_dog

    @property
    def series(self) -> np.ndarray:
        """float (10,): the accuracy with dog less the accuracy without (Figure 2, bottom)."""
        return self.per_image.mean(0)

    def problems(self) -> list[str]:
        """Why the series is no test of methods, if so."""
        accuracies, drops = self.with_dog.mean(0), self.series
        weak = [
            f"{k:.1f}" for k, value in zip(COMMONALITIES, accuracies, strict=True) if value < LEARNED / 10
        ]
        found = [f"the models k = {', '.join(weak)} did not learn bamboo forests with dogs"] if weak else []
        small, large = drops[:5].mean(), drops[5:].mean()
        if small - large < LEAST_FALL:
            found.append(
                f"removing the dog costs {100 * small:.1f} points of accuracy for k <= 0.5 and "
                f"{100 * large:.1f} above: the models do not rely on it less as k grows, "
                "so there is nothing to follow"
            )
        return found


def evaluate(request: Request) -> Score:
    """Pearson's r between MCS_k and the accuracy drop of k = 0.1 ... 1.0, on bamboo forests with dogs.

    MCS_k is that of f_1, trained on X^k, and f_2, trained on X^1.0, over the images that both classify
    correctly: each contrast has its own set, the same for its two models. The drop is over all the images.
    Both explain bamboo forest. With a limit, all is of the first images alone.
    """
    models = _models(request)
    view = shuffled(request.dataset.view("bamboo_forest"), request.seed)
    images = evaluated(view, request)
    rows = [collect(view, model, request) for model in models.values()]
    with_dog = [[row.correct for row in next(iter(of_model.values()))] for of_model in rows]
    without_dog = [
        probabilities(model, images.without_object()).argmax(1) == images.scene_labels
        for model in models.values()
    ]
    drop = Drop(np.array(with_dog, bool).T, np.array(without_dog, bool).T)
    contrasts = [Pairs(of_model, rows[-1], model_contrast, images, request) for of_model in rows]
    columns = {
        name: np.stack([pairs.columns[name] for pairs in contrasts], 1)
        for name in contrasts[0].columns
        if all(name in pairs.columns for pairs in contrasts)
    }
    series = {name: _means(values) for name, values in columns.items()}
    entries = {
        name: {
            **correlated(series[name], drop.series),
            "paper": PAPER.get(name),
            "mcs": _listed(series[name]),
            **_totals(name, contrasts, rows),
        }
        for name in columns
    }
    for name, values in PREDICTORS.items():
        entries[name] = correlated(values, drop.series) | {"control": True}
    comparisons = _comparisons(series, drop, request)
    return Score(
        "rmcs",
        VERSION,
        "up",
        entries,
        models,
        request,
        title="r",
        columns=COLUMNS,
        extra={**_extra(drop), "comparisons": comparisons},
        notes=[*NOTES, *_told_apart(comparisons["pairs"]), _table(series, drop)],
        problems=drop.problems(),
    )


def _models(request: Request) -> dict[str, Classifier]:
    names = [Task("scene", commonality=k).name for k in COMMONALITIES]
    missing = [name for name in names if not (request.models / name / "model.json").exists()]
    if missing:
        raise BamError(
            f"the series needs ten models, and {request.models} lacks {', '.join(missing)}: "
            f"make them with `python -m bam.train --all --models {request.models}`"
        )
    return {name: request.classifier(name) for name in names}


def _means(values: np.ndarray) -> np.ndarray:
    """float (10,): means of the columns (N, 10), NaN left out; NaN where nothing is left."""
    used = ~np.isnan(values)
    sums, counts = np.where(used, values, 0).sum(0), used.sum(0)
    return np.divide(sums, counts, out=np.full(values.shape[1], np.nan), where=counts > 0)


def correlated(values: np.ndarray, drop: np.ndarray) -> dict[str, Any]:
    """r of the series (10,), NaN left out, with its interval and the number of points."""
    known = ~np.isnan(values)
    r, low, high = correlation(values[known], drop[known])
    return {"value": r, "ci_low": low, "ci_high": high, "points": int(known.sum())}


def _totals(name: str, contrasts: list[Pairs], rows: list[Mapping]) -> dict[str, Any]:
    reasons = contrasts[0].excluded[name]
    return {
        "n": int(sum(pairs.used[name].sum() for pairs in contrasts)),
        "n_of_each_k": [int(pairs.used[name].sum()) for pairs in contrasts],
        "excluded": {why: sum(pairs.excluded[name][why] for pairs in contrasts) for why in reasons},
        "seconds": round(sum(row.seconds for of_model in rows for row in of_model[name]), 3),
    }


def _comparisons(series: Mapping[str, np.ndarray], drop: Drop, request: Request) -> dict[str, Any]:
    """Tests between those methods that have a value for every k, and with the trivial predictors."""
    whole = {name: values for name, values in series.items() if not np.isnan(values).any()}
    pairs = compare_correlations({**whole, **PREDICTORS}, drop.series, request.controls | set(PREDICTORS))
    test = "z test of correlated correlations over the ten k (Meng, Rosenthal, Rubin 1992), Holm's correction"
    return {"test": test, "pairs": pairs}


def _told_apart(pairs: list[dict[str, Any]]) -> list[str]:
    """How many of the tests find a difference."""
    found = sum(pair["p_holm"] < ALPHA for pair in pairs)
    what = f"Of {len(pairs)} pairs of methods, or of a method and a control, {found} differ in r"
    return [f"{what} ({ALPHA:.0%} level, Holm's correction)."] if pairs else []


def _extra(drop: Drop) -> dict[str, Any]:
    accuracies = {
        "with_dog": _listed(drop.with_dog.mean(0)),
        "without_dog": _listed(drop.without_dog.mean(0)),
    }
    return {"k": list(COMMONALITIES), "accuracy": accuracies, "accuracy_drop": _listed(drop.series)}


def _listed(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _table(series: Mapping[str, np.ndarray], drop: Drop) -> str:
    """The series of Figure 6 (top) as a Markdown table."""
    lines = ["| MCS against k=1.0 | " + " | ".join(f"k={k}" for k in COMMONALITIES) + " |", "|---" * 11 + "|"]
    for name, values in {"**accuracy drop**": drop.series, **series}.items():
        cells = ("-" if np.isnan(value) else f"{value:.3f}" for value in values)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
