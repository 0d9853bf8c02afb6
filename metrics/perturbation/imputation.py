"""Linear imputation (Rong et al. 2022, ROAD): removed pixels become what their neighbours make of them."""

from __future__ import annotations

import tensorflow as tf

# Largest residual in grey levels at which a solution is taken. Pixels are then less than a tenth of a grey
# level off, as measured on images of 64 and 112 pixels; ROAD's noise has a deviation of 2.55.
TOLERANCE = 0.003
# About 20 are needed for images of 224 pixels; what is left after that many is far below the noise.
MAX_STEPS = 100
DAMPING = 0.8
COARSEST = 4
COARSEST_SWEEPS = 8
# Where nothing at all is known.
UNKNOWN = 127.5

Level = tuple[tf.Tensor, tf.Tensor]  # holes and sums of weights, see `_levels`


def linear_imputation(images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
    """The images, float32 (N, H, W, C), with their holes, bool (N, H, W, 1), filled.

    Each pixel of a hole is the weighted mean of its eight neighbours, 1/6 for direct ones and 1/12 for
    diagonal ones, without those beyond the border, as in the official code. For each image this is a linear
    system, symmetric and positive definite unless nothing is known. All are solved at once by conjugate
    gradients, to `TOLERANCE`, preconditioned by a cycle through coarser and coarser grids (multigrid). To
    be compiled by XLA: it is several times as fast then.
    """
    height, width = images.shape[1:3]
    depth = 0
    while min(height, width) >> (depth + 1) >= COARSEST:
        depth += 1
    pad = [[0, 0], [0, -height % 2**depth], [0, -width % 2**depth], [0, 0]]
    inside = tf.pad(tf.ones_like(images[..., :1]), pad)
    images, hole = tf.pad(images, pad), tf.pad(tf.cast(holes, tf.float32), pad)
    known = inside - hole
    levels = _levels(hole, inside, depth)
    sums = levels[0][1]
    count = tf.reduce_sum(known, [1, 2], keepdims=True)
    mean = tf.reduce_sum(images * known, [1, 2], keepdims=True) / tf.maximum(count, 1)
    start = images * known + hole * tf.where(count > 0, mean, UNKNOWN)
    residual = hole * (_neighbours(start) - sums * start)
    direction = _cycle(residual, levels)

    def unfinished(step, filled, residual, direction, product):
        return (tf.reduce_max(tf.abs(residual)) > TOLERANCE) & (step < MAX_STEPS)

    def improve(step, filled, residual, direction, product):
        change = hole * (sums * direction - _neighbours(direction))
        length = tf.math.divide_no_nan(product, _dot(direction, change))
        filled, residual = filled + length * direction, residual - length * change
        better = _cycle(residual, levels)
        next_product = _dot(residual, better)
        direction = better + tf.math.divide_no_nan(next_product, product) * direction
        return step + 1, filled, residual, direction, next_product

    state = (tf.constant(0), start, residual, direction, _dot(residual, direction))
    return tf.while_loop(unfinished, improve, state)[1][:, :height, :width]


def _neighbours(values: tf.Tensor) -> tf.Tensor:
    """The weighted sum of the eight neighbours; beyond the border there is 0.

    The weights are those of (1, 2, 1) along rows times (1, 2, 1) along columns, without the centre, over 12.
    """
    rows = tf.pad(values, [[0, 0], [1, 1], [0, 0], [0, 0]])
    rows = rows[:, :-2] + 2 * values + rows[:, 2:]
    both = tf.pad(rows, [[0, 0], [0, 0], [1, 1], [0, 0]])
    both = both[:, :, :-2] + 2 * rows + both[:, :, 2:]
    return (both - 4 * values) / 12


def _dot(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(first * second, [1, 2, 3], keepdims=True)


def _levels(hole: tf.Tensor, inside: tf.Tensor, depth: int) -> list[Level]:
    """From fine to coarse: 1 where a pixel is to be found, and the sum of its neighbours' weights.

    A coarse pixel is to be found where all four finer ones are: what is known stays so on every grid.
    """
    level = (hole, tf.where(inside > 0, _neighbours(inside), 1.0))
    if depth == 0:
        return [level]
    quarters = [(row, column) for row in (0, 1) for column in (0, 1)]
    hole = tf.reduce_min([hole[:, row::2, column::2] for row, column in quarters], 0)
    inside = tf.reduce_max([inside[:, row::2, column::2] for row, column in quarters], 0)
    return [level, *_levels(hole, inside, depth - 1)]


def _cycle(residual: tf.Tensor, levels: list[Level]) -> tf.Tensor:
    """About the correction that a residual asks for; linear in it, symmetric and positive definite."""
    (hole, sums), coarser = levels[0], levels[1:]

    def smoothed(correction: tf.Tensor) -> tf.Tensor:
        left = residual - (sums * correction - _neighbours(correction))
        return correction + DAMPING * hole / sums * left

    correction = DAMPING * hole / sums * residual
    if coarser:
        left = hole * (residual - (sums * correction - _neighbours(correction)))
        shrunk = _turned(_shrunk(_turned(_shrunk(left))))
        change = _cycle(coarser[0][0] * shrunk, coarser)
        correction += hole * _turned(_enlarged(_turned(_enlarged(change))))
    else:
        for _ in range(COARSEST_SWEEPS):
            correction = smoothed(correction)
    return smoothed(correction)


def _turned(values: tf.Tensor) -> tf.Tensor:
    return tf.transpose(values, [0, 2, 1, 3])


def _enlarged(values: tf.Tensor) -> tf.Tensor:
    """Twice as many rows, linear in between; 0 beyond the border."""
    rows = tf.pad(values, [[0, 0], [1, 1], [0, 0], [0, 0]])
    pairs = tf.stack([rows[:, :-2] + 3 * values, 3 * values + rows[:, 2:]], 2) / 4
    height, width, channels = values.shape[1:]
    return tf.reshape(pairs, [-1, 2 * height, width, channels])


def _shrunk(values: tf.Tensor) -> tf.Tensor:
    """The transpose of `_enlarged`."""
    rows = tf.pad(values, [[0, 0], [1, 1], [0, 0], [0, 0]])
    return (rows[:, :-2:2] + 3 * rows[:, 1:-1:2] + 3 * rows[:, 2::2] + rows[:, 3::2]) / 4
