"""Write the images that maps are asked for, for networks and methods that are elsewhere.

python -m bam.images --metric mcs,idr --out for_maps                 # of the size of the trained models
python -m bam.images --metric mcs --size 224 --limit 100 --norobustness --out for_maps
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bam.base.errors import BamError
from bam.base.settings import Folder, setting, settings
from bam.base.texts import split_outside_brackets
from bam.cli import flags as command
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.metric import Metric, NoSettings, find_metric
from bam.models.predictions import Predictions

ABLE = {name: metric for name, metric in METRICS.items() if not metric.needs_network}


@settings
class What:
    """Which images are written, and where to."""

    metric: str = setting("mcs", f"what the maps are for, comma-separated: {', '.join(ABLE)}")
    size: str | None = setting(
        None, "of the maps, as 224 or HEIGHTxWIDTH (by default that of the trained models' pictures)"
    )
    data: Folder = setting("data/bam", "folder of the dataset")
    models: Folder = setting("runs/models", "folder of the trained models, where size is not given")
    out: Folder = setting("for_maps", "folder to be written, with a README.md that says how to go on")
    limit: int | None = setting(None, "at most so many test images (by default all)", ge=1)
    seed: int = setting(0, "seed of the images' order, that of the scores", ge=0, lt=2**32)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    groups: dict[str, type] = {"what": What}
    for kind in dict.fromkeys(metric.settings for metric in ABLE.values()):
        if kind is not NoSettings:
            names = (name for name, metric in ABLE.items() if metric.settings is kind)
            groups[f"for {', '.join(names)}"] = kind
    command.run(_main, "bam.images", __doc__, groups, argv)


def _main(flags: command.Flags) -> None:
    what = flags.settings(What)
    asked: dict[str, Any] = {metric.name: flags.settings(metric.settings) for metric in _metrics(what.metric)}
    size = _size(what.size)
    if any(getattr(each, "untrained", 0) for each in asked.values()):
        raise command.UsageError("--untrained is for networks that are here: leave it out")

    import bam.cli.quiet  # noqa: F401

    # isort: split

    from bam.metrics.evaluation.asked import write_asked

    run = make_run(
        asked,
        [],
        what.data,
        what.models if size is None else Predictions.awaited(size),
        what.out,
        RunSettings(seed=what.seed, limit=what.limit),
    )
    command.say_if_drawn(run.dataset)
    try:
        planned = [each for name in asked for each in METRICS[name].planned(run, asked[name])]
    except BamError as error:
        if size is None:
            raise BamError(f"{error}; or give `size`, for networks of your own") from None
        raise
    settings = {name: asdict(known) for name, known in asked.items()}
    written = write_asked(Path(what.out), planned, run.dataset, settings, what.seed, what.limit)
    height, width = written.size
    print(f"{what.out}: {len(written.asked)} images, of which maps of {height} x {width} are asked for")
    print(f"how to go on: {Path(what.out) / 'README.md'}")


def _metrics(names: str) -> list[Metric]:
    """Metrics from a comma-separated list. Raises `UsageError` for others than those that can do so."""
    try:
        found = [find_metric(name) for name in dict.fromkeys(split_outside_brackets(names))]
    except BamError as error:
        raise command.UsageError(f"--metric: {error}") from None
    for metric in found:
        if metric.needs_network:
            raise command.UsageError(
                f"--metric {metric.name} must ask the network itself: give {', '.join(ABLE)}"
            )
    if not found:
        raise command.UsageError("--metric names no metric")
    return found


def _size(text: str | None) -> tuple[int, int] | None:
    """Height and width, if they are given. Raises `UsageError` for what is no size."""
    if text is None:
        return None
    sides = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text)
    if not sides:
        raise command.UsageError(f"--size is a number of pixels, as 224, or HEIGHTxWIDTH, not {text!r}")
    height = int(sides[1])
    return height, int(sides[2] or height)


if __name__ == "__main__":
    main()
