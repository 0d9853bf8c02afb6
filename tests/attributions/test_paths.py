"""Integrals along other paths against closed forms; test_peers.py has them beside PAIR saliency's."""

import numpy as np
import pytest
import tf_keras as keras
from scipy.ndimage import gaussian_filter

from bam.attributions import explain
from bam.base.errors import BamError
from bam.models.classifier import Classifier

SIZE, TARGETS = (6, 8), np.array([0, 1, 0])


def classifier_of(layers, classes=2, **settings):
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    return Classifier(model, range(classes), description={}, **settings)  # of one output, too


@pytest.fixture(scope="module")
def linear():
    """Logits that are linear in the pixels, and their coefficients (classes, H, W, 3)."""
    dense = keras.layers.Dense(2, use_bias=False)
    classifier = classifier_of([keras.layers.Flatten(), dense], batch_size=4)
    weights = np.random.default_rng(0).normal(size=(6 * 8 * 3, 2)).astype(np.float32)
    dense.set_weights([weights])
    return classifier, weights.T.reshape(2, *SIZE, 3)


@pytest.fixture(scope="module")
def square():
    """A logit that is the sum of the squared pixels: its gradient is 2 x."""
    squared = keras.layers.Lambda(lambda x: x**2)
    ones = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return classifier_of([keras.layers.Flatten(), squared, ones], classes=1, batch_size=7)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(0, 255, (3, *SIZE, 3)).astype(np.float32)


@pytest.fixture
def points(linear, monkeypatch):
    """Where the linear network was asked for gradients."""
    seen, gradient = [], linear[0].gradient
    monkeypatch.setattr(linear[0], "gradient", lambda x, targets: seen.append(x) or gradient(x, targets))
    return seen


BLUR, GUIDED = "blur_integrated_gradients", "guided_integrated_gradients"


@pytest.mark.parametrize("samples", [1, 5])
def test_blur_of_a_linear_network_is_what_the_blur_takes_away(linear, images, samples):
    """Here by a standard deviation of 2 pixels: 75 of 224, in pictures of 6 x 8."""
    classifier, weights = linear
    blurred = np.stack([gaussian_filter(image, (2, 2, 0), mode="constant") for image in images])
    found = explain(classifier, images, TARGETS, BLUR, max_sigma=75, samples=samples)
    np.testing.assert_allclose(found, weights[TARGETS] * (images - blurred), rtol=1e-3, atol=1e-3)


def test_blur_of_squares_is_their_difference(square, images):
    blurred = np.stack([gaussian_filter(image, (1, 1, 0), mode="constant") for image in images])
    found = explain(square, images, [0, 0, 0], BLUR, samples=200)
    np.testing.assert_allclose(found, images**2 - blurred**2, rtol=0.01, atol=30)


def test_blur_fills_batches_across_images(linear, images, points):
    """Four at a time: 3 images go one standard deviation at a time, a single one four."""
    explain(linear[0], images, TARGETS, BLUR, samples=5)
    assert [len(each) for each in points] == [3] * 5
    points.clear()
    explain(linear[0], images[:1], TARGETS[:1], BLUR, samples=5)
    assert [len(each) for each in points] == [4, 1]


def test_black_stays_black(linear):
    for name in (BLUR, GUIDED):
        assert not explain(linear[0], np.zeros((1, *SIZE, 3)), [0], name, samples=3).any()


def test_guided_of_a_linear_network_is_the_straight_path(linear, images):
    classifier, weights = linear
    for settings in ({}, {"max_distance": 1.0}, {"fraction": 1.0}, {"fraction": 0.01, "max_distance": 0.5}):
        found = explain(classifier, images, TARGETS, GUIDED, samples=7, **settings)
        np.testing.assert_allclose(found, weights[TARGETS] * images, rtol=1e-4, atol=1e-3)


def test_without_distance_it_is_the_straight_path(square, images):
    """With the gradient of each piece taken where it begins: the mean of 2 x times 0, 1/5 ... 4/5."""
    found = explain(square, images, [0, 0, 0], GUIDED, samples=5, max_distance=0.0)
    np.testing.assert_allclose(found, images**2 * 2 * np.mean(np.arange(5) / 5), rtol=1e-4)


def test_every_step_is_as_long_and_nobody_is_too_far_away(linear, images, points):
    """What is further along has the smaller derivatives."""
    classifier, weights = linear
    explain(classifier, images, TARGETS, GUIDED, samples=10, max_distance=0.25)
    places = np.stack(points) / images
    sums = np.abs(np.stack(points)).sum((2, 3, 4)) / images.sum((1, 2, 3))
    np.testing.assert_allclose(sums, np.repeat(np.arange(10)[:, None] / 10, 3, 1), atol=1e-5)
    share = np.arange(10)[:, None, None, None, None] / 10
    assert (np.abs(places - share) < 0.25 + 1e-5).all()
    order = np.corrcoef(np.abs(weights[0]).ravel(), places[5, 0].ravel())[0, 1]
    assert order < -0.7
    apart = places[1, 0] > 1e-6
    assert np.abs(weights[0])[apart].max() <= np.abs(weights[0])[~apart].min()


def test_guided_adds_up_as_steps_become_smaller(square, images):
    rise = (images**2).sum((1, 2, 3))
    few, many = (
        np.abs(explain(square, images, [0, 0, 0], GUIDED, samples=n).sum((1, 2, 3)) / rise - 1).max()
        for n in (20, 200)
    )
    assert few > 0.02
    assert many < 0.01


def test_pixels_of_the_baseline_get_nothing(linear, images):
    some = images.copy()
    some[:, :2] = 127.5
    found = explain(linear[0], some, TARGETS, GUIDED, baseline="grey", samples=4)
    assert not found[:, :2].any()
    assert found[:, 2:].any(axis=3).all()


def test_derivatives_that_are_nan_end_in_maps_that_are(images):
    root = keras.layers.Lambda(lambda x: (x - 300) ** 0.5)
    classifier = classifier_of([keras.layers.Flatten(), root, keras.layers.Dense(2)])
    for name in (BLUR, GUIDED):
        assert np.isnan(explain(classifier, images, TARGETS, name, samples=2)).all()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (BLUR, {"samples": 0}, "`samples` must be at least 1"),
        (BLUR, {"max_sigma": 0.0}, "`max_sigma` must be above 0, not 0.0"),
        (BLUR, {"max_sigma": float("nan")}, "`max_sigma` must be above 0, not nan"),
        (GUIDED, {"samples": 0}, "`samples` must be at least 1"),
        (GUIDED, {"fraction": 0.0}, "`fraction` must be above 0, at most 1"),
        (GUIDED, {"max_distance": 1.5}, r"`max_distance` in 0\.\.1, not 0.25 and 1.5"),
        (GUIDED, {"baseline": "blak"}, "did you mean 'black'"),
    ],
)
def test_wrong_settings_are_one_clear_error(linear, images, name, settings, message):
    with pytest.raises(BamError, match=message):
        explain(linear[0], images, TARGETS, name, **settings)
