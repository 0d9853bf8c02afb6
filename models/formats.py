"""Formats of networks that are not read: what a file is, and how to make of it one that is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from bam.base.errors import BamError

_AGAIN = "load it with tf_keras.models.load_model and save it as NAME.keras"
_ANEW = "build the network with tf_keras, give it these weights, and save it as NAME.keras"
_TORCH = ("a file of PyTorch", _ANEW)
_BY_SUFFIX = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": ("a checkpoint of weights alone", _ANEW),
    ".safetensors": ("a file of weights alone", _ANEW),
    ".npz": ("a file of arrays", _ANEW),
    ".onnx": ("an ONNX file", _ANEW),
    ".tflite": ("a TensorFlow Lite file", _ANEW),
    ".pb": ("a part of a SavedModel", f"{_AGAIN}, if Keras saved its folder"),
}
_HDF5, _HDF5_BEGINS = (".h5", ".hdf5"), b"\x89HDF\r\n\x1a\n"


def check_format(path: str | Path, needed: str = "a .keras file of tf_keras is needed") -> None:
    """Raise `BamError` if this is a network, or weights, in a format that is not read.

    needed: what is, in a sentence. What is not there is judged by its name. What is of no format that is
    known here passes.
    """
    known = _known(Path(path))
    if known:
        what, remedy = known
        raise BamError(f"{path} is {what}, but {needed}: {remedy}")


def check_name(name: str | Path) -> None:
    """Raise `BamError` if what is to be a trained model's name is a file or a folder."""
    takes = "`model` takes the name of a trained model in `models`, or a .keras file of tf_keras"
    check_format(name, takes)
    path = Path(name)
    if (path / "model.json").is_file():
        raise BamError(f"{takes}, not {name}: set `models` to {path.parent} and `model` to {path.name}")
    if path.is_file() or len(path.parts) > 1:
        raise BamError(f"{takes}, not {name}")


def _known(path: Path) -> tuple[str, str] | None:
    """What it is, and what is to be done."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return "a SavedModel folder", f"{_AGAIN}, if Keras saved it"
        return None
    named_so = path.suffix.lower() in _HDF5 and not path.is_file()
    if named_so or _begins(path) == _HDF5_BEGINS:
        return _hdf5(path)
    if path.suffix == ".keras" and path.is_file() and zipfile.is_zipfile(path):
        return _keras_3(path)
    return _BY_SUFFIX.get(path.suffix.lower())


def _begins(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with open(path, "rb") as file:
        return file.read(len(_HDF5_BEGINS))


def _hdf5(path: Path) -> tuple[str, str]:
    if path.name.lower().endswith(".weights.h5") or not _holds_network(path):
        return "an HDF5 file of weights alone", _ANEW
    return "an HDF5 file, Keras' older format", _AGAIN


def _holds_network(path: Path) -> bool:
    """Whether an HDF5 file has the network beside the weights, as far as can be seen."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "model_config" in file.attrs
    except OSError:
        return True


def _keras_3(path: Path) -> tuple[str, str] | None:
    """The files of both have one layout, and say which it was."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = str(json.loads(archive.read("metadata.json"))["keras_version"])
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile):
        return None
    if not version.split(".")[0].isdigit() or int(version.split(".")[0]) < 3:
        return None
    build = "build the same network with tf_keras, take the weights over by set_weights(model.get_weights())"
    return f"a file of Keras {version}", f"{build}, and save that as NAME.keras"
