"""The networks of a benchmark: trained one after another or several at a time, or taken from a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.files import replacing
from bam.base.threads import cores
from bam.benchmark.presets import SEED, Preset
from bam.benchmark.stages import Stage
from bam.cli.trainings import check_workers, trained
from bam.data_prep.dataset import Dataset, load_dataset
from bam.models.stored import read_description
from bam.models.training.numbered import training_name
from bam.models.training.task import Task
from bam.models.training.validity import failures, write_table

if TYPE_CHECKING:
    from bam.models.training.training import Config


@dataclass(frozen=True)
class Trainings:
    """Those of a preset, on the dataset in the folder `data`, into `models`.

    say: prints a line. source: a folder of trained networks, which are taken in place of trainings that would
    have the same settings and dataset. workers: how many trainings there are at a time.
    """

    preset: Preset
    data: Path
    models: Path
    say: Callable[[str], None]
    source: Path | None
    workers: int

    def check(self) -> None:
        """Raise `BamError` if there cannot be so many at a time."""
        if self.workers > 1:
            import bam.cli.quiet  # noqa: F401

            check_workers()

    def stages(self) -> list[Stage]:
        """One for each network, or for all if they are trained at a time."""
        return [self._all()] if self.workers > 1 else list(starmap(self._one, self.preset.trained))

    @property
    def at_a_time(self) -> int:
        """How many there are at a time."""
        return min(self.workers, len(self.preset.trained))

    @property
    def speedup(self) -> int:
        """How many of these have a processor of their own."""
        return min(self.at_a_time, cores())

    @property
    def _names(self) -> list[str]:
        return [training_name(task.name, number) for task, number in self.preset.trained]

    def _files(self, name: str) -> list[Path]:
        """What a training leaves, beside its card."""
        return [self.models / name / file for file in ("model.json", "model.keras")]

    def _all(self) -> Stage:
        """All networks, several at a time."""
        names = self._names
        return Stage(
            "networks",
            f"{len(names)} networks, {self.at_a_time} at a time",
            self._train_together,
            lambda: [*self._key, self.digests, SEED],
            lambda: [file for name in names for file in self._files(name)],
            self.preset.network_effort * len(names) / self.speedup,
        )

    @property
    def _key(self) -> tuple[Any, ...]:
        """What all of them depend on."""
        return dict(self.preset.training), load_dataset(self.data).fingerprint

    def _train_together(self) -> None:
        import bam.cli.quiet  # noqa: F401

        # isort: split

        dataset, lacking = load_dataset(self.data), []
        for each in self.preset.trained:
            config = self._prepared(*each, dataset)
            if self._digest(config.name) is None:
                lacking.append(config)
            else:  # of other settings it is refused, before hours of training
                self._finish(config, dataset)
        for config, description in trained(lacking, dataset, self.models, self.workers):
            self._tell(config, description)

    def _one(self, task: Task, training: int) -> Stage:
        """A single network."""
        name = training_name(task.name, training)
        return Stage(
            f"network {name}",
            f"the network {name}",
            lambda: self._train(task, training),
            lambda: [asdict(task), *self._key, self._digest(name), SEED],
            lambda: self._files(name),
            self.preset.network_effort,
        )

    def _prepared(self, task: Task, training: int, dataset: Dataset) -> Config:
        """The settings of a training; its network is copied from `source` if that has it."""
        from bam.models.training.training import make_config

        config = make_config(task, dataset, seed=SEED, training=training, **self.preset.training)
        self._take(config.name, asdict(config))
        return config

    def _train(self, task: Task, training: int) -> None:
        import bam.cli.quiet  # noqa: F401

        dataset = load_dataset(self.data)
        self._finish(self._prepared(task, training, dataset), dataset)

    def _finish(self, config: Config, dataset: Dataset) -> None:
        from bam.models.training.training import train

        self._tell(config, train(config, dataset, self.models))

    def _tell(self, config: Config, description: Mapping[str, Any]) -> None:
        """Whether a network is valid."""
        for failure in failures(config.name, description):
            self.say(failure)
        write_table(self.models)

    def _take(self, name: str, config: Mapping[str, Any]) -> None:
        """Copy a network that was trained so, if `source` has it and `models` does not."""
        target = self.models / name
        if self.source is None or (target / "model.json").exists():
            return
        source = self.source / name
        found = read_description(source)["config"] if (source / "model.json").exists() else {}
        differ = [key for key, value in config.items() if found.get(key) != value]
        if differ:
            why = f"has another {', '.join(differ)}" if found else "is not there"
            self.say(f"{source} {why}: training {target}")
            return
        for file in ("model.keras", "model_card.md", "model.json"):  # the last says that it is whole
            with replacing(target / file) as path:
                shutil.copyfile(source / file, path)
        self.say(f"{target}: taken from {self.source}, trained with the same settings and dataset")

    def _digest(self, name: str) -> str | None:
        """Of the network's weights; None if it is not trained."""
        folder = self.models / name
        return read_description(folder)["digest"] if (folder / "model.json").exists() else None

    @property
    def digests(self) -> list[str | None]:
        """Of all networks."""
        return list(map(self._digest, self._names))
