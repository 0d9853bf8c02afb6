"""Training a classifier on a view: resumable, to the same end; one machine or several."""

from __future__ import annotations

import functools
import math
import os
import sys
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
from bam.models.training.batches import TrainingPictures, evaluation_batches, training_batches
from bam.models.training.checkpoint import Checkpoint, differences
from bam.models.training.dropout import follow_steps, with_stepwise_dropout
from bam.models.training.model_card import CARD, write_card
from bam.models.training.numbered import training_name, training_seed
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
    training: int | None = None  # None: number 0; models of earlier versions do not name it

    @property
    def task(self) -> Task:
        return Task(self.labels, self.on, self.commonality, self.classes)

    @property
    def name(self) -> str:
        """Folder name of the model: that of the task, for further trainings with their number."""
        return training_name(self.task.name, self.training or 0)

    @property
    def drawn_from(self) -> int:
        """The seed of first weights, order, augmentation and dropout, which no two trainings share."""
        return training_seed(self.seed, self.training or 0)


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
    training: int = 0,
) -> Config:
    """A `Config` with the architecture's defaults filled in.

    training: which of several trainings of the same network, from 0; they differ by chance alone, in first
    weights, order, augmentation and dropout. Raises `BamError` if it is negative.
    """
    if training < 0:
        raise BamError(f"`training` must be 0 or more, not {training}: trainings are counted from 0")
    defaults = ARCHITECTURES[architecture]
    if epochs is None:
        epochs = defaults.images_seen / len(task.view(dataset, "train"))
    rate = defaults.learning_rate if learning_rate is None else learning_rate
    sha256 = digest(weights) if Path(weights).is_file() else None
    settings = (architecture, weights, sha256, epochs, batch_size, rate, patience, seed)
    classes = list(task.classes) if task.classes else None
    made_on = dataset.fingerprint, training or None
    return Config(task.labels, task.on, task.commonality, classes, *settings, *made_on)


def train(config: Config, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Train the model of `config` into `folder/<its name>`, unless it is there already.

    Writes model.keras, its card and, last, model.json with the configuration and the accuracy on every view,
    and returns the content of the latter. A model that is there gets the card if it lacks it. Several
    machines (TF_CONFIG) must share `folder`; the first writes. A killed training goes on from its last
    checkpoint. Raises `BamError` if the folder holds a model of other settings, or if the loss is no number
    any more.
    """
    task = config.task
    target = folder / config.name
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
    model = build_model(config.architecture, len(task.class_names), config.weights, config.drawn_from)
    with strategy.scope():
        distributed = with_stepwise_dropout(model, config.drawn_from)
    history, best = _fit(distributed, strategy, config, dataset, target)
    model.set_weights(best)
    classifier = Classifier(model, task.class_names, config.name)
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
    changed = differences(asdict(config), old)
    if changed:
        raise BamError(
            f"{target} was trained with {'; '.join(changed)}: give another `models`, or remove it first"
        )


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
        optimizer = compiled(model, config.learning_rate, steps)
    state = Checkpoint(target / "training.npz", asdict(config))
    history, best = state.restore(model, optimizer)
    held_out = config.task.view(dataset, "validation")
    # Of the seed itself: all trainings of a network are validated on the same images.
    chosen = np.random.default_rng(config.seed).permutation(len(held_out))[:VALIDATION_IMAGES]
    images, validation_images = (
        TrainingPictures(shown, config.labels, model.input_shape[1:3], config.classes)
        for shown in (view, held_out.subset(chosen))
    )
    validation = evaluation_batches(validation_images, config.batch_size)
    done = history[-1]["step"] if history else 0
    with Progress(f"training {config.name}", steps, "steps", done) as progress:
        if history:
            progress.note = _reached(history)
        while done < steps and not _hopeless(history, config.patience * steps):
            span = range(done, min(done + ROUND, steps))
            batches = training_batches(images, config.batch_size, config.drawn_from, span)
            model.fit(batches, verbose=0, callbacks=[EveryStep(progress)])
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


def compiled(model: keras.Model, learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Make a model, as of `with_stepwise_dropout`, ready for so many steps; returns its optimizer."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=max(1, round(steps * (1 - WARM_UP_SHARE))),
        warmup_target=learning_rate,
        warmup_steps=max(1, round(steps * WARM_UP_SHARE)),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
    optimizer.build(model.trainable_variables)
    follow_steps(model, optimizer)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    return optimizer


def _reached(history: list[dict[str, float]]) -> str:
    return f"validation accuracy {history[-1]['validation_accuracy']:.3f}"


class EveryStep(keras.callbacks.Callback):
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
