"""Maps that were made elsewhere, in a folder: FOLDER/<model>/<view>/<image id>.npy."""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.numbers import as_numbers
from bam.attributions.registry import Method
from bam.base.digests import digest, key_digest
from bam.base.errors import BamError, first_line
from bam.base.threads import cores, in_order

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class StoredMaps(Method):
    """A method whose maps lie in a folder; it asks the network for its name and its input size alone."""

    folder: Path = Path()


def maps_method(folder: Path) -> StoredMaps:
    """The method whose maps lie in a folder; its version is a digest of all that these hold.

    Raises `BamError` if there are none.
    """
    known = _digests(folder)
    if not known:
        raise BamError(f"{folder} holds no maps: FOLDER/<model>/<view>/<image id>.npy is looked for")

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
        paths = [folder / classifier.name / view / f"{image}.npy" for image in ids]
        maps = [_map(path, known.get(path.relative_to(folder).as_posix()), images.shape) for path in paths]
        for path, array in zip(paths, maps, strict=True):
            if array.shape != maps[0].shape:
                raise BamError(
                    f"{path} holds {array.shape}, but {paths[0]} {maps[0].shape}: "
                    "maps must have equally many channels"
                )
        return np.stack(maps)

    return StoredMaps(folder.resolve().name, stored_maps, key_digest(known)[:12], own=True, folder=folder)


def check_maps(folder: Path, names: Sequence[str], size: tuple[int, int]) -> None:
    """Raise `BamError` if maps cannot be used, before any is: how many, for what reason, and the first.

    names: the paths in the folder of all that will be asked for. size: height and width that they must have.
    """
    if lacking := [name for name in names if not (folder / name).is_file()]:
        raise BamError(f"{folder} lacks {len(lacking)} of {len(names)} maps, such as {lacking[0]}")
    faulty: dict[str, list[str]] = defaultdict(list)
    of_shape: dict[tuple[int, ...], str] = {}
    shapes: Counter[tuple[int, ...]] = Counter()
    states = in_order(lambda name: _state(folder / name), names, cores())
    for name, (fault, shape) in zip(names, states, strict=True):
        if fault:
            faulty[fault].append(name)
        else:
            shapes[shape] += 1
            of_shape.setdefault(shape, name)
    for fault, found in faulty.items():
        raise BamError(f"{folder}: {len(found)} of {len(names)} maps {fault}, such as {found[0]}")
    unfit = [shape for shape in shapes if shape[:2] != size or len(shape) not in (2, 3) or not shape[-1]]
    if unfit or len(shapes) > 1:
        listed = ", ".join(f"{count} of {shape} such as {of_shape[shape]}" for shape, count in shapes.items())
        raise BamError(f"{folder} holds maps of other sizes than {size}, or of several: {listed}")


def _state(path: Path) -> tuple[str, tuple[int, ...]]:
    """What is wrong with the map in a file, or "", and its shape."""
    try:
        numbers = _numbers(path.read_bytes())
    except Exception:  # noqa: BLE001 - whatever a broken file makes numpy raise
        return "are no .npy arrays of numbers", ()
    return "" if np.isfinite(numbers).all() else "hold values that are NaN or infinite", numbers.shape


def _numbers(content: bytes) -> np.ndarray:
    """The numbers in a .npy file."""
    return as_numbers(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))


def _digests(folder: Path) -> dict[str, str]:
    """Digests of all files that can be a map, by their paths in the folder.

    These lie at any depth, since an image's id can have folders in it. The content is digested, since a copy
    can keep size and time of what it replaces.
    """
    names = sorted(name for name in _files(folder) if name.count("/") >= 2)
    try:
        found = in_order(lambda name: digest(folder / name), names, cores())
        return dict(zip(names, found, strict=True))
    except OSError as error:
        raise BamError(f"{error.filename} cannot be read ({error.strerror}): it is one of the maps") from None


def _files(folder: Path, below: str = "", above: tuple[Path, ...] = ()) -> Iterator[str]:
    """Paths of the .npy files in the folder and those below, linked ones too, but not in circles."""
    here = (folder / below).resolve()
    if here in above:
        return
    for path in (folder / below).iterdir():
        name = f"{below}{path.name}"
        if path.is_dir():
            yield from _files(folder, f"{name}/", (*above, here))
        elif path.suffix == ".npy" and path.is_file():
            yield name


def _map(path: Path, known: str | None, shape: tuple[int, ...]) -> np.ndarray:
    """The map in a file, float32; known: the digest of its content when it was looked for."""
    if not path.is_file():
        raise BamError(
            f"there is no map {path}: every image needs one, for each model and view, and for each training, "
            "unless `trainings` is 1"
        )
    content = path.read_bytes()
    # Rows are kept under the digest of what was there.
    if hashlib.sha256(content).hexdigest() != known:
        raise BamError(f"{path} has changed since its folder was read: run again when all maps are there")
    if content.startswith(b"PK"):
        raise BamError(f"{path} is an .npz archive, not one .npy array: save each map with np.save")
    try:
        numbers = _numbers(content)
    except Exception as error:  # noqa: BLE001 - whatever a broken file makes numpy raise
        reason = first_line(error)
        raise BamError(f"{path} is no .npy array of numbers ({reason})") from None
    height, width = shape[1:3]
    if numbers.shape[:2] != (height, width) or numbers.ndim not in (2, 3) or not numbers.size:
        raise BamError(
            f"{path} holds {numbers.shape}, but ({height}, {width}) or ({height}, {width}, channels) "
            "is needed: the size of the model's input"
        )
    if not np.isfinite(numbers).all():
        raise BamError(f"{path} holds values that are NaN or infinite in float32")
    return numbers
