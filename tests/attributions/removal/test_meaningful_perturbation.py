import numpy as np
import pytest
import tensorflow as tf

from bam.attributions import explain
from bam.attributions.removal import meaningful_perturbation as module
from bam.attributions.removal import optimisation
from bam.attributions.removal.meaningful_perturbation import Optimisation
from bam.base.errors import BamError
from bam.models.inpainters.simple import blurred


def written_out(classifier, mask, image, null, target, how):
    """What a mask (cells, cells) is worth, pixel by pixel, and the derivative."""
    cells, m = len(mask), mask.astype(float)
    cell_of = [[(r * cells // 12, c * cells // 20) for c in range(20)] for r in range(12)]
    kept = tf.Variable([[mask[cell] for cell in row] for row in cell_of])
    with tf.GradientTape() as tape:
        picture = image * kept[..., None] + null * (1 - kept[..., None])
        probability = tf.nn.softmax(classifier.model(picture[None]))[0, target]
    loss, gradient = float(probability), np.zeros_like(m)
    for row, slopes in zip(cell_of, tape.gradient(probability, kept).numpy(), strict=True):
        for cell, slope in zip(row, slopes, strict=True):
            gradient[cell] += slope
    for r in range(cells):
        for c in range(cells):
            loss += how.sparsity * abs(1 - m[r, c])
            gradient[r, c] += how.sparsity * np.sign(m[r, c] - 1)
            for other in [(r - 1, c)] * (r > 0) + [(r, c - 1)] * (c > 0):
                change = m[r, c] - m[other]
                loss += how.smoothness * abs(change) ** how.exponent
                slope = how.smoothness * how.exponent * abs(change) ** (how.exponent - 1) * np.sign(change)
                gradient[r, c] += slope
                gradient[other] -= slope
    return loss, gradient


def adam(classifier, image, null, target, seed, how):
    """Kingma & Ba 2015, algorithm 1; what the mask was worth before each step, and the map."""
    mask = np.random.default_rng(seed).random((how.cells, how.cells), np.float32)
    first, second, worth = 0.0, 0.0, []
    for number in range(1, how.iterations + 1):
        loss, gradient = written_out(classifier, mask, image, null, target, how)
        worth.append(loss)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        step = first / (1 - 0.9**number) / (np.sqrt(second / (1 - 0.999**number)) + 1e-8)
        mask = np.clip(mask - how.rate * step, 0, 1).astype(np.float32)
    rows, columns = np.arange(12) * how.cells // 12, np.arange(20) * how.cells // 20
    return worth, 1 - mask[rows][:, columns]


def test_loss_and_steps_equal_those_written_out(classifier, pair, monkeypatch):
    """Two images at once, a mask finer than the picture is high, and one that is coarser."""
    images, targets = pair
    seen, compiled = [], optimisation.optimisation_step(classifier.network, (12, 20))

    def step(*given):
        state, worth = compiled(*given)
        seen.append(worth.numpy())
        return state, worth

    monkeypatch.setattr(classifier, "compiled", lambda key, make: step)
    for cells in (5, 15):
        how = Optimisation(iterations=4, cells=cells, jitter=0, smoothness=0.1, sparsity=0.01)
        settings = {"iterations": 4, "cells": cells, "jitter": 0, "smoothness": 0.1, "sparsity": 0.01}
        seen.clear()
        found = explain(classifier, images, targets, "meaningful_perturbation", [5, 6], **settings)
        nulls = blurred(np.rint(images).astype(np.uint8)).astype(np.float32)
        for place in range(2):
            worth, expected = adam(classifier, images[place], nulls[place], targets[place], 5 + place, how)
            np.testing.assert_allclose([each[place] for each in seen], worth, rtol=1e-4)
            np.testing.assert_allclose(found[place], expected, atol=1e-3)
            assert np.ptp(expected) > 0.3


def test_the_probability_falls_and_the_mask_clears(classifier, pair):
    images, targets = pair
    found = explain(
        classifier, images, targets, "meaningful_perturbation", iterations=60, cells=6, fill="black"
    )
    assert found.min() >= 0
    assert found.max() <= 1
    removed = images * (1 - found[..., None])
    before, after = (classifier.softmax(each)[[0, 1], targets] for each in (images, removed))
    assert (after < before).all()


def test_shifts_are_of_each_image_and_depend_on_its_seed_alone(classifier, pair):
    images, targets = pair
    still, shifted = (
        explain(
            classifier,
            images,
            targets,
            "meaningful_perturbation",
            [5, 6],
            iterations=5,
            cells=6,
            jitter=jitter,
        )
        for jitter in (0, 60)
    )
    assert not np.allclose(still, shifted)
    masks, shifts = module._drawn([5, 6], Optimisation(iterations=50, cells=6), 3)
    assert masks.shape == (2, 6, 6)
    assert shifts.shape == (50, 2, 2)
    assert set(shifts.ravel()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(
        shifts[:, :1], module._drawn([5], Optimisation(iterations=50, cells=6), 3)[1]
    )
    moved = optimisation.shifted(tf.constant(images), np.array([[1, 2], [0, 3]], np.int32), (11, 17)).numpy()
    np.testing.assert_array_equal(moved[0], images[0, 1:12, 2:19])
    np.testing.assert_array_equal(moved[1], images[1, :11, 3:20])


def test_without_anything_to_say_the_mask_opens(classifier, pair):
    """An image that is its own blur: only the penalties are left, which want the mask to be 1."""
    images = np.full((1, 12, 20, 3), 90, np.float32)
    found = explain(classifier, images, [0], "meaningful_perturbation", cells=4)
    np.testing.assert_allclose(found, 0, atol=0.02)


def test_whole_numbers_are_numbers(classifier, pair):
    """Of all that enters the arithmetic, which a table of TensorFlow's would then hold as integers."""
    settings = {"rate": 1, "sparsity": 0, "smoothness": 0, "exponent": 3}
    found, same = (
        explain(classifier, *pair, "meaningful_perturbation", iterations=2, cells=4, **each)
        for each in (settings, {name: float(value) for name, value in settings.items()})
    )
    np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"iterations": 0}, "`iterations` and `cells` must be at least 1"),
        ({"cells": 0}, "`iterations` and `cells` must be at least 1"),
        ({"jitter": -1}, "`jitter` at least 0, not 300, 28 and -1"),
        ({"exponent": 0.5}, "`exponent` at least 1, not 0.1, 0.0001, 0.01, 0.5"),
        ({"sparsity": -1.0}, "`sparsity` and `smoothness` must be at least 0"),
    ],
)
def test_what_cannot_be_is_refused(classifier, pair, wrong, message):
    with pytest.raises(BamError, match=message):
        explain(classifier, *pair, "meaningful_perturbation", **wrong)
