"""Meaningful perturbation: the smallest and smoothest mask whose removal hides the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method, scaled
from bam.attributions.removal.substrates import substrate
from bam.attributions.requirements import lacks_second_class
from bam.base.errors import BamError
from bam.base.progress import Progress

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class Optimisation:
    """How masks are optimised. Raises `BamError` for values that cannot be.

    iterations: steps of Adam. cells: of a mask's side. jitter: how far images are shifted at most, in pixels
    of a picture of 224. rate: Adam's learning rate. sparsity: weight of the sum of |1 - m| over the mask's
    cells. smoothness: weight of the sums of the absolute differences between neighbours, down and across, to
    the power `exponent`.
    """

    iterations: int = 300
    cells: int = 28
    jitter: int = 3
    rate: float = 0.1
    sparsity: float = 1e-4
    smoothness: float = 1e-2
    exponent: float = 3.0

    def __post_init__(self):
        if self.iterations < 1 or self.cells < 1 or self.jitter < 0:
            raise BamError(
                "`iterations` and `cells` must be at least 1 and `jitter` at least 0, not "
                f"{self.iterations}, {self.cells} and {self.jitter}"
            )
        if not all(0 <= value < np.inf for value in self.weights) or self.exponent < 1:
            raise BamError(
                "`rate`, `sparsity` and `smoothness` must be at least 0 and `exponent` at least 1, not "
                f"{', '.join(map(str, self.weights))}"
            )

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """What enters the steps' arithmetic."""
        return self.rate, self.sparsity, self.smoothness, self.exponent


@method(
    needs=[lacks_second_class],
    cite=["fong2017interpretable", "agarwal2020explaining"],
    slow="`iterations` gradients",
    lengths=["jitter"],
)
def meaningful_perturbation(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    iterations: int = Optimisation.iterations,
    cells: int = Optimisation.cells,
    rate: float = Optimisation.rate,
    sparsity: float = Optimisation.sparsity,
    smoothness: float = Optimisation.smoothness,
    exponent: float = Optimisation.exponent,
    jitter: int = Optimisation.jitter,
    fill: str = "blur",
) -> np.ndarray:
    """Meaningful perturbation (Fong & Vedaldi 2017, equation 4), (N, H, W), in 0..1.

    A mask of `cells` x `cells`, 1 where the image stays and 0 where `fill` (see `substrate`) takes its place,
    nearest cell by index, begins as uniform noise and is optimised by Adam for the sum of the target's
    probability and what `Optimisation` adds; the map is 1 less the mask. In each iteration the image is
    shifted by up to `jitter` pixels of a picture of 224 (see `scaled`) down and to the right, which it is
    enlarged by before. Defaults as in Agarwal & Nguyen 2020.
    """
    how = Optimisation(iterations, cells, jitter, rate, sparsity, smoothness, exponent)
    nulls = np.broadcast_to(substrate(images, fill), images.shape)
    return removed("meaningful_perturbation", classifier, images, targets, seed, how, nulls)


def removed(
    title: str,
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    seeds: Sequence[int],
    how: Optimisation,
    nulls: np.ndarray,
) -> np.ndarray:
    """What the optimised masks remove, float32 (N, H, W) in 0..1; batches of images are optimised at once."""
    import tensorflow as tf

    from bam.attributions.removal.optimisation import enlarged, optimisation_step
    from bam.models.network.resizing import resize

    if reason := lacks_second_class(classifier):
        raise BamError(f"{title} cannot explain {classifier.name}: {reason}")
    size, found = classifier.input_size, []
    shift = scaled(how.jitter, size)
    larger, weights = (size[0] + shift, size[1] + shift), tf.constant(how.weights)
    step = classifier.compiled("meaningful_perturbation", lambda: optimisation_step(classifier.network, size))
    with Progress(f"{title} for {classifier.name}", how.iterations * len(images), "gradients") as progress:
        for start in range(0, len(images), classifier.batch_size):
            part = slice(start, start + classifier.batch_size)
            mask, shifts = _drawn(seeds[part], how, shift)
            given = [resize(array[part], larger) for array in (images, nulls)]
            state = tf.stack([mask, tf.zeros_like(mask), tf.zeros_like(mask)])
            target = tf.constant(targets[part], tf.int32)
            for number, offsets in enumerate(shifts, 1):
                state, _ = step(state, float(number), *given, target, offsets, weights)
                progress.advance(len(target))
            found.append(1 - enlarged(state[0], size).numpy())
    return np.concatenate(found)


def _drawn(seeds: Sequence[int], how: Optimisation, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """The first masks, float32 (N, cells, cells), and the images' shifts, int32 (iterations, N, 2)."""
    rngs = [np.random.default_rng(seed) for seed in seeds]
    masks = np.stack([rng.random((how.cells, how.cells), np.float32) for rng in rngs])
    shifts = [rng.integers(0, shift + 1, (how.iterations, 2), dtype=np.int32) for rng in rngs]
    return masks, np.stack(shifts, 1)
