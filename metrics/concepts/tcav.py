"""TCAV (Kim et al. 2018, arXiv:1711.11279) of the dog concept, as appendix F of the paper measures it.

A network's score in a layer is the share of images in which the true class's logit rises along the
concept's CAV. Its MCS is the score of a network to which dogs matter more, less that of one to which they
matter less. No partial results are kept: run again, all is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from bam.base.seeds import generator
from bam.data_prep.classes import COMMONALITIES
from bam.metrics.concepts.sensitivity import CONCEPT, RANDOM, Measured, Pool, make_pool, measure
from bam.metrics.contrast.rmcs import PREDICTORS, Drop
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import shuffled
from bam.metrics.independence.scenes import dogs
from bam.metrics.results.score import Score
from bam.metrics.statistics.resampling import Resampling, correlation, interval
from bam.models.classifier import Classifier
from bam.models.training.accuracy import probabilities
from bam.models.training.task import Task

VERSION = 1
IMAGES, RUNS = 100, 30
# A layer counts if p times the number of layers is below it: appendix F, with the correction by
# Bonferroni for the number of layers, as Kim et al. make it.
SIGNIFICANCE = 0.01
PAPER = 0.95  # Pearson's r of TCAV (Figure 13)


def evaluate(request: Request) -> Score:
    """TCAV's MCS between f_o and f_s, and along the commonality series where its models are there."""
    options = request.options
    images, runs = options.get("tcav_images") or IMAGES, options.get("tcav_runs") or RUNS
    names = options.get("tcav_layers") or ()
    pool = make_pool(request.dataset, images, runs, request.seed)
    view = shuffled(dogs(request.dataset.view("object_scene")), request.seed)
    view = view.subset(np.arange(len(view))[: request.limit])
    models = {name: request.classifier(name) for name in ("object", "scene")}
    first, second = (measure(model, pool, view, names) for model in models.values())
    methods = contrast(first, second, view.sources, request.seed)
    series, series_models, series_notes = _series(request, pool, names)
    columns = {
        "score of f_o": "first",
        "score of f_s": "second",
        "sd of runs": "run_sd",
        "layers passed": "passed",
        "all layers": "all_layers",
    }
    if series:
        found = series["correlation"]
        methods["tcav"] |= {"r": found, "r_interval": (found["ci_low"], found["ci_high"]), "paper": PAPER}
        columns |= {"r": "r", "95% interval of r": "r_interval", "r in the paper": "paper"}
    notes = [
        "Scores: share of images in which the true class's logit rises along the CAV, mean of "
        f"{runs} runs and of the layers that differ from the random concept; on test images with dogs that "
        "both networks classify correctly. `all layers`: the MCS of all layers, whether they differ or not. "
        "The control is the same of random concepts, in all layers.",
        *_rejected(methods["tcav"]),
        *series_notes,
    ]
    settings = {"images": images, "runs": runs, "pool": len(pool.images), "significance": SIGNIFICANCE}
    return Score(
        "tcav",
        VERSION,
        "up",
        methods,
        {**models, **series_models},
        request,
        title="TCAV's MCS",
        columns=columns,
        extra={"settings": settings, "series": series},
        notes=notes,
    )


def _rejected(entry: dict[str, Any]) -> list[str]:
    """A sentence for each network in which no layer passes."""
    return [
        f"In none of the layers of {name} does the dog differ from a random concept (p < {SIGNIFICANCE} "
        "after correction), so it has the score of that."
        for name, layers in zip(entry["models"], entry["layers"].values(), strict=True)
        if layers and not any(layer["passed"] for layer in layers.values())
    ]


def widening(common: float, runs: int) -> float:
    """By how much the mean of the runs is more uncertain than if they had no images in common.

    Runs that err alike by `common` vary too little by themselves, and their mean too much: with s^2 the
    variance between them that of their mean is s^2 (1 / runs + common / (1 - common)) (Nadeau & Bengio 2003,
    "Inference for the generalization error", Machine Learning 52). A factor on standard deviations.
    """
    common = min(common, 1 - 1e-9)  # where all runs are fitted to the same images
    return float(np.sqrt(1 + runs * common / (1 - common)))


def p_value(scores: np.ndarray, baseline: np.ndarray, common: Sequence[float] = (0.0, 0.0)) -> float:
    """Welch's two-sided t-test of the runs' scores, (runs,), against those of the random concept.

    common: how far the runs of either err alike. Without it, a concept that is nothing to the network
    passes often: the images that its runs share lead them all the same wrong way. Where neither varies the
    test is undefined: they are then as different as can be (0), or equal (1).
    """
    if np.ptp(scores) == np.ptp(baseline) == 0:
        return float(scores[0] == baseline[0])
    sides = [
        (values.mean(), widening(share, len(values)) * values.std(ddof=1), len(values))
        for values, share in zip((scores, baseline), common, strict=True)
    ]
    return float(stats.ttest_ind_from_stats(*sides[0], *sides[1], equal_var=False).pvalue)


def layer_scores(measured: Measured, used: np.ndarray) -> dict[str, dict[str, Any]]:
    """Per layer the mean and sd of the runs' scores over the images `used`, the test, CAV accuracies."""
    result = {}
    for index, layer in enumerate(measured.layers):
        scores, baseline = measured.rises[:, index][..., used].mean(-1)
        p = p_value(scores, baseline, measured.common)
        accuracy, random_accuracy = measured.accuracies[:, index].mean(-1)
        result[layer] = {
            "score": float(scores.mean()),
            "sd": float(scores.std(ddof=1)),
            "random_score": float(baseline.mean()),
            "random_sd": float(baseline.std(ddof=1)),
            "p": p,
            "p_if_independent": p_value(scores, baseline),
            "passed": p * len(measured.layers) < SIGNIFICANCE,
            "cav_accuracy": float(accuracy),
            "random_cav_accuracy": float(random_accuracy),
        }
    return result


def contrast(first: Measured, second: Measured, sources: np.ndarray, seed: int) -> dict[str, dict[str, Any]]:
    """Score of `first` less score of `second`, over the images that both classify correctly.

    "tcav" is of the dog: each network's score is the mean over its layers that pass the test, or that of
    the random concept if there is none, since nothing then tells dogs from chance; "all_layers" is without
    the test. "tcav_random" is of the random concept, over all
    layers (appendix G). Both networks' CAVs are of the same draws of images. Intervals resample the draws
    and the images' sources, (images, factors), and take the layers that passed as given.
    """
    sides, used = (first, second), first.correct & second.correct
    details = [layer_scores(side, used) if used.any() else {} for side in sides]
    passed = [np.array([entry["passed"] for entry in side.values()], bool) for side in details]
    everywhere = [np.ones(len(layers), bool) for layers in passed]

    def difference(kind: int, chosen: list[np.ndarray]) -> dict[str, Any]:
        scores, entry = [None, None], dict.fromkeys(("value", "ci_low", "ci_high", "run_sd"))
        if used.any():
            # (runs, images) of each network: the share of the layers in which the logit rises.
            tables = [
                (side.rises[kind][layers] if layers.any() else side.rises[RANDOM])[..., used].mean(0)
                for side, layers in zip(sides, chosen, strict=True)
            ]
            scores = [float(table.mean()) for table in tables]
            table = tables[0] - tables[1]
            low, high = run_interval(table, sources[used], first.common[kind], seed)
            run_sd = float(table.mean(1).std(ddof=1))
            entry = {"value": float(table.mean()), "ci_low": low, "ci_high": high, "run_sd": run_sd}
        return {**entry, "first": scores[0], "second": scores[1]}

    common = {
        "n": int(used.sum()),
        "excluded": {"misclassified": int((~used).sum())},
        "seconds": round(first.seconds + second.seconds, 3),
        "models": [first.name, second.name],
    }
    return {
        "tcav": {
            **difference(CONCEPT, passed),
            **common,
            "passed": ", ".join(f"{layers.sum()} of {len(layers)}" for layers in passed),
            "all_layers": difference(CONCEPT, everywhere),
            "layers": {"first": details[0], "second": details[1]},
        },
        "tcav_random": {**difference(RANDOM, everywhere), **common, "control": True},
    }


def run_interval(
    table: np.ndarray, sources: np.ndarray, common: float, seed: int
) -> tuple[float | None, float | None]:
    """95% percentile interval of the mean of `table` (runs, images), resampling images' sources and runs.

    What the runs differ by on the whole is first widened, since they err alike by `common`.
    """
    runs = len(table)
    apart = table.mean(1, keepdims=True) - table.mean()
    resampling = Resampling(sources, seed)
    means = resampling.means((table + (widening(common, runs) - 1) * apart).T)
    drawn = generator(seed, "tcav", "runs").multinomial(runs, np.full(runs, 1 / runs), len(means))
    return interval((means * drawn).sum(1) / runs)


def _series(
    request: Request, pool: Pool, names: Sequence[str]
) -> tuple[dict[str, Any] | None, dict[str, Classifier], list[str]]:
    """The series of section 5.1, its models, and what to say of it; nothing if not all ten are there.

    For each k the MCS of the bamboo forest class between the network trained on X^k and that of k = 1,
    and its correlation with the accuracy that a network loses when the dog is left out.
    """
    tasks = [Task("scene", commonality=k) for k in COMMONALITIES]
    missing = [task.name for task in tasks if not (request.models / task.name / "model.json").exists()]
    if missing:
        lacking = f"{len(missing)} of its {len(tasks)} models are not there (`python -m bam.train --all`)."
        return None, {}, [f"No series along the commonality: {lacking}"]
    view = request.dataset.view("bamboo_forest")
    view = shuffled(view, request.seed).subset(np.arange(len(view))[: request.limit])
    models = {task.name: request.classifier(task.name) for task in tasks}
    measured = [measure(model, pool, view, names) for model in models.values()]
    without_dog = [
        probabilities(model, view.without_object()).argmax(1) == view.scene_labels
        for model in models.values()
    ]
    drop = Drop(np.stack([side.correct for side in measured], 1), np.stack(without_dog, 1))
    entries = [contrast(side, measured[-1], view.sources, request.seed)["tcav"] for side in measured]
    rows = {
        "score": [entry["first"] for entry in entries],
        "MCS": [entry["value"] for entry in entries],
        "MCS, all layers": [entry["all_layers"]["value"] for entry in entries],
    }
    series = {
        "k": list(COMMONALITIES),
        "accuracy_drop": drop.series.tolist(),
        "entries": entries,
        "correlation": _correlation(rows["MCS"], drop.series),
        "correlation_all_layers": _correlation(rows["MCS, all layers"], drop.series),
        "predictors": {name: _correlation(values, drop.series) for name, values in PREDICTORS.items()},
        "problems": drop.problems(),
    }
    return series, models, _series_notes(series, rows)


def _series_notes(series: dict[str, Any], rows: dict[str, Sequence[float | None]]) -> list[str]:
    """What the series shows, and its table."""
    others = {"all layers": series["correlation_all_layers"], **series["predictors"]}
    listed = ", ".join(f"{name} {_number(found['value'])}" for name, found in others.items())
    lines = ["| against k=1.0 | " + " | ".join(f"k={k}" for k in COMMONALITIES) + " |", "|---" * 11 + "|"]
    for name, values in {"**accuracy drop**": series["accuracy_drop"], **rows}.items():
        lines.append(f"| {name} | " + " | ".join(map(_number, values)) + " |")
    return [
        "`r`: Pearson's correlation, over the models k = 0.1 ... 1.0, of the MCS on bamboo forests with dogs "
        f"with the accuracy lost when the dog is removed. Of others: {listed}; `step` and `-k` know nothing "
        "but k.",
        *(f"The series is no test: {problem}." for problem in series["problems"]),
        "\n".join(lines),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _correlation(values: Sequence[float | None] | np.ndarray, drops: np.ndarray) -> dict[str, Any]:
    """Pearson's r over those k of which there is a value."""
    known = [(float(x), float(y)) for x, y in zip(values, drops, strict=True) if x is not None]
    r, low, high = correlation(*np.reshape(known, (-1, 2)).T)
    return {"value": r, "ci_low": low, "ci_high": high, "n": len(known)}
