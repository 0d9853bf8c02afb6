"""Trained models as `python -m bam.train` stores them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bam.base.errors import BamError
from bam.base.files import read_json
from bam.models.architectures.weights import read_network
from bam.models.classifier import Classifier
from bam.models.training.task import SUITE


def read_description(folder: Path) -> dict[str, Any]:
    """The content of a model folder's model.json. Raises `BamError` if it is damaged."""
    description = read_json(folder / "model.json")
    needed = {"config", "class_names", "digest", "accuracy"}
    if not isinstance(description, dict) or not needed <= set(description):
        raise BamError(f"{folder / 'model.json'} is damaged: remove {folder} and train it again")
    return description


def _remedy(folder: Path) -> str:
    flags = next((task.flags for task in SUITE if task.name == folder.name), None)
    if flags:
        return f"make it with `python -m bam.train {flags} --models {folder.parent}`"
    found = sorted(path.parent.name for path in folder.parent.glob("*/model.json"))
    return f"{folder.parent} has {', '.join(found) or 'none'}, and `python -m bam.train` makes the paper's"


def load_classifier(folder: str | Path, precision: str = "float32", batch_size: int = 32) -> Classifier:
    """The classifier in a model folder made by `python -m bam.train`, such as runs/models/scene.

    Raises `BamError` if it is not there, incomplete, or damaged.
    """
    folder = Path(folder)
    if not (folder / "model.json").exists():
        raise BamError(f"there is no trained model in {folder}: {_remedy(folder)}")
    description = read_description(folder)
    try:
        model = read_network(folder / "model.keras")
    except BamError as error:
        raise BamError(f"{error}: train it again") from None
    config = description["config"]
    classifier = Classifier(
        model,
        description["class_names"],
        folder.name,
        # The outputs of a classifier of a few classes are no indices into all of them.
        None if config.get("classes") else config["labels"],
        description,
        batch_size,
        precision,
    )
    if classifier.digest != description["digest"]:
        raise BamError(
            f"{folder / 'model.keras'} is not the network that model.json describes: train it again"
        )
    return classifier


def load_keras_file(
    path: str | Path, class_names: Sequence[str], precision: str = "float32", batch_size: int = 32
) -> Classifier:
    """The classifier in a .keras file of the user's own: from pixels in 0..255 to logits of `class_names`.

    Raises `BamError` if there is no such file, it cannot be read, or its network is no such classifier.
    """
    model = read_network(path)
    shapes = [[tuple(tensor.shape) for tensor in ends or ()] for ends in (model.inputs, model.outputs)]
    if [[len(shape) for shape in ends] for ends in shapes] != [[4], [2]]:
        raise BamError(f"{path} goes from {shapes[0]} to {shapes[1]}: from images to logits is needed")
    classifier = Classifier(model, class_names, Path(path).stem, None, None, batch_size, precision)
    noise = np.random.default_rng(0).uniform(0, 255, (2, *classifier.input_size, 3)).astype(np.float32)
    outputs = model(noise, training=False).numpy()
    if len(class_names) > 1 and (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-3):
        raise BamError(f"{path} gives probabilities, but logits are needed: save it without the last softmax")
    return classifier
