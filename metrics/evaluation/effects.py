"""What an object does to a network's answer about an image: forward passes of it and of changed ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from bam.base.digests import key_digest
from bam.base.errors import BamError
from bam.base.seeds import generator, image_seeds
from bam.data_prep.classes import OBJECTS
from bam.data_prep.dataset import Batch, View
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.sweep import sweep
from bam.metrics.results.environment import effective_precision
from bam.models.inpainters.base import prompt_of
from bam.models.inpainters.donor import Donor

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# To be raised when the pictures come out differently.
VERSION = 1
WITH, WITHOUT, EXCHANGED = "with", "without", "exchanged"


@dataclass(frozen=True)
class Answer:
    """What a network says of one picture that was made of an image.

    picture: which, see `Pictures`. target, predicted: the classes explained and predicted. logit: that of the
    target; log_odds: the same less the logarithm of the sum of the others' exponentials.
    """

    image_id: str
    model: str
    picture: str
    target: int
    predicted: int
    logit: float
    log_odds: float


# The answers to each picture, in the order of the images.
Answers = Mapping[str, Sequence[Answer]]


def log_odds(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """float64 (N,): of logits (N, classes) that of the target, int (N,), less the log-sum-exp of the others.

    >>> log_odds(np.log([[0.8, 0.1, 0.1]]), np.array([0])).round(3).tolist()
    [1.386]
    """
    logits = np.array(logits, np.float64)
    places = np.arange(len(logits))
    of_target = logits[places, targets]
    logits[places, targets] = -np.inf
    return of_target - logsumexp(logits, axis=1)


class Pictures:
    """The pictures that are made of the images of a view, by their names.

    "with": the image; "without": the scene alone; "exchanged 1", "exchanged 2" ...: the same scene with an
    object of another class around the same centre, its box as large in area, see `Donor`. Which classes, in
    which order, and which cutouts depends on the image's id and the seed alone.
    """

    def __init__(self, view: View, seed: int):
        self._scenes, self._seed = view.without_object(), seed
        self._places = {image: place for place, image in enumerate(view.ids)}
        self._donor = Donor(view.dataset, "object", view)

    @staticmethod
    def exchanged(donors: int) -> list[str]:
        """The names of so many exchanges."""
        return [f"{EXCHANGED} {number}" for number in range(1, donors + 1)]

    def __call__(self, batch: Batch, name: str) -> np.ndarray:
        """uint8 (n, 128, 128, 3): the picture of this name of each image of a batch of the view."""
        if name == WITH:
            return batch.images
        if name == WITHOUT:
            return self._scenes[[self._places[image] for image in batch.ids]].images
        number = int(name.removeprefix(EXCHANGED))
        prompts = [
            prompt_of(others(OBJECTS, label, image, self._seed, number, self._donor.shown))
            for image, label in zip(batch.ids, batch.object_labels, strict=True)
        ]
        seeds = image_seeds(batch.ids, self._seed, name)
        return self._donor.fill(batch.images, np.ones(batch.masks.shape, bool), prompts, seeds, batch.ids)


def others(
    classes: Sequence[str], label: int, image: str, seed: int, number: int, shown: Collection[str]
) -> str:
    """The class that is the image's number-th donor's: the others in a random order, again and again.

    shown: those that there are donors of. Raises `BamError` if none is another.
    """
    order = generator(seed, "exchanged", image).permutation(np.delete(np.arange(len(classes)), label))
    known = [classes[place] for place in order if classes[place] in shown]
    if not known:
        raise BamError(f"{classes[label]} cannot be exchanged: the test images show nothing else of its kind")
    return known[(number - 1) % len(known)]


def ask(
    run: Run,
    view: View,
    classifier: Classifier,
    names: Sequence[str],
    make: Callable[[Batch, str], np.ndarray] | None = None,
    version: int | None = None,
) -> Answers:
    """What a network says of the pictures of these names, of the images of the run, in their order.

    make: from a batch of the view and a name to the pictures, uint8; by default `Pictures`. version: of what
    it makes, to be raised when that comes out differently. Answers are kept in CSV files beside the rows, one
    per network, image set and picture, named also by a digest of all they depend on.
    """
    seed = run.settings.seed
    make = make or Pictures(view, seed)

    def compute(batch: Batch, missing: Sequence[str]) -> Generator[list[Answer], None, None]:
        targets = batch.labels(classifier.labels)
        for name in missing:
            logits = classifier.logits(classifier.prepare(make(batch, name)))
            columns = (targets, logits.argmax(1), logits[np.arange(len(targets)), targets])
            columns = (*(column.tolist() for column in columns), log_odds(logits, targets).tolist())
            yield [
                Answer(image, classifier.name, name, *numbers)
                for image, *numbers in zip(batch.ids, *columns, strict=True)
            ]

    files = {name: _file_name(view, classifier, name, seed, version) for name in names}
    return sweep(view, classifier, run.keeping, files, Answer, compute, "picture")


def _file_name(view: View, classifier: Classifier, picture: str, seed: int, version: int | None) -> str:
    key = [VERSION, Donor.version, view.fingerprint, view.name, classifier.digest, classifier.labels]
    key += [classifier.batch_size, effective_precision(classifier.precision), seed, picture]
    key += [] if version is None else [version]
    names = [classifier.name, view.name, "effect", picture.replace(" ", "_"), f"{key_digest(key)[:12]}.csv"]
    return "-".join(names)


def effect(answers: Answers, key: str = "log_odds", pictures: Sequence[str] = (WITHOUT,)) -> np.ndarray:
    """float64 (N, pictures): by how much the answer to the image is above those to these pictures of it.

    key: of which number of `Answer`, "log_odds" or "logit".
    """
    with_object, *changed = (
        np.array([getattr(answer, key) for answer in answers[name]], float) for name in (WITH, *pictures)
    )
    return np.stack([with_object - each for each in changed], 1)
