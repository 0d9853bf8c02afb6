"""Score files: results/<metric>.json, and the same as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bam.base.files import write_json, write_text
from bam.metrics.evaluation.run import Request
from bam.metrics.results.environment import effective_precision, environment
from bam.metrics.results.plot import Plot
from bam.metrics.results.table import look_up, markdown_table
from bam.metrics.statistics.resampling import Resampling
from bam.models.classifier import Classifier
from bam.models.training.validity import check, failures

ARROWS = {"up": "↑", "down": "↓"}


@dataclass(frozen=True)
class Score:
    """The outcome of one metric.

    methods: for each attribution method at least value, ci_low, ci_high, n, excluded and seconds; a
    number that is not known is None. An entry with "control": True is a row below the methods; where
    it says nothing, the method's own registration counts. models: the classifiers used, by name.

    title: heading of the value's column, by default the metric's name. columns: further columns, heading
    -> key in the entries (see `tables.look_up` and `tables.cell`). extra: more content of the JSON file, on
    its top level. notes: sentences below the table. problems: why the scores are not to be trusted, found
    by the metric itself; shown like a model's failed validity check. plot: the curves behind the values.

    Not written, but to be judged by: per_image, for each method the values behind `value`, float (N,),
    NaN where an image is not used; resampling, that of their sources; further, the same for other scores
    of the metric, name -> (direction, values).
    """

    metric: str
    version: int
    direction: str
    methods: Mapping[str, Mapping[str, Any]]
    models: Mapping[str, Classifier]
    request: Request
    title: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()
    plot: Plot | None = None
    per_image: Mapping[str, np.ndarray] = field(default_factory=dict)
    resampling: Resampling | None = None
    further: Mapping[str, tuple[str, Mapping[str, np.ndarray]]] = field(default_factory=dict)

    @cached_property
    def validity(self) -> dict[str, dict[str, Any]]:
        """For each model used, what `models.validity.check` says of it.

        Models of the commonality series are not among them, since they may rely on the dog, nor are
        models of which no accuracies are known, nor one that saw no objects in training.
        """
        return {
            name: check(model.description)
            for name, model in self.models.items()
            if "accuracy" in model.description
            and model.description["config"].get("commonality") is None
            and model.description["config"].get("on") != "scene_only"
        }

    @cached_property
    def unsuited(self) -> dict[str, str]:
        """The methods asked for that do not apply to the networks, and why."""
        found: dict[str, str] = {}
        for model in self.models.values():
            found |= self.request.unsuited(model)
        return found

    def _notes(self) -> list[str]:
        reasons = [f"{name} ({reason})" for name, reason in self.unsuited.items()]
        return [*self.notes, *([f"Not for these networks: {', '.join(reasons)}."] if reasons else [])]

    def warnings(self) -> list[str]:
        """Why the scores are not to be trusted, if so."""
        checks = [line for name, validity in self.validity.items() for line in failures(name, validity)]
        return [*checks, *self.problems]

    def write(self) -> Path:
        """Write <metric>.json, .md and, with a plot, .png to the results' folder; returns the first path."""
        path = self.request.out / f"{self.metric}.json"
        if self.plot:
            self.plot.write(
                path.with_suffix(".png"), [name for name in self.methods if self._is_control(name)]
            )
        write_json(path, self.content())
        write_text(self.request.out / f"{self.metric}.md", self.markdown())
        return path

    def content(self) -> dict[str, Any]:
        """What the JSON file holds."""
        request = self.request
        checked = [entry["passed"] for entry in self.validity.values()] + [False] * len(self.problems)
        return {
            "metric": self.metric,
            "version": self.version,
            "direction": self.direction,
            "methods": {
                name: {**entry, "control": self._is_control(name)} for name, entry in self.methods.items()
            },
            **self.extra,
            "unsuited": self.unsuited,
            "notes": self._notes(),
            "validity": {
                "passed": all(checked) if checked else None,
                "models": self.validity,
                "problems": list(self.problems),
            },
            "config": {
                "seed": request.seed,
                "limit": request.limit,
                "trials": request.trials,
                "dataset": request.dataset and request.dataset.fingerprint,
                "models": {
                    name: {"digest": model.digest, **model.description.get("config", {})}
                    for name, model in self.models.items()
                },
                "params": dict(request.params),
                "options": dict(request.options),
                "precision": effective_precision(request.precision),
            },
            "environment": environment(),
        }

    def table(self) -> str:
        """The scores as a Markdown table, best first, controls apart, with the notes below."""
        has_trials = any("trial_sd" in entry for entry in self.methods.values())
        columns = {**({"trial sd": "trial_sd"} if has_trials else {}), **self.columns, "n": "n"}
        title = f"{self.title or self.metric.upper()} {ARROWS[self.direction]}"
        lines = []
        for name in sorted(self.methods, key=self._place):
            entry = self.methods[name]
            left_out = ", ".join(
                f"{count} {why}" for why, count in entry.get("excluded", {}).items() if count
            )
            lines.append(
                [
                    f"{name} (control)" if self._is_control(name) else name,
                    entry.get("value"),
                    (entry.get("ci_low"), entry.get("ci_high")),
                    *(look_up(entry, key) for key in columns.values()),
                    left_out or "0",
                ]
            )
        table = markdown_table(["method", title, "95% interval", *columns, "left out"], lines)
        return "\n".join([table, *(f"\n{note}" for note in self._notes())]) + "\n"

    def markdown(self) -> str:
        """The table, the notes, and why they are not to be trusted, if so."""
        return self.table() + "".join(f"\n**NOT VALID: {line}**\n" for line in self.warnings())

    def _is_control(self, name: str) -> bool:
        registered = any(method.control for method in self.request.methods if method.name == name)
        return bool(self.methods[name].get("control", registered))

    def _place(self, name: str) -> tuple[bool, float]:
        value = self.methods[name].get("value")
        sign = 1 if self.direction == "up" else -1
        return self._is_control(name), np.inf if value is None else -sign * value
