"""Reading the variables of DeepFill from a checkpoint of TensorFlow 1."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from bam.base.errors import BamError, first_line
from bam.base.files import near_path
from bam.models.inpainters.deepfill.network import VARIABLES

DATA = ".data-00000-of-00001"  # what the name of the file with the values ends in
AGAIN = "fetch it again"
FAILED = (tf.errors.OpError, RuntimeError, ValueError, IndexError)  # what reading raises


def read(folder: str | os.PathLike) -> dict[str, np.ndarray]:
    """The variables of the generator, float32, by name, from the checkpoint that a folder holds.

    Others are passed over, such as those of the discriminators. Raises `BamError` for a folder that lacks a
    file, and for variables that are missing, that have another shape or type, or that cannot be read.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise BamError(
            f"there is no folder {folder}: {near_path(path, Path.is_dir)}name one with a checkpoint of "
            "DeepFill v1"
        )
    prefix = _prefix(path)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    except FAILED as error:
        raise BamError(f"{prefix}.index cannot be read ({first_line(error)}): {AGAIN}") from None
    lacking = [name for name in VARIABLES if name not in shapes]
    if lacking:
        raise BamError(
            f"{prefix} lacks {len(lacking)} of the {len(VARIABLES)} variables of DeepFill v1, such as "
            f"{lacking[0]}: name a checkpoint of its generator"
        )
    for name, shape in VARIABLES.items():
        found = f"{types[name].name} {tuple(shapes[name])}"
        if found != f"float32 {shape}":
            raise BamError(
                f"{prefix} holds {name} as {found}, but float32 {shape} is that of DeepFill v1: name a "
                "checkpoint of this version"
            )
    return {name: _value(reader, prefix, name) for name in VARIABLES}


def _prefix(folder: Path) -> Path:
    """What the names of a checkpoint's files begin with; the file `checkpoint` says so."""
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except ValueError:  # it is no text, or names nothing
        state = None
    if state is None:
        raise BamError(
            f"{folder} lacks the file checkpoint, or it does not name a checkpoint of TensorFlow: name the "
            "folder of one, with all its files (if a download made checkpoint.txt of it, rename it)"
        )
    # Its files lie beside it, wherever they were written.
    name = Path(state.model_checkpoint_path).name
    for ending in (".index", DATA):
        if not (folder / f"{name}{ending}").is_file():
            raise BamError(f"{folder} lacks {name}{ending}: fetch all files of the checkpoint")
    return folder / name


def _value(reader: tf.train.CheckpointReader, prefix: Path, name: str) -> np.ndarray:
    try:
        value = reader.get_tensor(name)
    except FAILED as error:
        raise BamError(
            f"{prefix}{DATA} is damaged or not whole, {name} cannot be read from it "
            f"({first_line(error)}): {AGAIN}"
        ) from None
    if not np.isfinite(value).all():
        raise BamError(f"{prefix} holds {name} with values that are no numbers: {AGAIN}")
    return value
