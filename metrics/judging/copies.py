"""Methods whose maps are nearly the same: what they have in common is one finding, not several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.progress import Progress
from bam.metrics.evaluation.images import ImageSet
from bam.metrics.evaluation.order import relevance
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.evaluation.sweep import announced, raw_maps
from bam.metrics.metric import METRICS
from bam.metrics.results.score import Score
from bam.metrics.statistics.moments import mean_over

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

NEAR = 0.99


@dataclass(frozen=True)
class Cluster:
    """Methods each of whose maps is nearly the same as that of every other. correlation: the lowest."""

    methods: tuple[str, ...]
    correlation: float


@dataclass(frozen=True)
class NearCopies:
    """Which methods are near-copies of each other.

    threshold: what the mean over at most `images` images of the correlation of their maps exceeds, in each of
    the `networks`.
    """

    threshold: float
    images: int
    networks: tuple[str, ...]
    clusters: tuple[Cluster, ...]

    def sentence(self) -> str:
        """What there is to say of them."""
        how = (
            f"Spearman's correlation of the positive parts of the maps, the mean over {self.images} images, "
            f"is above {self.threshold:g} in {' and '.join(self.networks)}"
        )
        if not self.clusters:
            return f"No methods are near-copies of each other: of none {how}."
        found = "; ".join(f"{', '.join(each.methods)} ({each.correlation:.4f})" for each in self.clusters)
        return f"Near-copies, of which only the first counts in alpha, W, tau and Spearman's: {found}; {how}."


def near_copies(scores: Sequence[Score], count: int) -> NearCopies | None:
    """The near-copies among the real methods of scores, by `count` of their images; None if none has maps.

    Of each network one image set is looked at. Maps that are constant, or not finite, have no correlation.
    """
    names: dict[str, None] = {}
    lowest: dict[frozenset[str], float] = {}
    networks, most = [], 0
    for images, classifier, explainers, settings in _looked_at(scores).values():
        names |= dict.fromkeys(each.name for each in explainers)
        amount = len(images.ids[: settings.limit][:count])
        if amount and len(explainers) > 1:
            found = _correlations(images, classifier, explainers, settings.seed, amount)
            lowest |= {pair: min(value, lowest.get(pair, 1.0)) for pair, value in found.items()}
            networks.append(classifier.name)
            most = max(most, amount)
    return NearCopies(NEAR, most, tuple(networks), _clusters(names, lowest)) if networks else None


def _looked_at(
    scores: Sequence[Score],
) -> dict[str, tuple[ImageSet, Classifier, list[Explainer], RunSettings]]:
    """For each network, by its digest, images of a metric that explains it, and the methods of all these."""
    found: dict[str, tuple[ImageSet, Classifier, list[Explainer], RunSettings]] = {}
    for score in scores:
        metric, basis = METRICS[score.metric], score.basis
        run = basis.run
        if metric.planned:
            planned = metric.planned(run, plainest(score))
            sets = [(each.images, each.classifier) for each in planned]
        else:
            sets = [(run.pictures(each), each) for each in basis.measured.models.values()]
        for images, classifier in sets:
            *_, known, _ = found.setdefault(classifier.digest, (images, classifier, [], run.settings))
            names = [each.name for each in known]
            known += [
                each for each in run.suited(classifier) if not each.method.control and each.name not in names
            ]
    return found


def plainest(score: Score) -> Any:
    """The settings of a metric, without variants, untrained networks and premises beside the score."""
    settings = score.basis.settings
    without = {"robustness": False, "untrained": 0, "premise": False}
    return replace(settings, **{name: off for name, off in without.items() if hasattr(settings, name)})


def _correlations(
    images: ImageSet, classifier: Classifier, explainers: Sequence[Explainer], seed: int, count: int
) -> dict[frozenset[str], float]:
    """Of each pair of methods, the mean over the first images of their maps' correlation."""
    names = [each.name for each in explainers]
    found: list[np.ndarray] = []
    with Progress(f"{classifier.name}, near-copies", dict.fromkeys(names, count), "maps") as progress:
        for start in range(0, count, classifier.batch_size):
            batch = images[start : min(start + classifier.batch_size, count)]
            steps = announced(names, f"images from {start + 1} of {count}", len(batch.ids), progress)
            planes = []
            with closing(raw_maps(batch, images.name, classifier, explainers, seed)) as computed:
                for _, raw in zip(steps, computed, strict=True):
                    planes.append(relevance(raw.maps)[0].reshape(len(batch.ids), -1))
                    progress.advance(len(batch.ids))
            found += [_spearman(maps) for maps in np.stack(planes, 1)]
    means = mean_over(np.reshape(found, (len(found), -1))).reshape(len(names), len(names))
    places = combinations(range(len(names)), 2)
    return {
        frozenset((names[i], names[j])): float(means[i, j]) for i, j in places if not np.isnan(means[i, j])
    }


def _spearman(planes: np.ndarray) -> np.ndarray:
    """The correlations (m, m) of the ranks of planes (m, pixels); NaN for what is constant or not finite."""
    from scipy import stats  # takes long to load

    result = np.full((len(planes), len(planes)), np.nan)
    known = np.isfinite(planes).all(1) & (np.ptp(planes, 1) > 0)
    if known.any():
        result[np.ix_(known, known)] = np.corrcoef(stats.rankdata(planes[known], axis=1))
    return result


def _clusters(names: Iterable[str], lowest: Mapping[frozenset[str], float]) -> tuple[Cluster, ...]:
    """Each method with the first cluster to all of which it is near."""
    clusters: list[list[str]] = []
    for name in names:
        near = (each for each in clusters if all(lowest.get(frozenset((name, it)), 0) > NEAR for it in each))
        home = next(near, None)
        if home is None:
            clusters.append([name])
        else:
            home.append(name)
    return tuple(
        Cluster(tuple(each), min(lowest[frozenset(pair)] for pair in combinations(each, 2)))
        for each in clusters
        if len(each) > 1
    )
