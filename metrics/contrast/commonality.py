"""The commonality series (sections 3.2, 5.1): ten networks that rely on the dog less and less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.classes import COMMONALITIES
from bam.data_prep.dataset import View
from bam.metrics.evaluation.run import Run
from bam.metrics.results.table import markdown_table
from bam.models.training.task import Task
from bam.models.training.validity import LEARNED

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

NAMES = tuple(Task("scene", commonality=k).name for k in COMMONALITIES)
# What knows the commonality alone. The paper's drop is high up to k = 0.6 and gone from k = 0.7 on.
PREDICTORS = {
    "step (k <= 0.6)": np.array([float(k < 0.65) for k in COMMONALITIES]),
    "-k": -np.array(COMMONALITIES),
}
LEAST_FALL = 0.05  # of the mean accuracy drop, from the five smaller k to the five larger ones


@dataclass(frozen=True)
class Drop:
    """What removing the dog costs each of the ten models on bamboo forests.

    with_dog, without_dog: bool (N, 10), whether the models classify each image.
    """

    with_dog: np.ndarray
    without_dog: np.ndarray

    @classmethod
    def of_all(cls, drops: Iterable[Drop]) -> Drop:
        """That of several trainings of the models, as if their images were so many more."""
        sides = zip(*((each.with_dog, each.without_dog) for each in drops), strict=True)
        return cls(*map(np.concatenate, sides))

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


def missing(run: Run) -> list[str]:
    """Which of the ten networks are not there."""
    return [name for name in NAMES if not run.models.has(name)]


def networks(run: Run) -> dict[str, Classifier]:
    """The ten networks, k = 0.1 ... 1.0, by name."""
    return {name: run.classifier(name) for name in NAMES}


def drop_of(
    models: Mapping[str, Classifier], view: View, with_dog: Sequence[Sequence[bool] | np.ndarray]
) -> Drop:
    """What removing the dog from the images of `view` costs each of the networks.

    with_dog: for each of them, whether it classifies each image, bool (N,).
    """
    from bam.models.training.accuracy import probabilities

    without = view.without_object()
    without_dog = [probabilities(model, without).argmax(1) == view.scene_labels for model in models.values()]
    return Drop(np.array(with_dog, bool).T, np.array(without_dog, bool).T)


def series_table(title: str, rows: Mapping[str, Sequence[float | None]]) -> str:
    """Values for each k as a Markdown table (Figure 6, top)."""
    lines = [[name, *map(_or_none, values)] for name, values in rows.items()]
    return markdown_table([title, *(f"k={k}" for k in COMMONALITIES)], lines)


def _or_none(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
