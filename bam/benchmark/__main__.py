"""Everything in one command: dataset, networks, validity check, metrics, report.

python -m bam.benchmark                                # the demo: minutes on 2 cores
python -m bam.benchmark --methods mine.py:my_method    # yours beside all others
python -m bam.benchmark --preset full                  # all networks and metrics: hours on 2 cores
python -m bam.benchmark --trainings 3                  # the demo for three trainings of each network
python -m bam.benchmark --preset several --workers 2   # five and three trainings, most metrics: hours
python -m bam.benchmark --preset paper --coco DIR --miniplaces DIR --data data/paper --models runs/paper \\
    --out runs/paper_results                           # needs a GPU

It can be stopped and started again at any time, and does only what is not done yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from bam.base.settings import Folder, one_of, setting, settings
from bam.benchmark.plan import plan
from bam.benchmark.presets import PRESETS
from bam.benchmark.stages import run
from bam.benchmark.work import Benchmark
from bam.cli import flags as command

_presets = "; ".join(f"{name}: {preset.description}" for name, preset in PRESETS.items())


@settings
class What:
    """What is made, and where."""

    preset: Annotated[str, one_of("preset", PRESETS)] = setting("demo", f"how much is done; {_presets}")
    methods: str = setting(
        "", "your methods, scored beside all of BAM's: path/to/file.py:function or a folder of .npy maps"
    )
    data: Folder = setting("data/bam", "folder of the dataset")
    models: Folder = setting("runs/models", "folder of the models")
    out: Folder = setting("runs/results", "folder of the results and of the report")
    coco: str | None = setting(None, "with preset paper: COCO folder that `bam download` makes")
    miniplaces: str | None = setting(None, "with preset paper: MiniPlaces folder, likewise")
    networks: Folder | None = setting(
        None, "folder of trained networks, taken where they have the same settings and dataset, not trained"
    )
    trainings: int | None = setting(
        None, "train each network so often and measure all (by default as the preset has it)", ge=1
    )
    workers: int = setting(
        1,
        "train so many networks at a time, each in a process of its own, to the same end; not on GPUs",
        ge=1,
    )
    plan: bool = setting(False, "only say what would be done, how large it is, and about how long it takes")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.benchmark", __doc__, {"settings": What}, argv)


def _main(flags: command.Flags) -> None:
    what = flags.settings(What)
    preset = PRESETS[what.preset]
    preset = preset.of_trainings(what.trainings) if what.trainings else preset
    if not preset.photographs and flags.given.keys() & {"coco", "miniplaces"}:
        raise command.UsageError("--coco and --miniplaces are for --preset paper")
    folders = Path(what.data), Path(what.models), Path(what.out)
    networks = what.networks and Path(what.networks)
    benchmark = Benchmark(
        preset, *folders, what.methods, what.coco, what.miniplaces, networks=networks, workers=what.workers
    )
    stages = benchmark.stages()  # names of methods that are wrong are refused before any work
    if what.plan or preset.photographs:
        print(plan(benchmark))
    if what.plan:
        return
    run(stages, Path(what.out) / "benchmark.json")
    print(f"report: {Path(what.out) / 'report.html'}")


if __name__ == "__main__":
    main()
