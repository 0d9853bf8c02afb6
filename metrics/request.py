"""What the user asked a metric for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attributions import METHODS, Method
from data_prep.dataset import Dataset
from data_prep.errors import BamError, unknown
from models.classifier import Classifier, load_classifier

ALWAYS = ("random", "edges")


@dataclass(frozen=True)
class Request:
    """The settings of one evaluation.

    limit: how many images at most (None: all of the test split); trials: how many random samples the
    trial standard deviation is taken over; out: folder of the results; params: settings for the methods
    that take them; precision: "float32" or "bfloat16", of the networks' arithmetic; options: settings of
    one metric alone.
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
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row_folder(self) -> Path:
        """Where the rows are kept."""
        return self.out / "rows"

    def classifier(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it was trained on another dataset."""
        classifier = load_classifier(self.models / name, self.precision)
        if classifier.description["config"]["dataset"] != self.dataset.fingerprint:
            raise BamError(
                f"{self.models / name} was trained on another dataset than {self.dataset.folder}: "
                "give the --models trained on it, or train them"
            )
        return classifier


def parse_methods(names: str) -> list[Method]:
    """Methods from a comma-separated list of names, and the controls that no table is without.

    "all" stands for every one. Raises `BamError` for unknown names.
    """
    listed = [name.strip() for name in names.split(",") if name.strip()]
    chosen = [name for entry in listed for name in (METHODS if entry == "all" else [entry])]
    for name in chosen:
        if name not in METHODS:
            raise unknown("attribution method", name, METHODS)
    if not chosen:
        raise BamError("--methods names no attribution method")
    return [METHODS[name] for name in dict.fromkeys([*chosen, *ALWAYS])]
