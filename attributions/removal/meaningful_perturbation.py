"""Meaningful perturbation: the smallest and smoothest mask whose removal hides the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.lengths import scaled
from bam.attributions.registry import method
from bam.attributions.removal.generative import Fills, the_inpainter
from bam.attributions.removal.substrates import substrate
from bam.attributions.requirements import check_second_class, lacks_second_class
from bam.base.errors import BamError
from bam.base.progress import Progress
from bam.models.inpainters import INPAINTERS, Inpainter

if TYPE_CHECKING:
    from bam.data_prep.dataset import Dataset
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


def _check_willing(painter: Inpainter, iterations: int, yes: bool) -> None:
    """Raise `BamError` for an inpainter that would be asked in each iteration, unless that is wanted."""
    if not (painter.fixed or yes):
        fixed = ", ".join(name for name, kind in INPAINTERS.items() if kind.fixed)
        raise BamError(
            f"meaningful_perturbation_g would ask {painter.name} for {iterations} fills of every image: give "
            f"`yes` for it to do so, or as `inpainter` one that needs one picture: {fixed}"
        )


def _willing_key(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The same, and else the inpainter's key."""
    painter = the_inpainter(settings["inpainter"], given.get("dataset"), settings["checkpoint"])
    _check_willing(painter, settings["iterations"], settings["yes"])
    return painter.key


@method(
    needs=[lacks_second_class],
    cite=["agarwal2020explaining", "fong2017interpretable"],
    slow="`iterations` gradients, and as many fills with an inpainter that looks at the hole",
    lengths=["jitter"],
    version=2,
    depends=_willing_key,
)
def meaningful_perturbation_g(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    ids: Sequence[str] | None = None,
    dataset: Dataset | None = None,
    fill_seed: int = 0,
    iterations: int = Optimisation.iterations,
    cells: int = Optimisation.cells,
    rate: float = Optimisation.rate,
    sparsity: float = Optimisation.sparsity,
    smoothness: float = Optimisation.smoothness,
    exponent: float = Optimisation.exponent,
    jitter: int = Optimisation.jitter,
    inpainter: str | None = None,
    checkpoint: str | None = None,
    yes: bool = False,
) -> np.ndarray:
    """Meaningful perturbation with an inpainter (Agarwal & Nguyen 2020, MP-G), (N, H, W), in 0..1.

    As `meaningful_perturbation`, but pixels are kept or painted anew, see `Fills`: kept where the mask is at
    least max(.5, .5 (largest + smallest)); the derivative passes as if the mask were used as it is. An
    inpainter that looks at the hole is asked in each iteration, which is refused without `yes`; these fills
    are not kept. inpainter, checkpoint: as for `sliding_patch_g`.
    """
    how = Optimisation(iterations, cells, jitter, rate, sparsity, smoothness, exponent)
    painter = the_inpainter(inpainter, dataset, checkpoint)
    _check_willing(painter, iterations, yes)
    title = "meaningful_perturbation_g"
    fills = Fills(title, painter, classifier, images, targets, fill_seed, ids)
    given = (title, classifier, images, targets, seed, how)
    if painter.fixed:
        return removed(*given, fills.pictures(), binary=True)
    return removed(*given, images, binary=True, paint=fills.painter())


def removed(
    title: str,
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    seeds: Sequence[int],
    how: Optimisation,
    nulls: np.ndarray,
    binary: bool = False,
    paint: Callable[..., np.ndarray] | None = None,
) -> np.ndarray:
    """What the optimised masks remove, float32 (N, H, W) in 0..1; batches of images are optimised at once.

    nulls: what stands in place of removed pixels, as large as the images; or `paint` paints it in each
    iteration, see `Fills.painter`. binary: see `optimisation_step`.
    """
    import tensorflow as tf

    from bam.attributions.removal.optimisation import binarised, enlarged, optimisation_step, shifted
    from bam.models.network.resizing import resize

    check_second_class(title, classifier)
    size, found = classifier.input_size, []
    shift = scaled(how.jitter, size)
    larger, weights = (size[0] + shift, size[1] + shift), tf.constant(how.weights, tf.float32)
    step = classifier.compiled(
        f"meaningful_perturbation{'_g' * binary}", lambda: optimisation_step(classifier.network, size, binary)
    )
    with Progress(f"{title} for {classifier.name}", how.iterations * len(images), "gradients") as progress:
        for start in range(0, len(images), classifier.batch_size):
            part = slice(start, start + classifier.batch_size)
            mask, shifts = _drawn(seeds[part], how, shift)
            given = [resize(array[part], larger) for array in (images, nulls)]
            state = tf.stack([mask, tf.zeros_like(mask), tf.zeros_like(mask)])
            target = tf.constant(targets[part], tf.int32)
            places = np.arange(len(images))[part]
            for number, offsets in enumerate(shifts, 1):
                pictures = given
                if paint:
                    moved, offsets = shifted(given[0], offsets, size).numpy(), np.zeros_like(offsets)
                    holes = ~binarised(enlarged(state[0], size)).numpy()
                    pictures = [moved, paint(places, holes, moved).astype(np.float32)]
                state, _ = step(state, float(number), *pictures, target, offsets, weights)
                progress.advance(len(target))
            found.append(1 - enlarged(state[0], size).numpy())
    return np.concatenate(found)


def _drawn(seeds: Sequence[int], how: Optimisation, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """The first masks, float32 (N, cells, cells), and the images' shifts, int32 (iterations, N, 2)."""
    rngs = [np.random.default_rng(seed) for seed in seeds]
    masks = np.stack([rng.random((how.cells, how.cells), np.float32) for rng in rngs])
    shifts = [rng.integers(0, shift + 1, (how.iterations, 2), dtype=np.int32) for rng in rngs]
    return masks, np.stack(shifts, 1)
