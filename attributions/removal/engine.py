"""What a network says of images with some of their pixels replaced, a full batch of composites at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.attributions.removal.masks import Masks
from bam.attributions.requirements import check_second_class
from bam.base.progress import Progress

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


# From an image's place and the numbers of some of its masks to arrays with a line for each of these masks.
Drawn = Callable[[int, slice], tuple[np.ndarray, ...]]
# From a network, pictures and their targets to a number for each picture.
Answer = Callable[[keras.Model, tf.Tensor, tf.Tensor], tf.Tensor]


class Removal:
    """Images with pixels that are to be replaced by those of substrates, and the classes explained.

    images: float32 (N, H, W, 3), prepared; targets: int (N,); substrates: as `substrate` gives them. title:
    of the progress. Composites are made in the compiled network, so that memory does not grow with the number
    of masks. What asks for probabilities raises `BamError` for a network with a single class.
    """

    def __init__(
        self,
        title: str,
        classifier: Classifier,
        images: np.ndarray,
        targets: np.ndarray,
        substrates: np.ndarray,
    ):
        self.classifier, self.images = classifier, images
        self._name, self._title = title, f"{title} for {classifier.name}"
        self._given = [tf.constant(array) for array in (images, substrates, np.asarray(targets, np.int32))]

    def probabilities(
        self,
        masks: Masks,
        counts: Sequence[int],
        drawn: Drawn,
        per_image: Sequence[np.ndarray] = (),
        shared: Sequence[np.ndarray] = (),
    ) -> list[np.ndarray]:
        """The target's probability for so many masks of each image: float64 (counts[i],) of image i."""
        check_second_class(self._name, self.classifier)
        return self._answers(target_probability, masks, counts, drawn, per_image, shared)

    def logits(self, masks: Masks, counts: Sequence[int], drawn: Drawn) -> list[np.ndarray]:
        """The target's logit, likewise; of a network with a single class, too."""
        return self._answers(target_logit, masks, counts, drawn)

    def _answers(self, answer: Answer, masks: Masks, counts: Sequence[int], *given: Any) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for ask, index, *arrays in self._batches(answer, masks, False, counts, *given):
            found.append(ask(*self._given, *arrays).numpy()[: len(index)])
        return np.split(np.concatenate(found), np.cumsum(counts)[:-1])

    def weighted_sums(
        self,
        masks: Masks,
        counts: Sequence[int],
        drawn: Drawn,
        per_image: Sequence[np.ndarray] = (),
        shared: Sequence[np.ndarray] = (),
    ) -> np.ndarray:
        """The sums of an image's masks, each times the target's probability with it, float32 (N, H, W)."""
        check_second_class(self._name, self.classifier)
        sums = tf.zeros(self.images.shape[:3])
        asked = (target_probability, masks, True)
        for ask, index, *given in self._batches(*asked, counts, drawn, per_image, shared):
            used = np.arange(self.classifier.batch_size) < len(index)
            sums = ask(sums, tf.constant(used, tf.float32), *self._given, *given)
        return sums.numpy()

    def _batches(
        self,
        answer: Answer,
        masks: Masks,
        summed: bool,
        counts: Sequence[int],
        drawn: Drawn,
        per_image: Sequence[np.ndarray] = (),
        shared: Sequence[np.ndarray] = (),
    ) -> Iterator[tuple]:
        """The compiled function and what it is given beside the images, batch by batch, all of one size."""
        size = self.classifier.batch_size
        of_images, of_all = ([tf.constant(array) for array in arrays] for arrays in (per_image, shared))
        with Progress(self._title, int(sum(counts)), "forward passes") as progress:
            for index, lines in _cut(counts, drawn, size):
                padded = [np.pad(a, [(0, size - len(a))] + [(0, 0)] * (a.ndim - 1)) for a in (index, *lines)]
                given = [tf.constant(padded[0]), of_all, of_images, [tf.constant(a) for a in padded[1:]]]
                key = ("removal", answer.__name__, masks.name, summed)
                yield (
                    self.classifier.compiled(key, lambda g=given: self._make(answer, masks, summed, g)),
                    index,
                    *given,
                )
                progress.advance(len(index))

    def _make(self, answer: Answer, masks: Masks, summed: bool, given: list) -> Callable[..., tf.Tensor]:
        size = self.classifier.input_size
        ask = _composed(self.classifier.network, answer, masks.keep, size)
        specs = tf.nest.map_structure(
            lambda array: tf.TensorSpec([None] * array.shape.rank, array.dtype), [*self._given, *given]
        )
        specs[0] = tf.TensorSpec((None, *size, 3))
        if not summed:
            return tf.function(lambda *given: ask(*given)[0], input_signature=specs, autograph=False)

        def add(sums, used, *given):
            probability, kept = ask(*given)
            weight = (used * tf.cast(probability, tf.float32))[:, None, None]
            return sums + tf.math.unsorted_segment_sum(weight * kept, given[3], tf.shape(sums)[0])

        return tf.function(
            add, input_signature=[tf.TensorSpec((None, *size)), tf.TensorSpec((None,)), *specs]
        )


def _cut(
    counts: Sequence[int], drawn: Drawn, size: int
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, ...]]]:
    """Masks of one image after another in full batches: their images' places, int32 (B,), and their lines."""
    image = start = 0
    while image < len(counts):
        parts, room = [], size
        while room and image < len(counts):
            part = slice(start, min(start + room, counts[image]))
            taken = part.stop - part.start
            if taken:
                parts.append((np.full(taken, image, np.int32), *drawn(image, part)))
            room, start = room - taken, part.stop
            if start == counts[image]:
                image, start = image + 1, 0
        index, *lines = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        yield index, tuple(lines)


def target_probability(network: keras.Model, pictures: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """float64 (N,): the softmax of each picture's target.

    In double precision, since a difference of probabilities near 1 is little.
    """
    logits = tf.cast(network(pictures, training=False), tf.float64)
    return tf.exp(tf.gather(tf.nn.log_softmax(logits), targets, batch_dims=1))


def target_logit(network: keras.Model, pictures: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """float64 (N,): the logit of each picture's target."""
    return tf.gather(tf.cast(network(pictures, training=False), tf.float64), targets, batch_dims=1)


def _composed(
    network: keras.Model, answer: Answer, keep: Callable[..., tf.Tensor], size: tuple[int, int]
) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """The function that makes a batch of composites and asks about them: answers, and what was kept."""

    def ask(images, substrates, targets, index, shared, per_image, per_mask):
        kept = keep(size, *shared, *(tf.gather(array, index) for array in per_image), *per_mask)
        pixels, others, plane = tf.gather(images, index), tf.gather(substrates, index), kept[..., None]
        if kept.dtype == tf.bool:
            pictures = tf.where(plane, pixels, others)
        else:
            pictures = others + plane * (pixels - others)
        return answer(network, pictures, tf.gather(targets, index)), kept

    return ask


# From images' places (B,) and holes bool (B, H, W), True where to repaint, to pictures uint8 (B, H, W, 3).
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


class PaintedRemoval:
    """Images with holes that are painted one by one, by what looks at them: masks must be bool.

    images, targets, title: as of a `Removal`.
    """

    def __init__(
        self, title: str, classifier: Classifier, images: np.ndarray, targets: np.ndarray, paint: Paint
    ):
        self.classifier, self.images = classifier, images
        self._title = f"{title} for {classifier.name}"
        self._paint, self._targets = paint, np.asarray(targets, np.int32)

    def probabilities(
        self,
        masks: Masks,
        counts: Sequence[int],
        drawn: Drawn,
        per_image: Sequence[np.ndarray] = (),
        shared: Sequence[np.ndarray] = (),
    ) -> list[np.ndarray]:
        """As of a `Removal`; every composite of a batch is painted, the last ones too."""
        found, classifier = [], self.classifier
        network = classifier.network  # before anything is traced
        specs = [tf.TensorSpec((None, *classifier.input_size, 3)), tf.TensorSpec((None,), tf.int32)]
        ask = classifier.compiled(
            "target probability",
            lambda: tf.function(
                lambda *given: target_probability(network, *given),
                input_signature=specs,
                autograph=False,
            ),
        )
        with Progress(self._title, int(sum(counts)), "fills") as progress:
            for index, lines in _cut(counts, drawn, classifier.batch_size):
                of_images = [array[index] for array in per_image]
                kept = masks.keep(classifier.input_size, *shared, *of_images, *lines).numpy()
                painted = self._paint(index, ~kept).astype(np.float32)
                pictures = np.where(kept[..., None], self.images[index], painted)
                found.append(ask(tf.constant(pictures), tf.constant(self._targets[index])).numpy())
                progress.advance(len(index))
        return np.split(np.concatenate(found), np.cumsum(counts)[:-1])
