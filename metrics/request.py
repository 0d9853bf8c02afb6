"""What the user asked a metric for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attributions import METHODS, Method
from attributions.own import is_own, own_method
from data_prep.dataset import Dataset
from data_prep.errors import BamError, unknown
from models.classifier import Classifier
from models.stored import load_classifier

ALWAYS = ("random", "edges")


@dataclass(frozen=True)
class Request:
    """The settings of one evaluation.

    limit: how many images at most (None: all of the test split); trials: how many random samples the
    trial standard deviation is taken over; out: folder of the results; params: settings for the methods
    that take them; precision: "float32" or "bfloat16", of the networks' arithmetic; batch_size: images in
    a batch; options: settings of one metric alone.
    """

    dataset: Dataset
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
    # Models by name and settings, so that several metrics load and compile each once.
    loaded: dict[Any, Classifier] = field(default_factory=dict, repr=False, compare=False)

    @property
    def row_folder(self) -> Path:
        """Where the rows are kept."""
        return self.out / "rows"

    def classifier(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it was trained on another dataset."""
        key = (name, self.precision, self.batch_size)
        if key not in self.loaded:
            self.loaded[key] = load_classifier(self.models / name, self.precision, self.batch_size)
        classifier = self.loaded[key]
        if classifier.description["config"]["dataset"] != self.dataset.fingerprint:
            raise BamError(
                f"{self.models / name} was trained on another dataset than {self.dataset.folder}: "
                "give the --models trained on it, or train them"
            )
        return classifier


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
