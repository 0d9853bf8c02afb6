"""Rankings without values for single images that metrics are compared with: of known truth, and of people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bam.base.errors import BamError
from bam.metrics.judging.consistency import consistency
from bam.metrics.judging.measures import Judged, Tau, fixed_agreement
from bam.metrics.metric import METRICS, Measured
from bam.metrics.results.schema import Line
from bam.metrics.results.score import Score
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import Resampling

HUMAN = "human"


@dataclass(frozen=True)
class Truth:
    """A ranking of the methods, more is better.

    kind: the metric that it is from, or `HUMAN`. networks: those it is of, their names by digest; none: any.
    nearness: see `Concluded`.
    """

    kind: str
    ranking: Mapping[str, float]
    networks: Mapping[str, str] = field(default_factory=dict)
    nearness: Judged | None = None

    @property
    def name(self) -> str:
        """The kind, and whose truth it is."""
        return self.kind + named(self.networks.values())

    def is_of(self, score: Score) -> bool:
        """Whether a score explains these networks."""
        return self.networks.keys() <= networks_of(score).keys()


def named(networks: Collection[str]) -> str:
    """What stands behind a name to tell networks apart; of many, the first and the last."""
    names = list(networks)
    shown = ", ".join(names) if len(names) < 4 else f"{names[0]} ... {names[-1]}"
    return f" ({shown})" if names else ""


def networks_of(score: Score) -> dict[str, str]:
    """The names of the networks that a score explains, by digest; of several trainings those of number 0."""
    return {network.digest: name for name, network in score.basis.measured.models.items()}


def known_truths() -> list[str]:
    """The metrics that know the truth."""
    return [name for name, metric in METRICS.items() if metric.knows_truth]


def truths(scores: Sequence[Score], human: Mapping[str, float] | None) -> list[Truth]:
    """Those of scores without values for single images, and of people's ranks.

    Raises `BamError` for two scores of one metric by the same networks.
    """
    found: list[Truth] = []
    for score in scores:
        if METRICS[score.metric].knows_truth and not isinstance(score.basis.measured, Measured):
            sign = 1 if score.direction == "up" else -1
            lines = {name: _of_first(line) for name, line in score.lines.items() if not line.control}
            ranking = {name: sign * value for name, value in lines.items() if value is not None}
            truth = Truth(score.metric, ranking, networks_of(score), _nearness(score))
            if any((each.kind, each.networks) == (truth.kind, truth.networks) for each in found):
                raise BamError(f"{truth.name} is given twice: give one of the two")
            found.append(truth)
    people = {name: -rank for name, rank in (human or {}).items()}
    return [*found, Truth(HUMAN, people)] if people else found


def _of_first(line: Line) -> float | None:
    """The value of training 0, which is what is judged."""
    return line.trainings.means[0] if line.trainings else line.value


def _nearness(score: Score) -> Judged | None:
    found, run = score.basis.measured.nearness, score.basis.run
    if found is None:
        return None
    values = {name: column for name, column in found.values.items() if not np.isnan(column).all()}
    real = [name for name in values if name not in run.controls]
    return Judged(score.metric, "up", values, Resampling(found.sources, run.settings.seed), real, found.ids)


def fixed_taus(metric: Judged, score: Score, rankings: Sequence[Truth]) -> dict[str, Tau | None]:
    """Of a metric with the rankings of the networks that its score explains, by their names."""
    return {each.name: fixed_agreement(metric, each.ranking) for each in rankings if each.is_of(score)}


def in_images(metric: Judged, score: Score, rankings: Sequence[Truth]) -> dict[str, Estimate]:
    """Does a metric prefer, image by image, the methods that tell the truth of it, of its own networks?

    Spearman's correlation, over the methods, of its numbers of an image with the `nearness` of the truth's,
    the mean over the images, see `consistency`; of the truths that have one, by their names.
    """
    found = {}
    for each in rankings:
        if each.nearness and each.is_of(score) and (known := consistency(metric, each.nearness)):
            found[each.name] = known.over_methods
    return found


def missing(scores: Mapping[str, Score], rankings: Sequence[Truth]) -> dict[str, tuple[str, ...]]:
    """Truths that are there, but not of a network that is explained: which, and of whose scores, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in dict.fromkeys(each.kind for each in rankings if each.networks):
        for name, score in scores.items():
            fitting = [each.networks for each in rankings if each.kind == kind and each.is_of(score)]
            lacking = [
                network
                for digest, network in networks_of(score).items()
                if not any(digest in networks for networks in fitting)
            ]
            if lacking:
                key = kind + named(lacking)
                found[key] = (*found.get(key, ()), name)
    return found
