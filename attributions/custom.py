"""Methods of the user's own: a function in a Python file, or a folder of finished maps."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bam.attributions.registry import METHODS, Method
from bam.base.errors import BamError
from bam.models.classifier import Classifier


def is_own(entry: str) -> bool:
    """Whether an entry of `--methods` names a file's function or a folder, and no registered method."""
    return entry not in METHODS and (":" in entry or "/" in entry or Path(entry).is_dir())


def own_method(entry: str) -> Method:
    """The method that "path/to/file.py:function" or the path of a folder of maps stands for.

    It goes by the function's or the folder's name. Its version is a digest of the file (not of what that
    imports), or of the maps' names, sizes and times: rows of a changed one are not used. Runs the file.
    Raises `BamError` if it is not there, cannot be run, or has the name of a registered method.
    """
    method = _maps_folder(Path(entry)) if Path(entry).is_dir() else _function(entry)
    if method.name in METHODS:
        raise BamError(f"{entry}: {method.name} is the name of a method of BAM's: rename yours")
    return method


def _function(entry: str) -> Method:
    file, _, name = entry.rpartition(":")
    path = Path(file)
    if not file or path.suffix != ".py" or not path.is_file():
        raise BamError(f"{entry}: --methods takes path/to/file.py:function or a folder of .npy maps")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"{path.stem}_{digest}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and the like look their module up
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)  # the file may import its neighbours, now or when it is called
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever it is, it is the user's to know
        raise BamError(f"{path} cannot be run ({type(error).__name__}: {error})") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise BamError(f"{path} has no function {name}")
    signature = inspect.signature(function)
    known = {key: None for key in ("masks", "ids", "view") if key in signature.parameters}
    try:
        signature.bind(None, None, None, seed=None, **known)
    except TypeError as error:
        raise BamError(f"{entry} must take (classifier, images, targets, *, seed): {error}") from None
    return Method(name, function, digest, own=True)


def _maps_folder(folder: Path) -> Method:
    files = sorted(folder.glob("*/*/*.npy"))
    if not files:
        raise BamError(f"{folder} holds no maps: FOLDER/<model>/<view>/<image id>.npy is looked for")
    digest = hashlib.sha256()
    for file in files:
        stat = file.stat()
        digest.update(f"{file.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())

    def stored_maps(
        classifier: Classifier,
        images: np.ndarray,
        targets: np.ndarray,
        *,
        seed: np.ndarray,
        ids: Sequence[str],
        view: str,
    ) -> np.ndarray:
        """The maps that lie in the folder for these images."""
        return np.stack(
            [_map(folder / classifier.name / view / f"{image}.npy", images.shape) for image in ids]
        )

    return Method(folder.resolve().name, stored_maps, digest.hexdigest()[:12], own=True)


def _map(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if not path.is_file():
        raise BamError(f"there is no map {path}: every image needs one, for each model and view")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BamError(f"{path} is no .npy array ({error})") from None
    if array.shape[:2] != shape[1:3] or array.ndim not in (2, 3) or array.dtype.kind not in "fiu":
        raise BamError(
            f"{path} holds {array.dtype} {array.shape}, but a map of {shape[1:3]}, with channels or without, "
            "is needed: the size of the model's input"
        )
    return array.astype(np.float32)
