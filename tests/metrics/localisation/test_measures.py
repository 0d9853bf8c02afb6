"""Each measure against its definition, averaged over all orders in which equal pixels can stand."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from bam.metrics.localisation.measures import (
    THRESHOLDS,
    auc,
    best_threshold,
    box_ious,
    mass,
    pointing,
    rank_accuracy,
)

SIZE = (2, 3)


def orders(plane):
    """All orders of the pixels, most relevant first, that the values allow."""
    values = plane.ravel()
    found = [
        order
        for order in permutations(range(values.size))
        if all(values[a] >= values[b] for a, b in pairwise(order))
    ]
    assert found
    return found


def expected(plane, mask, measure):
    return np.mean([measure(order, mask.ravel()) for order in orders(plane)])


def share_of_top(order, inside):
    return inside[list(order[: inside.sum()])].mean()


def hit(order, inside):
    return inside[order[0]]


def area(order, inside):
    """Under the curve of true against false positives, step by step."""
    found, total = 0, 0
    for pixel in order:
        found += inside[pixel]
        total += 0 if inside[pixel] else found
    return total / inside.sum() / (~inside).sum()


@pytest.fixture(scope="module")
def pairs():
    """Maps with many ties and masks of every size."""
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 3, (30, *SIZE)).astype(np.float32)
    masks = np.zeros((30, 6), bool)
    for place, mask in enumerate(masks):
        mask[rng.permutation(6)[: 1 + place % 5]] = True
    return planes, masks.reshape(-1, *SIZE)


@pytest.mark.parametrize(
    ("measure", "definition"), [(rank_accuracy, share_of_top), (pointing, hit), (auc, area)]
)
def test_ties_take_their_expectation(pairs, measure, definition):
    found = measure(*pairs)
    for value, plane, mask in zip(found, *pairs, strict=True):
        assert value == pytest.approx(expected(plane, mask, definition))


def test_the_mass_is_a_share_of_the_sum(pairs):
    for value, plane, mask in zip(mass(*pairs), *pairs, strict=True):
        inside = sum(plane[place] for place in zip(*np.nonzero(mask), strict=True))
        assert value == pytest.approx(inside / plane.sum() if plane.any() else mask.mean())


def box(pixels):
    rows, columns = np.nonzero(pixels)
    return {
        (row, column)
        for row in range(rows.min(), rows.max() + 1)
        for column in range(columns.min(), columns.max() + 1)
    }


def test_boxes_are_compared_pixel_by_pixel():
    rng = np.random.default_rng(1)
    planes = rng.random((12, 7, 9)).astype(np.float32) ** 6
    masks = np.zeros((12, 7, 9), bool)
    for mask in masks:
        top, left = rng.integers(0, 4), rng.integers(0, 5)
        mask[top : top + 3, left : left + 4] = rng.random((3, 4)) < 0.7
        mask[top, left] = True
    found = box_ious(planes, masks)
    assert found.shape == (12, len(THRESHOLDS)) == (12, 9)
    for line, plane, mask in zip(found, planes, masks, strict=True):
        for value, threshold in zip(line, THRESHOLDS, strict=True):
            ours, truth = box(plane >= threshold * plane.max()), box(mask)
            assert value == pytest.approx(len(ours & truth) / len(ours | truth))
    assert len(np.unique(found.round(6))) > 10


MEASURES = (mass, rank_accuracy, pointing, auc)


@pytest.fixture
def mask():
    mask = np.zeros((1, 6, 8), bool)
    mask[0, 1:4, 2:7] = True
    return mask


def test_known_answers(mask):
    right = mask.astype(np.float32)
    assert [measure(right, mask).item() for measure in MEASURES] == [1, 1, 1, 1]
    assert (box_ious(right, mask) == 1).all()
    wrong = 1 - right
    assert [measure(wrong, mask).item() for measure in MEASURES] == [0, 0, 0, 0]
    assert box_ious(wrong, mask)[0].tolist() == pytest.approx([15 / 48] * 9)


@pytest.mark.parametrize("level", [0, 1e-30, 7.0])
def test_a_map_without_differences_has_what_chance_has(mask, level):
    plane = np.full((1, 6, 8), level, np.float32)
    share = 15 / 48
    found = [measure(plane, mask).item() for measure in MEASURES]
    assert found == pytest.approx([share, share, share, 0.5])
    assert box_ious(plane, mask)[0].tolist() == pytest.approx([share if level else 0] * 9)


def test_random_maps_have_the_area_of_the_object(mask):
    planes = np.random.default_rng(0).random((4000, 6, 8)).astype(np.float32)
    masks = np.repeat(mask, 4000, 0)
    for measure, chance in zip(MEASURES, (15 / 48, 15 / 48, 15 / 48, 0.5), strict=True):
        assert measure(planes, masks).mean() == pytest.approx(chance, abs=0.025)


def test_large_and_small_values_are_no_matter():
    planes = np.zeros((2, 2, 2), np.float32)
    planes[0, 0, 0] = planes[0, 1, 1] = 3e38
    planes[1, 0, 0] = planes[1, 1, 1] = 1e-45
    masks = np.zeros((2, 2, 2), bool)
    masks[:, 0] = True
    for measure in MEASURES:
        assert measure(planes, masks).tolist() == [0.5, 0.5]


def test_one_pixel_is_an_object():
    planes = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    masks = planes == 4
    assert [measure(planes, masks).item() for measure in MEASURES] == pytest.approx([4 / 15, 0, 0, 0.8])


def test_the_best_threshold_misses_the_fewest():
    ious = np.full((3, 9), 0.4)
    ious[0, 2:5] = 0.6
    ious[1, 4:8] = 0.5
    assert best_threshold(ious) == 4  # two of three, at none other
    ious[1, 3] = 0.9
    assert best_threshold(ious) == 3  # as many, and closer
    assert best_threshold(ious[2:]) == 0  # all alike: the lowest
    ious[0] = np.nan
    assert best_threshold(ious) == 3
    assert best_threshold(ious[:1]) == best_threshold(ious[:0]) == -1
