"""Scores of image pairs or model pairs: what MCS, IDR and their like have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from bam.metrics.evaluation.regions import CONSTANT, EMPTY, NAN
from bam.metrics.evaluation.rows import Row

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
Rows = Mapping[str, Sequence[Row]]


class Pairs:
    """The rows of each method for N pairs: two models on an image, or a model on two images.

    A pair is used if both rows are of correctly classified images (section 4.1), and neither map is NaN
    or lacks a region; `left_out` names further reasons, with bool (N,) where they hold. `values` are the
    statistic of two arrays g_c (N,) for every method, float (N,), NaN where a pair is not used; `baselines`
    the same of the random regions (appendix G). `used`: bool (N,); `excluded`: how many are not, by reason.
    """

    def __init__(
        self,
        first: Rows,
        second: Rows,
        statistic: Statistic,
        left_out: Mapping[str, np.ndarray] = MappingProxyType({}),
    ):
        self.first, self.second, self.statistic = first, second, statistic
        self.used: dict[str, np.ndarray] = {}
        self.excluded: dict[str, dict[str, int]] = {}
        self.values: dict[str, np.ndarray] = {}
        self.baselines: dict[str, np.ndarray] = {}
        for name in (name for name in first if name in second):  # networks can suit different methods
            self.used[name], self.excluded[name] = _usable(first[name], second[name], left_out)
            for key, results in (("g_c", self.values), ("g_random", self.baselines)):
                values = np.asarray(statistic(*self.attributions(name, key)), float)
                results[name] = np.where(self.used[name], values, np.nan)

    @property
    def ids(self) -> list[str]:
        """The images of the pairs."""
        return [row.image_id for row in next(iter(self.first.values()), ())]

    def attributions(self, method: str, key: str = "g_c") -> tuple[np.ndarray, np.ndarray]:
        """float (N,) twice: the attributions of the first and of the second of each pair."""
        first, second = (
            np.array([getattr(row, key) for row in rows[method]]) for rows in (self.first, self.second)
        )
        return first, second

    def of_used(self, method: str, values: np.ndarray) -> np.ndarray:
        """Values (N,), NaN where the method does not use a pair."""
        return np.where(self.used[method], values, np.nan)

    @property
    def constant_maps(self) -> dict[str, int]:
        """For each method, in how many of the pairs used a map is the same everywhere."""
        found = {}
        for name, used in self.used.items():
            status = [[row.status for row in rows[name]] for rows in (self.first, self.second)]
            found[name] = int(((np.array(status) == CONSTANT).any(0) & used).sum())
        return found

    @property
    def seconds(self) -> dict[str, float]:
        """For each method, the time that its maps took."""
        return {
            name: sum(row.seconds for row in [*self.first[name], *self.second[name]]) for name in self.used
        }


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
        EMPTY: [EMPTY in (a.status, b.status) for a, b in pairs],
    }
    excluded = {}
    for reason, holds in reasons.items():
        excluded[reason] = int((left & np.array(holds, bool)).sum())
        left &= ~np.array(holds, bool)
    return left, excluded
