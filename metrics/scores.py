"""Score files: results/<metric>.json, and the same as a Markdown table."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.files import write_json, write_text
from metrics.request import Request
from models.classifier import Classifier
from models.validity import check, failures

ARROWS = {"up": "↑", "down": "↓"}


@dataclass(frozen=True)
class Score:
    """The outcome of one metric.

    methods: for each attribution method at least value, ci_low, ci_high, trial_sd, n, excluded and
    seconds. models: the classifiers used, by name.
    """

    metric: str
    version: int
    direction: str
    methods: dict[str, dict[str, Any]]
    models: dict[str, Classifier]
    request: Request

    @cached_property
    def validity(self) -> dict[str, dict[str, Any]]:
        """For each model used, what `models.validity.check` says of it."""
        return {name: check(model.description) for name, model in self.models.items()}

    def warnings(self) -> list[str]:
        """Why the scores are not to be trusted, if so."""
        return [line for name, validity in self.validity.items() for line in failures(name, validity)]

    def write(self) -> Path:
        """Write <metric>.json and <metric>.md to the results' folder; returns the JSON's path."""
        request = self.request
        path = request.out / f"{self.metric}.json"
        write_json(
            path,
            {
                "metric": self.metric,
                "version": self.version,
                "direction": self.direction,
                "methods": self.methods,
                "validity": {
                    "passed": all(entry["passed"] for entry in self.validity.values()),
                    "models": self.validity,
                },
                "config": {
                    "seed": request.seed,
                    "limit": request.limit,
                    "trials": request.trials,
                    "dataset": request.dataset.fingerprint,
                    "models": {
                        name: {"digest": model.digest, **model.description["config"]}
                        for name, model in self.models.items()
                    },
                    "params": dict(request.params),
                    "precision": "tensorfloat32" if _uses_tensorfloat32() else request.precision,
                },
                "environment": environment(),
            },
        )
        write_text(request.out / f"{self.metric}.md", self.markdown())
        return path

    def markdown(self) -> str:
        """The scores as a table, best first, controls apart."""
        name = f"{self.metric.upper()} {ARROWS[self.direction]}"
        lines = [f"| method | {name} | 95% interval | trial sd | random region | n | left out | ties |"]
        lines.append("|---" * 8 + "|")
        controls = {method.name for method in self.request.methods if method.control}
        sign = 1 if self.direction == "up" else -1

        def rank(method: str) -> tuple[bool, float]:
            value = self.methods[method]["value"]
            return method in controls, np.inf if value is None else -sign * value

        for method in sorted(self.methods, key=rank):
            entry = self.methods[method]
            left_out = ", ".join(f"{number} {why}" for why, number in entry["excluded"].items() if number)
            label = f"{method} (control)" if method in controls else method
            baseline = _number(entry.get("random_region", {}).get("value"))
            interval = f"{_number(entry['ci_low'])} ... {_number(entry['ci_high'])}"
            cells = (label, _number(entry["value"]), interval, _number(entry["trial_sd"]), baseline)
            lines.append(
                "| "
                + " | ".join((*cells, str(entry["n"]), left_out or "0", str(entry.get("ties", "-"))))
                + " |"
            )
        warnings = [f"\n**NOT VALID: {line}**" for line in self.warnings()]
        return "\n".join([*lines, *warnings]) + "\n"


def _uses_tensorfloat32() -> bool:
    """Whether this machine's GPUs multiply float32 with shortened mantissas, as newer ones do."""
    return bool(tf.config.list_physical_devices("GPU")) and (
        tf.config.experimental.tensor_float_32_execution_enabled()
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def environment() -> dict[str, Any]:
    """Versions, devices and the commit that produced a result."""
    packages = {}
    for name in ("bam-benchmark", "tensorflow", "tf-keras", "numpy", "scipy", "pillow"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": [device.name for device in tf.config.list_logical_devices()],
        "packages": packages,
        "commit": _commit(),
    }


def _commit() -> str | None:
    """The commit of the source tree this runs from; None outside a checkout or without git."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
