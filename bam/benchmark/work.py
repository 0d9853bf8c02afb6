"""The stages of a benchmark, made of the functions behind the other commands."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.attributions.choice import choose
from bam.attributions.registry import METHODS, Explainer
from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.files import replacing, write_text
from bam.base.settings import checked
from bam.base.threads import cores
from bam.benchmark.presets import Measurement, Preset
from bam.benchmark.stages import Stage
from bam.cli.trainings import trained
from bam.data_prep.build import build
from bam.data_prep.dataset import Dataset, load_dataset
from bam.data_prep.sources import Sources, make_source
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.metric import METRICS
from bam.metrics.results.environment import commit, packages
from bam.metrics.results.score import Score
from bam.models.stored import Models, read_description
from bam.models.training.numbered import training_name
from bam.models.training.task import Task
from bam.models.training.validity import checks, stored, table

if TYPE_CHECKING:
    from bam.models.training.training import Config

SEED = 0  # of the dataset, the trainings and the runs
FOUND = 1  # effort of a network that is trained already


@dataclass(frozen=True)
class Benchmark:
    """A preset in folders.

    methods: further ones, beside all of BAM's. coco, miniplaces: folders of photographs, where the preset is
    made of them. say: prints a line. networks: a folder of trained networks, which are taken in place of
    trainings that would have the same settings and dataset. workers: how many trainings there are at a time.
    """

    preset: Preset
    data: Path
    models: Path
    out: Path
    methods: str = ""
    coco: str | None = None
    miniplaces: str | None = None
    say: Callable[[str], None] = print
    networks: Path | None = None
    workers: int = 1

    def stages(self) -> list[Stage]:
        """All there is to do, in order. Raises `BamError` for methods that are not there."""
        self._check()
        return [
            self._dataset(),
            *([self._together()] if self.workers > 1 else []),
            *starmap(self._network, self.preset.trained),
            *map(self._measurement, self.preset.measurements),
            self._report(),
        ]

    @cached_property
    def explainers(self) -> list[Explainer]:
        """All methods of BAM, and the further ones."""
        return choose(",".join(filter(None, ["all", self.methods])))

    @cached_property
    def loaded(self) -> Models:
        """The trained networks: loaded and compiled once for all measurements and the report."""
        return Models(self.models)

    def _check(self) -> None:
        """Raise `BamError` for what would only show in hours."""
        self.explainers  # noqa: B018
        if self.preset.photographs and not (self.data / "dataset.json").exists():
            for name in ("coco", "miniplaces"):
                if getattr(self, name) is None:
                    raise BamError(
                        f"this benchmark is made of photographs: give `{name}`, the folder that "
                        "`bam download` makes"
                    )

    def _dataset(self) -> Stage:
        preset = self.preset
        file = self.data / "dataset.json"
        return Stage(
            "dataset",
            f"the dataset {self.data}",
            self._built,
            lambda: [preset.images_per_pair, self.coco, self.miniplaces, SEED],
            lambda: [file],
            preset.data_effort,
        )

    def _built(self) -> Dataset:
        """The dataset, made if it is not there."""
        if (self.data / "dataset.json").exists() and self.coco is self.miniplaces is None:
            return load_dataset(self.data)
        names = {"object": ("coco", self.coco), "scene": ("miniplaces", self.miniplaces)}
        drawn = "drawn", str(self.data.parent / "drawn")
        made = {
            kind: make_source(kind, *(named if self.preset.photographs else drawn))
            for kind, named in names.items()
        }
        sources = Sources(made["object"], made["scene"])
        return build(sources, self.data, self.preset.images_per_pair, SEED, cores())

    def _together(self) -> Stage:
        """All trainings, several at a time; the stages of the single networks then find theirs."""
        count = len(self.preset.trained)
        return Stage(
            "networks",
            f"{count} networks, {self.workers} at a time",
            self._train_together,
            lambda: [dict(self.preset.training), self._fingerprint, self._digests, SEED],
            lambda: [self.models / name / "model.json" for name in self._names],
            self.preset.network_effort * count / self.workers,
        )

    def _train_together(self) -> None:
        import bam.cli.quiet  # noqa: F401

        # isort: split

        dataset = load_dataset(self.data)
        configs = [self._config(*each, dataset) for each in self.preset.trained]
        for config in configs:
            self._take(config.name, asdict(config))
        # What is there and has other settings is refused before hours of training.
        configs.sort(key=lambda config: self._digest(config.name) is None)
        for config, _ in trained(configs, dataset, self.models, self.workers):
            self.say(f"{self.models / config.name} is trained")

    def _network(self, task: Task, training: int) -> Stage:
        name = training_name(task.name, training)
        return Stage(
            f"network {name}",
            f"the network {name}",
            lambda: self._train(task, training),
            lambda: [asdict(task), dict(self.preset.training), self._fingerprint, self._digest(name), SEED],
            lambda: [self.models / name / file for file in ("model.json", "model.keras")],
            self.preset.network_effort if self.workers == 1 else FOUND,
        )

    def _config(self, task: Task, training: int, dataset: Dataset) -> Config:
        from bam.models.training.training import make_config

        return make_config(task, dataset, seed=SEED, training=training, **self.preset.training)

    def _train(self, task: Task, training: int) -> None:
        import bam.cli.quiet  # noqa: F401

        # isort: split

        from bam.models.training.training import train

        dataset = load_dataset(self.data)
        config = self._config(task, training, dataset)
        self._take(config.name, asdict(config))
        description = train(config, dataset, self.models)
        if task.on == "object_scene" and task.commonality is None:
            for failure in filter(None, (check.failure(config.name) for check in checks(description))):
                self.say(failure)
        write_text(self.models / "validity.md", f"{table(stored(self.models))}\n")

    def _take(self, name: str, config: Mapping[str, Any]) -> None:
        """Copy a network that was trained so, if `networks` has it and `models` does not."""
        target = self.models / name
        if self.networks is None or (target / "model.json").exists():
            return
        source = self.networks / name
        found = read_description(source)["config"] if (source / "model.json").exists() else {}
        differ = [key for key, value in config.items() if found.get(key) != value]
        if differ:
            why = f"has another {', '.join(differ)}" if found else "is not there"
            self.say(f"{source} {why}: training {target}")
            return
        for file in ("model.keras", "model_card.md", "model.json"):  # the last says that it is whole
            with replacing(target / file) as path:
                shutil.copyfile(source / file, path)
        self.say(f"{target}: taken from {self.networks}, trained with the same settings and dataset")

    @property
    def _fingerprint(self) -> str:
        return load_dataset(self.data).fingerprint

    def _digest(self, name: str) -> str | None:
        """Of the network's weights; None if it is not trained."""
        folder = self.models / name
        return read_description(folder)["digest"] if (folder / "model.json").exists() else None

    @property
    def _names(self) -> list[str]:
        """Of all networks."""
        return [training_name(task.name, number) for task, number in self.preset.trained]

    @property
    def _digests(self) -> list[str | None]:
        return list(map(self._digest, self._names))

    def _measurement(self, measurement: Measurement) -> Stage:
        files = [self.out / f"{name}.json" for name in measurement.metrics]
        files += [self.out / "judgement.json"] if measurement.judged else []
        return Stage(
            f"metrics {measurement.title}",
            measurement.title,
            lambda: self._measure(measurement),
            lambda: self._measured_of(measurement),
            lambda: files,
            measurement.effort * measurement.trainings,
        )

    def _measured_of(self, measurement: Measurement) -> Any:
        """All that the scores depend on; None where rows of a method cannot be kept."""
        if any(explainer.method.transient for explainer in self.explainers):
            return None
        return [
            *(self._fingerprint, self._digests),
            [explainer.key for explainer in self.explainers],
            [[name, METRICS[name].version] for name in measurement.metrics],
            *(measurement.limit, dict(measurement.settings), measurement.judged, SEED),
            measurement.trainings,
            *(commit(), packages()),
        ]

    def _measure(self, measurement: Measurement) -> None:
        import bam.cli.quiet  # noqa: F401

        # isort: split

        from bam.metrics.judging.judge import judge

        scores = scores_of(measurement, self.explainers, self.data, self.loaded, self.out)
        for score in scores:
            if replaced := score.replaces(self.out):
                self.say(replaced)
            score.write(self.out)
            for warning in score.warnings():
                self.say(f"{score.metric}: NOT VALID: {warning}")
        if measurement.judged:
            judge(scores).write(self.out)

    def _report(self) -> Stage:
        def sources() -> list[Path]:
            names = [name for each in self.preset.measurements for name in each.metrics]
            return [self.out / f"{name}.json" for name in names]

        return Stage(
            "report",
            "the report",
            self._write_report,
            lambda: [[digest(path) for path in sources()], self._fingerprint, commit(), packages()],
            lambda: [self.out / "report.html", self.out / "report.md"],
            30,
        )

    def _write_report(self) -> None:
        import bam.cli.quiet  # noqa: F401

        # isort: split

        from bam.metrics.reporting.report import write_report

        built_in = [
            each.name for each in self.explainers if each.method.name in METHODS and not each.method.control
        ]
        shown = ",".join([*built_in, self.methods]) if self.methods else None
        write_report(self.out, self.data, self.loaded, shown)


def run_settings(measurement: Measurement) -> RunSettings:
    """How a measurement is run."""
    given = {"limit": measurement.limit, "seed": SEED, "trainings": measurement.trainings}
    return checked(RunSettings, given)


def metric_settings(measurement: Measurement, metric: str) -> Any:
    """The settings of one of its metrics: those of the measurement that it has, the others by default."""
    kind = METRICS[metric].settings
    known: Sequence[str] = list(getattr(kind, "__dataclass_fields__", ()))
    return checked(kind, {name: value for name, value in measurement.settings.items() if name in known})


def scores_of(
    measurement: Measurement,
    explainers: Sequence[Explainer],
    data: Path | Dataset,
    models: Path | Models,
    out: Path,
    metrics: Collection[str] | None = None,
) -> list[Score]:
    """The scores of a measurement, in one run. metrics: only these of it; out: where rows are kept."""
    from bam.metrics.scoring import evaluate

    names = [name for name in measurement.metrics if metrics is None or name in metrics]
    asked = {name: metric_settings(measurement, name) for name in names}
    run = make_run(asked, explainers, data, models, out, run_settings(measurement))
    return [evaluate(METRICS[name], run) for name in names]
