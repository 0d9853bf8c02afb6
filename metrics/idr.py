"""Input dependence rate (section 4.3): is the pasted object attributed less than what it covers?"""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.dataset import View
from metrics.collect import collect, shuffled
from metrics.regions import CONSTANT, NAN
from metrics.request import Request
from metrics.rows import Row
from metrics.scores import Score
from metrics.statistics import bootstrap_interval, trial_sd

VERSION = 1
TRIAL_SIZE = 100
COLUMNS = {"random region": "random_region", "ties": "ties"}


def input_dependence(with_object: np.ndarray, without_object: np.ndarray) -> np.ndarray:
    """bool (N,): g_c(f, x_cf) < g_c(f, x_-cf), the equation of section 4.3; ties count as failures.

    Arguments are the attributions of the object's region, float (N,), in images with and without it.
    """
    return np.asarray(with_object) < np.asarray(without_object)


def evaluate(request: Request) -> Score:
    """IDR of f_s between X_o,s and X_0,s on the test split, over images that f_s recognises in both."""
    classifier = request.classifier("scene")
    views = [shuffled(request.dataset.view(name), request.seed) for name in ("object_scene", "scene_only")]
    with_object, without = (collect(view, classifier, request) for view in views)
    images = views[0].subset(np.arange(len(views[0]))[: request.limit])
    methods = {name: summarise(with_object[name], without[name], images, request) for name in with_object}
    return Score("idr", VERSION, "up", methods, {"scene": classifier}, request, columns=COLUMNS)


def summarise(with_object: list[Row], without: list[Row], view: View, request: Request) -> dict[str, Any]:
    """Rate, interval, trials and exclusions of one method, from its rows for the images of `view`."""
    pairs = list(zip(with_object, without, strict=True))
    correct = np.array([first.correct and second.correct for first, second in pairs])
    status = {
        kind: np.array([kind in (first.status, second.status) for first, second in pairs])
        for kind in (NAN, "empty_mask", CONSTANT)
    }
    used = correct & ~status[NAN] & ~status["empty_mask"]

    def success(key: str) -> tuple[np.ndarray, np.ndarray]:
        """Whether each pair used is a success, and whether it is a tie, by the attribution `key`."""
        before, after = (
            np.array([getattr(row, key) for row in rows])[used] for rows in (with_object, without)
        )
        return input_dependence(before, after), before == after

    def rate(successes: np.ndarray) -> dict[str, Any]:
        low, high = bootstrap_interval(successes, view.sources[used], request.seed)
        return {"value": float(successes.mean()) if len(successes) else None, "ci_low": low, "ci_high": high}

    successes, ties = success("g_c")
    return {
        **rate(successes),
        "trial_sd": trial_sd(successes, request.trials, TRIAL_SIZE, request.seed),
        "n": int(used.sum()),
        "excluded": {
            "misclassified": int((~correct).sum()),
            NAN: int((correct & status[NAN]).sum()),
            "empty_mask": int((correct & ~status[NAN] & status["empty_mask"]).sum()),
        },
        "constant_maps": int((used & status[CONSTANT]).sum()),
        "ties": int(ties.sum()),
        "random_region": rate(success("g_random")[0]),
        "seconds": round(sum(row.seconds for row in with_object + without), 3),
    }
