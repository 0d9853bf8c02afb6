"""Grad-CAM's kin against their definitions, written out place by place on the same tensors."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.attributions import explain
from bam.models.classifier import Classifier

SIZE, TARGETS = (12, 20), np.array([0, 2, 1])
KIN = ("grad_cam_pp", "xgrad_cam", "layer_cam", "hires_cam", "eigen_cam")
L = keras.layers


def network(pooled, scale=1.0, size=SIZE):
    """Feature maps of a third of the size, and logits of each of their values or of their means."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*size, 3))
    x = L.Conv2D(5, 3, 2, "same", activation="relu")(L.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = L.Conv2D(6, 3, activation="relu", padding="same", name="last")(x)
    x = L.GlobalAveragePooling2D()(x) if pooled else L.Flatten()(x)
    logits = L.Dense(3, kernel_initializer=keras.initializers.RandomNormal(0, scale))(x)
    return Classifier(keras.Model(inputs, logits), "abc", batch_size=2)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, *SIZE, 3)).astype(np.float32)


def tensors(classifier, images):
    """The last feature maps and the logit's derivatives by them, float64 (N, h, w, channels)."""
    model = classifier.model
    inner = keras.Model(model.inputs, [model.get_layer("last").output, model.output])
    with tf.GradientTape() as tape:
        features, logits = inner(images)
        score = tf.gather(logits, TARGETS[: len(images)], batch_dims=1)
    return (x.numpy().astype(np.float64) for x in (features, tape.gradient(score, features)))


def grad_cam_pp(a, g, added=0.0):
    """One channel after another; added: to denominators, as libraries do."""
    cam = np.zeros(a.shape[:2])
    for k in range(a.shape[2]):
        weight = 0.0
        for i, j in np.ndindex(cam.shape):
            if g[i, j, k] > 0:
                denominator = 2 * g[i, j, k] ** 2 + a[:, :, k].sum() * g[i, j, k] ** 3 + added
                weight += g[i, j, k] ** 2 / denominator * max(g[i, j, k], 0)
        cam += weight * a[:, :, k]
    return np.maximum(cam, 0)


def xgrad_cam(a, g):
    cam = np.zeros(a.shape[:2])
    for k in range(a.shape[2]):
        if a[:, :, k].sum():
            cam += (a[:, :, k] * g[:, :, k]).sum() / a[:, :, k].sum() * a[:, :, k]
    return np.maximum(cam, 0)


def layer_cam(a, g):
    return sum(a[:, :, k] * np.where(g[:, :, k] > 0, g[:, :, k], 0) for k in range(a.shape[2]))


def hires_cam(a, g):
    return np.maximum(sum(a[:, :, k] * g[:, :, k] for k in range(a.shape[2])), 0)


def eigen_cam(a, g):
    """The first eigenvector of the channels' products, by the power method."""
    matrix = a.reshape(-1, a.shape[2])
    vector = np.ones(a.shape[2])
    for _ in range(2000):
        vector = matrix.T @ matrix @ vector
        vector /= np.linalg.norm(vector)
    return (matrix @ vector).reshape(a.shape[:2])


def correlations(ours, theirs):
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)]


def enlarged(cams):
    return tf.image.resize(np.array(cams)[..., None], SIZE).numpy()[..., 0]


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("name", KIN)
def test_maps_are_those_of_the_definition(name, pooled, images):
    classifier = network(pooled)
    pairs = zip(*tensors(classifier, images), strict=True)
    expected = enlarged([globals()[name](features, gradient) for features, gradient in pairs])
    assert expected.max((1, 2)).min() > 0
    found = explain(classifier, images, TARGETS, name)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.max())
    assert min(correlations(found, expected)) > 0.999


def test_what_libraries_add_to_denominators_does_not_matter_to_derivatives_of_some_size(images):
    """pytorch-grad-cam adds 1e-6, which outweighs what it is added to where derivatives are 1e-3."""
    for scale, least in ((1.0, 0.999), (1e-3, -1.0)):
        classifier = network(False, scale)
        pairs = list(zip(*tensors(classifier, images), strict=True))
        expected = enlarged([grad_cam_pp(a, g, added=1e-6) for a, g in pairs])
        assert min(correlations(explain(classifier, images, TARGETS, "grad_cam_pp"), expected)) > least
    assert min(correlations(explain(classifier, images, TARGETS, "grad_cam_pp"), expected)) < 1 - 1e-6


def test_where_the_logit_is_one_of_means_several_are_grad_cam(images):
    """Its derivative by a channel is the same everywhere."""
    classifier = network(True)
    expected = explain(classifier, images, TARGETS, "grad_cam")
    for name in ("xgrad_cam", "hires_cam"):
        np.testing.assert_allclose(
            explain(classifier, images, TARGETS, name), expected, rtol=1e-4, atol=1e-6 * expected.max()
        )
    assert not np.allclose(explain(classifier, images, TARGETS, "layer_cam"), expected)


def test_the_sum_with_its_sign_is_the_logit_less_its_bias(images):
    """HiResCAM's promise, of a network whose logits are linear in its features."""
    classifier = network(False)
    features, gradient = tensors(classifier, images)
    logits = classifier.logits(images)[np.arange(3), TARGETS]
    bias = classifier.model.layers[-1].get_weights()[1][TARGETS]
    np.testing.assert_allclose((features * gradient).sum((1, 2, 3)), logits - bias, rtol=1e-4)


@pytest.mark.parametrize("name", KIN)
def test_features_of_zero_and_nan_stay_with_their_image(name, images):
    classifier = network(False)
    dead = L.Conv2D(6, 3, activation="relu", padding="same")
    dead.build((None, 6, 10, 5))
    classifier.model.get_layer("last").set_weights([0 * weight for weight in dead.get_weights()])
    empty = Classifier(classifier.model, "abc")
    assert not explain(empty, images, TARGETS, name).any()
    broken = images.copy()
    broken[1, 3, 4] = np.nan
    whole = network(False)
    found, sound = (explain(whole, each, TARGETS, name) for each in (broken, images))
    assert np.isnan(found[1]).any()
    np.testing.assert_allclose(found[[0, 2]], sound[[0, 2]], rtol=1e-4, atol=1e-6 * sound.max())


def test_features_of_either_sign():
    """A vector has two signs: the map's larger sum decides, and what is below zero is left out."""
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, L.Dense(2)(L.Flatten()(L.Conv2D(3, 1, use_bias=False, name="last")(inputs))))
    model.get_layer("last").set_weights([-np.eye(3)[None, None]])
    images = np.full((1, 4, 4, 3), 9, np.float32)
    images[0, 0, 0] = 90
    found = explain(Classifier(model, "ab"), images, [0], "eigen_cam", layer="last")[0]
    np.testing.assert_allclose(found, np.linalg.norm(images[0], axis=-1), rtol=1e-5)


def test_they_share_one_pass(images, monkeypatch):
    classifier, asked = network(True), []
    batches = classifier._batches
    monkeypatch.setattr(classifier, "_batches", lambda *arrays: asked.append(1) or batches(*arrays))
    targets = TARGETS.astype(np.int32)
    with classifier.sharing(images):
        for name in ("grad_cam", "layered_grad_cam", *KIN):
            explain(classifier, images, targets, name)
    assert len(asked) == 1
