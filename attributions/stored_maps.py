"""Maps that were made elsewhere, in a folder: FOLDER/<model>/<view>/<image id>.npy."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import Method
from bam.base.digests import digest, key_digest
from bam.base.errors import BamError
from bam.base.threads import cores, in_order

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


def maps_method(folder: Path) -> Method:
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
        names = [f"{classifier.name}/{view}/{image}.npy" for image in ids]
        return np.stack([_map(folder, name, known, images.shape) for name in names])

    return Method(folder.resolve().name, stored_maps, key_digest(known)[:12], own=True)


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


def _map(folder: Path, name: str, known: Mapping[str, str], shape: tuple[int, ...]) -> np.ndarray:
    path = folder / name
    if not path.is_file():
        raise BamError(f"there is no map {path}: every image needs one, for each model and view")
    content = path.read_bytes()
    # Rows are kept under the digest of what was there.
    if hashlib.sha256(content).hexdigest() != known.get(name):
        raise BamError(f"{path} has changed since its folder was read: run again when all maps are there")
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BamError(f"{path} is no .npy array ({error})") from None
    if array.shape[:2] != shape[1:3] or array.ndim not in (2, 3) or array.dtype.kind not in "fiu":
        raise BamError(
            f"{path} holds {array.dtype} {array.shape}, but a map of {shape[1:3]}, with channels or without, "
            "is needed: the size of the model's input"
        )
    return array.astype(np.float32)
