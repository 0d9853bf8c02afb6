"""Means of gradients at many points near an image, by running sums over full batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from bam.models.network.derivatives import logit_gradient


def perturbed_sums(network: keras.Model, noisy: bool, difference: bool) -> Callable[..., list[tf.Tensor]]:
    """One batch of gradients at perturbed images, added to running sums.

    Returns a function of `sums`, one or two tensors (N, H, W, 3); images and baselines (N, H, W, 3);
    deviations (N,), the noise's standard deviation; targets and seeds (N,); and for each of the B points of
    the batch its image's index, its sample's number and its place on the path from the baseline (0) to the
    image with noise (1). Noise depends on the image's seed and the sample's number alone. It returns the
    sums with those of the batch added: of the gradients and of their squares, or with `difference` of each
    gradient times the image with noise less the baseline.
    """
    gradient = logit_gradient(network)

    def add(sums, images, baselines, deviations, targets, seeds, index, sample, place):
        points = tf.gather(images, index)
        if noisy:
            noise = tf.map_fn(
                lambda pair: tf.random.stateless_normal(tf.shape(images)[1:], pair, alg="philox"),
                tf.stack([tf.gather(seeds, index), sample], axis=1),
                fn_output_signature=tf.float32,
            )
            points += noise * tf.gather(deviations, index)[:, None, None, None]
        baseline = tf.gather(baselines, index)
        path = points - baseline
        values = gradient(baseline + path * place[:, None, None, None], tf.gather(targets, index))
        terms = [values * path] if difference else [values, values**2]
        count = tf.shape(images)[0]
        return [
            total + tf.math.unsorted_segment_sum(term, index, count)
            for total, term in zip(sums, terms, strict=True)
        ]

    size = (None, *network.input_shape[1:])
    sums = [tf.TensorSpec(size)] * (1 if difference else 2)
    per_image = [(size, tf.float32)] * 2 + [((None,), t) for t in (tf.float32, tf.int32, tf.int64)]
    per_point = [((None,), t) for t in (tf.int32, tf.int64, tf.float32)]
    return tf.function(add, input_signature=[sums, *(tf.TensorSpec(*spec) for spec in per_image + per_point)])


def sampled_sums(
    add: Callable[..., list[tf.Tensor]],
    batch_size: int,
    moments: int,
    spread: float,
    images: np.ndarray,
    baselines: np.ndarray,
    targets: np.ndarray,
    seeds: np.ndarray,
    places: np.ndarray,
) -> list[np.ndarray]:
    """Sums over one sample at each of an image's `places` (N, S), float32 (N, H, W, 3) each.

    `add` is what `perturbed_sums` gave, and takes the other arguments; `spread` is the noise's standard
    deviation as a share of each image's range of values. Batches are filled across images and samples.
    """
    deviations = np.float32(spread) * (images.max((1, 2, 3)) - images.min((1, 2, 3)))
    given = [tf.constant(array) for array in (images, baselines, deviations, targets, seeds)]
    sums = [tf.zeros(images.shape)] * moments
    samples, index = (part.ravel() for part in np.indices(places.T.shape))
    for start in range(0, len(index), batch_size):
        part = slice(start, start + batch_size)
        point = (
            index[part].astype(np.int32),
            samples[part].astype(np.int64),
            places[index[part], samples[part]],
        )
        sums = add(sums, *given, *(tf.constant(array) for array in point))
    return [total.numpy() for total in sums]
