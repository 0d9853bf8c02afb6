"""MCS and accuracy drop along the series of networks, of one training of each or of several."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from bam.data_prep.classes import COMMONALITIES
from bam.metrics.contrast.commonality import PREDICTORS, Drop
from bam.metrics.evaluation.pairs import Pairs, Rows
from bam.metrics.results.table import cell, markdown_table
from bam.metrics.statistics.comparison import Comparison, compare
from bam.metrics.statistics.correlation import compare_correlations, correlation
from bam.metrics.statistics.estimate import Estimate, estimates
from bam.metrics.statistics.moments import mean_over
from bam.metrics.statistics.rank_correlation import correlation_estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.series import series_contributions
from bam.metrics.statistics.trainings import Between, with_outperforming

TEST = "z test of correlated correlations over the ten k (Meng, Rosenthal, Rubin 1992), Holm's correction"
FEWEST_GIVEN_K = 3  # trainings: what two differ by has one size only


@dataclass(frozen=True)
class OfTraining:
    """Of one training of the ten networks, k = 0.1 ... 1.0: their drop, their contrasts with the network of k
    = 1.0, and their rows."""

    drop: Drop
    contrasts: Sequence[Pairs]
    rows: Sequence[Rows]


@dataclass(frozen=True)
class Correlations:
    """How MCS follows the drop, by method and predictor. given_k, between: of several trainings alone."""

    found: Mapping[str, Estimate]
    comparison: Comparison
    given_k: Mapping[str, Estimate] = field(default_factory=dict)
    between: Mapping[str, Between] = field(default_factory=dict)


class Series:
    """The series of T trainings on the same N images.

    mcs: method -> float (T, 10, N), NaN where an image is not used; means: (T, 10), NaN where none is. drops:
    float (T, 10, N). drop: of all trainings, as if their images were so many more.
    """

    def __init__(self, trainings: Sequence[OfTraining]):
        self.trainings = trainings
        contrasts = [pairs for each in trainings for pairs in each.contrasts]
        names = [name for name in contrasts[0].values if all(name in pairs.values for pairs in contrasts)]
        self.mcs = {
            name: np.array([[pairs.values[name] for pairs in each.contrasts] for each in trainings])
            for name in names
        }
        self.means = {
            name: np.array([[_mean(values) for values in of] for of in each])
            for name, each in self.mcs.items()
        }
        self.drops = np.array([each.drop.per_image.T for each in trainings])
        self.drop = Drop.of_all(each.drop for each in trainings)

    def __len__(self) -> int:
        return len(self.trainings)

    @property
    def of_all(self) -> dict[str, np.ndarray]:
        """For each method the mean MCS over the trainings, float (10,)."""
        return {name: mean_over(means) for name, means in self.means.items()}

    def correlations(self, resampling: Resampling, controls: Collection[str]) -> Correlations:
        """Of one training over ten points, by Fisher's z; of several over ten of each, see
        `series_contributions`. Given k it is over those below 1.0, where MCS is 0 by definition, with an
        interval from three trainings on."""
        if len(self) == 1:
            return self._of_one(controls)
        series = {**self.mcs, **{name: of[None, :, None] for name, of in PREDICTORS.items()}}
        contributions = {name: series_contributions(of, self.drops) for name, of in series.items()}
        known = {name: of for name, of in contributions.items() if not np.isnan(of).any()}
        given = {
            name: series_contributions(of[:, :-1], self.drops[:, :-1], given_place=True)
            for name, of in self.mcs.items()
        }
        between = {name: self._between(name) for name in series}
        comparison = compare(known, resampling, "up", {*controls, *PREDICTORS})
        alone = {name: np.array([between[name].means], float).T for name in known}
        return Correlations(
            correlation_estimates(contributions, resampling),
            with_outperforming(comparison, alone, "up"),
            self._sure(correlation_estimates(given, resampling)),
            between,
        )

    def _sure(self, given: Mapping[str, Estimate]) -> Mapping[str, Estimate]:
        """Correlations given k, with an interval where there are trainings enough for one."""
        if len(self) >= FEWEST_GIVEN_K:
            return given
        return {name: replace(found, ci_low=None, ci_high=None) for name, found in given.items()}

    def _of_one(self, controls: Collection[str]) -> Correlations:
        drop = self.drop.series
        series = {**{name: means[0] for name, means in self.means.items()}, **PREDICTORS}
        whole = {name: values for name, values in series.items() if not np.isnan(values).any()}
        tests = compare_correlations(whole, drop, {*controls, *PREDICTORS})
        found = {name: correlation(values, drop) for name, values in series.items()}
        return Correlations(found, Comparison(TEST, tuple(tests)))

    def _between(self, name: str) -> Between:
        """How r over the ten points of one training varies; n: the images, summed over the contrasts."""
        drops = self.drops.mean(2)
        means = self.means.get(name, np.tile(PREDICTORS.get(name, np.nan), (len(self), 1)))
        alone = [correlation(*each).value for each in zip(means, drops, strict=True)]
        known = [value for value in alone if value is not None]
        used = (~np.isnan(self.mcs[name])).sum((1, 2)).tolist() if name in self.mcs else ()
        return Between(tuple(alone), float(np.std(known, ddof=1)) if len(known) > 1 else None, n=tuple(used))

    def at_each_k(self, resampling: Resampling) -> dict[str, list[Estimate]]:
        """The drop, under "", and for each method MCS, with intervals over images and trainings."""
        table = {"": self.drops, **self.mcs}
        columns = {(name, place): of[:, place] for name, of in table.items() for place in range(of.shape[1])}
        found = estimates(columns, resampling)
        return {name: [found[name, place] for place in range(of.shape[1])] for name, of in table.items()}

    def details(self) -> dict[str, Any]:
        """The series in numbers, for each k."""
        return {
            "k": list(COMMONALITIES),
            "accuracy": {
                "with_dog": self.drop.with_dog.mean(0).tolist(),
                "without_dog": self.drop.without_dog.mean(0).tolist(),
            },
            "accuracy_drop": self.drop.series.tolist(),
            "mcs": {name: _known(values) for name, values in self.of_all.items()},
            "n_of_each_k": {
                name: (~np.isnan(values)).sum((0, 2)).tolist() for name, values in self.mcs.items()
            },
        }

    def further_details(self, at_each_k: Mapping[str, Sequence[Estimate]]) -> dict[str, Any]:
        """What there is of several trainings beside: values with intervals, and of each training."""
        of_each = {"accuracy_drop": self.drops.mean(2).tolist()}
        of_each |= {"mcs": {name: [_known(row) for row in means] for name, means in self.means.items()}}
        estimated = {name or "accuracy_drop": list(map(asdict, of)) for name, of in at_each_k.items()}
        return {"with_intervals": estimated, "trainings": of_each}


def _mean(values: np.ndarray) -> float:
    """The mean without NaN; NaN where nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _known(values: np.ndarray) -> list[Any]:
    return [None if np.isnan(value) else float(value) for value in values]


def intervals_table(title: str, found: Mapping[str, Sequence[Estimate]]) -> str:
    """Values with their intervals for each k, as a Markdown table."""
    lines = [
        [name, *(f"{cell(each)} ({cell((each.ci_low, each.ci_high))})" for each in of)]
        for name, of in found.items()
    ]
    return markdown_table([title, *(f"k={k}" for k in COMMONALITIES)], lines)
