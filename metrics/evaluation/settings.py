"""The settings that every metric shares."""

from __future__ import annotations

from typing import Literal

from bam.base.settings import setting, settings


@settings
class Computing:
    """What maps depend on, beside images, networks and methods."""

    seed: int = setting(0, "seed of every random draw", ge=0, lt=2**32)
    precision: Literal["float32", "bfloat16"] = setting("float32", "of the networks' arithmetic")
    batch_size: int = setting(32, "images in a batch", ge=1)


@settings
class RunSettings(Computing):
    """How a run is made, whatever it measures."""

    limit: int | None = setting(
        None, "at most so many test images (by default all); rows are made of whole batches", ge=1
    )
    trials: int = setting(10, "random samples of 100 images behind the trial sd", ge=2)
    trainings: int | None = setting(
        None, "so many trainings of each network, from number 0 on (by default all that are there)", ge=1
    )
