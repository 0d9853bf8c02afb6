"""Who is pasted where: pairing, the size law, the split by source, all from per-image seeds."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from bam.base.errors import BamError
from bam.base.files import replacing
from bam.base.seeds import generator
from bam.data_prep.classes import IMAGE_SIZE, OBJECTS, SCENES

SPLITS = ("train", "validation", "test")
HELD_OUT_SHARE = 0.1  # of the sources and of the composites, for validation and for test each

# The longer side of a pasted object in pixels, from (included) and to (excluded). The paper says that
# an object takes "1/3 to 1/2 of a scene image" (section 3.1); the official code reads it as the area of
# a square box, that is 1/sqrt(3) to 1/sqrt(2) of the side.
SIZE_LAW = (int(IMAGE_SIZE / math.sqrt(3)), int(IMAGE_SIZE / math.sqrt(2)))
# For `rescaled`: 1/6 to 1/3 of the scene, smaller than any object seen in training.
SMALLER = (int(IMAGE_SIZE / math.sqrt(6)), SIZE_LAW[0])
# For `relocated`: how far the object moves at least, in pixels along one axis.
SHIFT = 16
# For `bamboo_forest`: composites of the one pair, as many as the official release has.
BAMBOO_FOREST_IMAGES = 100


@dataclass(frozen=True)
class Placement:
    """One composite: a row of `placements.csv`. Lengths in pixels of the 128 px scene."""

    image_id: str
    object: str
    scene: str
    cutout: int
    scene_index: int
    top: int
    left: int
    height: int
    width: int
    split: str


def assign_splits(files: dict[str, Sequence[str]], seed: int) -> dict[str, list[str]]:
    """The split of every source: for each class, one of `SPLITS` per file.

    A tenth of each class (at least one) is for test, a tenth for validation. A photograph that serves
    two classes stays in one split.
    """
    chosen: dict[str, str] = {}
    for name, members in files.items():
        held_out = max(1, round(HELD_OUT_SHARE * len(members)))
        room = dict.fromkeys(("test", "validation"), held_out)
        for file in members:
            if chosen.get(file) in room:
                room[chosen[file]] -= 1
        for index in generator(seed, "split", name).permutation(len(members)):
            if members[index] not in chosen:
                split = next((split for split, left in room.items() if left > 0), "train")
                chosen[members[index]] = split
                room[split] = room.get(split, 0) - 1
        if {chosen[file] for file in members} != set(SPLITS):
            raise BamError(f"{name}: {len(members)} sources are too few to divide into {', '.join(SPLITS)}")
    return {name: [chosen[file] for file in members] for name, members in files.items()}


def place(
    sizes: dict[str, np.ndarray],
    splits: dict[str, list[str]],
    images_per_pair: int,
    seed: int,
) -> list[Placement]:
    """`images_per_pair` composites of every object class in every scene class.

    `sizes` holds each object class's cutout sizes, (n, 2) as height, width; `splits` the split of each
    source of each class. Within a pair and split, cutouts and scenes are paired by two independent
    random orders, each as often as any other (to within one).
    """
    held_out = max(1, round(HELD_OUT_SHARE * images_per_pair))
    amounts = {"train": images_per_pair - 2 * held_out, "validation": held_out, "test": held_out}
    placements = []
    for kind in OBJECTS:
        for scene in SCENES:
            number = 0
            for split, amount in amounts.items():
                rng = generator(seed, "pair", kind, scene, split)
                cutouts = _rounds(rng, _members(splits[kind], split), amount)
                scenes = _rounds(rng, _members(splits[scene], split), amount)
                for cutout, scene_index in zip(cutouts, scenes, strict=True):
                    image_id = f"{kind}-{scene}-{number:04d}"
                    box = _box(generator(seed, "place", image_id), sizes[kind][cutout])
                    placements.append(
                        Placement(image_id, kind, scene, int(cutout), int(scene_index), *box, split)
                    )
                    number += 1
    return placements


def place_test_pair(
    kind: str, scene: str, sizes: dict[str, np.ndarray], splits: dict[str, list[str]], seed: int
) -> list[Placement]:
    """`BAMBOO_FOREST_IMAGES` test composites of one object class in one scene class.

    No cutout meets a scene twice before it has met them all, and each source is used as often as any
    other (to within one). `sizes` and `splits` as for `place`.
    """
    rng = generator(seed, "test pair", kind, scene)
    cutouts = rng.permutation(_members(splits[kind], "test"))
    scenes = rng.permutation(_members(splits[scene], "test"))
    period = math.lcm(len(cutouts), len(scenes))  # after which the same pairs would come again
    placements = []
    for number in range(BAMBOO_FOREST_IMAGES):
        cutout = cutouts[number % len(cutouts)]
        scene_index = scenes[(number + number // period) % len(scenes)]
        image_id = f"{kind}-{scene}-test-{number:04d}"
        box = _box(generator(seed, "place", image_id), sizes[kind][cutout])
        placements.append(Placement(image_id, kind, scene, int(cutout), int(scene_index), *box, "test"))
    return placements


def _members(splits: list[str], wanted: str) -> np.ndarray:
    return np.flatnonzero(np.asarray(splits) == wanted)


def _rounds(rng: np.random.Generator, members: np.ndarray, amount: int) -> np.ndarray:
    """`amount` draws in random order, each member as often as any other (to within one)."""
    rounds = math.ceil(amount / len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:amount]


def scaled(size: Sequence[int] | np.ndarray, longer: int) -> tuple[int, int]:
    """Height and width of the same shape with its longer side at `longer` pixels."""
    scale = longer / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _box(rng: np.random.Generator, size: np.ndarray) -> tuple[int, int, int, int]:
    height, width = scaled(size, rng.integers(*SIZE_LAW))
    top, left = rng.integers(0, IMAGE_SIZE - height + 1), rng.integers(0, IMAGE_SIZE - width + 1)
    return int(top), int(left), height, width


def rescaled(placement: Placement, size: np.ndarray, seed: int) -> Placement:
    """The same composite with a smaller object around the same centre."""
    rng = generator(seed, "rescaled", placement.image_id)
    height, width = scaled(size, rng.integers(*SMALLER))
    top = placement.top + (placement.height - height) // 2
    left = placement.left + (placement.width - width) // 2
    return _changed(placement, top=top, left=left, height=height, width=width)


def relocated(placement: Placement, seed: int) -> Placement:
    """The same composite with the object at another place, at least `SHIFT` pixels away."""
    rng = generator(seed, "relocated", placement.image_id)
    while True:
        top = int(rng.integers(0, IMAGE_SIZE - placement.height + 1))
        left = int(rng.integers(0, IMAGE_SIZE - placement.width + 1))
        if max(abs(top - placement.top), abs(left - placement.left)) >= SHIFT:
            return _changed(placement, top=top, left=left)


def _changed(placement: Placement, **changes: int) -> Placement:
    return Placement(**{**vars(placement), **changes})


def write_placements(path: Path, placements: Iterable[Placement]) -> None:
    """Write one CSV row per composite."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Placement))
        writer.writerows(vars(placement).values() for placement in placements)


def read_placements(path: Path) -> list[Placement]:
    """The rows that `write_placements` wrote."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [Placement(*row[:3], *map(int, row[3:9]), row[9]) for row in rows]
