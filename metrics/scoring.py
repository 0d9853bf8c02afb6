"""From what a metric measured to its score: here alone are intervals, ranks and tests made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.errors import BamError
from bam.metrics.evaluation.asked import check_given
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Concluded, Described, Measured, Metric
from bam.metrics.results.environment import effective_precision, environment
from bam.metrics.results.image_values import ImageValues
from bam.metrics.results.schema import Chart, Column, Configuration, Line, Network, Validity
from bam.metrics.results.score import Score
from bam.metrics.stacking import over_trainings, trainings_note
from bam.metrics.statistics.comparison import Comparison, compare
from bam.metrics.statistics.estimate import TRIAL_SIZE, curve_estimates, estimates, trial_sd
from bam.metrics.statistics.moments import image_values, mean_over, stacked
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import between_trainings, with_outperforming
from bam.models.predictions import Predictions
from bam.models.training.validity import Check, checks

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


RANK_NOTE = (
    "`rank set`: the ranks that a method can have among the methods; the sets of all hold at once, with 95%. "
    "What intervals and sets cover is said in docs/statistics.md."
)
ONE_TRAINING = "Intervals are for this training of the networks: what another one changes is in none of them."
LAYER, SHARE = "layer", "share_of_logit"


@dataclass(frozen=True)
class Basis:
    """What a score was made of, to be judged by: of several trainings, number 0 alone."""

    run: Run
    settings: Any
    measured: Measured | Concluded


def evaluate(metric: Metric, run: Run) -> Score:
    """Measure a metric and conclude from it, see `Metric` and `Run`."""
    settings = run.asked.get(metric.name) or metric.settings()
    from_files = isinstance(run.models, Predictions)
    if from_files:
        check_given(metric.planned(run, settings), run.explainers, run.settings.limit)
    first = found = _measured(metric, run, settings)
    if isinstance(first, Measured):
        found = over_trainings(first, run, partial(_measured, metric, settings=settings))
    if isinstance(found, Measured):
        comparison, lines = _concluded(found, metric, run)
    else:
        comparison, lines = found.comparison, found.lines
    unsuited = _unsuited(found.models, run)
    lines = {name: _with_method(name, line, found.models, run) for name, line in lines.items()}
    known = any(any(line.curves.values()) for line in lines.values())
    curves = found.curves if known else None
    return Score(
        metric=metric.name,
        version=metric.version,
        title=found.title or metric.title,
        direction=metric.direction,
        source=metric.source,
        lines=lines,
        columns=(*found.columns, *_method_columns(lines)),
        comparison=comparison,
        validity=Validity.of(_checks(_networks(found)), [*found.problems, *_emptiness(found)]),
        configuration=_configuration(found, settings, run),
        environment=environment(computed=not from_files),
        unsuited=unsuited,
        notes=(*metric.notes, *found.notes, *_notes(comparison, lines, metric, found, unsuited, run)),
        chart=curves and Chart(curves.title, curves.x_label, tuple(curves.x), dict(curves.panels)),
        axes=_axes(curves) if curves else {},
        oracle=getattr(found, "oracle", False),
        details=found.details,
        images=_image_values(found),
        basis=Basis(run.of_one_training if found.trainings > 1 else run, settings, first),
    )


def _measured(metric: Metric, run: Run, settings: Any) -> Measured | Concluded:
    """What the metric finds of one training, checked."""
    found = metric.function(run, settings)
    _check(found, metric)
    return found


def _check(found: Measured | Concluded, metric: Metric) -> None:
    """Raise `BamError` if it is not what the metric must give."""
    if not isinstance(found, Measured if metric.per_image else Concluded):
        wanted = "Measured" if metric.per_image else "Concluded, since it is declared with per_image=False"
        raise BamError(f"the metric {metric.name} gave {type(found).__name__}: it must give {wanted}")
    for name, values in getattr(found, "values", {}).items():
        if np.shape(values) != (len(found.sources),):
            raise BamError(
                f"the metric {metric.name} gave values {np.shape(values)} for {name}: one for each of "
                f"the {len(found.sources)} images (`sources`) is needed"
            )
        if np.isinf(values).any():
            raise BamError(
                f"the metric {metric.name} gave infinite values for {name}: no mean holds them; give NaN "
                "for images that are not used"
            )


def _concluded(measured: Measured, metric: Metric, run: Run) -> tuple[Comparison, dict[str, Line]]:
    """The tests between the methods, and what is known of each."""
    settings, controls = run.settings, run.controls & set(measured.values)
    resampling = Resampling(measured.sources, settings.seed)
    comparison = compare(measured.values, resampling, metric.direction, controls)
    between = {}
    if measured.trainings > 1:
        comparison = with_outperforming(comparison, measured.values, metric.direction)
        between = between_trainings(measured.values, resampling)
    if not metric.ranked:
        comparison = replace(comparison, ranks={}, ranks_alone={}, undecided=None)
    beside = {
        key: estimates(
            other.values,
            resampling if other.sources is None else Resampling(other.sources, settings.seed),
            other.rate,
        )
        for key, other in measured.beside.items()
    }
    curves = {
        key: curve_estimates(found, resampling)
        for key, found in (measured.curves.curves if measured.curves else {}).items()
    }
    lines = {}
    for name, estimate in estimates(measured.values, resampling, measured.rate).items():
        lines[name] = Line(
            estimate,
            control=name in controls,
            excluded=dict(measured.excluded[name]),
            seconds=round(measured.seconds[name], 3),
            trial_sd=trial_sd(measured.values[name], settings.trials, TRIAL_SIZE, settings.seed),
            rank=comparison.ranks.get(name),
            beside={key: found[name] for key, found in beside.items() if name in found},
            counts={key: numbers[name] for key, numbers in measured.counts.items() if name in numbers},
            curves={key: found[name].means for key, found in curves.items()},
            curve_intervals={key: found[name].intervals for key, found in curves.items()},
            trainings=between.get(name),
        )
    return comparison, lines


def _emptiness(found: Measured | Concluded) -> list[str]:
    """That no image counts for any method, where the metric has not said so itself."""
    numbers = list(getattr(found, "values", {}).values())
    if found.problems or not numbers or any(np.isfinite(values).any() for values in numbers):
        return []
    return ["no image counts for any method: the column `left out` says why"]


def _image_values(found: Measured | Concluded) -> ImageValues | None:
    if isinstance(found, Concluded) or found.ids is None:
        return None
    table = stacked(found.values.values())
    values = image_values(table)
    if found.trainings > 1:
        values = values + mean_over(mean_over(table))
    values = dict(zip(found.values, values.T, strict=True))
    return ImageValues(tuple(found.ids), np.asarray(found.sources), values)


def _with_method(name: str, line: Line, models: Mapping[str, Classifier], run: Run) -> Line:
    """With the method's version, settings, layer and what its map sums to, if the line is of one."""
    for explainer in run.explainers:
        if explainer.name == name:
            settings = _plain(explainer.settings)
            counts = dict(line.counts)
            if "layer" in settings and not explainer.method.own:
                layers = [settings["layer"] or model.feature_layer() for model in models.values()]
                counts[LAYER] = ", ".join(dict.fromkeys(layers))
            if explainer.method.share:
                shares = [f"{explainer.method.share(model):.2f}" for model in models.values()]
                counts[SHARE] = ", ".join(shares)
            return replace(line, version=explainer.method.version, settings=settings, counts=counts)
    return line


def _method_columns(lines: Mapping[str, Line]) -> tuple[Column, ...]:
    """Which layer methods explain, and what their maps sum to, where there are such that do."""
    columns = (Column("layer", LAYER), Column("share of the logit", SHARE))
    return tuple(each for each in columns if any(each.key in line.counts for line in lines.values()))


def _unsuited(models: Mapping[str, Classifier], run: Run) -> dict[str, str]:
    """The methods asked for that do not apply to the networks, and why."""
    found: dict[str, str] = {}
    for model in models.values():
        found |= run.unsuited(model)
    return found


def _notes(
    comparison: Comparison,
    lines: Mapping[str, Line],
    metric: Metric,
    found: Measured | Concluded,
    unsuited: Mapping[str, str],
    run: Run,
) -> list[str]:
    models = found.models
    reasons = [f"{name} ({reason})" for name, reason in unsuited.items()]
    notes = [RANK_NOTE] if len(comparison.ranks) > 1 else []
    notes.append(trainings_note(found, lines, comparison) if found.trainings > 1 else ONE_TRAINING)
    notes += comparison.notes(metric.random_is_worst) if metric.per_image else []
    notes += [remark for model in models.values() for remark in model.remarks]
    notes += [f"Not for these networks: {', '.join(reasons)}."] if reasons else []
    notes += _lengths_notes(models, unsuited, run)
    lost = {each.name: each.method.transient for each in run.explainers if each.method.transient}
    return notes + [
        f"Rows of {name} are not kept, since {reason}: name a version for them to be."
        for name, reason in lost.items()
    ]


def _lengths_notes(models: Mapping[str, Classifier], unsuited: Mapping[str, str], run: Run) -> list[str]:
    """What the methods' lengths at 224 pixels, and their blur, come to in the networks' pictures."""
    notes = []
    for size in dict.fromkeys(model.input_size for model in models.values()):
        lengths = {each.name: each.at_size(size) for each in run.explainers if each.name not in unsuited}
        found = "; ".join(
            f"{name} {', '.join(f'{key} {value}' for key, value in known.items())}"
            for name, known in lengths.items()
            if known
        )
        notes += [f"Pixels in pictures of {size[0]} x {size[1]}: {found}."] if found else []
    return notes


def _networks(found: Measured | Concluded) -> dict[str, Classifier | Described]:
    """Those of all trainings."""
    return {**found.models, **found.further}


def _checks(models: Mapping[str, Classifier | Described]) -> dict[str, tuple[Check, ...]]:
    """For each network what the validity check says of it.

    Networks of the commonality series are not among them, since they may rely on the dog, nor are those of
    which no accuracies are known, nor one that saw no objects in training.
    """
    return {
        name: checks(model.description)
        for name, model in models.items()
        if "accuracy" in model.description
        and model.description["config"].get("commonality") is None
        and model.description["config"].get("on") != "scene_only"
    }


def _configuration(found: Measured | Concluded, settings: Any, run: Run) -> Configuration:
    networks = {
        name: Network(model.digest, model.seed_digest, model.description.get("config", {}))
        for name, model in _networks(found).items()
    }
    several = {"trainings": found.trainings} if found.trainings > 1 or run.settings.trainings else {}
    return Configuration(
        run=asdict(run.settings) | several,
        metric=_plain(asdict(settings)),
        dataset=run.data and run.data.fingerprint,
        models=networks,
        precision=effective_precision(run.models.precision),
        images=dict(found.images),
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """With lists for tuples, as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _axes(curves: Any) -> dict[str, tuple[float, ...]]:
    places: dict[str, Sequence[float]] = {key: curves.axes.get(key, curves.x) for key in curves.curves}
    return {key: tuple(np.asarray(axis, float).tolist()) for key, axis in places.items()}
