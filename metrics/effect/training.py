"""What is found of one training of the networks: numbers of points, of which correlations are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.effect.points import OfNetwork, Points, baseline_of, of_network
from bam.metrics.effect.regions import of_regions
from bam.metrics.effect.zero import of_untrained
from bam.metrics.evaluation.run import Run
from bam.metrics.results.image_values import ImageValues
from bam.metrics.statistics.rank_correlation import rank_contributions

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SCORE = "score"
# What is correlated with what, see `Points`.
CORRELATIONS = {
    SCORE: ("attribution_change", "log_odds"),
    "exchanged": ("attribution_change", "log_odds_exchanged"),
    "logit": ("attribution_change", "logit"),
    "logit_exchanged": ("attribution_change", "logit_exchanged"),
    "signed_change": ("signed_change", "log_odds"),
    "raw_change": ("raw_change", "log_odds"),
    "attribution": ("attribution", "log_odds"),
    "signed": ("signed", "log_odds"),
    "raw": ("raw", "log_odds"),
}
WITHIN, SIGN, COMPLETENESS, REGIONS = "within_classes", "sign", "completeness_error", "regions"
ZERO = "untrained"


@dataclass(frozen=True)
class OfTraining:
    """What is found of each method, of P points.

    sources: what each point is made of, (P, factors). columns: by key and method. Those of `CORRELATIONS`,
    and `WITHIN` and `ZERO`, are what each point contributes to a correlation; so are those of `REGIONS`, of
    which each point has several; those of `SIGN` and `COMPLETENESS` are values. All are float (P,), NaN where
    a point does not count. used: bool (P,). changes, effects: of g_c, and on the log odds, float (P,).
    described: of each network the mean effects. nearness: see `Points.nearness`.
    """

    sources: np.ndarray
    columns: Mapping[str, Mapping[str, np.ndarray]]
    used: Mapping[str, np.ndarray]
    changes: Mapping[str, np.ndarray]
    effects: np.ndarray
    excluded: Mapping[str, Mapping[str, int]]
    seconds: Mapping[str, float]
    constant_maps: Mapping[str, float]
    described: Mapping[str, Any]
    nearness: ImageValues | None


def of_training(
    run: Run,
    views: tuple[View, View],
    models: Mapping[str, Classifier],
    both: bool,
    donors: int,
    untrained: int,
    regions: bool,
) -> OfTraining:
    """Ask the networks, and collect the rows of the methods. both: see `OfNetwork`; the others as settings of
    the metric have them."""
    classifiers = list(models.values())
    known = [of_network(run, *views, model, both, donors) for model in classifiers]
    images = run.first(views[0])
    points = Points(known, images.sources, donors)
    attributions = {name: points.attributions(name) for name in points.methods}
    changes = {name: of["attribution_change"] for name, of in attributions.items()}
    columns = {
        key: {name: rank_contributions(of[what], points.effects[on]) for name, of in attributions.items()}
        for key, (what, on) in CORRELATIONS.items()
    }
    effects = points.effects["log_odds"]
    columns[WITHIN] = {name: rank_contributions(of, effects, points.groups) for name, of in changes.items()}
    columns[SIGN] = _signs(points, changes)
    columns[COMPLETENESS] = {
        each.name: points.completeness_error(each)
        for each in run.explainers
        if each.name in points.methods and baseline_of(each)
    }
    columns[ZERO] = of_untrained(run, views, classifiers, untrained, points)
    columns[REGIONS] = of_regions(run, views[0], classifiers, points, donors) if regions else {}
    return OfTraining(
        points.sources,
        columns,
        {name: points.used(name) for name in points.methods},
        changes,
        effects,
        {name: points.excluded(name) for name in points.methods},
        points.totals("seconds"),
        points.totals("constant_maps"),
        {each.classifier.name: _described(each, donors) for each in known},
        points.nearness(images.ids),
    )


def _signs(points: Points, changes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Whether changes have the sign of effects that are larger than their noise."""
    effects = points.effects["log_odds"]
    clear = np.abs(effects) > points.effects["log_odds_noise"]
    agree = {}
    for name, change in changes.items():
        same = np.sign(change) == np.sign(effects)
        agree[name] = np.where(clear & ~np.isnan(change), same, np.nan)
    return agree


def _described(network: OfNetwork, donors: int) -> dict[str, Any]:
    """The mean effects of one network, over the images that it recognises, and how many objects raise it."""
    right = network.recognised
    effects = {key: values[right] for key, values in network.effects(donors).items()}
    return {
        "images": len(right),
        "recognised": int(right.sum()),
        "raised": int((effects["log_odds"] > 0).sum()),
        "mean": {key: float(values.mean()) if len(values) else None for key, values in effects.items()},
    }
