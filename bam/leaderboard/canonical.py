"""What every entry is measured on: the networks in the repository, and the dataset that they learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bam.base.errors import BamError
from bam.base.versions import in_words
from bam.benchmark.presets import PRESETS, THREE, Measurement
from bam.benchmark.work import metric_settings, run_settings
from bam.data_prep.dataset import Dataset, load_dataset
from bam.data_prep.sources.drawn_sample import DRAW_SEEDS
from bam.models.stored import read_description

NETWORKS = tuple(task.name for task in THREE)
# Entries do not hold these, which are measured in runs of their own.
_ALONE = {"effect", "localisation"}
MEASUREMENTS = tuple(each for each in PRESETS["demo"].measurements if not _ALONE & set(each.metrics))
METRICS: Mapping[str, Measurement] = {
    name: measurement for measurement in MEASUREMENTS for name in measurement.metrics
}
CONTROLS = ("random", "object_mask", "constant")
# g_c is recorded of so many images of this set, the first that scores are made of, for these networks.
PROBED, PROBED_SET, PROBED_NETWORKS = 32, "object_scene", ("object", "scene")
# Settings that change nothing that entries hold: what else a metric reports, and, of networks that have one
# training, how many are asked for.
_FURTHER = {"premise", "trainings"}
# What the dataset was built with; sources that are not drawn have further settings.
_BUILT = {"source": "drawn", "images_per_pair": 100, "seed": 0, **dict.fromkeys(DRAW_SEEDS.values(), 0)}


@dataclass(frozen=True)
class Canonical:
    """The networks in a folder: their digests by name, and the fingerprint of the dataset they are of."""

    folder: Path
    digests: Mapping[str, str]
    fingerprint: str


def read_canonical(folder: str | Path) -> Canonical:
    """The networks of the leaderboard. Raises `BamError` if one is not there."""
    folder, found = Path(folder), {}
    for name in NETWORKS:
        if not (folder / name / "model.json").exists():
            raise BamError(
                f"there is no network {folder / name}: give as `networks` the folder leaderboard/networks of "
                "a clone of the repository"
            )
        found[name] = read_description(folder / name)
    fingerprints = {description["config"]["dataset"] for description in found.values()}
    if len(fingerprints) > 1:
        raise BamError(
            f"the networks in {folder} are of {len(fingerprints)} datasets: restore those of the repository"
        )
    digests = {name: description["digest"] for name, description in found.items()}
    return Canonical(folder, digests, fingerprints.pop())


def read_dataset(folder: str | Path, canonical: Canonical) -> Dataset:
    """The dataset of the leaderboard. Raises `BamError` if another one is there, and says in what it differs.

    Where its settings are the same, pictures were drawn or read otherwise, as other versions of the packages
    can.
    """
    dataset = load_dataset(folder)
    if dataset.fingerprint == canonical.fingerprint:
        return dataset
    names = (
        f"{folder} has the fingerprint {dataset.fingerprint}, the leaderboard's has {canonical.fingerprint}"
    )
    settings = {**dict.fromkeys(DRAW_SEEDS.values(), 0), **dataset.description["settings"]}
    differences = [
        f"{name} {settings.get(name)}, not {value}"
        for name, value in _BUILT.items()
        if settings.get(name) != value
    ]
    if differences:
        raise BamError(
            f"{names}: it was built with {'; '.join(differences)}: give as `data` the folder of one that "
            "`python -m bam.build_dataset --data FOLDER` built without further flags"
        )
    raise BamError(
        f"{names}, though it was built with the same settings: pictures came out otherwise with "
        f"{in_words(dataset.description.get('versions'))}; build it with the versions that the entries name"
    )


def draw_seed(dataset: Dataset) -> int:
    """The seed of the drawn pictures, which earlier versions do not say: it was 0."""
    return max(dataset.description["settings"].get(name, 0) for name in DRAW_SEEDS.values())


def settings_of(metric: str) -> dict[str, Any]:
    """The settings of the run and of a metric that every entry is made with, as a score's file has them."""
    measurement = METRICS[metric]
    found = {**asdict(run_settings(measurement)), **asdict(metric_settings(measurement, metric))}
    kept = {name: value for name, value in found.items() if name not in _FURTHER}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}
