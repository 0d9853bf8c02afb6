"""Several trainings of one network: what they are called, from what seeds, and which are there.

They lie side by side in the folder of the models: `scene` is number 0, `scene@1` and `scene@2` the others.
"""

from __future__ import annotations

import re
from pathlib import Path

from bam.base.seeds import generator


def training_name(network: str, training: int) -> str:
    """Folder name of a training, which is also the name of its classifier.

    >>> training_name("scene", 0), training_name("scene", 2)
    ('scene', 'scene@2')
    """
    return f"{network}@{training}" if training else network


def parted_name(name: str) -> tuple[str, int]:
    """The network and the number of its training, from the name of the training.

    >>> parted_name("scene"), parted_name("scene@2")
    (('scene', 0), ('scene', 2))
    """
    match = re.fullmatch(r"(.+)@([1-9][0-9]*)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def trainings_of(models: str | Path, network: str) -> tuple[int, ...]:
    """Numbers of the trainings of a network that are in a folder of models and done, ascending.

    >>> trainings_of("runs/models", "scene")
    (0,)
    """
    names = (path.parent.name for path in Path(models).glob("*/model.json"))
    numbers = (number for name, number in map(parted_name, names) if name == network)
    return tuple(sorted(numbers))


def training_seed(seed: int, training: int) -> int:
    """The seed of all that differs between trainings, in [0, 2**32): `seed` itself for number 0."""
    return int(generator(seed, "training", str(training)).integers(2**32)) if training else seed
