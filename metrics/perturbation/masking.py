"""Images with some of their pixels replaced, and what a classifier says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf
from scipy.special import log_softmax

from bam.models.classifier import Classifier
from bam.models.network.derivatives import forward

# What replaced pixels become, in the compiled network: a function of images (B, H, W, 3), bool (B, H, W, 1),
# True where they are replaced, and substrates (B, H, W, 3).
Fill = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Answers:
    """What a classifier says of images: log_probability float64, of the class explained, and whether that is
    the class it predicts, bool; both of any one shape."""

    log_probability: np.ndarray
    same: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        """Softmax probability of the class explained."""
        return np.exp(self.log_probability)


class Composer:
    """Puts images together and classifies them, a full batch of composites at a time.

    Each composite is made in the compiled network, so that memory does not grow with their number.
    """

    def __init__(self, classifier: Classifier):
        self.classifier = classifier
        self._compiled: dict[Fill | None, Callable[..., tf.Tensor]] = {}

    def logits(
        self,
        images: tf.Tensor,
        substrates: tf.Tensor,
        ranks: tf.Tensor,
        low: np.ndarray,
        high: np.ndarray,
        fill: Fill | None,
    ) -> np.ndarray:
        """float32 (N, K, classes): of N images with the pixels replaced whose rank is in low[k]..high[k] - 1.

        images and substrates float32 (N, H, W, 3); ranks int32 (N, H, W); low, high int (K,). Composites of
        one k stand together, since those are alike.
        """
        size = self.classifier.batch_size
        if fill not in self._compiled:
            self._compiled[fill] = _composed_logits(self.classifier, fill)
        step, index = (part.ravel() for part in np.indices((len(low), len(images)), np.int32))
        given = np.stack([index, low[step], high[step]]).astype(np.int32)
        # All batches have one size, that nothing is compiled anew; what fills the last has no pixel replaced.
        padded = np.pad(given, [(0, 0), (0, -len(index) % size)])
        parts = [
            self._compiled[fill](images, substrates, ranks, *map(tf.constant, padded[:, at : at + size]))
            for at in range(0, padded.shape[1], size)
        ]
        found = np.concatenate([part.numpy() for part in parts])[: len(index)]
        return found.reshape(len(low), len(images), -1).swapaxes(0, 1)


def _composed_logits(classifier: Classifier, fill: Fill | None) -> Callable[..., tf.Tensor]:
    network = forward(classifier.network)

    @tf.function(jit_compile=True, autograph=False)  # in one pass over the pixels
    def composed(pixels, substrates, ranks, low, high):
        holes = (ranks >= low[:, None, None]) & (ranks < high[:, None, None])
        holes = holes[..., None]
        return tf.where(holes, fill(pixels, holes, substrates) if fill else substrates, pixels)

    def logits(images, substrates, ranks, index, low, high):
        given = (tf.gather(array, index) for array in (images, substrates, ranks))
        return network(composed(*given, low, high))

    pixels = tf.TensorSpec((None, *classifier.input_size, 3))
    ranks = tf.TensorSpec((None, *classifier.input_size), tf.int32)
    pairs = [tf.TensorSpec((classifier.batch_size,), tf.int32)] * 3
    return tf.function(logits, input_signature=[pixels, pixels, ranks, *pairs])


class Originals:
    """A batch of images as they are: float32 (N, H, W, 3), whole grey levels; seeds uint64 (N,).

    The class explained is the one predicted for them. What is asked about them is computed once.
    """

    def __init__(self, composer: Composer, images: np.ndarray, seeds: np.ndarray):
        self.composer, self.images, self.seeds = composer, images, seeds
        self.size: tuple[int, int] = images.shape[1:3]
        logits = composer.classifier.logits(images)
        self.targets = logits.argmax(1).astype(np.int32)
        self.untouched = self.answers(logits)
        self._whole: dict[Substrate, Answers] = {}
        self._substrates: dict[Substrate, tf.Tensor] = {}

    @cached_property
    def _tensor(self) -> tf.Tensor:
        return tf.constant(self.images)

    def answers(self, logits: np.ndarray) -> Answers:
        """What logits (N, ..., classes) say of the classes explained."""
        targets = self.targets.reshape(-1, *[1] * (logits.ndim - 1))
        found = np.take_along_axis(log_softmax(logits.astype(np.float64), -1), targets, -1)
        return Answers(found[..., 0], logits.argmax(-1) == targets[..., 0])

    def whole(self, substrate: Substrate) -> Answers:
        """Of the substrates themselves, each (N,)."""
        if substrate not in self._whole:
            logits = self.composer.classifier.logits(self._substrate(substrate).numpy())
            self._whole[substrate] = self.answers(logits)
        return self._whole[substrate]

    def _substrate(self, substrate: Substrate) -> tf.Tensor:
        if substrate not in self._substrates:
            pixels = np.broadcast_to(substrate(self), self.images.shape)
            self._substrates[substrate] = tf.constant(pixels, tf.float32)
        return self._substrates[substrate]

    def replaced(
        self,
        substrate: Substrate,
        ranks: np.ndarray | tf.Tensor,
        low: Sequence[int] | np.ndarray,
        high: Sequence[int] | np.ndarray,
        fill: Fill | None = None,
    ) -> Answers:
        """Of the images with the pixels replaced whose rank is in low[k]..high[k] - 1, each (N, K).

        ranks: int32 (N, H, W).
        """
        given = (self._tensor, self._substrate(substrate), tf.constant(ranks, tf.int32))
        return self.answers(self.composer.logits(*given, np.asarray(low), np.asarray(high), fill))


# What pixels are replaced by, broadcast to the images' shape.
Substrate = Callable[[Originals], np.ndarray]


class Explained:
    """Originals with the maps of one method: raw and signed, (N, H, W[, channels]).

    orders: int32 (N, H * W), the pixels as flat indices, most relevant first.
    """

    def __init__(self, originals: Originals, maps: np.ndarray, orders: np.ndarray):
        self.originals, self.maps = originals, maps
        places = np.broadcast_to(np.arange(orders.shape[1], dtype=np.int32), orders.shape)
        self.ranks = np.empty_like(orders)
        np.put_along_axis(self.ranks, orders, places, axis=1)
        self.ranks = self.ranks.reshape(-1, *originals.size)
        self._known: dict[tuple, Answers] = {}

    def replaced(
        self,
        substrate: Substrate,
        low: Sequence[int] | np.ndarray,
        high: Sequence[int] | np.ndarray,
        fill: Fill | None = None,
    ) -> Answers:
        """Of the images with their pixels from the low[k]-th most relevant to the one before the high[k]-th
        replaced, each (N, K). What all methods share, where none or all are replaced, is computed once."""
        low, high = np.broadcast_arrays(low, high)
        key = (substrate, fill, *low.tolist(), *high.tolist())
        if key not in self._known:
            self._known[key] = self._replaced(substrate, low, high, fill)
        return self._known[key]

    def _replaced(
        self, substrate: Substrate, low: np.ndarray, high: np.ndarray, fill: Fill | None
    ) -> Answers:
        originals, pixels = self.originals, self.ranks[0].size
        none, every = low >= high, (low <= 0) & (high >= pixels) & (fill is None)
        some = ~none & ~every
        shape = (len(originals.images), len(low))
        result = Answers(np.empty(shape), np.empty(shape, bool))
        parts = []
        if some.any():
            parts.append((some, originals.replaced(substrate, self.ranks, low[some], high[some], fill)))
        if none.any():
            parts.append((none, originals.untouched))
        if every.any():
            parts.append((every, originals.whole(substrate)))
        for where, answers in parts:
            result.log_probability[:, where] = answers.log_probability.reshape(shape[0], -1)
            result.same[:, where] = answers.same.reshape(shape[0], -1)
        return result

    def most_relevant_first(
        self, substrate: Substrate, counts: np.ndarray, fill: Fill | None = None
    ) -> Answers:
        """Of the images with so many of the most relevant pixels replaced, each (N, K)."""
        return self.replaced(substrate, 0, counts, fill)

    def least_relevant_first(
        self, substrate: Substrate, counts: np.ndarray, fill: Fill | None = None
    ) -> Answers:
        """The same with the least relevant pixels."""
        pixels = self.ranks[0].size
        return self.replaced(substrate, pixels - np.asarray(counts), pixels, fill)
