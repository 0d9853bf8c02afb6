"""Networks of the user's own in place of trained ones, as object=FILE.py:build,scene=FILE.keras."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.errors import BamError, unknown
from bam.base.files import made_once
from bam.base.texts import split_outside_brackets
from bam.data_prep.dataset import Dataset
from bam.models.stored import Models, load_classifier
from bam.models.torch.built import InputSize
from bam.models.training.task import SUITE, Task

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

TASKS = {task.name: task for task in SUITE}


def names_networks(models: str | Path) -> bool:
    """Whether this names networks one by one, and no folder of them.

    >>> names_networks("object=mine.py:build,scene=net.keras"), names_networks("runs/models")
    (True, False)
    """
    return re.match(r"[\w.]+=", str(models)) is not None


class GivenModels(Models):
    """Networks of the user's own, under the names of trained models, whose classes they must have in order.

    text: NAME=NETWORK with commas, names as of `bam train`'s folders, networks, preprocess and input_size as
    `load_classifier` takes them. kept: folder of what is known of their accuracy, which is measured once for
    each network and dataset. Raises `BamError` for other names.
    """

    def __init__(
        self,
        text: str,
        kept: Path,
        precision: str = "float32",
        batch_size: int = 32,
        preprocess: str = "none",
        input_size: InputSize | None = None,
    ):
        super().__init__("", precision, batch_size)
        self._text, self._kept, self._own = text, kept, (preprocess, input_size)
        self.paths: dict[str, str] = {}
        for entry in split_outside_brackets(text):
            name, _, path = entry.partition("=")
            if name not in TASKS:
                raise unknown("trained model", name, TASKS)
            if name in self.paths or not path:
                raise BamError(f"`models` takes NAME=NETWORK with commas, each name once, not {text}")
            self.paths[name] = path

    def has(self, name: str) -> bool:
        """Whether a network is given under this name."""
        return name in self.paths

    def trainings(self, name: str) -> tuple[int, ...]:
        """Number 0 alone, if a network is given under this name."""
        return (0,) if self.has(name) else ()

    def check_trainings(self, name: str, count: int) -> None:
        """Raise `BamError`: there is one."""
        raise BamError("`trainings` is of networks that `bam train` made, and `models` gives others")

    def __getitem__(self, name: str) -> Classifier:
        """The network of this name. Raises `BamError` if none is given, or it cannot be loaded."""
        if name not in self.paths:
            there = ", ".join(self.paths)
            raise BamError(f"`models` gives {there}, and no {name}: add {name}=NETWORK")
        if name not in self._loaded:
            how = (self.precision, self.batch_size, TASKS[name].class_names, *self._own)
            classifier = load_classifier(self.paths[name], *how)
            classifier.name, classifier.labels = name, TASKS[name].labels
            self._loaded[name] = classifier
        return self._loaded[name]

    def trained_on(self, dataset: Dataset, name: str) -> Classifier:
        """The same, with what is known of its accuracy on the dataset, see `described`."""
        classifier = self[name]
        classifier.description = self.described(dataset, name)
        return classifier

    def described(self, dataset: Dataset, name: str) -> Mapping[str, Any]:
        """Of a network what a trained one's model.json says: its task, classes and accuracy."""
        from bam.models.training.accuracy import evaluate_views

        classifier, task = self[name], TASKS[name]

        def measured() -> dict[str, Any]:
            config = {"dataset": dataset.fingerprint, **_config(task)}
            accuracy = evaluate_views(classifier, dataset, task)
            return {"config": config, "class_names": list(classifier.class_names), **accuracy}

        file = f"{name}-{classifier.digest[:16]}-{dataset.fingerprint[:16]}.json"
        return made_once(self._kept / file, measured)

    def in_float32(self) -> GivenModels:
        """The same networks in float32."""
        if self.precision == "float32":
            return self
        return GivenModels(self._text, self._kept, "float32", self.batch_size, *self._own)


def _config(task: Task) -> dict[str, Any]:
    return {"labels": task.labels, "on": task.on, "commonality": task.commonality, "classes": task.classes}
