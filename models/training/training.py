"""Training a classifier on a view: resumable, to the same end; one machine or several."""

from __future__ import annotations

import functools
import json
import math
import os
import sys
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.files import remove_leftovers, replacing, write_json
from bam.base.progress import Progress
from bam.base.versions import versions
from bam.data_prep.dataset import Dataset
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.classifier import Classifier
from bam.models.stored import load_classifier, read_description
from bam.models.training.accuracy import evaluate_views
from bam.models.training.batches import evaluation_batches, training_batches
from bam.models.training.dropout import follow_steps, with_stepwise_dropout
from bam.models.training.model_card import CARD, write_card
from bam.models.training.task import Task

# Steps between two validations; each is followed by a checkpoint, so this much work a kill can cost.
ROUND = 100
VALIDATION_IMAGES = 500
WARM_UP_SHARE = 0.1
WEIGHT_DECAY = 1e-4
# What a training may come out differently with.
PACKAGES = ("bam-benchmark", "tensorflow", "tf-keras", "numpy")


@dataclass(frozen=True)
class Config:
    """The settings of one training; with the dataset they fix the result."""

    labels: str
    on: str
    commonality: float | None
    classes: list[str] | None  # None: all; models of earlier versions do not name it
    architecture: str
    weights: str
    weights_sha256: str | None  # of the file, if `weights` names one
    epochs: float
    batch_size: int
    learning_rate: float
    patience: float  # share of the steps
    seed: int
    dataset: str  # fingerprint

    @property
    def task(self) -> Task:
        return Task(self.labels, self.on, self.commonality, self.classes)


def make_config(
    task: Task,
    dataset: Dataset,
    architecture: str = "small",
    weights: str = "none",
    epochs: float | None = None,
    batch_size: int = 32,
    learning_rate: float | None = None,
    patience: float = 0.5,
    seed: int = 0,
) -> Config:
    """A `Config` with the architecture's defaults filled in."""
    defaults = ARCHITECTURES[architecture]
    if epochs is None:
        epochs = defaults.images_seen / len(task.view(dataset, "train"))
    rate = defaults.learning_rate if learning_rate is None else learning_rate
    sha256 = digest(weights) if Path(weights).is_file() else None
    settings = (architecture, weights, sha256, epochs, batch_size, rate, patience, seed)
    classes = list(task.classes) if task.classes else None
    return Config(task.labels, task.on, task.commonality, classes, *settings, dataset.fingerprint)


def train(config: Config, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Train the model of `config` into `folder/<its name>`, unless it is there already.

    Writes model.keras, its card and, last, model.json with the configuration and the accuracy on every view,
    and returns the content of the latter. A model that is there gets the card if it lacks it. Several
    machines (TF_CONFIG) must share `folder`; the first writes. A killed training goes on from its last
    checkpoint. Raises `BamError` if the folder holds a model of other settings, or if the loss is no number
    any more.
    """
    task = config.task
    target = folder / task.name
    if (target / "model.json").exists():
        description = read_description(target)
        _check_same(config, description["config"], target)
        try:
            found = load_classifier(target)
        except BamError as error:
            print(f"{error}: doing so", file=sys.stderr)
        else:
            _remove_checkpoint(target)
            if is_chief() and not (target / CARD).exists():
                write_card(target, description, found)
            return description
    strategy = _strategy()
    model = build_model(config.architecture, len(task.class_names), config.weights, config.seed)
    with strategy.scope():
        distributed = with_stepwise_dropout(model, config.seed)
    history, best = _fit(distributed, strategy, config, dataset, target)
    model.set_weights(best)
    classifier = Classifier(model, task.class_names, task.name)
    description = {
        "config": asdict(config),
        "class_names": list(task.class_names),
        "digest": classifier.digest,
        "seed_digest": classifier.seed_digest,
        "parameters": model.count_params(),
        "history": history,
        **evaluate_views(classifier, dataset, task),
        "versions": versions(PACKAGES),
    }
    if is_chief():
        with replacing(target / "model.keras") as path:
            model.save(path)
        write_card(target, description, classifier)
        write_json(target / "model.json", description)
        _remove_checkpoint(target)
    return description


def _remove_checkpoint(target: Path) -> None:
    (target / "training.npz").unlink(missing_ok=True)
    remove_leftovers(target)


def _check_same(config: Config, old: dict[str, Any], target: Path) -> None:
    changed = _changed(asdict(config), old)
    if changed:
        raise BamError(
            f"{target} was trained with {'; '.join(changed)}: give another `models`, or remove it first"
        )


def _changed(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    return [f"{key} {old.get(key)}, not {new[key]}" for key in new if old.get(key) != new[key]]


@functools.cache  # several machines can be joined only once
def _strategy() -> tf.distribute.Strategy:
    """Several machines if TF_CONFIG says so, else all GPUs of this one, else its one device."""
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(devices) > 1 else tf.distribute.get_strategy()


def is_chief() -> bool:
    """Whether this process is the one that writes: always, but for the others of several machines."""
    resolver = _strategy().cluster_resolver
    return (
        resolver is None
        or resolver.task_type in (None, "chief")
        or (
            resolver.task_type == "worker"
            and resolver.task_id == 0
            and "chief" not in resolver.cluster_spec().jobs
        )
    )


def _fit(
    model: keras.Model, strategy: tf.distribute.Strategy, config: Config, dataset: Dataset, target: Path
) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """Train in rounds until done, or until the validation loss has not improved for long.

    Returns the history and the weights with the lowest validation loss.
    """
    view = config.task.view(dataset, "train")
    steps = max(1, round(config.epochs * len(view) / config.batch_size))
    with strategy.scope():
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0,
            decay_steps=max(1, round(steps * (1 - WARM_UP_SHARE))),
            warmup_target=config.learning_rate,
            warmup_steps=max(1, round(steps * WARM_UP_SHARE)),
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
        optimizer.build(model.trainable_variables)
        follow_steps(model, optimizer)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    state = Checkpoint(target / "training.npz", asdict(config))
    history, best = state.restore(model, optimizer)
    held_out = config.task.view(dataset, "validation")
    chosen = np.random.default_rng(config.seed).permutation(len(held_out))[:VALIDATION_IMAGES]
    size, labels, classes = model.input_shape[1:3], config.labels, config.classes
    validation = evaluation_batches(held_out.subset(chosen), labels, size, config.batch_size, classes)
    done = history[-1]["step"] if history else 0
    with Progress(f"training {config.task.name}", steps, "steps", done) as progress:
        if history:
            progress.note = _reached(history)
        while done < steps and not _hopeless(history, config.patience * steps):
            span = range(done, min(done + ROUND, steps))
            batches = training_batches(view, labels, size, config.batch_size, config.seed, span, classes)
            model.fit(batches, verbose=0, callbacks=[_EveryStep(progress)])
            loss, accuracy = model.evaluate(validation, verbose=0)
            done = span.stop
            if not math.isfinite(loss):
                raise BamError(f"the validation loss is {loss} after {done} steps: lower `learning_rate`")
            history.append({"step": done, "validation_loss": loss, "validation_accuracy": accuracy})
            weights = model.get_weights()
            if loss <= min(entry["validation_loss"] for entry in history):
                best = weights
            if is_chief():
                state.save(weights, best, optimizer, history)
            progress.note = _reached(history)
    return history, best


def _reached(history: list[dict[str, float]]) -> str:
    return f"validation accuracy {history[-1]['validation_accuracy']:.3f}"


class _EveryStep(keras.callbacks.Callback):
    """Tells how far a training is, without waiting for what a step computes."""

    def __init__(self, progress: Progress):
        super().__init__()
        self._supports_tf_logs = True  # else Keras fetches the loss of every step from the device for it
        self._progress = progress

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """One step more."""
        self._progress.advance(1)


def _hopeless(history: list[dict[str, float]], patience: float) -> bool:
    """Whether the validation loss has not improved for `patience` steps."""
    if not history:
        return False
    best = min(history, key=lambda entry: entry["validation_loss"])
    return history[-1]["step"] - best["step"] >= patience


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
        if _changed(self.config, config):
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
