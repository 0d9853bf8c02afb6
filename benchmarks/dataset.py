"""How fast composites are made, and how much memory a dataset of the paper's size takes to build.

  python benchmarks/dataset.py                    # 100 sources per class: about a minute
  python benchmarks/dataset.py --per_class 1000   # the paper's size: about 5 minutes, 3 GB of disk

Prints images per second of one thread for a view, and for the way of the official builder (open two
files, resize, paste, write three JPEG files per composite), timed in turn in the same run; then the peak
memory of the build.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.base.threads import cores
from bam.data_prep.build import build
from bam.data_prep.dataset import Dataset, View
from bam.data_prep.sources import Sources, make_source


def official_way(view: View, cutouts: list[Path], scenes: list[Path], folder: Path) -> None:
    """One composite after the other, with the file traffic of the official script."""
    for placement, cutout, scene in zip(view.placements, cutouts, scenes, strict=True):
        background = Image.open(scene).convert("RGBA")
        picture = Image.open(cutout).convert("RGBA")
        picture = picture.resize((placement.width, placement.height), Image.Resampling.BILINEAR)
        background.convert("RGB").save(folder / "scene_only.jpg")
        background.paste(picture, (placement.left, placement.top), picture)
        composite = background.convert("RGB")
        composite.save(folder / "scene.jpg")
        composite.save(folder / "obj.jpg")


def source_files(dataset: Dataset, view: View, folder: Path) -> tuple[list[Path], list[Path]]:
    """Write the cutouts and scenes of a view as the files that the official script reads."""
    cutouts, scenes = [], []
    for index, placement in enumerate(view.placements):
        cutouts.append(folder / f"{index}.png")
        scenes.append(folder / f"{index}.jpg")
        Image.fromarray(np.ascontiguousarray(dataset.cutout(placement))).save(cutouts[-1])
        Image.fromarray(np.ascontiguousarray(dataset.scene(placement))).save(scenes[-1])
    return cutouts, scenes


def rate(work: Callable[[], Any], images: int) -> float:
    """Images per second of one run over so many images."""
    begin = time.perf_counter()
    work()
    return images / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--per_class", type=int, default=100, help="sources per class and images per pair")
    parser.add_argument("--images", type=int, default=1000, help="composites that are timed")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the median counts")
    options = parser.parse_args()
    per_class = options.per_class
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        kinds = ("object", "scene")
        drawn = [make_source(kind, "drawn", root / "drawn", pictures_per_class=per_class) for kind in kinds]
        drawn[0].prepare(cores())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begin = time.perf_counter()
        dataset = build(Sources(*drawn), root / "bam", per_class, 0, cores())
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        total = sum(len(dataset.view("object_scene", split)) for split in ("train", "validation", "test"))
        view = dataset.view("object_scene", "train")
        view = view.subset(np.random.default_rng(0).permutation(len(view))[: options.images])
        cutouts, scenes = source_files(dataset, view, root)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(rate(lambda: [batch.images for batch in view.batches(32)], len(view)))
            theirs.append(rate(lambda: official_way(view, cutouts, scenes, root), len(view)))
    print(f"composing a view, one thread: {statistics.median(ours):.0f} images/s")
    print(f"the official builder's way:   {statistics.median(theirs):.0f} images/s")
    print(f"ratio:                        {statistics.median(ours) / statistics.median(theirs):.1f}")
    print(f"building {total} composites: {seconds:.0f} s, peak memory {peak:.0f} MB ({before:.0f} before)")


if __name__ == "__main__":
    main()
