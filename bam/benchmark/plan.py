"""What a benchmark is going to do, how large it is, and about how long it takes, in words."""

from __future__ import annotations

from bam.base.progress import duration
from bam.benchmark.calibration import Estimate, calibrate, estimate
from bam.benchmark.work import Benchmark
from bam.data_prep.classes import OBJECTS, SCENES
from bam.metrics.results.table import markdown_table
from bam.models.architectures import ARCHITECTURES

GIGABYTE = 1e9


def plan(benchmark: Benchmark) -> str:
    """The stages with their sizes, and an estimate from a short calibration of the network here."""
    import bam.cli.quiet  # noqa: F401

    preset = benchmark.preset
    architecture = preset.training.get("architecture", "small")
    seen = ARCHITECTURES[architecture].images_seen
    found = estimate(preset, calibrate(architecture), seen, benchmark.explainers)
    return _table(benchmark, architecture, seen, found)


def _table(benchmark: Benchmark, architecture: str, seen: int, found: Estimate) -> str:
    preset = benchmark.preset
    composites = preset.images_per_pair * len(OBJECTS) * len(SCENES)
    trainings = benchmark.trainings
    at_a_time = f", {trainings.at_a_time} at a time" if trainings.at_a_time > 1 else ""
    source = "COCO and MiniPlaces" if preset.photographs else "the drawn sample"
    methods = len(benchmark.explainers)
    seconds = found.seconds | {"networks": found.seconds["networks"] / trainings.speedup}
    lines = [
        ["dataset", f"{composites:,} composites of {source}", "minutes"],
        [
            "networks",
            f"{len(preset.trained)} x {architecture}, {seen:,} images each{at_a_time}",
            duration(seconds["networks"]),
        ],
    ]
    lines += [
        [", ".join(each.metrics), each.size, _time(seconds[each.title])] for each in preset.measurements
    ]
    lines.append(["report", str(benchmark.out / "report.html"), "minutes"])
    total = duration(sum(seconds.values()))
    return (
        f"{markdown_table(['stage', 'size', 'about (h:min:s)'], lines)}\n\n"
        f"{methods} methods and controls. On this machine about {total} in all, told from a few steps of the "
        f"network; the dataset and the networks take about {found.size / GIGABYTE:.1f} GB. What is done "
        "already is not done again.\n"
    )


def _time(seconds: float) -> str:
    """Of a metric that makes no maps it is not told from their number."""
    return duration(seconds) if seconds else "minutes"
