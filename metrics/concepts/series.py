"""TCAV along the commonality series: is a network's score as high as the network needs the dog?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.data_prep.classes import COMMONALITIES
from bam.metrics.contrast.commonality import PREDICTORS, Drop, series_table
from bam.metrics.results.table import cell
from bam.metrics.statistics.correlation import correlation
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.moments import mean_over
from bam.metrics.statistics.rank_correlation import correlation_estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.series import series_contributions

if TYPE_CHECKING:
    from bam.metrics.concepts.significance import Contrast

KINDS = {"MCS": "concept", "MCS, all layers": "everywhere"}


@dataclass(frozen=True)
class Series:
    """The series of section 5.1: for each k the MCS of the bamboo forest class between the network trained on
    X^k and that of k = 1, and what a network loses when the dog is left out.

    drops, contrasts: of each training, the latter for each k. sources: of the images, (N, factors).
    """

    drops: Sequence[Drop]
    contrasts: Sequence[Sequence[Contrast]]
    sources: np.ndarray

    @cached_property
    def drop(self) -> Drop:
        """That of all trainings, see `Drop.of_all`."""
        return Drop.of_all(self.drops)

    @cached_property
    def rows(self) -> dict[str, list[float | None]]:
        """For each k the network's score, and its MCS; the means of several trainings."""
        found = {"score": [[each.concept.first for each in of] for of in self.contrasts]}
        for name, kind in KINDS.items():
            found[name] = [[getattr(each, kind).estimate.value for each in of] for of in self.contrasts]
        return {name: _means(np.array(values, float)) for name, values in found.items()}

    def correlation(self, name: str) -> Estimate:
        """Pearson's r with the drop, of an MCS or a predictor, over those k of which there is a value.

        Of several trainings it is over the k of each, its interval over further trainings, cutouts and
        scenes, but not over further draws, see `series_contributions`.
        """
        if len(self.drops) == 1:
            values = PREDICTORS[name] if name in PREDICTORS else np.array(self.rows[name], float)
            return correlation(values, self.drop.series)
        drops = np.array([each.per_image.T for each in self.drops])
        if name in PREDICTORS:
            values = PREDICTORS[name][None, :, None]
        else:
            images = len(self.sources)
            values = np.array(
                [[getattr(k, KINDS[name]).per_image(images) for k in of] for of in self.contrasts]
            )
        contributions = {name: series_contributions(values, drops)}
        return correlation_estimates(contributions, Resampling(self.sources, 0))[name]

    @cached_property
    def others(self) -> dict[str, Estimate]:
        """The correlation of what the score is compared with."""
        names = {"all layers": "MCS, all layers", **dict(zip(PREDICTORS, PREDICTORS, strict=True))}
        return {shown: self.correlation(name) for shown, name in names.items()}

    def notes(self, of_pair: int = 1) -> list[str]:
        """What the series shows, and its table. of_pair: how many trainings f_o and f_s have."""
        listed = ", ".join(f"{name} {cell(found.value)}" for name, found in self.others.items())
        trainings, drop = len(self.drops), self.drop
        of_each = f" of each of {trainings} trainings" if trainings > 1 else ""
        if of_pair > trainings == 1:
            of_each = " of training 0 alone, whose interval is not for further ones"
        elif of_pair != trainings:
            of_each += f" (f_o and f_s have {of_pair})"
        return [
            f"`r`: Pearson's correlation, over the models k = 0.1 ... 1.0{of_each}, of the MCS on bamboo "
            f"forests with dogs with the accuracy lost when the dog is removed. Of others: {listed}; `step` "
            "and `-k` know nothing but k.",
            *(f"The series is no test: {problem}." for problem in drop.problems()),
            series_table("against k=1.0", {"**accuracy drop**": drop.series.tolist(), **self.rows}),
        ]

    def details(self) -> dict[str, Any]:
        """For the file."""
        return {
            "k": list(COMMONALITIES),
            "accuracy_drop": self.drop.series.tolist(),
            **self.rows,
            "correlation": {name: asdict(found) for name, found in self.others.items()},
            "problems": self.drop.problems(),
        }


def _means(values: np.ndarray) -> list[float | None]:
    """Of (T, K) over the trainings that have a value."""
    return [None if np.isnan(mean) else float(mean) for mean in mean_over(values)]
