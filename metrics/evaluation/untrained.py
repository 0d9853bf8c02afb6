"""Each method's own zero: what a metric finds on networks that never learned anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.errors import BamError
from bam.base.seeds import generator
from bam.base.settings import setting
from bam.metrics.evaluation.images import ImageSet, shuffled
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.run import Run
from bam.metrics.statistics.moments import mean_over
from bam.models.predictions import Predicted
from bam.models.training.task import Task

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# The field of the settings of a metric that has such a column.
UNTRAINED: Any = setting(
    0, "untrained networks of the same architecture, whose score stands beside: each method's own zero", ge=0
)


def adapting_images(run: Run, classifier: Classifier) -> ImageSet:
    """The images of which batch norms with fresh weights take their moments from the first, `ADAPTED`.

    They are of the training split of the image set that the network was trained on, X^k for those of the
    series (X_o,s if that is unknown), or the first of the user's own.
    """
    if run.images is not None:
        return run.pictures(classifier)
    config = classifier.description.get("config", {})
    known = {key: config[key] for key in ("on", "commonality", "classes") if config.get(key) is not None}
    task = Task(config.get("labels") or "scene", **known)
    return shuffled(task.view(run.dataset, "train"), run.settings.seed)


def untrained_networks(run: Run, classifiers: Sequence[Classifier], count: int) -> Iterator[list[Classifier]]:
    """For each number up to `count` an untrained network for each of the classifiers.

    The weights depend on the run's seed, on the number, and on the name of the network, so that no two are
    the same. Raises `BamError` for networks that cannot be made anew.
    """
    if count and any(isinstance(classifier, Predicted) for classifier in classifiers):
        raise BamError("`untrained` needs the networks, of which the answers alone are known: set it to 0")
    for number in range(1, count + 1):
        yield [_untrained(run, classifier, number) for classifier in classifiers]


def _untrained(run: Run, classifier: Classifier, number: int) -> Classifier:
    from bam.models.untrained import ADAPTED, untrained

    name = f"{classifier.name}_untrained_{number}"
    images = classifier.prepare(adapting_images(run, classifier)[:ADAPTED].images)
    return untrained(classifier, images, weight_seed(run, name), name)


def weight_seed(run: Run, name: str) -> int:
    """The seed of a network's fresh weights, from the run's and its name."""
    return int(generator(run.settings.seed, "weights", name).integers(2**32))


def own_zero(found: Pairs, others: Sequence[Pairs]) -> dict[str, np.ndarray]:
    """For each method the mean over `others`, of untrained networks, in the pairs that `found` uses.

    float (N,); NaN where a pair is not used, or no map of them has a value there. What they answer does not
    matter.
    """
    result = {}
    for name, used in found.used.items():
        columns = []
        for pairs in others:
            before, after = pairs.attributions(name)
            known = used & np.isfinite(before) & np.isfinite(after)
            columns.append(np.where(known, np.asarray(pairs.statistic(before, after), float), np.nan))
        result[name] = mean_over(np.array(columns))
    return result
