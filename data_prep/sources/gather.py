"""Choosing and reading the sources of one class: cutouts of an object, pictures of a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.base.digests import array_digest
from bam.base.errors import BamError
from bam.base.files import write_array
from bam.base.seeds import generator
from bam.base.threads import in_order
from bam.data_prep.classes import IMAGE_SIZE
from bam.data_prep.paste import resize_cutout
from bam.data_prep.placement import SMALLER, scaled
from bam.data_prep.sources.photographs import Unusable
from bam.data_prep.sources.registry import Items, Source

# An object that shows fewer pixels than this at the smallest size it is pasted in (thin kite strings)
# is left out.
MINIMUM_VISIBLE_PIXELS = 32


def gather(
    source: Source,
    items: Callable[[], Mapping[str, Sequence[Any]]],
    name: str,
    folder: Path,
    **how: Any,
) -> dict:
    """Read what is wanted of class `name` into the dataset's folder; returns what was used and what not.

    items: gives what `source.items` does. `how` holds `wanted`, `seed` and `workers`. The cutouts stand in
    the upper left corners of uint8 (n, 128, 128, 4) in `folder/cutouts`, scenes are uint8 (n, 128, 128, 3)
    in `folder/scenes`.
    """
    read, below, channels = (_cutout, "cutouts", 4) if source.kind == "object" else (_scene, "scenes", 3)
    listed = items()
    chosen, excluded = _choose(listed.get(name, ()), lambda item: read(source, item), name, **how)
    left_out = listed.left_out if isinstance(listed, Items) else {}
    never = [*left_out.get(name, ()), *(left_out.get("", ()) if len(chosen) < how["wanted"] else ())]
    array = np.zeros((len(chosen), IMAGE_SIZE, IMAGE_SIZE, channels), np.uint8)
    for place, (_, pixels) in zip(array, chosen, strict=True):
        place[: pixels.shape[0], : pixels.shape[1]] = pixels
    write_array(folder / below / f"{name}.npy", array)
    return {
        "digest": array_digest(array),
        "sources": [
            {
                "file": item.file,
                "annotation": item.annotation,
                "height": pixels.shape[0],
                "width": pixels.shape[1],
            }
            for item, pixels in chosen
        ],
        "excluded": [
            {"file": file, "reason": reason}
            for file, reason in (*never, *((item.file, reason) for item, reason in excluded))
        ],
    }


def _cutout(source: Source, item: Any) -> np.ndarray:
    pixels = source.read(item)
    _check(source, item, pixels, "(h, w, 4)", pixels.ndim == 3 and pixels.shape[2] == 4)
    return fitted(pixels)


def _scene(source: Source, item: Any) -> np.ndarray:
    pixels = source.read(item)
    shape = (IMAGE_SIZE, IMAGE_SIZE, 3)
    _check(source, item, pixels, str(shape), pixels.shape == shape)
    return pixels


def _check(source: Source, item: Any, pixels: np.ndarray, shape: str, fits: bool) -> None:
    if not fits or pixels.dtype != np.uint8:
        raise BamError(
            f"the source {source.name} reads {item.file} as {pixels.dtype} {pixels.shape}: "
            f"{source.kind}s must be uint8 {shape}"
        )


def fitted(pixels: np.ndarray) -> np.ndarray:
    """The box of the object in RGBA pixels, as it is stored: its longer side at most 128, which is more than
    any composite needs.

    Raises `Unusable` for an object of which too little would be seen where it is pasted.
    """
    mask = pixels[..., 3] >= 128
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        raise Unusable("mask is empty")
    pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(pixels.shape[:2]) > IMAGE_SIZE:
        height, width = scaled(pixels.shape[:2], IMAGE_SIZE)
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
    _, smallest = resize_cutout(pixels, *scaled(pixels.shape[:2], SMALLER[0]))
    if np.count_nonzero(smallest) < MINIMUM_VISIBLE_PIXELS:
        raise Unusable("too thin to be seen when pasted")
    return pixels


def _choose(
    items: Sequence[Any],
    load: Callable[[Any], np.ndarray],
    name: str,
    wanted: int,
    seed: int,
    workers: int,
) -> tuple[list[tuple[Any, np.ndarray]], list[tuple[Any, str]]]:
    """The first `wanted` usable items in random order, with their pixels; the others met, with the reason."""

    def attempt(item: Any) -> np.ndarray | Unusable:
        try:
            return load(item)
        except Unusable as reason:
            return reason

    order = [items[index] for index in generator(seed, "choose", name).permutation(len(items))]
    chosen, excluded, seen = [], [], set()
    for item, result in zip(order, in_order(attempt, order, workers), strict=False):
        if isinstance(result, Unusable):
            excluded.append((item, str(result)))
        elif (digest := array_digest(result)) in seen:
            excluded.append((item, "duplicate of another picture"))
        else:
            seen.add(digest)
            chosen.append((item, result))
        if len(chosen) == wanted:
            break
    return chosen, excluded
