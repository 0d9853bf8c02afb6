"""Scores of image pairs or model pairs: what MCS, IDR and their like have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.run import Request
from bam.metrics.statistics.comparison import Comparison, compare
from bam.metrics.statistics.resampling import TRIAL_SIZE, Resampling, summaries, trial_sd

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
Rows = Mapping[str, Sequence[Row]]
COLUMNS = {"rank interval": "rank", "random region": "random_region"}
NOTE = (
    "`rank interval`: the places among the methods that one takes in 95% of the resamples of cutouts and "
    "scenes. `random region`: the same score for random pixels. An interval without width says that all "
    "images agree, not that the value is certain."
)
VARIANTS = ("rescaled", "relocated")
VARIANT_COLUMNS = {name: f"robustness.{name}" for name in VARIANTS}
VARIANT_NOTE = (
    "`rescaled`, `relocated`: for smaller objects, and for objects elsewhere (the paper's red bars)."
)


class Pairs:
    """The rows of each method for N pairs: two models on an image, or a model on two images.

    A pair is used if both rows are of correctly classified images (section 4.1), and neither map is NaN
    or lacks a region; `left_out` names further reasons, with bool (N,) where they hold. `columns` are the
    statistic of two arrays g_c (N,) for every method, float (N,), NaN where a pair is not used; `baselines`
    the same of the random regions (appendix G).
    """

    def __init__(
        self,
        first: Rows,
        second: Rows,
        statistic: Statistic,
        view: View,
        request: Request,
        left_out: Mapping[str, np.ndarray] = MappingProxyType({}),
    ):
        self.first, self.second, self.view, self.request = first, second, view, request
        self.used: dict[str, np.ndarray] = {}
        self.excluded: dict[str, dict[str, int]] = {}
        self.columns: dict[str, np.ndarray] = {}
        self.baselines: dict[str, np.ndarray] = {}
        for name in (name for name in first if name in second):  # networks can suit different methods
            self.used[name], self.excluded[name] = _usable(first[name], second[name], left_out)
            for key, results in (("g_c", self.columns), ("g_random", self.baselines)):
                values = np.asarray(statistic(*self.attributions(name, key)), float)
                results[name] = np.where(self.used[name], values, np.nan)
        self.resampling = Resampling(view.sources, request.seed)

    def attributions(self, method: str, key: str = "g_c") -> tuple[np.ndarray, np.ndarray]:
        """float (N,) twice: the attributions of the first and of the second of each pair."""
        first, second = (
            np.array([getattr(row, key) for row in rows[method]]) for rows in (self.first, self.second)
        )
        return first, second

    def entries(self) -> dict[str, dict[str, Any]]:
        """For each method the mean with interval, trials, baseline, and what was left out."""
        values, baselines = (
            summaries(columns, self.resampling) for columns in (self.columns, self.baselines)
        )
        return {name: self._entry(name, values[name], baselines[name]) for name in self.columns}

    def _entry(self, name: str, value: dict[str, Any], baseline: dict[str, Any]) -> dict[str, Any]:
        used, column, rows = self.used[name], self.columns[name], [*self.first[name], *self.second[name]]
        status = np.array([row.status for row in rows]).reshape(2, -1)
        return {
            **value,
            "trial_sd": trial_sd(column, self.request.trials, TRIAL_SIZE, self.request.seed),
            "excluded": self.excluded[name],
            "constant_maps": int(((status == CONSTANT).any(0) & used).sum()),
            "random_region": baseline,
            "seconds": round(sum(row.seconds for row in rows), 3),
        }

    def means(self) -> dict[str, dict[str, Any]]:
        """For each method value, ci_low, ci_high and n alone."""
        return summaries(self.columns, self.resampling)

    def comparison(self, direction: str) -> Comparison:
        """Tests between the methods, and their ranks."""
        controls = self.request.controls & set(self.columns)
        return compare(self.columns, self.resampling, direction, controls)


def _usable(
    first: Sequence[Row], second: Sequence[Row], left_out: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, int]]:
    """Which pairs are used, bool (N,), and how many are not for which reason; the first that holds counts."""
    pairs = list(zip(first, second, strict=True))
    left = np.ones(len(pairs), bool)
    reasons = {
        **left_out,
        "misclassified": [not (a.correct and b.correct) for a, b in pairs],
        NAN: [NAN in (a.status, b.status) for a, b in pairs],
        "empty_mask": ["empty_mask" in (a.status, b.status) for a, b in pairs],
    }
    excluded = {}
    for reason, holds in reasons.items():
        excluded[reason] = int((left & np.array(holds, bool)).sum())
        left &= ~np.array(holds, bool)
    return left, excluded


def evaluated(view: View, request: Request) -> View:
    """The images of a shuffled view that a request asks for."""
    return view.subset(np.arange(len(view))[: request.limit])


def asked_variants(request: Request) -> tuple[dict[str, str], list[str]]:
    """The variants of robustness that a request asks for, name -> key of the entry, and the note on them."""
    asked = request.options.get("robustness", True)
    return (VARIANT_COLUMNS, [VARIANT_NOTE]) if asked else ({}, [])
