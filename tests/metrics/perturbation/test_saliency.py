import numpy as np
import pytest

import bam.metrics.perturbation.saliency
from bam.metrics.evaluation.regions import boxes
from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.family import CURVES

CURVE = CURVES["saliency"]


def measure(explained):
    return CURVE.measure(explained, NoSettings())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_boxes_are_tight():
    rng = np.random.default_rng(0)
    ranks = rng.permuted(np.arange(20 * 63).reshape(20, 63) % 63, axis=1).reshape(20, 7, 9)
    for count in (1, 2, 5, 63):
        for found, plane in zip(boxes(ranks < count), ranks, strict=True):
            rows, columns = np.nonzero(plane < count)
            assert found.tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def test_closed_form_for_one_colour(region_classifier, explained):
    """All crops look the same, so that only the area differs: rows from the top, 16 pixels each."""
    images = np.full((2, 12, 16, 3), 130.0)
    images[1] = 70
    maps = np.broadcast_to(np.arange(12, 0, -1.0)[:, None], (2, 12, 16))
    points = measure(explained(region_classifier, images, maps))
    rows = np.array([2, 3, 4, 5, 6])  # of 19, 38, 57, 76 and 96 pixels
    for found, logit in zip(points, [(130 - 100) / 20, (100 - 70) / 20], strict=True):
        np.testing.assert_allclose(found, np.log(rows / 12) - np.log(sigmoid(logit)), rtol=1e-5)
    np.testing.assert_allclose(CURVE.value(CURVE.parts(points, (12, 16))), points.mean(1))


def test_small_boxes_count_a_twentieth_and_the_crop_is_seen_alone(region_classifier, explained):
    """19 pixels in the bright rectangle of 4 x 6: cut to it, all that the network sees is bright."""
    images = np.full((1, 12, 16, 3), 10.0)
    images[:, region_classifier.region] = 160
    maps = region_classifier.region[None] * 1.0
    points = measure(explained(region_classifier, images, maps))
    box = 4 * 6 / 192
    assert points[0, 0] == pytest.approx(np.log(box) - np.log(sigmoid(3)), rel=1e-4)
    points = measure(explained(region_classifier, images, np.zeros((1, 12, 16))))
    assert points[0, 4] == pytest.approx(-np.log(sigmoid(3)), rel=0.1)  # random pixels: all of the image


def test_area_has_a_least_value(region_classifier, explained, monkeypatch):

    monkeypatch.setattr(bam.metrics.perturbation.saliency, "PERCENTAGES", (1, 3))  # a pixel, and 5 pixels
    maps = np.arange(192.0, 0, -1).reshape(1, 12, 16)
    points = measure(explained(region_classifier, np.full((1, 12, 16, 3), 130.0), maps))
    np.testing.assert_allclose(points, np.log(0.05) - np.log(sigmoid(1.5)), rtol=1e-5)


def test_unlikely_classes_give_finite_scores(region_classifier, explained):
    images = np.zeros((1, 12, 16, 3))
    images[:, region_classifier.region] = 60_000  # a logit of thousands
    maps = np.zeros((1, 12, 16))
    maps[0, 8:, :] = 1
    assert np.isfinite(measure(explained(region_classifier, images, maps))).all()
