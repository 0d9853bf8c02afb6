"""Scores from Python, and the run behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.attributions import METHODS
from bam.attributions.choice import Choice, choose
from bam.attributions.registry import Explainer
from bam.attributions.stored_maps import StoredMaps
from bam.base.errors import BamError, unknown
from bam.base.settings import checked
from bam.data_prep.dataset import Dataset, load_dataset
from bam.data_prep.written import MARKER, WrittenImages
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.metric import METRICS, Metric, find_metric
from bam.metrics.results.score import Score
from bam.metrics.scoring import evaluate
from bam.models.given import GivenModels, names_networks
from bam.models.inpainters.store import GIGABYTES, FillStore
from bam.models.predictions import Predictions
from bam.models.stored import Models, is_own
from bam.models.torch.built import InputSize

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


def score(
    metric: str | Callable,
    methods: str | Sequence[Choice] = "all",
    data: str | Path | Dataset = "data/bam",
    models: str | Path = "runs/models",
    out: str | Path = "runs/results",
    images: str | Path | None = None,
    model: str | Path | Classifier | None = None,
    class_names: str | Path | Sequence[str] | None = None,
    preprocess: str = "none",
    input_size: InputSize | None = None,
    predictions: str | Path | None = None,
    **settings: Any,
) -> Score:
    """Score attribution methods by one metric.

    metric: its name, or of your own its function or "path/to/file.py:name"; one a call. methods: names, with
    settings in brackets where they are not to be the default; functions `f(classifier, images, targets)
    -> maps`; or what `custom_method` gives; as a list, or a text with commas. `random` and `edges` are
    always there. data, models: folders that `bam build` and `bam train` made; models also networks of your
    own in place of trained ones, "object=FILE.py:build,scene=FILE.keras", see `GivenModels`. out: where rows
    are kept (in `rows`), which another call uses again; the score itself is written by its `write`. images: a
    folder of your own images, model: a name in `models`, a network of your own (a file of Keras, or
    "path/to/file.py:function", which gives an nn.Module) with `class_names` (a list, or a text file), or a
    classifier, for metrics that take any. preprocess, input_size: what such a network takes, see
    `load_classifier`. predictions: a CSV file of what networks predict, in place of the networks, for mcs,
    idr and localisation of folders of maps; `data` then is the folder that `bam images` wrote, and no
    TensorFlow is loaded. settings: those of the run (limit, trials, seed,
    precision, batch_size, trainings) and of the metric. Raises `BamError` for what is not there or cannot be.

    >>> import bam
    >>> score = bam.score("idr", methods=["grad_cam", "smoothgrad(samples=2)"], limit=4)
    >>> score["grad_cam"].value, score["grad_cam"].ci_low, score["grad_cam"].n  # doctest: +SKIP
    (0.977, 0.937, 88)
    >>> print(score.table().splitlines()[0][:30])
    | method | IDR ↑ | 95% interva
    """
    if isinstance(metric, str) and "," in metric:
        raise BamError(f"{metric} names several metrics: ask for one a call")
    chosen = find_metric(metric)
    known = {field.name for field in fields(RunSettings)}
    own = {field.name for field in fields(chosen.settings)}
    for name in settings:
        if name not in known | own:
            raise unknown(f"setting of {chosen.name}", name, sorted(known | own))
    shared = {name: value for name, value in settings.items() if name in known}
    asked = {name: value for name, value in settings.items() if name in own}
    run = make_run(
        {chosen.name: checked(chosen.settings, asked)},
        choose(methods),
        data,
        models,
        out,
        checked(RunSettings, shared),
        images,
        model,
        class_names,
        preprocess,
        input_size=input_size,
        predictions=predictions,
    )
    return evaluate(chosen, run)


def make_run(
    asked: Mapping[str, Any] | None,
    explainers: Sequence[Explainer],
    data: str | Path | Dataset | WrittenImages,
    models: str | Path | Models | Predictions,
    out: str | Path,
    settings: RunSettings,
    images: str | Path | None = None,
    model: str | Path | Classifier | None = None,
    class_names: str | Path | Sequence[str] | None = None,
    preprocess: str = "none",
    fills_gb: float = GIGABYTES,
    input_size: InputSize | None = None,
    predictions: str | Path | None = None,
) -> Run:
    """The run that measures the metrics `asked` for, by name with their settings; None for one of maps alone.

    models: the folder, or `Models`, which compute as they do. fills_gb: the most that fills of slow
    inpainters take in `out`. The others as in `score`. Controls that tables of the metrics are never without
    are added. Raises `BamError` if images, a model or what it needs are given for a metric that does not take
    them, for a method whose inpainter cannot be had, or would be asked too much, and for what needs a network
    where `predictions` stand in for it.
    """
    metrics = [METRICS[name] for name in asked or {}]
    explainers = [*explainers, *_lacking(metrics, explainers)]
    given = {"images": images, "model": model, "class_names": class_names}
    in_place = not isinstance(models, Models) and names_networks(models)
    if not in_place:  # else they are of those networks
        given |= {"preprocess": None if preprocess == "none" else preprocess, "input_size": input_size}
    for name, value in given.items():
        if value is not None and asked is not None and not any(each.images == "any" for each in metrics):
            raise BamError(f"`{name}` is for {_listed_any()}, which is not asked for")
    if Path(out).is_file():
        raise BamError(f"`out` must be a folder, and {out} is a file")
    if predictions is not None:
        given |= {"precision": settings.precision, "trainings": settings.trainings}
        _check_networkless(metrics, explainers, given)
        data = WrittenImages(data)
        models = Predictions.read(predictions, data, settings.batch_size)
    elif not isinstance(data, Dataset):
        data = _dataset(data, metrics, images)
    if not isinstance(model, (str, Path, type(None))):  # it computes as it does
        _check_classifier(model)
        settings = replace(settings, precision=model.precision, batch_size=model.batch_size)
    if isinstance(models, Models):
        settings = replace(settings, precision=models.precision, batch_size=models.batch_size)
    elif not isinstance(models, Predictions):
        models = _models(models, settings, Path(out), preprocess, input_size)
    if in_place and not is_own(model):
        preprocess, input_size = "none", None
    store = FillStore(Path(out) / "fills", fills_gb)
    return Run(
        data,
        models,
        [_with_given(each, data, images is None, store, settings.seed) for each in explainers],
        settings,
        Path(out),
        None if images is None else Path(images),
        model,
        class_names,
        asked or {},
        preprocess,
        input_size,
    )


def _check_classifier(model: Any) -> None:
    """Raise `BamError` for what is neither text, path nor classifier."""
    if not hasattr(model, "class_names"):
        raise BamError(
            f"`model` takes a name, a network of your own or a classifier, not {type(model).__name__}: "
            "bam.models.Classifier(network, class_names) is one of a tf_keras network"
        )


def _models(
    models: str | Path, settings: RunSettings, out: Path, preprocess: str, input_size: InputSize | None
) -> Models:
    """The models of a folder, or those that are named one by one."""
    how = (settings.precision, settings.batch_size)
    if names_networks(models):
        return GivenModels(str(models), out / "accuracy", *how, preprocess, input_size)
    return Models(models, *how)


def _check_networkless(
    metrics: Sequence[Metric], explainers: Sequence[Explainer], given: Mapping[str, Any]
) -> None:
    """Raise `BamError` for what needs a network. given: what else is said of one, by parameter."""
    able = ", ".join(each.name for each in METRICS.values() if not each.needs_network)
    if others := [each.name for each in metrics if each.needs_network]:
        raise BamError(f"`predictions` do for {able} alone: {', '.join(others)} must ask the network itself")
    for name, value in given.items():
        if value not in (None, "float32"):
            raise BamError(f"`{name}` is of a network, and `predictions` stand in its place: leave one out")
    asking = [
        each.name for each in explainers if not (each.method.control or isinstance(each.method, StoredMaps))
    ]
    if asking:
        raise BamError(
            f"{', '.join(asking)} must ask the network, and `predictions` stand in its place: "
            "`methods` must name folders of maps"
        )


def _lacking(metrics: Sequence[Metric], explainers: Sequence[Explainer]) -> list[Explainer]:
    """The controls that are not there and that no table of these metrics is without."""
    wanted = dict.fromkeys(name for each in metrics for name in each.always)
    known = {explainer.name for explainer in explainers}
    return [METHODS[name].with_settings() for name in wanted if name not in known]


def _with_given(
    explainer: Explainer, data: Dataset | None, of_data: bool, store: FillStore, seed: int
) -> Explainer:
    """A method with what the run has. of_data: whether the images are the dataset's.

    With images of the user's own, what fills holes is from the dataset only if that is asked for. Raises
    `BamError` now for what its inpainter lacks, not only when the method's turn has come.
    """
    asked = of_data or explainer.settings.get("inpainter") is not None
    given = explainer.with_given(dataset=data if asked else None, fill_store=store, fill_seed=seed)
    given.painting  # noqa: B018, it raises
    return given


def _listed_any() -> str:
    return ", ".join(each.name for each in METRICS.values() if each.images == "any")


def _dataset(folder: str | Path, metrics: Sequence[Metric], images: str | Path | None) -> Dataset | None:
    if (Path(folder) / MARKER).exists():
        raise BamError(f"{folder} holds images that maps are asked for: give `predictions` too, or a dataset")
    # Images of one's own can do without a dataset, but if there is one, donors are taken from it.
    optional = images is not None and not any(each.needs_dataset for each in metrics)
    return None if optional and not (Path(folder) / "dataset.json").exists() else load_dataset(folder)
