"""Metrics that follow a classifier's answer along a curve, while ever more relevant pixels are changed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.seeds import image_seeds
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.answers import doubts
from bam.metrics.evaluation.images import Pictures, described, left_out_note
from bam.metrics.evaluation.order import orders, relevance
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.sweep import Keeping, row_files, sweep
from bam.metrics.metric import METRICS, Beside, Curves, Measured, Metric, NoSettings, enter, notes_of
from bam.metrics.results.schema import Column, Direction

if TYPE_CHECKING:
    from bam.metrics.perturbation.masking import Composer, Explained
    from bam.models.classifier import Classifier

# Numbers by the name of the part of a curve's row that they are.
Parts = Mapping[str, np.ndarray]
Value = Callable[[Parts], np.ndarray]
MODEL = "object"


@dataclass(frozen=True)
class Curve:
    """A metric of this family, registered by `curve`.

    measure: from the maps of a batch and the metric's settings to what is kept of each image, float (N,
    points). axes: from the images' size (H, W) to the places on the x axis, float (K,), of each part of these
    points, in order; `curve` is one of them. value: from the parts, float (N, K) each, to the score of each
    image, float (N,); beside: the same for further scores, name -> (direction, value). rate: whether
    they lie within 0 and 1.
    """

    name: str
    measure: Callable[[Explained, Any], np.ndarray]
    title: str
    x_label: str
    y_label: str
    axes: Callable[[tuple[int, int]], Parts]
    value: Value
    beside: Mapping[str, tuple[Direction, Value]] = field(default_factory=dict)
    rate: bool = False

    @property
    def version(self) -> int:
        """Rows of another one are not used."""
        return METRICS[self.name].version

    def parts(self, points: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """What was measured, float (N, points), by its parts."""
        lengths = [len(places) for places in self.axes(size).values()]
        return dict(zip(self.axes(size), np.split(points, np.cumsum(lengths)[:-1], axis=1), strict=True))


CURVES: dict[str, Curve] = {}


def curve(
    name: str,
    *,
    title: str,
    direction: Direction,
    source: str,
    version: int = 2,
    settings: type = NoSettings,
    note: str = "",
    cite: Sequence[str] = (),
    question: str = "",
    inverse: Literal["minus", "maximum"] = "maximum",
    **declared: Any,
) -> Callable:
    """Register a metric of this family; one sweep serves all that are asked for.

    note: what stands below the table, where the docstring does not say it. question, inverse: see
    `Metric`. declared: fields of `Curve`.
    """

    def register(measure: Callable[[Explained, Any], np.ndarray]) -> Callable:
        found = Curve(name, measure, title, **declared)
        metric = Metric(
            name,
            partial(follow, found),
            title,
            direction,
            version,
            source,
            images="any",
            needs_dataset=False,
            inverse=inverse,
            settings=settings,
            question=question,
            notes=(note,) if note else notes_of(measure),
            planned=partial(_planned, found),
            cite=tuple(cite),
        )
        enter(metric, measure)
        CURVES[name] = found
        return measure

    return register


def area(curves: np.ndarray) -> np.ndarray:
    """float (N,): area under curves (N, K) by trapezoids of one width, as in RISE, on an axis of length 1."""
    return (curves.sum(1) - curves[:, 0] / 2 - curves[:, -1] / 2) / (curves.shape[1] - 1)


@dataclass(frozen=True)
class Points:
    """What one metric keeps of one map: the points of its curve, joined by ";".

    predicted: the class explained. status: see `relevance`. seconds: time for the map and the points, its
    share of the batch, as if nothing else were asked for.
    """

    image_id: str
    model: str
    method: str
    predicted: int
    status: str
    points: str
    seconds: float


@lru_cache(2)
def _composer(classifier: Classifier) -> Composer:
    """What it has compiled serves all runs of a classifier: of the methods, and of the oracle with noise."""
    from bam.metrics.perturbation.masking import Composer

    return Composer(classifier)


def follow(curve: Curve, run: Run, settings: Any) -> Measured:
    """A metric of this family, of the model and the images that the run names.

    All metrics of the family that are asked for are measured in the same sweep.
    """
    classifier = run.explained(MODEL)
    images = run.pictures(classifier)
    asked = {name: given for name, given in run.asked.items() if name in CURVES} | {curve.name: settings}
    explainers = run.suited(classifier)
    rows = measured(asked, images, classifier, explainers, run.settings.seed, run.keeping)[curve.name]
    size = classifier.input_size
    parts = {
        method: curve.parts(np.array([line.points.split(";") for line in lines], float), size)
        for method, lines in rows.items()
    }
    count = len(images.ids[: run.settings.limit])
    return Measured(
        {classifier.name: classifier},
        {method: curve.value(found) for method, found in parts.items()},
        images.sources[:count],
        {method: {NAN: sum(line.status == NAN for line in lines)} for method, lines in rows.items()},
        {method: sum(line.seconds for line in lines) for method, lines in rows.items()},
        beside={
            key: Beside(
                {method: value(found) for method, found in parts.items()}, None, direction, curve.rate
            )
            for key, (direction, value) in curve.beside.items()
        },
        counts={
            "constant_maps": {
                method: sum(line.status == CONSTANT for line in lines) for method, lines in rows.items()
            }
        },
        columns=[
            Column("rank set", "rank"),
            *(Column(key.replace("_", " "), key, direction) for key, (direction, _) in curve.beside.items()),
        ],
        curves=_curves(curve, curve.axes(size), parts, classifier.name),
        ids=images.ids[:count],
        notes=[
            f"The network {classifier.name}, {count} images of {images.name}.",
            *left_out_note(images.left_out),
        ],
        problems=doubts(classifier, images),
        rate=curve.rate,
        images=described(images, count),
        oracle=run.images is None,
    )


def measured(
    asked: Mapping[str, Any],
    images: Pictures,
    classifier: Classifier,
    explainers: Sequence[Explainer],
    seed: int,
    keeping: Keeping,
) -> dict[str, dict[str, list[Points]]]:
    """For each curve asked for (name -> settings) and each method the rows of the images, in order."""
    by_name = {explainer.name: explainer for explainer in explainers}
    of_curves = {
        name: _files(CURVES[name], settings, images, classifier, explainers, seed)
        for name, settings in asked.items()
    }
    # Those of a method one after another.
    files = {(name, method): of_curves[name][method] for method in by_name for name in asked}
    composer = _composer(classifier)

    def compute(batch: Batch, missing: Sequence[tuple[str, str]]) -> Generator[list[Points], None, None]:
        wanted = {by_name[name]: [c for c, m in missing if m == name] for _, name in missing}
        return _measure_batch(batch, images.name, composer, seed, asked, wanted)

    rows = sweep(images, classifier, keeping, files, Points, compute)
    return {name: {method: rows[name, method] for method in by_name} for name in asked}


def _files(
    curve: Curve,
    settings: Any,
    images: Pictures,
    classifier: Classifier,
    explainers: Sequence[Explainer],
    seed: int,
) -> dict[str, str | None]:
    what = (curve.name, curve.version, asdict(settings))
    return row_files(images, classifier, explainers, seed, *what)


def _planned(curve: Curve, run: Run, settings: Any) -> list[Planned]:
    """What `follow` sweeps, of this metric alone."""
    classifier = run.explained(MODEL)
    images = run.pictures(classifier)
    files = _files(curve, settings, images, classifier, run.suited(classifier), run.settings.seed)
    return [Planned(images, classifier, files)]


def _measure_batch(
    batch: Batch,
    view: str,
    composer: Composer,
    seed: int,
    asked: Mapping[str, Any],
    wanted: Mapping[Explainer, Sequence[str]],
) -> Generator[list[Points], None, None]:
    """The rows of one method after another, of one curve after another."""
    from bam.metrics.perturbation.masking import Explained, Originals

    classifier = composer.classifier
    images = classifier.prepare(batch.images)
    seeds = image_seeds(batch.ids, seed, view, classifier.seed_digest)
    # A stream of their own: methods draw from the seeds too.
    ties = image_seeds(batch.ids, seed, "ties")
    with classifier.sharing(images):
        originals = Originals(composer, images, seeds)
        known = {"seed": seeds, "masks": batch.visible, "ids": batch.ids, "view": view}
        for explainer, names in wanted.items():
            begin = classifier.clock()
            maps = explainer.explain(classifier, images, originals.targets, **known)
            planes, states = relevance(maps)
            explained = Explained(originals, maps, orders(planes, ties))
            for_map = classifier.clock() - begin
            for name in names:
                begin = classifier.clock()
                points = CURVES[name].measure(explained, asked[name]).astype(float)
                points[np.array(states) == NAN] = np.nan
                seconds = round((for_map + classifier.clock() - begin) / len(images), 6)
                lines = zip(batch.ids, originals.targets.tolist(), states, points.tolist(), strict=True)
                model, method = classifier.name, explainer.name
                yield [
                    Points(image, model, method, *others, ";".join(map(repr, kept)), seconds)
                    for image, *others, kept in lines
                ]


def _curves(curve: Curve, axes: Parts, parts: Mapping[str, Mapping[str, np.ndarray]], name: str) -> Curves:
    """The curves of all parts, with a panel for each part that has the same x axis."""
    return Curves(
        f"{name}, {curve.title}",
        curve.x_label,
        axes["curve"].tolist(),
        {key: {method: found[key] for method, found in parts.items()} for key in axes},
        {
            curve.y_label if key == "curve" else key.removesuffix("_curve").replace("_", " "): key
            for key, places in axes.items()
            if np.array_equal(places, axes["curve"])
        },
        {key: places.tolist() for key, places in axes.items()},
    )
