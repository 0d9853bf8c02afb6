"""Input dependence rate (section 4.3): is the pasted object attributed less than what it covers?"""

from __future__ import annotations

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.evaluation.pairs import COLUMNS, NOTE, Pairs, asked_variants, evaluated
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect, shuffled
from bam.metrics.results.score import Score
from bam.models.classifier import Classifier

VERSION = 2


def input_dependence(with_object: np.ndarray, without_object: np.ndarray) -> np.ndarray:
    """bool (N,): g_c(f, x_cf) < g_c(f, x_-cf), the equation of section 4.3; ties count as failures.

    Arguments are the attributions of the object's region, float (N,), in images with and without it.
    """
    return np.asarray(with_object) < np.asarray(without_object)


def evaluate(request: Request) -> Score:
    """IDR of f_s between X_o,s and X_0,s on the test split, over images that f_s recognises in both.

    Its robustness is the same rate for objects of other sizes and at other places (the red bars of Figure 8).
    """
    classifier = request.classifier("scene")
    dataset = request.dataset
    pairs = _pairs(dataset.view("object_scene"), dataset.view("scene_only"), classifier, request)
    entries = pairs.entries()
    for name, entry in entries.items():
        before, after = (values[pairs.used[name]] for values in pairs.attributions(name))
        entry |= {"ties": int((before == after).sum()), "robustness": {}}
    variants, notes = asked_variants(request)
    for variant in variants:
        view = dataset.view(variant)
        # The region moves with the object, so each variant has its own scenes without it.
        for name, rate in _pairs(view, view.without_object(), classifier, request).means().items():
            entries[name]["robustness"][variant] = rate
    comparison = pairs.comparison("up")
    return Score(
        "idr",
        VERSION,
        "up",
        comparison.with_ranks(entries),
        {"scene": classifier},
        request,
        columns={**COLUMNS, **variants, "ties": "ties"},
        extra=comparison.content(),
        notes=[NOTE, *notes, *comparison.notes()],
        per_image=pairs.columns,
        resampling=pairs.resampling,
    )


def _pairs(with_object: View, without: View, classifier: Classifier, request: Request) -> Pairs:
    views = [shuffled(view, request.seed) for view in (with_object, without)]
    rows = [collect(view, classifier, request) for view in views]
    return Pairs(*rows, input_dependence, evaluated(views[0], request), request)
