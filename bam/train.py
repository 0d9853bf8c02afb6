"""Train a classifier, or with --all the thirteen of the paper.

python -m bam.train --labels scene                    # f_s, small network: about a minute on 2 cores
python -m bam.train --labels scene --on scene_only    # the model of the input independence rate
python -m bam.train --labels scene --commonality 0.3  # f^k
python -m bam.train --labels scene --trainings 5      # f_s five times: scene, scene@1 ... scene@4
python -m bam.train --all --trainings 3 --workers 2   # 39 networks, two at a time
python -m bam.train --labels object --classes bird,dog --architecture four_conv   # two classes alone
python -m bam.train --all --architecture resnet50 --weights imagenet --models runs/resnet50   # as the paper
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from bam.base.errors import BamError
from bam.base.settings import Folder, one_of, setting, settings
from bam.cli import flags as command
from bam.cli.trainings import trained
from bam.data_prep import load_dataset
from bam.models.architectures import ARCHITECTURES
from bam.models.training.task import SUITE, Task
from bam.models.training.validity import failures, stored, table, write_table


@settings
class What:
    """Which classifiers are trained, and where they are kept."""

    labels: Literal["object", "scene"] = setting("scene", "what to classify")
    on: Literal["object_scene", "scene_only"] = setting("object_scene", "image set to train on")
    commonality: float | None = setting(
        None, "train on X^k instead, the dog in the first 10 k scene classes (0.1 ... 1)"
    )
    classes: tuple[str, ...] | None = setting(
        None, "tell only these classes apart, two or more (by default all ten)"
    )
    all: bool = setting(False, "train the thirteen models: f_o, f_s, f_s on scene_only, f^0.1 ... f^1.0")
    trainings: int = setting(
        1, "train each so often, with other draws each time: NAME is number 0, NAME@1 ... the others", ge=1
    )
    workers: int = setting(
        1, "train so many at a time, each in a process of its own, to the same end; not on GPUs", ge=1
    )
    data: Folder = setting("data/bam", "folder of the dataset")
    models: Folder = setting("runs/models", "folder of the models; several machines must share it")


@settings
class How:
    """The settings of a training, see `make_config`."""

    architecture: Annotated[str, one_of("architecture", ARCHITECTURES)] = setting("small", "network")
    weights: str = setting(
        "none", "weights to start from: none, imagenet, or a file (.keras; .h5 of Keras; .npz of ViT)"
    )
    epochs: float | None = setting(
        None, "passes over the training images (by default what suits the architecture)", ge=1e-6
    )
    batch_size: int = setting(32, "images per step, over all devices", ge=1)
    learning_rate: float | None = setting(
        None, "peak learning rate (by default what suits the architecture)", ge=0
    )
    patience: float = setting(
        0.5, "stop when the validation loss has not improved for this share of all steps", ge=0, le=1
    )
    seed: int = setting(0, "seed of every random draw", ge=0, lt=2**32)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.train", __doc__, {"models": What, "training": How}, argv)


def _main(flags: command.Flags) -> None:
    what, how = flags.settings(What), flags.settings(How)
    dataset, folder = load_dataset(what.data), Path(what.models)
    tasks = SUITE if what.all else (Task(what.labels, what.on, what.commonality, what.classes),)
    if what.all and flags.given.keys() & {"labels", "on", "commonality", "classes"}:
        raise BamError("`all` trains every model: leave out `labels`, `on`, `commonality` and `classes`")
    import bam.cli.quiet  # noqa: F401

    # isort: split

    from bam.models.training.training import is_chief, make_config

    command.say_if_drawn(dataset)
    # One of each before the second of any: what is there can be measured while the others are trained.
    wanted = [
        make_config(task, dataset, **asdict(how), training=training)
        for training in range(what.trainings)
        for task in tasks
    ]
    for config, description in trained(wanted, dataset, folder, what.workers):
        accuracy = ", ".join(f"{view} {value:.3f}" for view, value in description["accuracy"].items())
        print(f"{folder / config.name}: accuracy {accuracy}")
        for failure in failures(config.name, description):
            print(command.red(failure))
    print(write_table(folder) if is_chief() else table(stored(folder)))


if __name__ == "__main__":
    main()
