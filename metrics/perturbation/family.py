"""Metrics that follow a classifier's answer along a curve, while ever more relevant pixels are changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from bam.attributions import Method, explain
from bam.base.seeds import image_seeds
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.images import Pictures, left_out_note, pictures
from bam.metrics.evaluation.order import orders, relevance
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import row_file_name, sweep
from bam.metrics.perturbation.masking import Composer, Explained, Originals
from bam.metrics.results.plot import Plot
from bam.metrics.results.score import ARROWS, Score
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.resampling import TRIAL_SIZE, Resampling, mean_curve, summaries, trial_sd
from bam.models.classifier import Classifier

# Numbers by the name of the part of a curve's row that they are.
Parts = Mapping[str, np.ndarray]
Value = Callable[[Parts], np.ndarray]
MODEL = "object"
RANK_NOTE = (
    "`rank interval`: the places among the methods that one takes in 95% of the resamples of the images' "
    "sources. An interval without width says that all images agree, not that the value is certain."
)


@dataclass(frozen=True)
class Curve:
    """A metric of this family.

    measure: from the maps of a batch to what is kept of each image, float (N, points); it may take those
    of the request's `options` that are named, where they are set. axes: from the images' size (H, W) to the
    places on the x axis, float (K,), of each part of these points, in order; `curve` is one of them.
    value: from the parts, float (N, K) each, to the score of each image, float (N,); beside: the same for
    further scores, name -> (direction, value). version: rows of another one are not used.
    """

    name: str
    direction: str
    title: str
    x_label: str
    y_label: str
    axes: Callable[[tuple[int, int]], Parts]
    measure: Callable[..., np.ndarray]
    value: Value
    note: str
    beside: Mapping[str, tuple[str, Value]] = field(default_factory=dict)
    options: Sequence[str] = ()
    version: int = 2

    def settings(self, request: Request) -> dict[str, Any]:
        """The options that it takes and that are set."""
        return {name: request.options[name] for name in self.options if name in request.options}

    def parts(self, points: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """What was measured, float (N, points), by its parts."""
        lengths = [len(places) for places in self.axes(size).values()]
        return dict(zip(self.axes(size), np.split(points, np.cumsum(lengths)[:-1], axis=1), strict=True))


CURVES: dict[str, Curve] = {}


def register(curve: Curve) -> None:
    """Make a metric known, so that one sweep can serve all of the family that are asked for."""
    CURVES[curve.name] = curve


def area(curves: np.ndarray) -> np.ndarray:
    """float (N,): area under curves (N, K) by trapezoids of one width, as in RISE, on an axis of length 1."""
    return (curves.sum(1) - curves[:, 0] / 2 - curves[:, -1] / 2) / (curves.shape[1] - 1)


@dataclass(frozen=True)
class Points:
    """What one metric keeps of one map: the points of its curve, joined by ";".

    predicted: the class explained. status: see `relevance`. seconds: time for the map and the points, its
    share of the batch, beyond what earlier methods and metrics of the run had computed.
    """

    image_id: str
    model: str
    method: str
    predicted: int
    status: str
    points: str
    seconds: float


# What it has compiled serves all runs of a classifier: of the methods, and of the oracle with noise.
_composer = lru_cache(2)(Composer)
_Measured = tuple[tuple[str, str], list[Points]]


def evaluate(name: str, request: Request) -> Score:
    """The metric `name` of this family, of the model and the images that the request names.

    All metrics of the family in `request.metrics` are measured in the same sweep.
    Of `request.options`: model, images (see `Request.chosen` and `pictures`), and those of the metric.
    """
    curve, classifier = CURVES[name], request.chosen(MODEL)
    images = pictures(request, classifier)
    asked = dict.fromkeys([name, *(other for other in request.metrics if other in CURVES)])
    rows = measured([CURVES[other] for other in asked], images, classifier, request.suited(classifier))
    return _score(curve, rows[name], images, classifier, request)


def measured(
    curves: Sequence[Curve], images: Pictures, classifier: Classifier, request: Request
) -> dict[str, dict[str, list[Points]]]:
    """For each of the curves and of the request's methods the rows of the images asked for, in order."""
    methods = {method.name: method for method in request.methods}
    known = {curve.name: curve for curve in curves}
    files = {
        (curve.name, method.name): row_file_name(
            images, classifier, method, request, curve.name, curve.version, curve.settings(request)
        )
        for curve in curves
        for method in request.methods
    }
    composer = _composer(classifier)

    def compute(batch: Batch, missing: Sequence[tuple[str, str]]) -> Iterator[_Measured]:
        wanted = {methods[name]: [known[c] for c, m in missing if m == name] for _, name in missing}
        return _measure_batch(batch, images.name, composer, request, wanted)

    rows = sweep(images, classifier, request, files, Points, compute)
    return {name: {method: rows[name, method] for method in methods} for name in known}


def _measure_batch(
    batch: Batch,
    view: str,
    composer: Composer,
    request: Request,
    wanted: Mapping[Method, Sequence[Curve]],
) -> Iterator[_Measured]:
    classifier = composer.classifier
    images = classifier.prepare(batch.images)
    seeds = image_seeds(batch.ids, request.seed, view, classifier.digest)
    # A stream of their own: methods draw from the seeds too.
    ties = image_seeds(batch.ids, request.seed, "ties")
    with classifier.sharing(images):
        originals = Originals(composer, images, seeds)
        given = (classifier, images, originals.targets)
        for method, curves in wanted.items():
            begin = time.perf_counter()
            settings = method.settings(request.params)
            maps = explain(*given, method, seeds, batch.visible, ids=batch.ids, view=view, **settings)
            planes, states = relevance(maps)
            explained = Explained(originals, maps, orders(planes, ties))
            for curve in curves:
                points = curve.measure(explained, **curve.settings(request)).astype(float)
                points[np.array(states) == NAN] = np.nan
                seconds = round((time.perf_counter() - begin) / len(images), 6)
                begin = time.perf_counter()
                lines = zip(batch.ids, originals.targets.tolist(), states, points.tolist(), strict=True)
                yield (
                    (curve.name, method.name),
                    [
                        Points(
                            image, classifier.name, method.name, *known, ";".join(map(repr, kept)), seconds
                        )
                        for image, *known, kept in lines
                    ],
                )


def _score(
    curve: Curve,
    rows: Mapping[str, Sequence[Points]],
    images: Pictures,
    classifier: Classifier,
    request: Request,
) -> Score:
    size, count = classifier.input_size, len(images.ids[: request.limit])
    parts = {
        method: curve.parts(np.array([line.points.split(";") for line in lines], float), size)
        for method, lines in rows.items()
    }
    columns = {method: curve.value(found) for method, found in parts.items()}
    beside = {
        key: {method: value(found) for method, found in parts.items()}
        for key, (_, value) in curve.beside.items()
    }
    means = {
        method: {key: mean_curve(values) for key, values in found.items()} for method, found in parts.items()
    }
    resampling = Resampling(images.sources[:count], request.seed)
    comparison = compare(columns, resampling, curve.direction, request.controls & set(columns))
    further = {key: summaries(values, resampling) for key, values in beside.items()}
    entries = {
        method: {
            **value,
            "trial_sd": trial_sd(columns[method], request.trials, TRIAL_SIZE, request.seed),
            **{key: values[method] for key, values in further.items()},
            **means[method],
            "excluded": {NAN: sum(line.status == NAN for line in rows[method])},
            "constant_maps": sum(line.status == CONSTANT for line in rows[method]),
            "seconds": round(sum(line.seconds for line in rows[method]), 3),
        }
        for method, value in summaries(columns, resampling).items()
    }
    axes, directions = curve.axes(size), {key: direction for key, (direction, _) in curve.beside.items()}
    return Score(
        curve.name,
        curve.version,
        curve.direction,
        comparison.with_ranks(entries),
        {classifier.name: classifier},
        request,
        title=curve.title,
        columns={
            "rank interval": "rank",
            **{f"{key.replace('_', ' ')} {ARROWS[arrow]}": key for key, arrow in directions.items()},
        },
        extra={
            "axes": {key: places.tolist() for key, places in axes.items()},
            "images": {"set": images.name, "n": count, "left_out": images.left_out},
            **comparison.content(),
        },
        notes=[
            f"The network {classifier.name}, {count} images of {images.name}.",
            curve.note,
            RANK_NOTE,
            *left_out_note(images.left_out),
            *comparison.notes(),
        ],
        plot=_plot(curve, axes, means, classifier.name),
        per_image=columns,
        resampling=resampling,
        further={f"{curve.name}:{key}": (directions[key], values) for key, values in beside.items()},
    )


def _plot(
    curve: Curve, axes: Parts, means: Mapping[str, Mapping[str, list[float] | None]], name: str
) -> Plot:
    """The mean curves, with a panel for each part that has the same x axis."""
    panels = {
        curve.y_label if key == "curve" else key.removesuffix("_curve").replace("_", " "): {
            method: found[key] for method, found in means.items()
        }
        for key, places in axes.items()
        if np.array_equal(places, axes["curve"])
    }
    return Plot(f"{name}, {curve.title}", curve.x_label, axes["curve"].tolist(), panels)
