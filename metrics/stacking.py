"""Several trainings of the networks: what a metric finds of each, one after another, becomes one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bam.base.errors import BamError
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Beside, Concluded, Curves, Described, Measured, Metric
from bam.metrics.results.schema import Line
from bam.metrics.statistics.comparison import Comparison
from bam.models.training.numbered import parted_name, training_name

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

Found = TypeVar("Found")


def over_trainings(first: Measured, run: Run, measure: Callable[[Run], Measured]) -> Measured:
    """What `measure` finds of all trainings, of which `first` is that of number 0.

    Values have one row a training, float (T, N), and so have those of `Beside` and `Curves`, in front of
    their axes. Images, times and other counts are summed. The networks are loaded training by training, and
    none but those of number 0 are kept. Of one training it is `first` itself. Raises `BamError` for networks
    that were trained otherwise than number 0, and for a metric that measures other images of each training.
    """
    found, further = [first], {}
    for each in run.further(model.name for model in first.models.values()):
        other = measure(each)
        further |= described(other.models.values(), first.models.values())
        found.append(replace(other, models={}))
        del other  # its networks, before the next are loaded
    return replace(_stacked(found), trainings=len(found), further=further) if further else first


def each_training(
    run: Run,
    load: Callable[[Run], dict[str, Classifier]],
    measure: Callable[[Run, dict[str, Classifier]], Found],
) -> tuple[dict[str, Classifier], list[Found], dict[str, Described]]:
    """The networks of number 0, what `measure` finds of each training, and the networks of further ones.

    For metrics that conclude themselves. The networks of a further training are loaded after those of the one
    before it are gone. Raises `BamError` for networks that were trained otherwise than number 0.
    """
    models = load(run)
    found, further = [measure(run, models)], {}
    for other in run.further(model.name for model in models.values()):
        theirs = load(other)
        found.append(measure(other, theirs))
        further |= described(theirs.values(), models.values())
        del theirs
    return models, found, further


def described(models: Iterable[Classifier], first: Iterable[Classifier]) -> dict[str, Described]:
    """What a score says of the networks of a further training, by name.

    first: those of number 0. Raises `BamError` for one that was trained otherwise.
    """
    known, found = {model.name: _config(model.description) for model in first}, {}
    for model in models:
        config, name = _config(model.description), parted_name(model.name)[0]
        if other := [key for key, value in known.get(name, config).items() if config.get(key) != value]:
            raise BamError(
                f"{model.name} is no training like {name}, but of another {', '.join(other)}: train it "
                "again, or leave it out with `trainings`"
            )
        found[model.name] = Described(model.digest, model.seed_digest, model.description)
    return found


def planned(metric: Metric, run: Run) -> list[Planned]:
    """What a metric of which that is known wants of all trainings, without computing any."""
    settings = run.asked[metric.name]
    first = metric.planned(run, settings)
    others = run.further(each.classifier.name for each in first)
    return [*first, *(wanted for other in others for wanted in metric.planned(other, settings))]


def _config(description: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in description.get("config", {}).items() if key != "training"}


def _stacked(found: Sequence[Measured]) -> Measured:
    first = found[0]
    if any(not np.array_equal(each.sources, first.sources) for each in found):
        raise BamError("the images differ from training to training: set `trainings` to 1")
    more = {"further_trainings": [dict(each.details) for each in found[1:]]} if first.details else {}
    return replace(
        first,
        values=stacked([each.values for each in found]),
        excluded={
            name: {why: sum(each.excluded[name].get(why, 0) for each in found) for why in _keys(found, name)}
            for name in first.excluded
        },
        seconds={name: sum(each.seconds[name] for each in found) for name in first.seconds},
        beside={key: _beside([each.beside[key] for each in found]) for key in first.beside},
        counts={
            key: {name: _total([each.counts[key][name] for each in found]) for name in numbers}
            for key, numbers in first.counts.items()
        },
        curves=_curves([each.curves for each in found]),
        notes=told([each.notes for each in found]),
        problems=told([each.problems for each in found]),
        details={**first.details, **more},
    )


def trainings_note(found: Measured | Concluded, lines: Mapping[str, Line], comparison: Comparison) -> str:
    """What the columns of a table of several trainings are."""
    sets = " and rank sets" if comparison.ranks else ""
    trial = any(line.trial_sd is not None for line in lines.values())
    summed = getattr(found, "summed", False)
    return (
        f"Of {found.trainings} trainings of the networks: intervals{sets} are for further ones too. `sd "
        f"between trainings`: of their scores. {'`trial sd`: the mean of theirs. ' if trial else ''}"
        f"{'`n`, ' if summed else '`n`: the images that any of them uses; '}"
        "`left out` and other counts are sums over all; other columns, means over the trainings in which an "
        "image counts for them."
    )


def _keys(found: Sequence[Measured], name: str) -> list[str]:
    """Why images of a method do not count, in any training."""
    return list(dict.fromkeys(why for each in found for why in each.excluded[name]))


def stacked(found: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Values of each training, by method, as one array with the trainings before its other axes."""
    return {name: np.stack([np.asarray(each[name], float) for each in found]) for name in found[0]}


def _beside(found: Sequence[Beside]) -> Beside:
    return replace(found[0], values=stacked([each.values for each in found]))


def _curves(found: Sequence[Curves | None]) -> Curves | None:
    first = found[0]
    return first and replace(
        first, curves={key: stacked([each.curves[key] for each in found]) for key in first.curves}
    )


def _total(found: Sequence[int | str]) -> int | str:
    """The sum of numbers, or all texts, each once."""
    if all(isinstance(each, (int, np.integer)) for each in found):
        return sum(map(int, found))
    return ", ".join(dict.fromkeys(map(str, found)))


def told(sentences: Sequence[Sequence[str]]) -> list[str]:
    """What is said of all trainings, once; other sentences with the number of the training.

    >>> told([["No map is constant.", "80 images count."], ["No map is constant.", "70 images count."]])
    ['No map is constant.', 'Training 0: 80 images count.', 'Training 1: 70 images count.']
    """
    plain = [
        [text.replace(training_name("", number), "") for text in each]
        for number, each in enumerate(sentences)
    ]
    common = [text for text in plain[0] if all(text in each for each in plain)]
    return common + [
        f"Training {number}: {text}"
        for number, each in enumerate(plain)
        for text in each
        if text not in common
    ]
