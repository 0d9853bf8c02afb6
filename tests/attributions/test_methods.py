"""Every registered method passes the same battery."""

import numpy as np
import pytest
import tf_keras as keras

from attributions import METHODS, explain
from data_prep.errors import BamError
from models.classifier import Classifier


@pytest.fixture(scope="module")
def oblong_classifier():
    """A small convolutional network on pictures that are not square."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 20, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same")(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", padding="same")(x)
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    return Classifier(keras.Model(inputs, outputs), "abc", "oblong", "object", batch_size=8)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    masks = np.zeros((8, 12, 20), bool)
    masks[:, 3:9, 4:12] = True
    return rng.uniform(0, 255, (8, 12, 20, 3)).astype(np.float32), rng.integers(0, 3, 8), masks


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def test_maps_are_per_pixel_and_finite(method, oblong_classifier, batch):
    images, targets, masks = batch
    maps = explain(oblong_classifier, images, targets, method, masks=masks)
    assert maps.dtype == np.float32
    assert maps.shape[:3] == (8, 12, 20)
    assert maps.ndim in (3, 4)
    assert np.isfinite(maps).all()


def test_batch_of_one_equals_batch_of_eight(method, oblong_classifier, batch):
    images, targets, masks = batch
    seeds = np.arange(8)
    whole = explain(oblong_classifier, images, targets, method, seeds, masks)
    for i in (0, 5):
        one = np.s_[i : i + 1]
        single = explain(oblong_classifier, images[one], targets[one], method, seeds[one], masks[one])
        np.testing.assert_allclose(single[0], whole[i], rtol=1e-4, atol=1e-5 * abs(whole[i]).max())


def test_same_seed_same_maps(method, oblong_classifier, batch):
    images, targets, masks = batch
    first, again = (explain(oblong_classifier, images, targets, method, 7, masks) for _ in range(2))
    assert np.array_equal(first, again)


def test_images_of_another_size_are_resized(method, oblong_classifier, batch):
    _, targets, _ = batch
    images = np.random.default_rng(1).integers(0, 256, (8, 30, 30, 3), dtype=np.uint8)
    maps = explain(oblong_classifier, images, targets, method, masks=np.zeros((8, 30, 30), bool))
    assert maps.shape[:3] == (8, 12, 20)


def test_unknown_targets_are_refused(method, oblong_classifier, batch):
    images, _, masks = batch
    for targets in (np.full(8, 3), np.full(8, -1), np.zeros(7, int), 0):
        with pytest.raises(BamError, match="targets must be 8 class indices from 0 to 2"):
            explain(oblong_classifier, images, targets, method, masks=masks)


@pytest.mark.parametrize("method", [name for name in METHODS if not METHODS[name].control])
def test_methods_depend_on_the_target(method, oblong_classifier, batch):
    images, _, masks = batch
    first, second = (
        explain(oblong_classifier, images, np.full(8, target), method, masks=masks) for target in (0, 1)
    )
    assert not np.allclose(first, second)


def test_unknown_method_names_the_nearest(oblong_classifier, batch):
    with pytest.raises(BamError, match="did you mean 'grad_cam'"):
        explain(oblong_classifier, *batch[:2], "gradcam")


def test_a_function_of_ones_own_is_a_method_and_its_shape_is_checked(oblong_classifier, batch):
    images, targets, _ = batch

    def brightness(classifier, images, targets, *, seed, power=1):
        return images.mean(-1) ** power

    maps = explain(oblong_classifier, images, targets, brightness, power=2)
    np.testing.assert_allclose(maps, images.mean(-1) ** 2, rtol=1e-5)

    def too_small(classifier, images, targets, *, seed):
        return np.zeros((8, 3, 3))

    with pytest.raises(BamError, match=r"too_small returned maps of shape \(8, 3, 3\)"):
        explain(oblong_classifier, images, targets, too_small)


def test_any_convolutional_network_can_be_explained():
    """Here with depthwise convolutions, ReLU6 and blocks without a last ReLU."""
    keras.utils.set_random_seed(0)
    settings = {"weights": None, "classes": 4, "classifier_activation": None, "alpha": 0.35}
    model = keras.applications.MobileNetV2((32, 32, 3), **settings)
    classifier = Classifier(model, "abcd", batch_size=4)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(classifier.logits(images), model(images, training=False), rtol=1e-3, atol=1e-3)
    for name, method in METHODS.items():
        if not method.control:
            maps = explain(
                classifier, images, [0, 1], name, **({"samples": 2} if method.takes("samples") else {})
            )
            assert maps.shape[:3] == (2, 32, 32)
            assert np.isfinite(maps).all()


def test_a_network_without_relu_is_told_so():
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="gelu"), keras.layers.Flatten()]
    classifier = Classifier(keras.Sequential([*layers, keras.layers.Dense(2)]), "ab")
    images = np.ones((1, 8, 8, 3), np.float32)
    assert explain(classifier, images, [0], "grad_cam").shape == (1, 8, 8)
    with pytest.raises(BamError, match="has no ReLU"):
        explain(classifier, images, [0], "guided_backprop")


def test_a_nested_network_is_told_to_name_a_layer():
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu")])
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    classifier = Classifier(keras.Sequential([keras.Input((8, 8, 3)), inner, *head]), "ab")
    with pytest.raises(BamError, match="network inside the network"):
        explain(classifier, np.ones((1, 8, 8, 3), np.float32), [0], "grad_cam")


def test_nothing_to_explain_and_negative_seeds_are_refused(method, oblong_classifier, batch):
    images, targets, masks = batch
    with pytest.raises(BamError, match="was given no images"):
        explain(oblong_classifier, images[:0], targets[:0], method, masks=masks[:0])
    with pytest.raises(BamError, match="must not be negative"):
        explain(oblong_classifier, images, targets, method, seed=-1, masks=masks)
