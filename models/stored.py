"""Trained models as `python -m bam.train` stores them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import tf_keras as keras

from data_prep.errors import BamError
from data_prep.files import read_json
from models.classifier import Classifier
from models.suite import SUITE


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
        model = keras.models.load_model(folder / "model.keras", compile=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BamError(f"{folder / 'model.keras'} cannot be read ({error}): train it again") from None
    classifier = Classifier(
        model,
        description["class_names"],
        folder.name,
        description["config"]["labels"],
        description,
        batch_size,
        precision,
    )
    if classifier.digest != description["digest"]:
        raise BamError(
            f"{folder / 'model.keras'} is not the network that model.json describes: train it again"
        )
    return classifier
