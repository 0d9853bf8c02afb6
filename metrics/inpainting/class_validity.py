"""Which classes an inpainter can paint so that the classifier recognises them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bam.base.digests import key_digest
from bam.base.files import locked
from bam.base.progress import Progress
from bam.base.seeds import image_seeds
from bam.metrics.evaluation.rows import RowFile
from bam.metrics.results.environment import effective_precision
from bam.models.classifier import Classifier
from bam.models.inpainters import Inpainter, prompt_of

VERSION = 3
SEEDS = 20


@dataclass(frozen=True)
class ClassRow:
    """How often a class was recognised in wholly painted pictures, of `seeds`; withheld: how many were.

    label: its index, since two classes of a network can have one name.
    """

    label: int
    name: str
    recognised: int
    withheld: int
    seeds: int

    @property
    def valid(self) -> bool:
        """Whether in more than half of them (supplement, section 1.1)."""
        return 2 * self.recognised > self.seeds

    def content(self) -> dict[str, Any]:
        """For the JSON file."""
        return {"name": self.name, "recognised": self.recognised, "withheld": self.withheld, "of": self.seeds}


def class_validity(
    labels: Iterable[int], classifier: Classifier, inpainter: Inpainter, seed: int, folder: Path
) -> dict[int, ClassRow]:
    """For each class index, what the classifier makes of black images filled from the class's name.

    Kept in a CSV file in `folder`, one per classifier and inpainter; what is there is not
    painted again. Empty for inpainters that do not paint what they are told to.
    """
    if not inpainter.targeted:
        return {}
    key = [VERSION, classifier.digest, classifier.class_names, inpainter.key, seed, SEEDS]
    key += [effective_precision(classifier.precision)]
    path = folder / f"{classifier.name}-{inpainter.name}-classes-{key_digest(key)[:12]}.csv"
    with locked(folder / ".lock"):
        file = RowFile(path, ClassRow, ("label",))
        wanted = sorted(set(labels))
        missing = [label for label in wanted if label not in file.rows]
        names = classifier.class_names
        with Progress(f"{inpainter.name} paints classes", len(missing), "classes") as progress:
            for label in progress.each(missing, "class", lambda label: names[label]):
                file.append([_check(label, classifier, inpainter, seed)])
        return {label: file.rows[label] for label in wanted}


def _check(label: int, classifier: Classifier, inpainter: Inpainter, seed: int) -> ClassRow:
    name, shape = classifier.class_names[label], (SEEDS, *classifier.input_size)
    black, holes = np.zeros((*shape, 3), np.uint8), np.ones(shape, bool)
    seeds = image_seeds([str(number) for number in range(SEEDS)], seed, "class", name)
    pictures = inpainter.fill(black, holes, [prompt_of(name)] * SEEDS, seeds)
    withheld = inpainter.withheld(pictures, holes)
    recognised = (classifier.predictions(pictures.astype(np.float32)) == label) & ~withheld
    return ClassRow(label, name, int(recognised.sum()), int(withheld.sum()), SEEDS)
