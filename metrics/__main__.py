"""Score attribution methods.

python -m bam.metrics --metric idr --limit 100           # all methods, 100 images: a minute and a half
python -m bam.metrics --metric mcs,rmcs,idr,iir,tcav     # all of the paper: half an hour on 2 cores
python -m bam.metrics --metric idr --methods my_file.py:my_method,grad_cam,random --norobustness
python -m bam.metrics --metric idr --methods "smoothgrad(noise=.1),smoothgrad(noise=.2,samples=20)"
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bam.attributions import METHODS
from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.base.progress import duration
from bam.base.settings import Folder, parameters, setting, settings
from bam.base.texts import split_outside_brackets
from bam.cli import flags as command
from bam.cli.shared import OfMethods, OwnNetwork, with_libraries
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.plan import shares
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.judging.grid import read_grid
from bam.metrics.judging.human import read_ranking
from bam.metrics.judging.settings import Judging
from bam.metrics.metric import Metric, NoSettings, find_metric
from bam.metrics.results.table import markdown_table
from bam.metrics.stacking import planned
from bam.models.given import names_networks
from bam.models.inpainters import INPAINTERS

_listed = ", ".join(method.signature for method in METHODS.values() if method.usual)
_further = ", ".join(method.signature for method in METHODS.values() if not (method.usual or method.slow))
_slow = "; ".join(f"{method.signature}: {method.slow}" for method in METHODS.values() if method.slow)
_controls = ", ".join(name for name in METHODS if METHODS[name].control)


@settings
class What:
    """What is measured, of what, and where it goes."""

    metric: str = setting(
        "idr", f"what to measure, comma-separated: {', '.join(METRICS)}; or path/to/file.py:name"
    )
    methods: str = setting(
        "all",
        f"comma-separated attribution methods, of {_listed}, with settings in brackets "
        f"where they are not to be the default, or all for each of these; further ones: {_further}; slow "
        f"ones: {_slow}; everything for all there are; or your own, as path/to/file.py:function or a folder "
        "of .npy maps, see docs/own_methods.md; or those of other libraries, as captum:DeepLift, see "
        f"docs/libraries.md (of these, controls: {_controls}; random and edges are always there)",
    )
    data: Folder = setting("data/bam", "folder of the dataset")
    models: Folder = setting(
        "runs/models",
        "folder of the trained models; or networks of your own in their place, as "
        "object=file.py:function,scene=file.keras, for which preprocess and input_size are then too",
    )
    out: Folder = setting(
        "runs/results",
        "folder of the results; a later run of the same metric replaces its table, not its rows, and says so",
    )
    predictions: str | None = setting(
        None,
        "CSV file of what networks predict, in place of the networks, for folders of maps and "
        f"{', '.join(each.name for each in METRICS.values() if not each.needs_network)}; "
        "data is then the folder that bam images wrote, see docs/own_methods.md",
    )
    judge: bool = setting(False, "also judge the metrics themselves, see docs/judging.md")
    dry_run: bool = setting(
        False,
        "compute nothing: say how many rows are there already, how many lack, and about how long these take "
        "where earlier rows of the method tell; the patches of iir are not counted, nor are forward passes "
        "without maps, nor is what tcav and inpainting need",
    )
    human_ranking: str | None = setting(
        None, "with judge: CSV file with columns method and rank, compared with the metrics'"
    )


_any = ", ".join(each.name for each in METRICS.values() if each.images == "any")


@settings
class Inputs:
    """Images and a network of the user's own."""

    images: str | None = setting(None, f"folder of JPEG and PNG files (by default the dataset), for {_any}")
    model: str | None = setting(
        None,
        "model to explain: a name in the models' folder, a .keras or .h5 file of Keras, "
        "path/to/file.py:function, which gives an nn.Module of PyTorch, or a SavedModel folder, which is a "
        "program that is run; name what you trust (by default scene_on_scene_only for iir, else object)",
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.metrics", with_libraries(__doc__, argv), _groups, argv)


def _groups(argv: Sequence[str]) -> dict[str, type]:
    """The settings that can be given, with those of all metrics in the files that `--metric` names."""
    for place, word in enumerate(argv):
        name, equals, value = word.lstrip("-").partition("=")
        if name == "metric" and word.startswith("-"):
            value = value if equals else next(iter(argv[place + 1 : place + 2]), "")
            for entry in split_outside_brackets(value):
                if ".py:" in entry:
                    find_metric(entry)
    groups: dict[str, type] = {
        "what": What,
        "settings of methods": OfMethods,
        "images and network": Inputs,
        "a network of your own": OwnNetwork,
        "how": RunSettings,
        "judging": Judging,
    }
    for kind in dict.fromkeys(metric.settings for metric in METRICS.values()):
        if kind is not NoSettings:
            names = (metric.name for metric in METRICS.values() if metric.settings is kind)
            groups[f"for {', '.join(names)}"] = kind
    return groups


def _main(flags: command.Flags) -> None:
    what, inputs, settings = flags.settings(What), flags.settings(Inputs), flags.settings(RunSettings)
    of_methods, own = flags.settings(OfMethods), flags.settings(OwnNetwork)
    metrics = _metrics(what.metric)
    elsewhere = {name for metric in metrics for name in _own_flags(metric)}
    explainers = of_methods.chosen(what.methods, elsewhere)
    judging = flags.settings(Judging)
    _check(flags, what, metrics, explainers, judging)
    ranked = [explainer.name for explainer in explainers if not explainer.method.control]
    human = read_ranking(Path(what.human_ranking), ranked) if what.human_ranking else None

    if what.predictions is None:
        import bam.cli.quiet  # noqa: F401

    # isort: split

    from bam.metrics.judging.judge import judge
    from bam.metrics.scoring import evaluate

    run = make_run(
        {metric.name: flags.settings(metric.settings) for metric in metrics},
        explainers,
        what.data,
        what.models,
        what.out,
        settings,
        inputs.images,
        inputs.model,
        own.class_names,
        own.preprocess,
        of_methods.fills_gb,
        own.input_size,
        what.predictions,
    )
    if run.data and _shows(run, metrics):
        command.say_if_drawn(run.data)
    if what.dry_run:
        for metric in metrics:
            print(_plan(metric, run))
        return
    scores = []
    for metric in metrics:
        score = evaluate(metric, run)
        scores.append(score)
        replaced = score.replaces(run.out)
        path = score.write(run.out)
        print(score.table(), end="")
        for warning in score.warnings():
            print(command.red(f"NOT VALID: {warning}"))
        print(f"written to {path}")
        if replaced:
            print(replaced, file=sys.stderr)
    if what.judge:
        judgement = judge(scores, human, **asdict(judging))
        path = judgement.write(run.out)
        print(judgement.table(), end="")
        print(f"written to {path}")


def _plan(metric: Metric, run: Run) -> str:
    """What there is to be computed for a metric, as a table with a sentence below."""
    if metric.planned is None:
        return f"{metric.name}: what it needs is known only when it runs"
    found = shares(planned(metric, run), run.keeping.folder, run.settings.limit)
    lines = [
        [
            *(each.model, each.images, each.method, each.there, each.lacking),
            "unknown" if each.seconds is None else duration(each.seconds),
        ]
        for each in found
    ]
    known = [each.seconds for each in found if each.seconds is not None]
    unknown = len(found) - len(known)
    takes = [f"about {duration(sum(known))}"] if known or not found else []
    takes += [f"an unknown time for {unknown} of the {len(found)} lines"] if unknown else []
    there, lacking = sum(each.there for each in found), sum(each.lacking for each in found)
    total = f"{metric.name}: {there} rows are there, {lacking} lack, which takes {' and '.join(takes)}"
    head = ["network", "images", "method", "there", "lacking", "takes about"]
    return f"{markdown_table(head, lines)}\n\n{total}\n"


def _shows(run: Run, metrics: Sequence[Metric]) -> bool:
    """Whether anything of the run's dataset is seen: its images, its cutouts, or its donors in a hole."""
    painters = {getattr(run.asked[metric.name], "inpainter", None) for metric in metrics}
    painters = (painters | {each.settings.get("inpainter") for each in run.explainers}) & set(INPAINTERS)
    return (
        run.images is None
        or any(metric.images == "dataset" or metric.needs_dataset for metric in metrics)
        or any(INPAINTERS[name].takes("dataset") for name in painters)
    )


def _metrics(names: str) -> list[Metric]:
    """Metrics from a comma-separated list. Raises `UsageError` for unknown names and for none."""
    try:
        found = dict.fromkeys(find_metric(name).name for name in split_outside_brackets(names))
    except ValueError as error:
        raise command.UsageError(f"--metric: {error}") from None
    if not found:
        raise command.UsageError("--metric names no metric")
    return [METRICS[name] for name in found]


def _check(
    flags: command.Flags,
    what: What,
    metrics: Sequence[Metric],
    explainers: Sequence[Explainer],
    judging: Judging,
) -> None:
    """Raise `UsageError` for a flag that is for no metric asked for, nor for a method."""
    of_methods = {parameter.name for parameter in parameters(OfMethods)}
    for name in flags.given:
        if name in of_methods and any(each.method.takes(name) for each in explainers):
            continue
        if name in ("preprocess", "input_size") and names_networks(what.models):
            continue
        meant = [each for each in METRICS.values() if name in _own_flags(each)]
        if meant and not set(meant) & set(metrics):
            known = ", ".join(each.name for each in meant)
            raise command.UsageError(f"--{name} is for --metric {known}, which is not asked for")
    if what.judge and not any(metric.per_image for metric in metrics):
        others = ", ".join(each.name for each in METRICS.values() if not each.per_image)
        raise command.UsageError(f"--judge needs a metric other than {others}: they score no single images")
    for name in ("human_ranking", *(parameter.name for parameter in parameters(Judging))):
        if name in flags.given and not what.judge:
            raise command.UsageError(f"--{name} is for --judge, which is not asked for")
    try:
        read_grid(judging.judge_grid, {metric.name for metric in metrics})
    except BamError as error:
        raise command.UsageError(flags.translated(str(error))) from None


def _own_flags(metric: Metric) -> set[str]:
    """The flags that are for some metrics alone, of those that this one takes."""
    kinds: list[Any] = [metric.settings, *([Inputs, OwnNetwork] if metric.images == "any" else [])]
    return {parameter.name for kind in kinds for parameter in parameters(kind)}


if __name__ == "__main__":
    main()
