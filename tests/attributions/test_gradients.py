"""Gradient methods against closed forms, and what they share."""

import numpy as np
import pytest
import tf_keras as keras

from bam.attributions import explain
from bam.base.errors import BamError
from bam.models.classifier import Classifier

SIZE = (6, 8)


def classifier_of(layers, classes=2, **settings):
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    return Classifier(model, range(classes), description={}, **settings)  # of one output, too


@pytest.fixture(scope="module")
def linear():
    """Logits that are linear in the pixels, and their coefficients (classes, H, W, 3)."""
    dense = keras.layers.Dense(2)
    classifier = classifier_of([keras.layers.Flatten(), dense])
    weights = np.random.default_rng(0).normal(size=(6 * 8 * 3, 2)).astype(np.float32)
    dense.set_weights([weights, np.array([1.0, -2.0])])
    return classifier, weights.T.reshape(2, *SIZE, 3)


@pytest.fixture(scope="module")
def square():
    """A logit that is the sum of the squared pixels: its gradient is 2 x."""
    layers = [
        keras.layers.Flatten(),
        keras.layers.Lambda(lambda x: x**2),
        keras.layers.Dense(1, use_bias=False, kernel_initializer="ones"),
    ]
    return classifier_of(layers, classes=1, batch_size=7)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(0, 255, (3, *SIZE, 3)).astype(np.float32)


TARGETS = np.array([0, 1, 0])


def test_on_a_linear_network_every_method_is_its_closed_form(linear, images):
    classifier, weights = linear
    expected = {
        "vanilla_gradient": weights[TARGETS],
        "smoothgrad": weights[TARGETS],
        "smoothgrad_squared": weights[TARGETS] ** 2,
        "var_grad": 0 * weights[TARGETS],
        "integrated_gradients": weights[TARGETS] * images,
        "gradient_x_input": weights[TARGETS] * images,
        "gradient_shap": weights[TARGETS] * images,
    }
    for name, maps in expected.items():
        settings = {"noise": 0.0} if name == "gradient_shap" else {}
        found = explain(classifier, images, TARGETS, name, **settings)
        np.testing.assert_allclose(found, maps, rtol=1e-4, atol=1e-4, err_msg=name)
    white = explain(classifier, images, TARGETS, "integrated_gradients", baseline="white")
    np.testing.assert_allclose(white, weights[TARGETS] * (images - 255), rtol=1e-4, atol=1e-3)
    mean = explain(classifier, images, TARGETS, "integrated_gradients", baseline="mean")
    colour = images.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(mean, weights[TARGETS] * (images - colour), rtol=1e-4, atol=1e-2)


def test_on_a_square_network_noise_and_path_have_the_moments_they_should(square, images):
    """With gradient 2 p at each point p: the mean is 2 x, the mean square 4 (x^2 + sd^2)."""
    samples, zeros = 4000, np.zeros(1, int)
    image = images[:1, :2, :2]  # few values, many samples
    image = np.tile(image, (1, 3, 4, 1))
    sd = 0.15 * (image.max() - image.min())
    mean = explain(square, image, zeros, "smoothgrad", samples=samples)
    error = 2 * sd / np.sqrt(samples)
    assert np.abs(mean - 2 * image).max() < 5 * error
    assert 0.8 < (mean - 2 * image).std() / error < 1.2
    squares = explain(square, image, zeros, "smoothgrad_squared", samples=samples)
    np.testing.assert_allclose(squares.mean(), 4 * ((image**2).mean() + sd**2), rtol=0.01)
    integrated = explain(square, image, zeros, "integrated_gradients", samples=3)
    np.testing.assert_allclose(integrated, image**2, rtol=1e-5)  # exact, since the gradient is linear
    smoothed = explain(square, image, zeros, "integrated_gradients_smoothgrad", samples=samples)
    np.testing.assert_allclose(smoothed.mean(), (image**2).mean() + sd**2, rtol=0.02)


def test_completeness_of_integrated_gradients(scene_classifier):
    images = np.random.default_rng(2).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    maps = explain(scene_classifier, images, [3, 4], "integrated_gradients", samples=300)
    logits, black = scene_classifier.logits(images), scene_classifier.logits(np.zeros_like(images))
    rise = (logits - black)[[0, 1], [3, 4]]
    np.testing.assert_allclose(maps.sum((1, 2, 3)), rise, rtol=0.02, atol=0.02 * np.abs(logits).max())


def test_gradient_shap_is_uniform_on_the_way_to_the_noisy_image(square, images):
    """With gradient 2 p at a point p = b + u (x - b): from black 2 u x^2, and u uniform."""
    samples, zeros = 400, np.zeros(3, int)
    settings = {"seed": [1, 2, 3], "noise": 0.0}
    single = explain(square, images, zeros, "gradient_shap", samples=1, **settings)
    places = single / (2 * images**2)
    assert places.min() >= 0
    assert places.max() <= 1
    assert places.std((1, 2, 3)).max() < 1e-5  # one place for all pixels of an image
    assert places[:, 0, 0, 0].std() > 0.05  # another one for each image
    many = explain(square, images, zeros, "gradient_shap", samples=samples, **settings)
    ratios = (many / images**2)[:, 0, 0, 0]
    assert np.abs(ratios - 1).max() < 4 * np.sqrt(1 / 3 / samples)
    white = explain(square, images, zeros, "gradient_shap", baseline="white", samples=1, **settings)
    np.testing.assert_allclose(white, 2 * (255 + places * (images - 255)) * (images - 255), rtol=1e-4)
    noisy = explain(square, images, zeros, "gradient_shap", samples=samples, seed=0, noise=0.2)
    sd = 0.2 * (images.max((1, 2, 3)) - images.min((1, 2, 3)))
    np.testing.assert_allclose(noisy.mean(), (images**2).mean() + (sd**2).mean(), rtol=0.1)
    slight = explain(square, images, zeros, "gradient_shap", samples=1, seed=settings["seed"])
    assert 0 < np.abs(slight - single).max() < 1e-3 * single.max()


@pytest.mark.parametrize(
    "name", ["smoothgrad", "smoothgrad_squared", "integrated_gradients_smoothgrad", "gradient_shap"]
)
def test_what_is_drawn_depends_on_the_images_seed_alone(name, square, images):
    seeds, targets = np.array([5, 6, 7], np.uint64), np.zeros(3, int)
    together = explain(square, images, targets, name, seeds, samples=9)
    alone = explain(square, images[1:2], targets[:1], name, seeds[1:2], samples=9)
    np.testing.assert_allclose(alone[0], together[1], rtol=1e-5)
    other = explain(square, images[1:2], targets[:1], name, seeds[:1], samples=9)
    assert not np.allclose(other, alone, rtol=1e-3)


def test_seeds_beyond_63_bits_are_seeds_too(square, images):
    high, low = (
        explain(square, images[:1], [0], "smoothgrad", np.array([seed], np.uint64), samples=2)
        for seed in (2**64 - 1, 2**63 - 1)
    )
    assert not np.allclose(high, low)


def test_var_grad_is_the_variance_of_the_gradients(square, images):
    """Of 2 (x + z): four times that of the noise; and exactly that of the samples that SmoothGrad has."""
    seeds = np.arange(3, dtype=np.uint64)
    found, mean, squares = (
        explain(square, images, [0, 0, 0], name, seeds, samples=400, noise=0.1)
        for name in ("var_grad", "smoothgrad", "smoothgrad_squared")
    )
    spread = 0.1 * (images.max((1, 2, 3)) - images.min((1, 2, 3)))
    np.testing.assert_allclose(found.mean((1, 2, 3)), 4 * spread**2, rtol=0.05)
    np.testing.assert_allclose(found, squares - mean**2, rtol=1e-4, atol=1e-4 * found.max())
    assert (
        explain(square, images, [0, 0, 0], "var_grad", seeds, samples=1).min() == 0
    )  # not below, by rounding


def test_methods_share_what_they_have_in_common(scene_classifier, monkeypatch):
    images = np.random.default_rng(3).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    targets, seeds = np.array([0, 1], np.int32), np.array([1, 2], np.uint64)
    names = ("vanilla_gradient", "gradient_x_input", "smoothgrad", "smoothgrad_squared", "guided_backprop")
    names += ("grad_cam", "guided_grad_cam", "var_grad")
    settings = {name: {"samples": 2} for name in ("smoothgrad", "smoothgrad_squared", "var_grad")}
    apart = [explain(scene_classifier, images, targets, n, seeds, **settings.get(n, {})) for n in names]
    asked, batches = [], scene_classifier._batches
    monkeypatch.setattr(scene_classifier, "_batches", lambda *arrays: asked.append(1) or batches(*arrays))
    with scene_classifier.sharing(images):
        together = [
            explain(scene_classifier, images, targets, n, seeds, **settings.get(n, {})) for n in names
        ]
    assert len(asked) == 4  # gradient, smoothed gradients, guided gradient, layer gradient
    for one, other in zip(apart, together, strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="read-only"):
        together[0][:] = 0


def test_only_what_is_asked_of_the_announced_array_is_kept(scene_classifier):
    images = np.random.default_rng(3).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    with scene_classifier.sharing(images):
        kept = scene_classifier.logits(images)
        with scene_classifier.sharing(images.copy()):
            assert scene_classifier.logits(images) is not kept
        other = images.copy()
        forgotten = scene_classifier.logits(other)
        forgotten[:] = 0  # the caller's own
        assert scene_classifier.logits(other).any()
        assert scene_classifier.logits(images) is kept
    assert scene_classifier.logits(images) is not kept


def test_guided_grad_cam_is_the_product(scene_classifier):
    images = np.random.default_rng(4).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    product, guided, cam = (
        explain(scene_classifier, images, [0, 1], name)
        for name in ("guided_grad_cam", "guided_backprop", "grad_cam")
    )
    np.testing.assert_allclose(product, guided * cam[..., None], rtol=1e-6)


def test_wrong_settings_are_one_clear_error(linear, images):
    for settings in ({"samples": 0}, {"noise": -1.0}, {"noise": float("nan")}):
        with pytest.raises(BamError, match="`samples` must be at least 1"):
            explain(linear[0], images, TARGETS, "smoothgrad", **settings)
    with pytest.raises(BamError, match="`samples` must be at least 1"):
        explain(linear[0], images, TARGETS, "gradient_shap", samples=0)
    for name in ("integrated_gradients", "gradient_shap"):
        with pytest.raises(BamError, match="did you mean 'black'"):
            explain(linear[0], images, TARGETS, name, baseline="blak")
    with pytest.raises(BamError, match="no layer with spatial feature maps"):
        explain(linear[0], images, TARGETS, "grad_cam")
