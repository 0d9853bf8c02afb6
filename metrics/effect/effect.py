"""Effect: does attribution follow what an object does to the network's answer, image by image?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bam.base.errors import BamError
from bam.base.settings import setting, settings
from bam.data_prep.dataset import View
from bam.metrics.contrast.commonality import missing, networks
from bam.metrics.effect.points import OfNetwork, Points, baseline_of, of_network
from bam.metrics.effect.regions import of_regions, planned_regions
from bam.metrics.effect.zero import of_untrained
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.untrained import UNTRAINED, untrained_networks
from bam.metrics.metric import Concluded, Curves, metric
from bam.metrics.results.schema import Column, Line
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import TRIAL_SIZE, Estimate, estimates, trial_sd
from bam.metrics.statistics.rank_correlation import (
    correlation_estimates,
    rank_contributions,
    shares_below,
)
from bam.metrics.statistics.resampling import Resampling

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SERIES = "series"
TENTHS = 10
SCORE = ("attribution_change", "log_odds")
# What is correlated with what, see `Points`.
CORRELATIONS = {
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
CALIBRATION = "calibration"
CHART = Curves(
    "Effect of the object where its attribution changes so much",
    "change of g_c, percentile",
    [100 * (place + 0.5) / TENTHS for place in range(TENTHS)],
    {CALIBRATION: {}},
    {"mean effect on the log odds": CALIBRATION},
)


@settings
class Effect:
    """Settings of effect."""

    networks: Literal["scene", "object", "series"] = setting(
        "scene",
        "whose answers are explained: those of the network that names scenes, or objects, or of the ten of "
        "the commonality series, about dogs in bamboo forests",
    )
    donors: int = setting(4, "other objects that each object is exchanged for", ge=2)
    regions: bool = setting(
        False, "also halves of the object and boxes of the background, whose maps are made for it"
    )
    untrained: int = UNTRAINED


def _models(run: Run, settings: Effect) -> dict[str, Classifier]:
    if settings.networks != SERIES:
        return {settings.networks: run.classifier(settings.networks)}
    if lacking := missing(run):
        raise BamError(
            f"the series needs ten models, and {run.models.folder} lacks {', '.join(lacking)}: "
            f"make them with `python -m bam.train --all --models {run.models.folder}`"
        )
    return networks(run)


def _views(run: Run, settings: Effect) -> tuple[View, View]:
    """The images with the objects, and without: those of IDR, of MCS, and of the series."""
    if settings.networks == SERIES:
        view = shuffled(run.dataset.view("bamboo_forest"), run.settings.seed)
        return view, view.without_object()
    with_object, without = (run.dataset.view(name) for name in ("object_scene", "scene_only"))
    return shuffled(with_object, run.settings.seed), shuffled(without, run.settings.seed)


def _planned(run: Run, settings: Effect) -> list[Planned]:
    models = list(_models(run, settings).values())
    untrained = untrained_networks(run, models, settings.untrained)
    every = [*models, *(network for networks in untrained for network in networks)]
    views = _views(run, settings)
    found = [run.planned(view, model) for view in views for model in every]
    regions = [planned_regions(run, views[0], model) for model in models] if settings.regions else []
    return [*found, *regions]


@metric(
    title="effect correlation",
    direction="up",
    version=1,
    question="Does a method say of each image what the object does to the network's answer, as measured by "
    "taking it away?",
    source="Yang & Kim 2019, section 4.3, for what is measured of each image",
    cite=("yang2019bam",),
    knows_truth=True,
    per_image=False,
    settings=Effect,
    planned=_planned,
)
def effect(run: Run, settings: Effect) -> Concluded:
    """Spearman's correlation, over images, of the change of g_c with the object's effect on the log odds.

    Both are with the object less without it. The log odds are the true class's logit less the log-sum-exp of
    the others. Images count that f_s recognises with the object and without it; f_o and the series, which can
    fail without it, with it. The correlation is one over all images of all networks.

    Below the table:
        Spearman's correlation, over images, of two changes when the object is put into its scene: that of
        g_c, and that of the log odds of the true class (the effect, measured by forward passes). `within
        classes`: the mean of the correlations within each class (of each network), by their images.
        `exchanged`: with the effect against other objects in the same place, in place of none; `logit`: on
        the logit alone. `signed`, `raw`: of the map with its signs, divided by the 99th percentile of its
        absolute values, or as it is. `attribution`: of g_c with the object, not of its change.

        `sign`: how often g_c changes in the effect's direction, of the images where the effect is larger than
        its noise, the standard deviation over what the object is exchanged for; chance is 0.5. `completeness
        error`: the mean of |sum of the map - (logit of the image - logit of the baseline)|, of methods that
        claim it to be 0. `untrained`, where asked for: of the change of g_c for networks that never learned
        anything, with the same effects: the method's own zero.
    """
    models, views = _models(run, settings), _views(run, settings)
    classifiers = list(models.values())
    both = settings.networks == "scene"
    known = [of_network(run, *views, model, both, settings.donors) for model in classifiers]
    images = run.first(views[0])
    points = Points(known, images.sources, settings.donors)
    resampling = Resampling(points.sources, run.settings.seed)
    attributions = {name: points.attributions(name) for name in points.methods}
    contributions = {
        name: rank_contributions(of[SCORE[0]], points.effects[SCORE[1]]) for name, of in attributions.items()
    }
    beside = _correlations(points, attributions, resampling)
    beside[SIGN] = _signs(points, attributions, resampling)
    beside[COMPLETENESS] = _completeness(run, points, resampling)
    beside[ZERO] = of_untrained(run, views, classifiers, settings.untrained, points, resampling)
    if settings.regions:
        beside[REGIONS] = of_regions(run, views[0], classifiers, points, settings.donors)
    comparison = compare(contributions, resampling, "up", run.controls & set(points.methods))
    described = {each.classifier.name: _described(each, settings.donors) for each in known}
    effects = points.effects["log_odds"]
    lines = {
        name: Line(
            Estimate(found.value, found.ci_low, found.ci_high, int(points.used(name).sum())),
            control=name in run.controls,
            excluded=points.excluded(name),
            seconds=round(points.totals("seconds")[name], 3),
            trial_sd=trial_sd(contributions[name], run.settings.trials, TRIAL_SIZE, run.settings.seed),
            rank=comparison.ranks.get(name),
            beside={key: of[name] for key, of in beside.items() if name in of},
            counts={"constant_maps": points.totals("constant_maps")[name]},
            **_calibration(attributions[name][SCORE[0]], effects, resampling),
        )
        for name, found in correlation_estimates(contributions, resampling).items()
    }
    return Concluded(
        models,
        lines,
        comparison,
        columns=_columns(beside),
        notes=[*_notes(described), *comparison.notes()],
        curves=CHART,
        details={"effects": described},
        nearness=points.nearness(images.ids),
    )


def _correlations(
    points: Points, attributions: Mapping[str, Mapping[str, np.ndarray]], resampling: Resampling
) -> dict[str, dict[str, Estimate]]:
    """What stands beside the score, by key and method."""
    found = {
        key: {name: rank_contributions(of[what], points.effects[on]) for name, of in attributions.items()}
        for key, (what, on) in CORRELATIONS.items()
    }
    found[WITHIN] = {
        name: rank_contributions(of[SCORE[0]], points.effects[SCORE[1]], points.groups)
        for name, of in attributions.items()
    }
    return {key: correlation_estimates(of, resampling) for key, of in found.items()}


def _signs(
    points: Points, attributions: Mapping[str, Mapping[str, np.ndarray]], resampling: Resampling
) -> dict[str, Estimate]:
    """How often changes have the sign of effects that are larger than their noise."""
    effects = points.effects["log_odds"]
    clear = np.abs(effects) > points.effects["log_odds_noise"]
    agree = {}
    for name, of in attributions.items():
        change = of[SCORE[0]]
        same = np.sign(change) == np.sign(effects)
        agree[name] = np.where(clear & ~np.isnan(change), same, np.nan)
    return estimates(agree, resampling, rates=True)


def _completeness(run: Run, points: Points, resampling: Resampling) -> dict[str, Estimate]:
    """By how much the maps of methods that claim completeness miss it, in units of the logit."""
    claiming = [each for each in run.explainers if each.name in points.methods and baseline_of(each)]
    return estimates({each.name: points.completeness_error(each) for each in claiming}, resampling)


def _calibration(changes: np.ndarray, effects: np.ndarray, resampling: Resampling) -> dict[str, Any]:
    """For a `Line` the mean effect in each tenth of the changes, (P,), with its interval.

    None where a tenth is empty, as for few points and for ties.
    """
    used = ~np.isnan(changes)
    places = np.full(len(changes), -1)
    ranks = shares_below(changes[used])
    places[used] = np.minimum((TENTHS * ranks).astype(int), TENTHS - 1)
    tenths = {str(place): np.where(places == place, effects, np.nan) for place in range(TENTHS)}
    found = estimates(tenths, resampling).values()
    means, lows, highs = ([getattr(each, key) for each in found] for key in ("value", "ci_low", "ci_high"))
    return {
        "curves": {CALIBRATION: None if None in means else tuple(means)},
        "curve_intervals": {CALIBRATION: None if None in lows else (tuple(lows), tuple(highs))},
    }


def _columns(beside: Mapping[str, Mapping[str, Estimate]]) -> list[Column]:
    titles = {
        WITHIN: "within classes",
        "exchanged": "exchanged",
        "logit": "logit",
        "signed_change": "signed",
        "raw_change": "raw",
        "attribution": "attribution",
        SIGN: "sign",
        REGIONS: "regions",
        ZERO: "untrained",
        COMPLETENESS: "completeness error",
    }
    shown = [Column(title, key) for key, title in titles.items() if beside.get(key)]
    return [Column("rank set", "rank"), *shown]


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


def _notes(described: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In how many images the objects raise the answers of the networks."""
    return [
        f"{name}: the object raises the log odds of the true class in {of['raised']} of the "
        f"{of['recognised']} images, of {of['images']}, that count."
        for name, of in described.items()
    ]
