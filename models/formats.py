"""Files and folders that hold networks: which they are, what saved them, and which are not read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from bam.base.errors import BamError

_ANEW = "build the network with Keras, give it these weights, and save it as NAME.keras"
_TORCH = ("a file of PyTorch", _ANEW)
_BY_SUFFIX = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": ("a checkpoint of weights alone", _ANEW),
    ".safetensors": ("a file of weights alone", _ANEW),
    ".npz": ("a file of arrays", _ANEW),
    ".onnx": ("an ONNX file", _ANEW),
    ".tflite": ("a TensorFlow Lite file", _ANEW),
    ".pb": ("a part of a SavedModel", "name its folder"),
}
_HDF5, _HDF5_BEGINS = (".h5", ".hdf5"), b"\x89HDF\r\n\x1a\n"
READ = "a .keras or .h5 file of Keras, or a SavedModel folder"


def names_network(name: str | Path) -> bool:
    """Whether this names a network of the user's own, by its form: a file of Keras or a SavedModel folder."""
    return Path(name).suffix.lower() in (".keras", *_HDF5) or is_saved_model(name)


def is_saved_model(path: str | Path) -> bool:
    """Whether this is a folder with a program of TensorFlow."""
    return (Path(path) / "saved_model.pb").is_file()


def is_hdf5(path: str | Path) -> bool:
    """Whether this is a file in HDF5, whatever its name."""
    return _begins(Path(path)) == _HDF5_BEGINS


def check_format(path: str | Path, needed: str = f"{READ} is needed") -> None:
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
    takes = f"`model` takes the name of a trained model in `models`, {READ}"
    check_format(name, takes)
    path = Path(name)
    if (path / "model.json").is_file():
        raise BamError(f"{takes}, not {name}: set `models` to {path.parent} and `model` to {path.name}")
    if path.is_file() or len(path.parts) > 1:
        raise BamError(f"{takes}, not {name}")


def stored_network(path: str | Path) -> tuple[Any, int]:
    """What Keras stored of a network but for its weights, as JSON has it, and which version of Keras.

    The file is an archive, or in HDF5. The version is 3, or 2 for earlier ones and where none is named.
    Raises `OSError`, `ValueError`, `TypeError`, `KeyError` or `BadZipFile` for what is no such file.
    """
    if is_hdf5(path):
        import h5py

        with h5py.File(path, "r") as file:
            config, version = file.attrs["model_config"], file.attrs.get("keras_version", "")
            version = version.decode() if isinstance(version, bytes) else version
    else:
        with zipfile.ZipFile(path) as archive:
            config = archive.read("config.json")
            there = "metadata.json" in archive.namelist()
            metadata = json.loads(archive.read("metadata.json")) if there else {}
            version = metadata.get("keras_version", "") if isinstance(metadata, dict) else ""
    major = str(version).split(".")[0]
    return json.loads(config), 3 if major.isdigit() and int(major) >= 3 else 2


def _known(path: Path) -> tuple[str, str] | None:
    """What it is, and what is to be done."""
    if path.is_dir():
        return None
    if is_hdf5(path):
        if path.name.lower().endswith(".weights.h5") or not _holds_network(path):
            return "an HDF5 file of weights alone", _ANEW
        named_so = path.suffix.lower() in _HDF5
        return None if named_so else ("an HDF5 file, whatever its name", "rename it NAME.h5")
    if path.name.lower().endswith(".weights.h5") and not path.is_file():
        return "an HDF5 file of weights alone", _ANEW
    return _BY_SUFFIX.get(path.suffix.lower())


def _begins(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with open(path, "rb") as file:
        return file.read(len(_HDF5_BEGINS))


def _holds_network(path: Path) -> bool:
    """Whether an HDF5 file has the network beside the weights, as far as can be seen."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "model_config" in file.attrs
    except OSError:
        return True
