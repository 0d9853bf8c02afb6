"""The inverted map of a method, and whether metrics find it worse (Eiras-Franco et al. 2025)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import numpy as np

from bam.attributions.registry import Explainer
from bam.metrics.evaluation.order import relevance
from bam.metrics.judging.measures import Judged
from bam.metrics.statistics.comparison import ROUNDING, compare
from bam.metrics.statistics.estimate import Estimate, estimates


def _minus(maps: np.ndarray) -> np.ndarray:
    return -maps


def _maximum_less(maps: np.ndarray) -> np.ndarray:
    planes, _ = relevance(maps)
    return planes.max((1, 2), keepdims=True) - planes


# By `Metric.inverse`.
INVERSES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"minus": _minus, "maximum": _maximum_less}


@dataclass(frozen=True)
class Inversion:
    """What a metric says of the real methods' inverted maps.

    inverse: how maps are inverted, see `Metric.inverse`. falls: of each method, by how much its score is
    better than that of its inverted map. not_worse: whose inverted map scores better or as well, in the mean;
    shown_better, shown_worse: whose inverted map is, by paired tests corrected over the methods.
    """

    inverse: str
    falls: Mapping[str, Estimate]
    not_worse: tuple[str, ...]
    shown_better: tuple[str, ...]
    shown_worse: tuple[str, ...]


def inverted_name(name: str, inverse: str) -> str:
    """What the inverted map of a method is called."""
    return f"inverted_{inverse}_{name}"


def inverted(explainer: Explainer, inverse: str) -> Explainer:
    """The method whose maps are those of another one, inverted; raw maps as `explain` gives them.

    inverse: "minus": the map with its sign changed. "maximum": what speaks for the class (see `relevance`),
    taken from its maximum, (N, H, W). Where a map has values that are not finite, so has its inverse.
    """
    method = explainer.method

    @wraps(method.function)
    def function(*given: Any, **settings: Any) -> np.ndarray:
        return INVERSES[inverse](np.asarray(method.function(*given, **settings)))

    return replace(
        explainer, method=replace(method, name=inverted_name(method.name, inverse), function=function)
    )


def inversion(metric: Judged, other: Judged, inverse: str) -> Inversion | None:
    """Whether a metric finds the inverted maps worse, whose values `other` has; None without real methods."""
    falls = {}
    for name in metric.real:
        values = other.values.get(inverted_name(name, inverse))
        if values is not None:
            fall = metric.values[name] - values
            rounding = ROUNDING * np.nanmax(np.abs([metric.values[name], values]))
            falls[name] = np.where(np.abs(fall) <= rounding, 0, fall)
    falls = {name: fall for name, fall in falls.items() if not np.isnan(fall).all()}
    if not falls:
        return None
    nothing = ""
    level = {nothing: np.zeros(len(next(iter(falls.values()))))}
    tests = compare({**falls, **level}, metric.resampling, "up", level).tests
    shown = [test for test in tests if test.is_significant]
    return Inversion(
        inverse,
        estimates(falls, metric.resampling),
        tuple(name for name, fall in falls.items() if np.nanmean(fall) <= 0),
        tuple(test.worse for test in shown if test.better == nothing),
        tuple(test.better for test in shown if test.worse == nothing),
    )
