"""What is kept of a map's place, and what it comes to for a method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from bam.metrics.evaluation.regions import CONSTANT, EMPTY, NAN
from bam.metrics.localisation.measures import (
    THRESHOLDS,
    auc,
    best_threshold,
    box_ious,
    mass,
    pointing,
    rank_accuracy,
)

NOT_USED = "object_not_used"


@dataclass(frozen=True)
class Located:
    """Where one map of one image lies.

    status: see `relevance`, or "empty_mask" where the object vanishes at the input size. lowered: by how
    much the logit of the class explained falls when the object is removed. mass, rank, pointing, auc, and
    ious, one for each threshold, joined by ";": see `localisation.measures`; NaN if unknown. seconds: as in
    `Row`.
    """

    image_id: str
    model: str
    method: str
    target: int
    predicted: int
    status: str
    lowered: float
    mass: float
    rank: float
    pointing: float
    auc: float
    ious: str
    seconds: float

    @property
    def correct(self) -> bool:
        """Whether the model recognised the image."""
        return self.target == self.predicted


def measured(planes: np.ndarray, masks: np.ndarray) -> list[np.ndarray]:
    """What `measures` says of planes (N, H, W), in the order of `Located`; NaN where it cannot."""
    known = np.isfinite(planes).all((1, 2)) & masks.any((1, 2))
    found = []
    for measure in (mass, rank_accuracy, pointing, auc, box_ious):
        shape = (len(planes), len(THRESHOLDS)) if measure is box_ious else (len(planes),)
        values = np.full(shape, np.nan)
        if known.any():
            values[known] = measure(planes[known], masks[known])
        found.append(values)
    return found


class Found:
    """The rows of one method as arrays, and which of the images count.

    columns: float (N,), or (N, thresholds) of `ious`, by the names of the fields of `Located`. used: bool
    (N,); excluded: how many are not, by reason; the first that holds counts. constant: how many maps of those
    used say nothing.
    """

    def __init__(self, rows: Sequence[Located]):
        kinds = {each.name: each.type for each in fields(Located)}
        self.columns = {
            name: np.array([getattr(row, name) for row in rows])
            for name, kind in kinds.items()
            if kind == "float"
        }
        self.columns["ious"] = np.array([row.ious.split(";") for row in rows], float)
        status = np.array([row.status for row in rows])
        reasons = {
            "misclassified": ~np.array([row.correct for row in rows]),
            NAN: status == NAN,
            EMPTY: status == EMPTY,
            NOT_USED: ~(self.columns["lowered"] > 0),
        }
        self.used, self.excluded = np.ones(len(rows), bool), {}
        for reason, holds in reasons.items():
            self.excluded[reason] = int((self.used & holds).sum())
            self.used &= ~holds
        self.constant = int((self.used & (status == CONSTANT)).sum())
        self.known = ~np.isin(status, (NAN, EMPTY)) & ~reasons["misclassified"]

    def of_used(self, name: str) -> np.ndarray:
        """A column, NaN where an image does not count."""
        return np.where(self.used if name != "ious" else self.used[:, None], self.columns[name], np.nan)

    def at(self, places: np.ndarray, used: np.ndarray) -> np.ndarray:
        """float (N,): the IoU at the thresholds of these places, NaN where an image is not used."""
        values = self.columns["ious"][np.arange(len(places)), places]
        return np.where(used & (places >= 0), values, np.nan)

    def best_threshold(self) -> int:
        """The place of the best threshold on the images that count, see there."""
        return best_threshold(self.of_used("ious"))

    def best_of_the_others(self) -> np.ndarray:
        """int (N,): for each image the place of the best threshold on the others that count."""
        ious = self.of_used("ious")
        return np.array([best_threshold(np.delete(ious, place, 0)) for place in range(len(ious))])
