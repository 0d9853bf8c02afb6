"""Model contrast score (section 4.2): do objects matter more to the model that is to name them?"""

from __future__ import annotations

from typing import Any

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.evaluation.pairs import COLUMNS, NOTE, Pairs, asked_variants, evaluated
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect, shuffled
from bam.metrics.results.score import Score
from bam.models.classifier import Classifier

VERSION = 1


def model_contrast(more_important: np.ndarray, less_important: np.ndarray) -> np.ndarray:
    """float (N,): g_c(f_1, x) - g_c(f_2, x), whose mean over X_corr is MCS (the equation of section 4.2).

    Arguments are the attributions of the object's region, float (N,), for the two models.
    """
    return np.asarray(more_important) - np.asarray(less_important)


def evaluate(request: Request) -> Score:
    """MCS between f_o and f_s on X_o,s of the test split, over images that both classify correctly.

    f_o explains the object's class, f_s the scene's. The paper does not say whether X_corr is one set for
    both models; it is here, as in the official code, so that no image counts for one model alone.
    Robustness is the score for objects of other sizes and at other places (the red bars of Figure 4), the
    random region its baseline (the yellow bars, appendix G).
    """
    classifiers = {name: request.classifier(name) for name in ("object", "scene")}
    pairs = _pairs(request.dataset.view("object_scene"), classifiers, request)
    entries = pairs.entries()
    for name, entry in entries.items():
        entry |= {"G_c": _concept_attributions(pairs, name), "robustness": {}}
    variants, notes = asked_variants(request)
    for variant in variants:
        for name, score in _pairs(request.dataset.view(variant), classifiers, request).means().items():
            entries[name]["robustness"][variant] = score
    comparison = pairs.comparison("up")
    return Score(
        "mcs",
        VERSION,
        "up",
        comparison.with_ranks(entries),
        classifiers,
        request,
        columns={"G_c(f_o)": "G_c.object", "G_c(f_s)": "G_c.scene", **COLUMNS, **variants},
        extra=comparison.content(),
        notes=[NOTE, *notes, *comparison.notes()],
        per_image=pairs.columns,
        resampling=pairs.resampling,
    )


def _pairs(view: View, classifiers: dict[str, Classifier], request: Request) -> Pairs:
    view = shuffled(view, request.seed)
    rows = [collect(view, classifiers[name], request) for name in ("object", "scene")]
    return Pairs(*rows, model_contrast, evaluated(view, request), request)


def _concept_attributions(pairs: Pairs, method: str) -> dict[str, Any]:
    """G_c (section 4.1) of both models over the images used."""
    used = pairs.used[method]
    values = zip(("object", "scene"), pairs.attributions(method), strict=True)
    return {name: float(column[used].mean()) if used.any() else None for name, column in values}
