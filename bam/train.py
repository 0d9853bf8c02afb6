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

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import asdict
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from bam.base.errors import BamError
from bam.base.files import write_text
from bam.base.processes import end_with_parent
from bam.base.progress import STDERR
from bam.base.settings import Folder, one_of, setting, settings
from bam.cli import flags as command
from bam.data_prep import load_dataset
from bam.data_prep.dataset import Dataset
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.training.task import SUITE, Task
from bam.models.training.validity import checks, stored, table

if TYPE_CHECKING:
    from bam.models.training.training import Config


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
    count = len(wanted)
    places = [f"model {number} of {count}" if count > 1 else "" for number in range(1, count + 1)]
    trained = (
        _trained_together(wanted, places, what)
        if min(what.workers, count) > 1
        else zip(wanted, map(_trained, wanted, places, repeat(dataset), repeat(folder)), strict=True)
    )
    for config, description in trained:
        accuracy = ", ".join(f"{view} {value:.3f}" for view, value in description["accuracy"].items())
        print(f"{folder / config.name}: accuracy {accuracy}")
        if config.on == "object_scene" and config.commonality is None:
            for failure in filter(None, (check.failure(config.name) for check in checks(description))):
                print(command.red(failure))
    report = table(stored(folder))
    if is_chief():
        write_text(folder / "validity.md", f"{report}\n")
    print(report)


def _trained(config: Config, place: str, data: Dataset | str, folder: Path) -> dict[str, Any]:
    """What `train` returns of one. place: among others, if any. data: the dataset, or its folder."""
    from bam.models.training.training import train

    dataset = load_dataset(data) if isinstance(data, str) else data
    with STDERR.stage(place) if place else nullcontext():
        return train(config, dataset, folder)


def _trained_together(
    configs: Sequence[Config], places: Sequence[str], what: What
) -> Iterator[tuple[Config, dict[str, Any]]]:
    """Each with what `train` returns of it, as they are done, in processes of their own."""
    import tensorflow as tf

    several = "TF_CONFIG" in os.environ
    if several or tf.config.list_physical_devices("GPU"):
        why = "TF_CONFIG names several" if several else "here is a GPU, which one training fills"
        raise BamError(f"`workers` are for the processors of one machine, and {why}: leave `workers` out")
    if configs[0].weights == "imagenet":
        # Fetches the weights, which two at a time would spoil.
        build_model(configs[0].architecture, 2, "imagenet", 0)
    # TensorFlow does not live through a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(what.workers, len(configs)), context, _begin) as pool:
        futures = {
            pool.submit(_trained, config, place, what.data, Path(what.models)): config
            for config, place in zip(configs, places, strict=True)
        }
        try:
            for done in as_completed(futures):
                yield futures[done], done.result()
        except BrokenExecutor:
            raise BamError(
                "the process of a training was killed, perhaps for lack of memory: run the same command "
                "again with fewer `workers`, it uses what is finished"
            ) from None
        finally:  # after an error or an interrupt nobody waits for the others, which have checkpoints
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()


def _begin() -> None:
    """What comes first in a process that trains: it ends with the one that began it, and not by itself."""
    import bam.cli.quiet  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TERM"] = "dumb"  # several processes cannot write over one line of a terminal
    end_with_parent()


if __name__ == "__main__":
    main()
