"""Trainings of several networks, one after another or several at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.errors import BamError
from bam.base.processes import end_with_parent
from bam.base.progress import STDERR
from bam.data_prep import load_dataset
from bam.data_prep.dataset import Dataset
from bam.models.architectures import build_model

if TYPE_CHECKING:
    from bam.models.training.training import Config


def trained(
    configs: Sequence[Config], dataset: Dataset, folder: Path, workers: int = 1
) -> Iterator[tuple[Config, dict[str, Any]]]:
    """Each with what `train` returns of it, as they are done. folder: of the models.

    workers: how many at a time, each in a process of its own, to the same end. Raises `BamError` if that is
    more than one on a GPU or one of several machines, or if a process is killed.
    """
    count = len(configs)
    places = [f"model {number} of {count}" if count > 1 else "" for number in range(1, count + 1)]
    if min(workers, count) > 1:
        yield from _together(configs, places, dataset, folder, min(workers, count))
        return
    for config, place in zip(configs, places, strict=True):
        yield config, _trained(config, place, dataset, folder)


def _trained(config: Config, place: str, data: Dataset | Path, folder: Path) -> dict[str, Any]:
    """What `train` returns of one. place: among others, if any. data: the dataset, or its folder."""
    from bam.models.training.training import train

    dataset = load_dataset(data) if isinstance(data, Path) else data
    with STDERR.stage(place) if place else nullcontext():
        return train(config, dataset, folder)


def check_workers() -> None:
    """Raise `BamError` where several trainings at a time make no sense."""
    import tensorflow as tf

    several = "TF_CONFIG" in os.environ
    if several or tf.config.list_physical_devices("GPU"):
        why = "TF_CONFIG names several" if several else "here is a GPU, which one training fills"
        raise BamError(f"`workers` are for the processors of one machine, and {why}: leave `workers` out")


def _together(
    configs: Sequence[Config], places: Sequence[str], dataset: Dataset, folder: Path, workers: int
) -> Iterator[tuple[Config, dict[str, Any]]]:
    check_workers()
    if configs[0].weights == "imagenet":
        # Fetches the weights, which two at a time would spoil.
        build_model(configs[0].architecture, 2, "imagenet", 0)
    # TensorFlow does not live through a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin) as pool:
        try:
            futures = {
                pool.submit(_trained, config, place, dataset.folder, folder): config
                for config, place in zip(configs, places, strict=True)
            }
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    os.environ["TERM"] = "dumb"  # several processes cannot write over one line of a terminal
    import bam.cli.quiet  # noqa: F401
