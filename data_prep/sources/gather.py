"""Choosing and reading the sources of one class: cutouts of an object, pictures of a scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bam.base.digests import array_digest
from bam.base.files import write_array
from bam.base.seeds import generator
from bam.base.threads import in_order
from bam.data_prep.classes import IMAGE_SIZE
from bam.data_prep.sources import coco, miniplaces
from bam.data_prep.sources.photographs import Unusable

Item = TypeVar("Item")


@dataclass(frozen=True)
class Sources:
    """The folders that a dataset is made from, and what of them may be used.

    `name` is "coco/miniplaces" or "drawn"; `minimum_area` is in pixels of the photograph.
    """

    name: str
    coco: Path
    miniplaces: Path
    minimum_area: float = 32**2  # COCO's border between small and medium objects
    exclude_scenes: Path | None = None


def gather_objects(
    sources: Sources,
    instances: Callable[[], dict[str, list[coco.Instance]]],
    name: str,
    folder: Path,
    **how: Any,
) -> dict:
    """Cut out the objects of class `name` into `folder/cutouts`; returns what was used and what not.

    `how` holds `wanted`, `seed` and `workers`. The cutouts stand in the upper left corners of
    uint8 (n, 128, 128, 4).
    """

    def load(instance: coco.Instance) -> np.ndarray:
        if instance.area < sources.minimum_area:
            raise Unusable(f"object too small: {instance.area:g} px")
        return coco.cut_out(sources.coco, instance)

    chosen, excluded = _choose(instances()[name], load, name, **how)
    cutouts = np.zeros((len(chosen), coco.CUTOUT_SIZE, coco.CUTOUT_SIZE, 4), np.uint8)
    for place, (_, pixels) in zip(cutouts, chosen, strict=True):
        place[: pixels.shape[0], : pixels.shape[1]] = pixels
    write_array(folder / "cutouts" / f"{name}.npy", cutouts)
    return {
        "digest": array_digest(cutouts),
        "sources": [
            {
                "file": instance.file,
                "annotation": instance.annotation,
                "height": pixels.shape[0],
                "width": pixels.shape[1],
            }
            for instance, pixels in chosen
        ],
        "excluded": [{"file": instance.file, "reason": reason} for instance, reason in excluded],
    }


def gather_scenes(
    sources: Sources, files: Sequence[str], named: frozenset[str], name: str, folder: Path, **how: Any
) -> dict:
    """Read the pictures of scene class `name` into `folder/scenes`; returns what was used and what not.

    `files` are the pictures there are, `named` those of the user's exclusion list.
    """

    def load(file: str) -> np.ndarray:
        return miniplaces.read_scene(sources.miniplaces, file, named)

    chosen, excluded = _choose(files, load, name, **how)
    size = IMAGE_SIZE
    scenes = np.stack([pixels for _, pixels in chosen]) if chosen else np.zeros((0, size, size, 3), np.uint8)
    write_array(folder / "scenes" / f"{name}.npy", scenes)
    return {
        "digest": array_digest(scenes),
        "sources": [{"file": file, "annotation": "", "height": size, "width": size} for file, _ in chosen],
        "excluded": [{"file": file, "reason": reason} for file, reason in excluded],
    }


def _choose(
    items: Sequence[Item],
    load: Callable[[Item], np.ndarray],
    name: str,
    wanted: int,
    seed: int,
    workers: int,
) -> tuple[list[tuple[Item, np.ndarray]], list[tuple[Item, str]]]:
    """The first `wanted` usable items in random order, with their pixels; the others met, with the reason."""

    def attempt(item: Item) -> np.ndarray | Unusable:
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
