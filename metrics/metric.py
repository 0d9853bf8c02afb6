"""What a metric is: a function from a run to numbers of single images, and what is declared of it.

    @metric(direction="up", version=1, source="...", settings=Mine)
    def mine(run: Run, settings: Mine) -> Measured: ...

All that follows from the numbers (intervals, ranks, tests, notes, tables) is made in `metrics.scoring`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bam.base.errors import BamError, unknown
from bam.base.home import run_file
from bam.base.registry import check_name
from bam.base.settings import NoSettings
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.results.image_values import ImageValues
from bam.metrics.results.schema import Column, Direction, Line
from bam.metrics.statistics.comparison import Comparison

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class Beside:
    """A further number of the methods, of the same images or others.

    values: as those of `Measured`. sources: what the images are made of, None: as those of the score.
    direction: "up" or "down" if it is a score itself, by which the metric can be judged too. rate: whether
    values lie within 0 and 1.
    """

    values: Mapping[str, np.ndarray]
    sources: np.ndarray | None = None
    direction: Direction | None = None
    rate: bool = False


@dataclass(frozen=True)
class Curves:
    """Curves behind the values.

    x_label, x: the axis of the chart. curves: key -> method -> float (N, K), NaN where an image is not used.
    panels: label of a y axis -> key, of those that the chart shows. axes: key -> places, where they are
    others than x.
    """

    title: str
    x_label: str
    x: Sequence[float]
    curves: Mapping[str, Mapping[str, np.ndarray]]
    panels: Mapping[str, str]
    axes: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """What a score says of a network that need not be loaded any more, as of a `Classifier`."""

    digest: str
    seed_digest: str
    description: Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """What a metric found: a number for each image and method.

    models: the networks explained. values: method -> float (N,), NaN where an image is not used; their mean
    is the score. sources: str (N, factors), what each image is made of. excluded: method -> reason -> images.
    seconds: method -> what it took. beside, counts: further numbers, and numbers of images or maps or short
    texts, by key and method, of those methods that have them. columns: what of these the table shows; "rank"
    is the rank set. title: heading of the value's column, by default the metric's. notes: sentences below the
    table; problems: why the score is not to be trusted. images, details: more for the file. oracle: whether
    `object_mask` knows where the truth is.
    ids: of the images, where they have any; by them scores of several runs are compared.
    rate: whether values lie within 0 and 1, as answers of yes and no do, and areas under probabilities.
    trainings, further: a metric leaves them as they are. It measures one training of the networks, and
    `stacking.over_trainings` makes of several what values have one more axis for.
    """

    models: Mapping[str, Classifier]
    values: Mapping[str, np.ndarray]
    sources: np.ndarray
    excluded: Mapping[str, Mapping[str, int]]
    seconds: Mapping[str, float]
    beside: Mapping[str, Beside] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)
    columns: Sequence[Column] = ()
    curves: Curves | None = None
    title: str = ""
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()
    images: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    oracle: bool = True
    rate: bool = False
    ids: Sequence[str] | None = None
    trainings: int = 1
    further: Mapping[str, Described] = field(default_factory=dict)

    def showing(self, *columns: Column) -> Measured:
        """The same with further columns."""
        return replace(self, columns=[*self.columns, *columns])


@dataclass(frozen=True)
class Concluded:
    """What a metric found that has no numbers of single images: it says itself how sure it is.

    lines: by method, without version and settings. curves: of what the lines hold themselves, so that those
    of `Curves` are named alone. trainings: how many the lines are of; further: the networks of those beyond
    number 0, by name. nearness: of a metric that knows the truth, how nearly each method tells it of each
    image (of training 0), more is better, but only between the methods of one image: what the numbers that
    other metrics have of the images are compared with. summed: whether `n` of several trainings is the sum of
    theirs, in place of the images that any of them uses. The others as in `Measured`.
    """

    models: Mapping[str, Classifier]
    lines: Mapping[str, Line]
    comparison: Comparison
    columns: Sequence[Column] = ()
    curves: Curves | None = None
    title: str = ""
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()
    images: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    trainings: int = 1
    further: Mapping[str, Described] = field(default_factory=dict)
    nearness: ImageValues | None = None
    summed: bool = False


@dataclass(frozen=True)
class Metric:
    """A metric, as it is declared.

    title: heading of its column. direction: "up" if more is better. version: to be raised when its numbers
    come out differently. source: where it is defined. images: "dataset", or "any" if it takes the user's own.
    needs_dataset: whether it needs one even then. needs_network: False if it asks networks for maps and
    predicted classes alone, so that files of these can stand in for them; then it must be `planned`.
    knows_truth: its ranking is one to compare others with.
    random_is_worst: a method that is no better than `random` says nothing. ranked: more of it is better, so
    that methods have ranks. always: controls that no table of it is without, beside those of `choose`.
    per_image: it has a number for every image, and so can be judged. inverse: what the inverted map of a
    method is, of which the score must be worse: "minus", the map with its sign changed, where signs count;
    "maximum", what speaks for the class taken from its maximum, where positive parts alone count; None if
    nothing is known of it. settings: their dataclass. notes: see
    `notes_of`. question: what it asks of a method, in a sentence for the report. planned: all rows that it
    wants of a run, without computing any; None if nobody can say. cite: keys of the publications it is from,
    see `base.citations`.
    """

    name: str
    function: Callable[[Run, Any], Measured | Concluded]
    title: str
    direction: Direction
    version: int
    source: str
    images: Literal["dataset", "any"] = "dataset"
    needs_dataset: bool = True
    needs_network: bool = True
    knows_truth: bool = False
    random_is_worst: bool = True
    ranked: bool = True
    always: tuple[str, ...] = ()
    per_image: bool = True
    inverse: Literal["minus", "maximum"] | None = None
    settings: type = NoSettings
    notes: tuple[str, ...] = ()
    question: str = ""
    planned: Callable[[Run, Any], Sequence[Planned]] | None = None
    cite: tuple[str, ...] = ()


METRICS: dict[str, Metric] = {}
# What can be said of a run beside `RunSettings`, so that no metric has a setting of that name.
SHARED = {
    "metric",
    "methods",
    "set",
    "baseline",
    "layer",
    "samples",
    "data",
    "models",
    "out",
    "judge",
    "dry_run",
}
SHARED |= {"human_ranking", "images", "model", "class_names", "predictions"}
SHARED |= {"judge_both", "judge_inverted", "judge_copies", "judge_grid"}


def metric(name: str | None = None, *, title: str = "", **declared: Any) -> Callable:
    """Register a metric, by default under its function's name; `declared` are fields of `Metric`."""

    if callable(name):
        raise BamError(
            f"`@metric` above {name.__name__} must declare: @metric(direction=..., version=..., source=...)"
        )

    def register(function: Callable[[Run, Any], Measured | Concluded]) -> Callable:
        key = name or function.__name__
        enter(Metric(key, function, title or key.upper(), **declared, notes=notes_of(function)))
        return function

    return register


def enter(metric: Metric, definition: Callable | None = None) -> None:
    """Enter a metric into `METRICS`; definition: what defines it, if not its function.

    Raises `BamError` if it is not BAM's and has the name of one that is.
    """
    shared = {field.name for field in fields(RunSettings)} | SHARED
    if taken := sorted(shared & {field.name for field in fields(metric.settings)}):
        raise BamError(f"the metric {metric.name} has a setting {taken[0]}, which all share: rename it")
    if metric.direction not in ("up", "down"):
        raise BamError(f"the metric {metric.name} must have the direction up or down, not {metric.direction}")
    if not metric.needs_network and metric.planned is None:
        raise BamError(f"the metric {metric.name} needs no network: `planned` must say what is asked for")
    former = METRICS.get(metric.name)
    check_name("a metric", metric.name, definition or metric.function, former and former.function)
    METRICS[metric.name] = metric


def notes_of(function: Callable) -> tuple[str, ...]:
    """What a reader of the table must know: the paragraphs of a docstring behind "Below the table:"."""
    _, _, text = (inspect.getdoc(function) or "").partition("Below the table:\n")
    return tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def find_metric(name: str | Callable) -> Metric:
    """The metric of this name, or of this function, or the one that "path/to/file.py:name" registers: then
    the file is run.

    Raises `BamError` if there is none.
    """
    if callable(name):
        name = next((key for key, found in METRICS.items() if found.function is name), name.__name__)
    if name.endswith(".py"):
        raise BamError(f"{name} is a file: give {name}:NAME for the metric NAME that it registers")
    file, _, own = name.rpartition(":")
    if file.endswith(".py"):
        before = dict(METRICS)
        # Even where the name is known, which may be that of an older file.
        _, home = run_file(Path(file))
        fresh = [key for key, found in METRICS.items() if before.get(key) is not found]
        if own not in fresh:
            raise BamError(
                f"{file} registers no metric {own}: `@metric(...)` above a function so called does"
            )
        for key in fresh:
            METRICS[key] = replace(METRICS[key], function=home.bound(METRICS[key].function))
        return METRICS[own]
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]
