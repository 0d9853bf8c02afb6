"""Patches that leave a network's output as it was (section 4.4, appendix A): how they are found.

A dog is pasted into a scene x, and its pixels are changed until the logits are those of x again:
f(x + d) = f(x), where d is the difference that the patched image makes, within the dog's mask only. The
result is made of whole grey levels, so that it can be stored without loss, and it counts as accepted only
if the network, asked about these very pixels once more, answers within the tolerance.

Two recipes find them. `Projected` is ours, and the default. `Paper` is appendix A, kept for comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from bam.models.classifier import Classifier

# To be raised when patches would come out differently: stored ones of other versions are then not used.
VERSION = 1
TOLERANCE = 0.01
# Steps taken in one call of compiled code; between two calls, images that are done give way to others.
STRIDE = 10


@dataclass(frozen=True)
class Problem:
    """A scene and the dog pasted into it, uint8 (H, W, 3), with the dog's mask, bool (H, W)."""

    scene: np.ndarray
    pasted: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Patch:
    """A patched image and how well it does.

    image: uint8 (H, W, 3), x + d. pixels: how many the mask has. ratio: ||f(x+d) - f(x)|| / ||f(x)|| of this
    very image; NaN where it is undefined. norm_f: ||f(x)||, of the logits. delta_norm: ||d||, in grey
    levels; pasted_norm: the same before the dog was changed. moved: how far the dog's pixels moved, as a
    share of their norm ||dog||. iterations: steps taken.
    """

    image: np.ndarray
    pixels: int
    ratio: float
    norm_f: float
    delta_norm: float
    pasted_norm: float
    moved: float
    iterations: int


class Terms:
    """What a recipe needs to know of a batch: everything that stays the same, as tensors.

    scene, dog: float32 (N, H, W, 3), x and x with the dog pasted; mask: (N, H, W, 1), 0 or 1; logits:
    (N, classes) of x; norm_f, dog_norm: (N, 1, 1, 1), ||f(x)|| and ||dog||; pixels: how many the mask has.
    """

    def __init__(self, scene: tf.Tensor, dog: tf.Tensor, mask: tf.Tensor, logits: tf.Tensor):
        self.scene, self.dog, self.mask, self.logits = scene, dog, mask, logits
        self.norm_f = tf.norm(logits, axis=1)[:, None, None, None]
        self.dog_norm = norm(dog * mask)
        self.pixels = tf.reduce_sum(mask, (1, 2, 3), keepdims=True)


def norm(images: tf.Tensor) -> tf.Tensor:
    """L2 norm of each image (N, H, W, 3) over pixels and channels, (N, 1, 1, 1)."""
    return tf.sqrt(tf.reduce_sum(images * images, (1, 2, 3), keepdims=True))


@dataclass(frozen=True)
class Projected:
    """Projected gradient descent on ||f(x+d) - f(x)|| with Polyak's step and momentum.

    The dog's pixels stay in 0..255 and within `ball` of their norm ||dog|| (L2, values 0..255 in the mask)
    of the dog as it was pasted: the "small L2 distance of initialization" of section 4.4. These two sets
    keep d from vanishing, so that no term -eta1 ||d|| is needed, which stalls the descent. A step goes
    the share `step` of the way to where the objective would be 0 if it were linear, and repeats the share
    `momentum` of the step before, which halves their number; no step size has to be tuned. The objective
    is taken of the image in whole grey levels, as it would be stored; the best one is kept, and an image
    is done once it is under `target` of the tolerance.
    """

    name: ClassVar[str] = "projected"
    keeps_best: ClassVar[bool] = True
    steps: int = 300
    step: float = 0.5
    momentum: float = 0.5
    ball: float = 0.3
    target: float = 0.25

    def seen(self, z: tf.Tensor) -> tf.Tensor:
        """The image whose output is compared."""
        return tf.round(z)

    def update(
        self, z: tf.Tensor, before: tf.Tensor, loss: tf.Tensor, gradient: tf.Tensor, terms: Terms
    ) -> tf.Tensor:
        """The next iterate, from the one before, the objective (N, 1, 1, 1), and its gradient in the mask."""
        squared = tf.reduce_sum(gradient * gradient, (1, 2, 3), keepdims=True)
        step = self.step * tf.math.divide_no_nan(loss, squared)
        z = z - step * gradient + self.momentum * (z - before)
        # Rounding moves a pixel by up to half a grey level in each channel: the ball is so much smaller.
        radius = tf.maximum(0.0, self.ball * terms.dog_norm - 0.5 * tf.sqrt(3 * terms.pixels))
        away = z - terms.dog
        z = terms.dog + away * tf.minimum(1.0, tf.math.divide_no_nan(radius, norm(away)))
        # The dog lies in 0..255, so that clipping leads nowhere farther from it, nor out of the ball.
        return tf.clip_by_value(z, 0.0, 255.0)


@dataclass(frozen=True)
class Paper:
    """Appendix A: gradient descent with a fixed step on

    ||f(x+d) - f(x)|| - eta1 ||d|| + eta2 sum [(x+d-255)+ + (-x-d)+], d masked.

    The third term of appendix A, eta3, is replaced by a hard mask as in the official code, since it has no
    lower bound. As there, the last iterate counts, after 300 steps. Unlike there, the dog replaces the
    scene's pixels instead of being added to them, values out of 0..255 are clipped at the end and do not
    wrap around, and the patch is checked as it is stored.
    """

    name: ClassVar[str] = "paper"
    keeps_best: ClassVar[bool] = False
    steps: int = 300
    step: float = 500.0
    eta1: float = 0.01
    eta2: float = 0.01
    target: float = 0.0

    def seen(self, z: tf.Tensor) -> tf.Tensor:
        """The image whose output is compared."""
        return z

    def update(
        self, z: tf.Tensor, before: tf.Tensor, loss: tf.Tensor, gradient: tf.Tensor, terms: Terms
    ) -> tf.Tensor:
        """The next iterate, from the gradient of the first term in the mask."""
        delta = (z - terms.scene) * terms.mask
        outside = tf.cast(z > 255, tf.float32) - tf.cast(z < 0, tf.float32)
        gradient -= self.eta1 * tf.math.divide_no_nan(delta, norm(delta))
        return z - self.step * (gradient + self.eta2 * outside * terms.mask)


Recipe = Projected | Paper
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (Projected(), Paper())}


def compiled(classifier: Classifier, recipe: Recipe, tolerance: float) -> Callable[..., list[tf.Tensor]]:
    """A function that takes up to `STRIDE` steps of a batch, compiled on its first call.

    Takes z, the z before, best (N, H, W, 3), the best's objective (N, 1, 1, 1), the steps taken (N,), and
    the four arguments of `Terms`; gives the first five after these steps, and whether each image needs
    more, bool (N,). Images that are done, by the steps taken or by their objective, stay as they are.
    """

    network = classifier.network

    def running(objective: tf.Tensor, taken: tf.Tensor, terms: Terms) -> tf.Tensor:
        reached = objective <= recipe.target * tolerance * terms.norm_f
        return tf.logical_and(taken < recipe.steps, tf.logical_not(reached[:, 0, 0, 0]))

    def step(z, before, best, objective, taken, terms):
        active = running(objective, taken, terms)
        at = recipe.seen(z)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            squares = tf.reduce_sum((network(at, training=False) - terms.logits) ** 2, 1)
            loss = tf.sqrt(tf.maximum(squares, 1e-20))  # the root of 0 has no derivative
        gradient = tape.gradient(loss, at) * terms.mask
        loss = loss[:, None, None, None]
        moving = active[:, None, None, None]
        better = tf.logical_and(moving, loss < objective)
        return (
            tf.where(moving, recipe.update(z, before, loss, gradient, terms), z),
            z,
            tf.where(better, at, best),
            tf.where(better, loss, objective),
            taken + tf.cast(active, taken.dtype),
        )

    @tf.function(reduce_retracing=True)
    def stride(z, before, best, objective, taken, scene, dog, mask, logits):
        terms = Terms(scene, dog, mask, logits)
        *state, objective, taken = tf.while_loop(
            lambda z, before, best, objective, taken: tf.reduce_any(running(objective, taken, terms)),
            lambda *state: step(*state, terms),
            [z, before, best, objective, taken],
            maximum_iterations=STRIDE,
        )
        return *state, objective, taken, running(objective, taken, terms)

    return stride


class _Slots:
    """A batch whose places are taken by one image after the other; arrays with one entry per place."""

    def __init__(self, classifier: Classifier, recipe: Recipe):
        count, size = classifier.batch_size, classifier.input_size
        pixels = np.zeros((count, *size, 3), np.float32)
        self.classifier, self.recipe = classifier, recipe
        self.index = np.full(count, -1)  # which image; -1: none
        self.scene, self.dog, self.z, self.before, self.best = (pixels.copy() for _ in range(5))
        self.mask = np.zeros((count, *size, 1), np.float32)
        self.logits = np.zeros((count, len(classifier.class_names)), np.float32)
        self.objective = np.zeros((count, 1, 1, 1), np.float32)
        self.taken = np.full(count, recipe.steps, np.int32)
        self.running = np.zeros(count, bool)

    def fill(self, waiting: Iterator[tuple[int, Problem]]) -> bool:
        """Begin with images that wait, where there is room; whether any image is in work then."""
        free = np.flatnonzero(self.index < 0)
        fresh = []
        for place, (index, problem) in zip(free, waiting, strict=False):
            self.index[place], self.taken[place], self.objective[place] = index, 0, np.inf
            self.scene[place], self.mask[place] = problem.scene, problem.mask[..., None]
            dog = np.where(problem.mask[..., None], problem.pasted, problem.scene)
            self.dog[place] = self.z[place] = self.before[place] = self.best[place] = dog
            fresh.append(place)
        if fresh:
            self.logits[fresh] = self.classifier.logits(self.scene)[fresh]
        return bool((self.index >= 0).any())

    def advance(self, stride: Callable[..., list[tf.Tensor]]) -> None:
        """Up to `STRIDE` steps."""
        terms = (self.scene, self.dog, self.mask, self.logits)
        state = stride(self.z, self.before, self.best, self.objective, self.taken, *terms)
        self.z, self.before, self.best, self.objective, self.taken, self.running = (
            tensor.numpy().copy() for tensor in state
        )

    def finished(self) -> Iterator[tuple[int, Patch]]:
        """The patches of the images that are done, whose places are free then."""
        places = np.flatnonzero(~self.running & (self.index >= 0))
        if not len(places):
            return
        last = self.best if self.recipe.keeps_best else np.where(np.isfinite(self.z), self.z, self.best)
        # Whole grey levels, as they are stored; the network is asked about these once more.
        images = np.rint(np.clip(last, 0, 255)).astype(np.uint8)
        change = self.classifier.logits(images.astype(np.float32)) - self.logits
        for place in places:
            yield int(self.index[place]), self._patch(place, images[place], change[place])
        self.index[places] = -1

    def _patch(self, place: int, image: np.ndarray, change: np.ndarray) -> Patch:
        scene, dog = self.scene[place], self.dog[place]
        norm_f, dog_norm = length(self.logits[place]), length(dog * self.mask[place])
        return Patch(
            image,
            int(self.mask[place].sum()),
            length(change) / norm_f if norm_f > 0 else np.nan,
            norm_f,
            length(image - scene),
            length(dog - scene),
            length(image - dog) / dog_norm if dog_norm > 0 else 0.0,
            int(self.taken[place]),
        )


def length(values: np.ndarray) -> float:
    """L2 norm of all values."""
    return float(np.linalg.norm(np.asarray(values, np.float64)))


def optimise(
    classifier: Classifier, problems: Iterable[Problem], recipe: Recipe, tolerance: float = TOLERANCE
) -> Iterator[tuple[int, Patch]]:
    """The patches of `problems` at the classifier's input size, each with its place, as they are found.

    A patch is good if its ratio is under `tolerance`. Batches are kept full, and always of
    `classifier.batch_size` images, since what is computed of an image may depend in its last digits on
    how many stand beside it.
    """
    slots, stride = _Slots(classifier, recipe), compiled(classifier, recipe, tolerance)
    waiting = enumerate(problems)
    while slots.fill(waiting):
        slots.advance(stride)
        yield from slots.finished()
