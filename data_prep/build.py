"""From a source of objects and one of scenes to a dataset folder: gather, split, place, describe.

The work is done in a hidden folder beside the dataset, one class at a time; it takes the dataset's name
when it is complete. A killed build goes on with the class it was at.
"""

from __future__ import annotations

import csv
import functools
import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.files import locked, made_once, read_json, remove_leftovers, replacing, write_json, write_text
from bam.base.progress import Progress
from bam.base.versions import versions
from bam.data_prep.classes import COMMONALITY_OBJECT, COMMONALITY_ORDER, IMAGE_SIZE, OBJECTS, SCENES
from bam.data_prep.contact_sheet import write_contact_sheets
from bam.data_prep.croissant import CROISSANT, croissant
from bam.data_prep.dataset import FORMAT, TABLES, Dataset, fingerprint_of, load_dataset
from bam.data_prep.dataset_card import CARD, dataset_card
from bam.data_prep.placement import (
    SIZE_LAW,
    SPLITS,
    assign_splits,
    place,
    place_test_pair,
    relocated,
    rescaled,
    write_placements,
)
from bam.data_prep.sources import Sources
from bam.data_prep.sources.drawn_sample import DRAW_SEEDS
from bam.data_prep.sources.gather import gather

MINIMUM_SOURCES = 10  # per class: fewer cannot be divided into train, validation and test
# Per class, where there are so many: even small datasets then have twenty test sources of each class, and
# it is the sources, not the composites of them, that are independent.
WANTED_SOURCES = 200
# What tells readers and programs of a dataset.
CARDS = {CARD: dataset_card, CROISSANT: croissant}
# What pixels may come out differently with.
PACKAGES = ("bam-benchmark", "numpy", "pillow", "pycocotools", "contourpy")


def build(sources: Sources, folder: Path, images_per_pair: int, seed: int, workers: int) -> Dataset:
    """Make the dataset in `folder`, or open it if it is there with the same settings.

    Raises `BamError` if sources are missing or too few, or if `folder` holds anything else.
    """
    if images_per_pair < 10:
        raise BamError(
            f"`images_per_pair` must be at least 10 (train, validation, test), not {images_per_pair}"
        )
    folder = folder.resolve() if folder.is_symlink() else folder
    for source in (sources.objects, sources.scenes):
        source.prepare(workers)
    settings = _joined(
        {"seed": seed, "images_per_pair": images_per_pair, "source": sources.name},
        sources.objects.settings(),
        sources.scenes.settings(),
    )
    settings = json.loads(json.dumps(settings))  # as they are read back
    if (folder / "dataset.json").exists():
        dataset = _existing(folder, settings)
        try:
            if missing := [name for name in CARDS if not (folder / name).exists()]:
                _add_cards(dataset, sources, missing)
        except BamError as error:  # as in a folder that can only be read
            print(f"the dataset is used without its cards: {error}", file=sys.stderr)
        return dataset
    if folder.exists() and any(folder.iterdir()):
        raise BamError(f"{folder} is there but holds no dataset: give another `data` or remove it")
    with locked(folder.with_name(f".{folder.name}.lock")):
        _build_anew(sources, folder, settings, workers)
    return Dataset(folder)


def _build_anew(sources: Sources, folder: Path, settings: dict[str, Any], workers: int) -> None:
    images_per_pair, seed = settings["images_per_pair"], settings["seed"]
    partial = folder.with_name(f".{folder.name}.partial")
    if partial.exists() and not _same_settings(partial, settings):
        shutil.rmtree(partial)
    remove_leftovers(partial)
    write_json(partial / "settings.json", settings)
    notes = _joined({"settings": settings}, sources.objects.notes(), sources.scenes.notes())
    how = {"wanted": max(images_per_pair, WANTED_SOURCES), "seed": seed, "workers": workers}
    parts = _gather_all(sources, partial, **how)
    try:
        _check_enough(parts)
        splits = _splits(parts, seed)
    except BamError:
        shutil.rmtree(partial)  # or the next build would not see files that were added since
        raise
    _write_tables(partial, parts, splits, images_per_pair, seed)
    _describe(partial, parts, splits, notes)
    built = Dataset(partial)
    write_contact_sheets(built)
    _add_cards(built, sources, CARDS)
    shutil.rmtree(partial / "parts")
    (partial / "settings.json").unlink()
    if folder.exists():
        folder.rmdir()
    os.replace(partial, folder)


def _add_cards(dataset: Dataset, sources: Sources, names: Collection[str]) -> None:
    """Write those of `CARDS` that are named."""
    # The annotations of COCO may have to be read again for them, which takes a minute.
    with Progress("describing the dataset", len(names), "files") as progress:
        for name in progress.each(names, "file"):
            write_text(dataset.folder / name, CARDS[name](dataset, sources))


def _joined(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """All keys of the parts. Raises `BamError` for one that two of them have."""
    joined: dict[str, Any] = {}
    for part in parts:
        if twice := joined.keys() & part.keys():
            raise BamError(f"a source must name its settings and notes otherwise than {', '.join(twice)}")
        joined |= part
    return joined


def _same_settings(partial: Path, settings: dict[str, Any]) -> bool:
    path = partial / "settings.json"
    return path.exists() and read_json(path) == settings


def _existing(folder: Path, settings: dict[str, Any]) -> Dataset:
    dataset = load_dataset(folder)
    # Earlier versions did not say what seed they drew with: it was 0.
    old = {**dict.fromkeys(DRAW_SEEDS.values(), 0), **dataset.description["settings"]}
    changed = [
        # Digests tell a reader nothing.
        f"other {key}"
        if re.search(r"\b[0-9a-f]{64}\b", f"{old.get(key)} {value}")
        else f"{key} {old.get(key)}, not {value}"
        for key, value in settings.items()
        if old.get(key) != value
    ]
    if changed:
        raise BamError(
            f"{folder} was built with {'; '.join(changed)}: give another `data`, or remove it to build anew"
        )
    return dataset


def _gather_all(sources: Sources, partial: Path, **how: Any) -> dict[str, dict]:
    """The chosen sources of each of the twenty classes; their pixels go to .npy files."""
    # Items may take a minute to list, so they are listed only if a class is still to be made.
    objects = sources.objects, functools.cache(sources.objects.items)
    scenes = sources.scenes, functools.cache(sources.scenes.items)
    parts, names = {}, (*OBJECTS, *SCENES)
    with Progress("reading sources", len(names), "classes") as progress:
        for name in progress.each(names, "class"):
            source, items = objects if name in OBJECTS else scenes
            make = functools.partial(gather, source, items, name, partial, **how)
            parts[name] = made_once(partial / "parts" / f"{name}.json", make)
    return parts


def _check_enough(parts: dict[str, dict]) -> None:
    short = [
        f"{name} has {len(part['sources'])} ({_tally(part['excluded'])})"
        for name, part in parts.items()
        if len(part["sources"]) < MINIMUM_SOURCES
    ]
    if short:
        raise BamError(f"each class needs {MINIMUM_SOURCES} usable sources, but {'; '.join(short)}")


def _tally(excluded: list[dict]) -> str:
    """ "3 left out: 2 object too small, 1 file is missing", or "none left out"."""
    if not excluded:
        return "none left out"
    kinds = Counter(entry["reason"].split(":")[0] for entry in excluded)
    return f"{len(excluded)} left out: " + ", ".join(
        f"{number} {kind}" for kind, number in kinds.most_common()
    )


def _splits(parts: dict[str, dict], seed: int) -> dict[str, list[str]]:
    """The split of each source of each class."""

    def files(names: Sequence[str]) -> dict[str, list[str]]:
        return {name: [source["file"] for source in parts[name]["sources"]] for name in names}

    return assign_splits(files(OBJECTS), seed) | assign_splits(files(SCENES), seed)


def _write_tables(
    partial: Path, parts: dict[str, dict], splits: dict[str, list[str]], images_per_pair: int, seed: int
) -> None:
    """sources.csv, placements.csv and the tables of the views of the test split alone."""
    columns = ("file", "annotation", "height", "width")
    with replacing(partial / "sources.csv") as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("kind", "class", "index", *columns, "split"))
        for name, part in parts.items():
            kind = "object" if name in OBJECTS else "scene"
            for index, source in enumerate(part["sources"]):
                row = (source[column] for column in columns)
                writer.writerow((kind, name, index, *row, splits[name][index]))
    sizes = {
        name: np.array([(source["height"], source["width"]) for source in parts[name]["sources"]])
        for name in OBJECTS
    }
    placements = place(sizes, splits, images_per_pair, seed)
    write_placements(partial / "placements.csv", placements)
    test = [placement for placement in placements if placement.split == "test"]
    smaller = [rescaled(placement, sizes[placement.object][placement.cutout], seed) for placement in test]
    write_placements(partial / "rescaled.csv", smaller)
    write_placements(partial / "relocated.csv", [relocated(placement, seed) for placement in test])
    # The one scene class that has its dog in every X^k.
    bamboo_forest = place_test_pair(COMMONALITY_OBJECT, COMMONALITY_ORDER[0], sizes, splits, seed)
    write_placements(partial / "bamboo_forest.csv", bamboo_forest)


def _describe(
    partial: Path, parts: dict[str, dict], splits: dict[str, list[str]], notes: dict[str, Any]
) -> None:
    """Write dataset.json, which makes the folder a dataset; `notes` say what it was made from."""
    tables = {table: digest(partial / f"{table}.csv") for table in TABLES}
    arrays = {name: part["digest"] for name, part in parts.items()}
    excluded = [{"class": name, **entry} for name, part in parts.items() for entry in part["excluded"]]
    write_json(
        partial / "dataset.json",
        _joined(
            {
                "format": FORMAT,
                "fingerprint": fingerprint_of(arrays, tables),
                "tables": tables,
                "arrays": arrays,
            },
            notes,
            {
                "objects": OBJECTS,
                "scenes": SCENES,
                "commonality_order": COMMONALITY_ORDER,
                "scene_size": IMAGE_SIZE,
                "size_law": SIZE_LAW,
                "sources": {name: {split: splits[name].count(split) for split in SPLITS} for name in parts},
                "excluded_summary": _tally(excluded),
                "excluded": excluded,
                "versions": versions(PACKAGES),
            },
        ),
    )
