"""The state of a training that is not done, to go on from."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

from bam.base.files import replacing


def differences(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """In words, in which settings a training that is there differs from one that is wanted."""
    return [f"{key} {old.get(key)}, not {new[key]}" for key in new if old.get(key) != new[key]]


class Checkpoint:
    """The whole state of a training in one .npz file: weights, best weights, optimizer, history."""

    def __init__(self, path: Path, config: dict[str, Any]):
        self.path, self.config = path, config

    def save(self, weights: list, best: list, optimizer: keras.optimizers.Optimizer, history: list) -> None:
        """Write the state, replacing the one before."""
        arrays = {"config": np.array(json.dumps(self.config)), "history": np.array(json.dumps(history))}
        state = [variable.numpy() for variable in optimizer.variables]
        for kind, values in (("weights", weights), ("best", best), ("optimizer", state)):
            arrays |= {f"{kind}_{index}": value for index, value in enumerate(values)}
        with replacing(self.path) as path, open(path, "wb") as file:
            np.savez(file, **arrays)

    def restore(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> tuple[list, list]:
        """Put a saved state into `model` and `optimizer`; returns history and best weights.

        Without one, or with one that is damaged or of other settings, nothing changes and the history
        is empty.
        """
        if self.path.exists():
            try:
                return self._read(model, optimizer)
            except (OSError, EOFError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
                print(f"{self.path} cannot be used ({error}): starting anew", file=sys.stderr)
        return [], model.get_weights()

    def _read(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> tuple[list, list]:
        with np.load(self.path, allow_pickle=False) as file:
            arrays = dict(file)
        config, history = (json.loads(str(arrays[name])) for name in ("config", "history"))
        if differences(self.config, config):
            raise ValueError("it is of a training with other settings")
        weights, best, state = (
            [array for name, array in arrays.items() if name.startswith(f"{kind}_")]
            for kind in ("weights", "best", "optimizer")
        )
        variables = [*model.weights, *optimizer.variables]
        if [variable.shape for variable in variables] != [array.shape for array in (*weights, *state)]:
            raise ValueError("it is of another network")
        for variable, value in zip(variables, (*weights, *state), strict=True):
            variable.assign(value)
        return history, best
