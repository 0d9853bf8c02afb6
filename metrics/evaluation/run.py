"""What the user asked a metric for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bam.attributions import METHODS, Method
from bam.attributions.custom import is_own, own_method
from bam.base.errors import BamError, unknown
from bam.data_prep.dataset import Dataset
from bam.models.classifier import Classifier
from bam.models.stored import load_classifier, load_keras_file

ALWAYS = ("random", "edges")


@dataclass(frozen=True)
class Request:
    """The settings of one evaluation.

    dataset: None if all images are the user's own; limit: how many images at most (None: all of the test
    split); trials: how many random samples the trial standard deviation is taken over; out: folder of the
    results; params: settings for the methods that take them; precision: "float32" or "bfloat16", of the
    networks' arithmetic; batch_size: images in a batch; options: settings of some metrics alone; metrics:
    the names of all that are asked for, since some can share work.
    """

    dataset: Dataset | None
    models: Path
    methods: Sequence[Method]
    limit: int | None
    trials: int
    seed: int
    out: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    batch_size: int = 32
    options: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[str] = ()
    # Models by name and settings, so that several metrics load and compile each once.
    loaded: dict[Any, Classifier] = field(default_factory=dict, repr=False, compare=False)

    @property
    def row_folder(self) -> Path:
        """Where the rows are kept."""
        return self.out / "rows"

    def classifier(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it was trained on another dataset."""
        classifier = self._load(name, lambda: load_classifier(self.models / name, *self._settings))
        if classifier.description["config"]["dataset"] != self.dataset.fingerprint:
            raise BamError(
                f"{self.models / name} was trained on another dataset than {self.dataset.folder}: "
                "give the --models trained on it, or train them"
            )
        return classifier

    def chosen(self, default: str) -> Classifier:
        """The model named by the option `model`, or `default`: one of `models`, or the path of a .keras file.

        With images of the user's own it does not matter what it was trained on. The option `class_names`
        is the path of a text file with the classes of a .keras file, one per line.
        Raises `BamError` if it cannot be had, or was trained on another dataset than is used.
        """
        name = self.options.get("model", default)
        if name.endswith(".keras"):
            names = _lines(self.options.get("class_names"))
            return self._load(name, lambda: load_keras_file(name, names, *self._settings))
        if "class_names" in self.options:
            raise BamError(f"--class_names is for a .keras file: the model {name} knows its classes")
        if "images" not in self.options:
            return self.classifier(name)
        return self._load(name, lambda: load_classifier(self.models / name, *self._settings))

    @property
    def _settings(self) -> tuple[str, int]:
        return self.precision, self.batch_size

    def _load(self, name: str, load: Callable[[], Classifier]) -> Classifier:
        key = (name, *self._settings)
        if key not in self.loaded:
            self.loaded[key] = load()
        return self.loaded[key]

    @property
    def controls(self) -> frozenset[str]:
        """Names of those of the methods that are controls."""
        return frozenset(method.name for method in self.methods if method.control)

    def suited(self, classifier: Classifier) -> Request:
        """The same request without those methods that do not apply to this network, see `unsuited`."""
        unsuited = self.unsuited(classifier)
        return replace(self, methods=[method for method in self.methods if method.name not in unsuited])

    def unsuited(self, classifier: Classifier) -> dict[str, str]:
        """Which of the methods do not apply to this network, and why."""
        reasons = {method.name: method.unsuited(classifier) for method in self.methods}
        return {name: reason for name, reason in reasons.items() if reason}

    def whole(self, classifier: Classifier) -> int | None:
        """The limit, rounded up to whole batches, as images are worked on."""
        return self.limit and -(-self.limit // classifier.batch_size) * classifier.batch_size


def _lines(path: str | None) -> list[str]:
    if path is None or not Path(path).is_file():
        raise BamError(f"a .keras file needs --class_names, a text file with one class per line, not {path}")
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise BamError(f"{path} is no text file: --class_names takes one class per line") from None
    return [line.strip() for line in lines if line.strip()]


def parse_methods(names: str) -> list[Method]:
    """Methods from a comma-separated list, and the controls that no table is without.

    An entry is a registered name, "all" for every one of those, or a method of the user's own: see
    `attributions.own.own_method`. Raises `BamError` for unknown names.
    """
    chosen: dict[str, Method] = {}
    for entry in filter(None, map(str.strip, names.split(","))):
        if is_own(entry):
            found = [own_method(entry)]
        elif entry != "all" and entry not in METHODS:
            raise unknown("attribution method", entry, METHODS)
        else:
            found = METHODS.values() if entry == "all" else [METHODS[entry]]
        for method in found:
            if chosen.setdefault(method.name, method) is not method and method.own:
                raise BamError(f"--methods names two methods {method.name}: rename one")
    if not chosen:
        raise BamError("--methods names no attribution method")
    return list({**chosen, **{name: METHODS[name] for name in ALWAYS}}.values())
