"""The stages of a benchmark, made of the functions behind the other commands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bam.attributions.choice import choose
from bam.attributions.registry import METHODS, Explainer
from bam.base.digests import digest
from bam.base.errors import BamError
from bam.base.settings import checked
from bam.base.threads import cores
from bam.benchmark.presets import SEED, Measurement, Preset
from bam.benchmark.stages import Stage
from bam.benchmark.trainings import Trainings
from bam.data_prep.build import build
from bam.data_prep.dataset import Dataset, load_dataset
from bam.data_prep.sources import Sources, make_source
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.metric import METRICS
from bam.metrics.results.environment import commit, packages
from bam.metrics.results.score import Score
from bam.models.stored import Models


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
            *self.trainings.stages(),
            *map(self._measurement, self.preset.measurements),
            self._report(),
        ]

    @cached_property
    def explainers(self) -> list[Explainer]:
        """All methods of BAM, and the further ones."""
        return choose(",".join(filter(None, ["all", self.methods])))

    @cached_property
    def trainings(self) -> Trainings:
        """Of its networks."""
        return Trainings(self.preset, self.data, self.models, self.say, self.networks, self.workers)

    @cached_property
    def loaded(self) -> Models:
        """The trained networks: loaded and compiled once for all measurements and the report."""
        return Models(self.models)

    def _check(self) -> None:
        """Raise `BamError` for what would only show in hours."""
        self.explainers  # noqa: B018
        self.trainings.check()
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
            *(load_dataset(self.data).fingerprint, self.trainings.digests),
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
        places = [str(folder) for folder in (self.data, self.models, self.out)]

        def sources() -> list[Path]:
            names = [name for each in self.preset.measurements for name in each.metrics]
            return [self.out / f"{name}.json" for name in names]

        return Stage(
            "report",
            "the report",
            self._write_report,
            lambda: [
                [digest(path) for path in sources()],
                *(load_dataset(self.data).fingerprint, places, commit(), packages()),
            ],
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
