"""Effect: does attribution follow what an object does to the network's answer, image by image?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bam.base.errors import BamError
from bam.base.settings import setting, settings
from bam.data_prep.dataset import View
from bam.metrics.contrast.commonality import missing, networks
from bam.metrics.effect.regions import REGIONS as PLACES
from bam.metrics.effect.regions import planned_regions
from bam.metrics.effect.training import (
    COMPLETENESS,
    REGIONS,
    SCORE,
    SIGN,
    WITHIN,
    ZERO,
    OfTraining,
    of_training,
)
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.untrained import UNTRAINED, untrained_networks
from bam.metrics.metric import Concluded, Curves, metric
from bam.metrics.results.schema import Column, Line
from bam.metrics.stacking import each_training, stacked
from bam.metrics.statistics.comparison import Comparison, compare
from bam.metrics.statistics.estimate import TRIAL_SIZE, Estimate, curve_estimate, estimates, trial_sd
from bam.metrics.statistics.rank_correlation import correlation_estimates, shares_below
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import between_trainings, with_outperforming
from bam.models.training.numbered import parted_name

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SERIES = "series"
TENTHS = 10
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
    views, asked = _views(run, settings), (settings.donors, settings.untrained, settings.regions)
    models, found, further = each_training(
        run,
        partial(_models, settings=settings),
        lambda run, models: of_training(run, views, models, settings.networks == "scene", *asked),
    )
    columns = {key: stacked([each.columns[key] for each in found]) for key in found[0].columns}
    contributions, controls = columns.pop(SCORE), run.controls & set(found[0].used)
    resampling = Resampling(found[0].sources, run.settings.seed)
    comparison = compare(contributions, resampling, "up", controls)
    if further:
        comparison = with_outperforming(comparison, contributions, "up")
    beside = {key: _estimates(key, of, found[0].sources, run.settings.seed) for key, of in columns.items()}
    effects = {name: of for each in found for name, of in each.described.items()}
    return Concluded(
        models,
        _lines(run, found, contributions, comparison, beside, resampling),
        comparison,
        columns=_columns(beside),
        notes=[*_notes(effects), *comparison.notes()],
        curves=CHART,
        details={"effects": effects},
        trainings=len(found),
        further=further,
        nearness=found[0].nearness,
    )


def _estimates(
    key: str, columns: Mapping[str, np.ndarray], sources: np.ndarray, seed: int
) -> dict[str, Estimate]:
    """What stands beside the score under a key, by method."""
    resampling = Resampling(np.repeat(sources, len(PLACES), 0) if key == REGIONS else sources, seed)
    if key in (SIGN, COMPLETENESS):
        return estimates(columns, resampling, rates=key == SIGN)
    return correlation_estimates(columns, resampling)


def _lines(
    run: Run,
    found: Sequence[OfTraining],
    contributions: Mapping[str, np.ndarray],
    comparison: Comparison,
    beside: Mapping[str, Mapping[str, Estimate]],
    resampling: Resampling,
) -> dict[str, Line]:
    """One for each method; counts are sums over the trainings."""
    between = between_trainings(contributions, resampling) if len(found) > 1 else {}
    changes, effects = stacked([each.changes for each in found]), np.stack([each.effects for each in found])
    lines = {}
    for name, known in correlation_estimates(contributions, resampling).items():
        used = np.any([each.used[name] for each in found], 0)
        reasons = found[0].excluded[name]
        lines[name] = Line(
            replace(known, n=int(used.sum())),
            control=name in run.controls,
            excluded={why: sum(each.excluded[name][why] for each in found) for why in reasons},
            seconds=round(sum(each.seconds[name] for each in found), 3),
            trial_sd=trial_sd(contributions[name], run.settings.trials, TRIAL_SIZE, run.settings.seed),
            rank=comparison.ranks.get(name),
            beside={key: of[name] for key, of in beside.items() if name in of},
            counts={"constant_maps": sum(each.constant_maps[name] for each in found)},
            trainings=between.get(name),
            **_calibration(changes[name], effects, resampling),
        )
    return lines


def _calibration(changes: np.ndarray, effects: np.ndarray, resampling: Resampling) -> dict[str, Any]:
    """For a `Line` the mean effect in each tenth of the changes, (T, P) of T trainings, with its interval.

    None if a tenth is empty, as for few points and for ties.
    """
    places = np.stack([_tenths(each) for each in changes])
    tenths = {str(place): np.where(places == place, effects, np.nan) for place in range(TENTHS)}
    found = curve_estimate(list(estimates(tenths, resampling).values()))
    return {"curves": {CALIBRATION: found.means}, "curve_intervals": {CALIBRATION: found.intervals}}


def _tenths(changes: np.ndarray) -> np.ndarray:
    """int (P,): in which tenth of the changes, (P,), each is; -1 where it is NaN."""
    used, places = ~np.isnan(changes), np.full(len(changes), -1)
    ranks = shares_below(changes[used])
    places[used] = np.minimum((TENTHS * ranks).astype(int), TENTHS - 1)
    return places


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


def _notes(described: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In how many images the objects raise the answers of the networks, whose trainings share a sentence."""
    trainings: dict[str, list[Mapping[str, Any]]] = {}
    for name, of in described.items():
        trainings.setdefault(parted_name(name)[0], []).append(of)
    notes = []
    for name, found in trainings.items():
        counts = ", ".join(f"{of['raised']} of the {of['recognised']}" for of in found)
        which = f" (trainings 0 to {len(found) - 1})" if len(found) > 1 else ""
        notes.append(
            f"{name}: the object raises the log odds of the true class in {counts} images that count, of "
            f"{found[0]['images']}{which}."
        )
    return notes
