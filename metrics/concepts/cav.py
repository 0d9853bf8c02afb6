"""Concept activation vectors (CAVs): directions in a layer that lead towards a concept.

Kim et al. 2018, arXiv:1711.11279, section 3.2: the normal of a linear classifier that tells a layer's
outputs for images of the concept from those for other images. A layer has many more features than there
are images, and the normal is a combination of the images' outputs: all that is solved is as large as the
number of images, from the inner products between them (the Gram matrix), which all CAVs share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bam.base.errors import BamError, unknown
from bam.models.classifier import Classifier

# The share of a CAV's images that its classifier is tested on, as in the authors' tcav package.
HELD_OUT = 0.33
# Weight of the penalty on the normal's length, as a multiple of the mean squared distance of the outputs
# from their mean, so that it means the same in every layer.
STRENGTH = 0.1
# Bytes of outputs that are held at once, which is enough for every layer of ResNet50 at 224 px; where they
# are more, they are computed again part by part.
BUDGET = 2**32
BLOCKS = ("block_layer1", "block_layer2", "block_layer3", "block_layer4")
STAGES = len(BLOCKS)


@dataclass(frozen=True)
class Draw:
    """The pool's images behind one CAV, each at most once: int indices, in random order."""

    concept: np.ndarray
    others: np.ndarray

    def split(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Of either kind (concept, others), the first two thirds, to be fitted to, and the third held out."""
        parts = [
            np.split(indices, [len(indices) - round(HELD_OUT * len(indices))])
            for indices in (self.concept, self.others)
        ]
        return (parts[0][0], parts[1][0]), (parts[0][1], parts[1][1])


class Outputs:
    """What a layer gives for a pool of images, less what it gives for the first one, block by block.

    compute: from a slice of the pool to the layer's output, (n, ...), called for `batch` images at a time;
    width: features of an image. If all outputs fit in `budget` bytes they are computed once, else as
    often as they are needed, in blocks of that size.
    """

    def __init__(
        self,
        compute: Callable[[slice], np.ndarray],
        count: int,
        width: int,
        batch: int = 32,
        budget: int = BUDGET,
    ):
        self._compute, self.count, self.width, self._batch = compute, count, width, batch
        room = budget // (4 * width)
        self._size = count if count <= room else max(1, room - batch)
        self._first: np.ndarray | None = None
        self._all: np.ndarray | None = None

    def blocks(self, start: int = 0, size: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """(part, float32 (n, width)) for every block of `size` images, from image `start` on."""
        size = size or self._size
        for first in range(start, self.count, size):
            part = slice(first, min(first + size, self.count))
            yield part, self._block(part)

    def gram(self) -> np.ndarray:
        """float64 (count, count): the inner product of any two images' outputs.

        (That one image's output is taken from all changes no classifier that has an offset, saves the
        digits that a common part would take, and leaves exact zeros of a layer that is constant.)
        """
        gram = np.empty((self.count, self.count))
        for part, block in self.blocks():
            gram[part, part] = block @ block.T
            for other, later in self.blocks(part.stop, self._batch):
                gram[part, other] = block @ later.T
                gram[other, part] = gram[part, other].T
        return gram

    def combined(self, coefficients: np.ndarray) -> np.ndarray:
        """float32 (width, n): sums of the images' outputs, weighted by `coefficients` (count, n)."""
        weights = coefficients.astype(np.float32)
        total = np.zeros((self.width, weights.shape[1]), np.float32)
        for part, block in self.blocks():
            total += block.T @ weights[part]
        return total

    def _block(self, part: slice) -> np.ndarray:
        if self._all is not None:
            return self._all
        block = np.empty((part.stop - part.start, self.width), np.float32)
        for start in range(part.start, part.stop, self._batch):
            cut = slice(start, min(start + self._batch, part.stop))
            outputs = np.asarray(self._compute(cut), np.float32).reshape(-1, self.width)
            if self._first is None:
                self._first = outputs[0].copy()
            block[cut.start - part.start : cut.stop - part.start] = outputs - self._first
        if self._size == self.count:
            self._all = block
        return block


def fit(outputs: Outputs, draws: Sequence[Draw]) -> tuple[np.ndarray, np.ndarray]:
    """The CAVs of `draws`, float32 (width, draws), of length 1 and pointing towards the concept.

    Also returns each one's accuracy, float (draws,): of its classifier on the images held out. Where all
    outputs are equal (a dead layer), or those of both kinds on average, the CAV is zero and the accuracy
    one half.
    """
    gram = outputs.gram()
    solved = [solve(gram, draw) for draw in draws]
    coefficients = np.stack([coefficient for coefficient, _ in solved], 1)
    return outputs.combined(coefficients), np.array([accuracy for _, accuracy in solved])


def solve(gram: np.ndarray, draw: Draw, strength: float = STRENGTH) -> tuple[np.ndarray, float]:
    """One CAV as a combination of the pool's outputs, float64 (pool,), and its classifier's accuracy.

    Ridge regression, in dual form, of +1 (concept) and -1 (others) with an offset that is not penalised:
    the w that minimises sum((w . (x - mean(x)) - (y - mean(y)))^2) + strength * s * |w|^2 over two thirds
    of the images of each kind, where s is the mean of |x - mean(x)|^2. It is then scaled to length 1.
    """
    fitted, held_out = draw.split()
    train = np.concatenate(fitted)
    labels = np.repeat([1.0, -1.0], [len(indices) for indices in fitted])
    coefficients = np.zeros(len(gram))
    inner = gram[np.ix_(train, train)]
    centred = inner - inner.mean(0) - inner.mean(1)[:, None] + inner.mean()
    scale = np.trace(centred) / len(train)
    if scale <= 0:
        return coefficients, 0.5
    # Small sums and a small system, without BLAS: where cores are busy its threads wait for each other
    # much longer than they compute.
    system = centred + strength * scale * np.eye(len(train))
    with tf.device("CPU"):
        dual = tf.linalg.solve(system, (labels - labels.mean())[:, None]).numpy()[:, 0]
    dual -= dual.mean()  # zero but for rounding, since the centred matrix has no constant part
    squared_length = np.einsum("i,ij,j", dual, centred, dual)
    if squared_length <= 1e-12 * scale * (dual**2).sum():
        return coefficients, 0.5
    coefficients[train] = dual / np.sqrt(squared_length)
    offset = labels.mean() - np.einsum("ij,j", inner, dual).mean()
    right = [
        sign * (np.einsum("ij,j", gram[np.ix_(indices, train)], dual) + offset) > 0
        for sign, indices in zip((1, -1), held_out, strict=True)
    ]
    return coefficients, float(np.concatenate(right).mean())


def common_share(draws: Sequence[Draw], count: int) -> float:
    """How far CAVs of these draws err alike, since they are fitted to images in common; 0 to 1.

    It is the mean over all pairs of draws of the share of images that both are fitted to; an image that is
    of the concept in one and of the others in the other counts against it. count: images in the pool.
    """
    sides = np.zeros((len(draws), count))
    for row, draw in zip(sides, draws, strict=True):
        for sign, indices in zip((1, -1), draw.split()[0], strict=True):
            row[indices] = sign / np.sqrt(2 * len(indices))
    pairs = sides @ sides.T
    return max(0.0, float(pairs[~np.eye(len(draws), dtype=bool)].mean()))


def concept_layers(classifier: Classifier, names: Sequence[str] = ()) -> list[str]:
    """The layers whose CAVs are tested: `names`, by default four stages and the logits (appendix F).

    The stages are the layers block_layer1 ... block_layer4 where a network has them, else the last layer
    of each of its last four resolutions: in ResNet50 of Keras Applications conv2_block3_out,
    conv3_block4_out, conv4_block6_out and conv5_block3_out. Raises `BamError` for unknown names, and for a
    network of PyTorch.
    """
    if not classifier.transparent:
        raise BamError(f"tcav asks for layers of tf_keras, and {classifier.name} is a network of PyTorch")
    known = [layer.name for layer in classifier.model.layers]
    for name in names:
        if name not in known:
            raise unknown(f"layer of {classifier.name}", name, known)
    if names:
        return list(dict.fromkeys(names))
    logits = classifier.model.output_names[0]
    if set(BLOCKS) <= set(known):
        return [*BLOCKS, logits]
    last: dict[tuple[int, int], str] = {}
    for layer in classifier.model.layers:
        shape = getattr(layer, "output_shape", None)
        if isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:3]:
            last.pop(shape[1:3], None)  # so that the order is that of the last layers
            last[shape[1:3]] = layer.name
    stages = [name for name in last.values() if name not in classifier.model.input_names][-STAGES:]
    return [*stages, logits]


def layer_outputs(classifier: Classifier, layer: str, images: np.ndarray) -> Outputs:
    """The outputs of a layer for a pool of images, uint8 or float32 (n, H, W, 3) of any size.

    Logits are given less their mean over the classes, since only their differences mean anything: else a
    concept that moves all of them alike, and so no prediction, leads up the logit of every class.
    """
    shape = classifier.model.get_layer(layer).output_shape
    if not isinstance(shape, tuple) or None in shape[1:]:
        raise BamError(f"{classifier.name}'s layer {layer} has no output of one fixed size: name another")
    is_logits = layer == classifier.model.output_names[0]

    def compute(cut: slice) -> np.ndarray:
        outputs = classifier.features(classifier.prepare(images[cut]), layer)
        return outputs - outputs.mean(1, keepdims=True) if is_logits else outputs

    return Outputs(compute, len(images), int(np.prod(shape[1:])), classifier.batch_size)
