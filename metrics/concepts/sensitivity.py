"""What a network does along the dog's CAVs and along those of random concepts: TCAV's two sweeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bam.base.errors import BamError
from bam.base.progress import Progress
from bam.base.seeds import generator
from bam.data_prep.classes import COMMONALITY_OBJECT
from bam.data_prep.dataset import Dataset, View
from bam.metrics.concepts.cav import Draw, common_share, concept_layers, fit, layer_outputs
from bam.metrics.evaluation.images import shuffled
from bam.models.classifier import Classifier

# Runs draw their images, of either kind, from at most so many times what one draws.
POOL = 6
CONCEPT, RANDOM = 0, 1


@dataclass(frozen=True)
class Pool:
    """Images for CAVs, uint8 (n, H, W, 3), and which of them each run takes, for dogs and at random."""

    images: np.ndarray
    draws: tuple[list[Draw], list[Draw]]

    @property
    def common(self) -> tuple[float, float]:
        """For dogs and at random: how far the runs err alike, see `common_share`."""
        concept, random = (common_share(draws, len(self.images)) for draws in self.draws)
        return concept, random


@dataclass(frozen=True)
class Sensitivity:
    """What one network does along the CAVs; the first axes are the kind of CAV (dog, random), layer, run.

    rises: bool (2, layers, runs, images), whether the true class's logit rises along the CAV;
    accuracies: float (2, layers, runs), of the CAVs' classifiers; common: float (2,), how far the runs
    err alike; correct: bool (images,).
    """

    name: str
    layers: list[str]
    rises: np.ndarray
    accuracies: np.ndarray
    common: tuple[float, float]
    correct: np.ndarray
    seconds: float


def make_pool(dataset: Dataset, images: int, runs: int, seed: int) -> Pool:
    """The images of `runs` dog CAVs and `runs` random ones, `images` of each kind in each.

    All are of the train split, so that nothing of the test images is in a CAV. Dogs are composites of
    X_o,s; the others are scenes of X_0,s, each taken once (there it stands beside every object). A random
    concept is `images` of these scenes against as many other ones. Raises `BamError` if they are too few.
    """
    concept = dataset.view("object_scene", "train").of_object(COMMONALITY_OBJECT)
    scenes = dataset.view("scene_only", "train")
    scenes = scenes.subset(np.unique(scenes.sources[:, 1], return_index=True)[1])
    if len(concept) < images or len(scenes) < 2 * images:
        raise BamError(
            f"{dataset.folder} has {len(concept)} training images with a {COMMONALITY_OBJECT} and "
            f"{len(scenes)} training scenes, but TCAV needs {images} and {2 * images}: build a larger dataset"
        )
    concept = shuffled(concept, seed).subset(np.arange(min(len(concept), POOL * images)))
    scenes = shuffled(scenes, seed).subset(np.arange(min(len(scenes), POOL * images)))
    pictures = np.concatenate([concept[:].images, scenes[:].images])
    return Pool(pictures, make_draws(len(concept), len(scenes), images, runs, seed))


def make_draws(concept: int, others: int, images: int, runs: int, seed: int) -> tuple[list[Draw], list[Draw]]:
    """The draws of every run from a pool of `concept` images and then `others`: of dogs, and at random."""
    of_concept, at_random = [], []
    for run in range(runs):
        rng = generator(seed, "tcav", "concept", str(run))
        of_concept.append(Draw(rng.permutation(concept)[:images], concept + rng.permutation(others)[:images]))
        rng = generator(seed, "tcav", "random", str(run))
        chosen = concept + rng.permutation(others)[: 2 * images]
        at_random.append(Draw(chosen[:images], chosen[images:]))
    return of_concept, at_random


def measure(classifier: Classifier, pool: Pool, view: View, names: Sequence[str] = ()) -> Sensitivity:
    """Fit the CAVs of every layer, then one sweep of gradients over the images of `view`.

    The class of an image is its true one among the classifier's classes: "dog" to an object classifier,
    its scene to a scene classifier.
    """
    begin = time.perf_counter()
    layers = concept_layers(classifier, names)
    draws = [*pool.draws[CONCEPT], *pool.draws[RANDOM]]
    with Progress(f"CAVs of {classifier.name}", len(layers), "layers") as progress:
        fitted = [
            fit(layer_outputs(classifier, layer, pool.images), draws)
            for layer in progress.each(layers, "layer")
        ]
    labels = view.labels(classifier.labels)
    rises, predicted = [], []
    with Progress(f"gradients of {classifier.name} along CAVs", len(view), "images") as progress:
        for start in range(0, len(view), classifier.batch_size):
            part = slice(start, start + classifier.batch_size)
            images = classifier.prepare(view[part].images)
            predicted.append(classifier.predictions(images))
            found = classifier.layer_gradients(images, labels[part], layers)
            rises.append(
                [along(gradient, cavs) for (_, gradient), (cavs, _) in zip(found, fitted, strict=True)]
            )
            progress.advance(len(images))
    shape = (len(layers), 2, len(pool.draws[CONCEPT]))
    return Sensitivity(
        classifier.name,
        layers,
        np.concatenate(rises, -1).reshape(*shape, len(view)).swapaxes(0, 1),
        np.reshape([accuracies for _, accuracies in fitted], shape).swapaxes(0, 1),
        pool.common,
        np.concatenate(predicted) == labels,
        time.perf_counter() - begin,
    )


def along(gradient: np.ndarray, cavs: np.ndarray) -> np.ndarray:
    """bool (cavs, n): whether the logit rises along each CAV, (features, cavs), by its gradient (n, ...).

    A derivative of 0 is no rise.
    """
    return (gradient.reshape(len(gradient), -1) @ cavs).T > 0
