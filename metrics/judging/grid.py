"""How far a metric's own settings decide which method is first (Wickstrøm, Höhne and Hedström 2024)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any

import numpy as np

from bam.base.errors import BamError, unknown
from bam.base.settings import checked
from bam.base.texts import split_outside_brackets
from bam.metrics.judging.measures import Judged
from bam.metrics.metric import METRICS
from bam.metrics.statistics.reliability import kendall_w


@dataclass(frozen=True)
class Grid:
    """The real methods' ranks by a metric with each combination of some of its settings.

    combinations: the settings; ranks: of each method, one for each of them, 1 is best, the mean of those that
    tie. w: Kendall's W of these ranks, 1 if they never differ.
    """

    combinations: tuple[Mapping[str, Any], ...]
    ranks: Mapping[str, tuple[float, ...]]
    w: float | None


def read_grid(texts: Sequence[str], metrics: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """For each metric that is named the combinations of its settings.

    texts: "METRIC.SETTING=VALUE,VALUE", lists in brackets; what has no "=" belongs to the text before it.
    metrics: those that can be named. Raises `BamError` for another metric or setting, for one with fewer than
    two values, and for a value that cannot be.

    >>> read_grid(["violation.patch_grid=7,14"], ["violation"])
    {'violation': [{'patch_grid': 7}, {'patch_grid': 14}]}
    """
    values: dict[str, dict[str, list[str]]] = {}
    into: list[str] | None = None
    for part in split_outside_brackets(",".join(texts)):
        place, equals, value = part.partition("=")
        if equals:
            metric, _, name = place.strip().rpartition(".")
            if metric not in metrics:
                raise BamError(f"`judge_grid`: {unknown('metric that is judged', metric, metrics)}")
            into = values.setdefault(metric, {}).setdefault(name, [])
        elif into is None:
            raise BamError(f"`judge_grid` takes METRIC.SETTING=VALUE,VALUE, not {part!r}")
        into.append((value if equals else part).strip())
    return {metric: _combinations(metric, named) for metric, named in values.items()}


def _combinations(metric: str, named: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    kind = METRICS[metric].settings
    known = [each.name for each in fields(kind)]
    for name, values in named.items():
        if name not in known:
            raise BamError(f"`judge_grid`: {unknown(f'setting of {metric}', name, known)}")
        if len(values) < 2:
            raise BamError(f"`judge_grid` gives {metric}.{name} one value: give two or more")
    found = []
    for values in product(*named.values()):
        parts = {name: _value(text) for name, text in zip(named, values, strict=True)}
        read = asdict(checked(kind, parts))
        found.append({name: read[name] for name in named})
    return found


def _value(text: str) -> Any:
    """A list for a text in brackets."""
    return split_outside_brackets(text[1:-1]) if text[:1] == "[" and text[-1:] == "]" else text


def grid_of(combinations: Sequence[Mapping[str, Any]], found: Sequence[Judged]) -> Grid:
    """The ranks of the methods that have some in all of the combinations, of near-copies the first."""
    from scipy import stats  # takes long to load

    names = [name for name in found[0].shared(found[0].real) if all(name in each.values for each in found)]
    means = np.array([[np.nanmean(each.values[name]) for name in names] for each in found])
    # Methods that differ by rounding alone tie.
    scale = np.abs(means).max(initial=1e-300)
    ranks = stats.rankdata(-np.round(means / scale, 6), axis=1)
    by_method = {name: tuple(column) for name, column in zip(names, ranks.T.tolist(), strict=True)}
    return Grid(tuple(combinations), by_method, kendall_w(ranks))
