"""Check that networks are what BAM assumes: that they rely on objects, or on scenes (Figure 2 of the paper).

python -m bam.validate                              # those of `bam train`, as these were measured
python -m bam.validate --models object=mine.py:build,scene=other.py:build --input_size 64 --preprocess 0..1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bam.base.errors import BamError
from bam.base.settings import Folder, setting, settings
from bam.cli import flags as command
from bam.cli.shared import Preprocessing
from bam.data_prep.dataset import load_dataset
from bam.models.given import GivenModels, names_networks
from bam.models.training.validity import failures, stored, table


@settings
class What:
    """Which networks are checked, on what."""

    models: str = setting(
        "runs/models",
        "folder of the trained models; or networks of your own, as object=file.py:function,scene=file.keras",
    )
    data: Folder = setting("data/bam", "folder of the dataset, whose test images networks of your own name")
    out: Folder = setting("runs/results", "folder of the results, where their accuracy is kept for scores")
    batch_size: int = setting(32, "images in a batch", ge=1)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    groups = {"settings": What, "networks of your own": Preprocessing}
    command.run(_main, "bam.validate", __doc__, groups, argv)


def _main(flags: command.Flags) -> None:
    what, own = flags.settings(What), flags.settings(Preprocessing)
    found = _measured(what, own) if names_networks(what.models) else _known(flags, what)
    print(table(found))
    failed = [failure for name, description in found.items() for failure in failures(name, description)]
    if failed:
        raise BamError("; ".join(failed))


def _known(flags: command.Flags, what: What) -> Mapping[str, Mapping[str, Any]]:
    """Of the trained models what their training measured."""
    for name in ("data", "out", "batch_size", "preprocess", "input_size"):
        if name in flags.given:
            raise command.UsageError(f"--{name} is for networks of your own, which --models does not name")
    found = stored(Path(what.models))
    if not found:
        raise BamError(f"there are no trained models in {what.models}: `python -m bam.train` makes them")
    return found


def _measured(what: What, own: Preprocessing) -> Mapping[str, Mapping[str, Any]]:
    """Of networks of the user's own, measured now or before."""
    import bam.cli.quiet  # noqa: F401

    dataset = load_dataset(what.data)
    command.say_if_drawn(dataset)
    kept = Path(what.out) / "accuracy"
    how = {"batch_size": what.batch_size, "preprocess": own.preprocess, "input_size": own.input_size}
    models = GivenModels(what.models, kept, **how)
    for remark in (remark for name in models.paths for remark in models[name].remarks):
        print(remark)
    return {name: models.described(dataset, name) for name in models.paths}


if __name__ == "__main__":
    main()
