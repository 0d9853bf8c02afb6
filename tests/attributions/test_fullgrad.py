import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.attributions import METHODS, explain
from bam.attributions.fullgrad import full_gradient
from bam.base.errors import BamError
from bam.models.architectures import build_model
from bam.models.classifier import Classifier


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def shaken(model, rng):
    """The model with biases and batch norms as after training: none is zero or one."""
    for weight in model.weights:
        if len(weight.shape) == 1:
            positive = "gamma" in weight.name or "variance" in weight.name
            weight.assign(rng.uniform(0.5, 1.5, weight.shape) if positive else rng.normal(size=weight.shape))
    return model


def every_kind_of_layer():
    """Fused, separate and leaky ReLUs, norms that fold and one that does not, two paths, dense layers."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 12, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(x))
    x = keras.layers.LeakyReLU()(keras.layers.Add()([x, y]))
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu")(keras.layers.MaxPooling2D()(x))
    x = keras.layers.ReLU()(keras.layers.Concatenate()([x, keras.layers.AveragePooling2D()(y)]))
    x = keras.layers.Dense(5, activation="relu")(keras.layers.Dropout(0.5)(keras.layers.Flatten()(x)))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def without_preprocessing():
    return keras.Sequential(
        [
            keras.Input((8, 12, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(3, use_bias=False),
        ]
    )


@pytest.mark.parametrize("build", [every_kind_of_layer, without_preprocessing])
def test_the_terms_sum_up_to_the_logit(build, rng):
    classifier = Classifier(shaken(build(), rng), "abc", batch_size=2)
    images, targets = rng.uniform(0, 255, (5, 8, 12, 3)).astype(np.float32), np.array([0, 1, 2, 1, 0])
    parts = list(full_gradient(classifier, images, targets))
    assert [len(terms[0]) for terms in parts] == [2, 2, 1]
    sums = np.concatenate([sum(term.reshape(len(term), -1).sum(1) for term in terms) for terms in parts])
    logits = classifier.logits(images)[np.arange(5), targets]
    assert np.abs(logits).max() > 0.1
    np.testing.assert_allclose(sums, logits, rtol=1e-4, atol=1e-4 * np.abs(logits).max())
    if build is every_kind_of_layer:  # the folded convolution and its norm have one term
        assert len(parts[0]) == 1 + 6
        assert min(np.abs(term).max() for term in parts[0]) > 0


def test_the_terms_of_a_residual_network_sum_up_to_the_logit(rng):
    classifier = Classifier(shaken(build_model("small", 10, "none", seed=0), rng), range(10))
    images, targets = rng.uniform(0, 255, (3, 64, 64, 3)).astype(np.float32), np.array([1, 4, 9])
    (terms,) = full_gradient(classifier, images, targets)
    sums = [term.reshape(3, -1).sum(1, dtype=np.float64) for term in terms]
    logits = classifier.logits(images)[np.arange(3), targets]
    np.testing.assert_allclose(sum(sums), logits, rtol=1e-4, atol=1e-4 * np.abs(sums).max())
    assert len(terms) == 1 + 12 + 1  # pixels, convolutions, the last layer
    assert np.abs(sums).min() > 0


def test_the_map_is_that_of_a_derivation_by_hand(rng):
    """Two layers: terms worked out in numpy, each rescaled over all its values, enlarged and summed."""
    inputs = keras.Input((4, 6, 3))
    x = keras.layers.Conv2D(2, 2, strides=2, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    kernel, bias = rng.normal(size=(2, 2, 3, 2)), np.array([30.0, -20.0])
    head = rng.normal(size=(12, 1))
    model.set_weights([kernel, bias, head, np.array([7.0])])
    image = rng.uniform(0, 255, (4, 6, 3)).astype(np.float32)
    blocks = image.reshape(2, 2, 3, 2, 3).transpose(0, 2, 1, 3, 4)  # (rows, columns, 2, 2, 3)
    before = np.einsum("rcijk,ijko->rco", blocks, kernel) + bias
    derivative = head.reshape(2, 3, 2) * (before > 0)
    assert 0 < (before > 0).mean() < 1
    by_pixel = np.einsum("rco,ijko->ricjk", derivative, kernel).reshape(4, 6, 3) * image
    expected = np.zeros((4, 6))
    for term in (by_pixel, derivative * bias):
        term = np.abs(term)
        scaled = (term - term.min()) / (term.max() - term.min())
        channels = [tf.image.resize(scaled[..., c : c + 1], (4, 6))[..., 0] for c in range(term.shape[-1])]
        expected += np.sum(channels, axis=0)
    found = explain(Classifier(model, "a", description={}), image[None], [0], "fullgrad")[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_terms_without_size_leave_no_nan(rng):
    model = without_preprocessing()
    classifier = Classifier(model, "abc")
    black = np.zeros((1, 8, 12, 3), np.float32)
    assert (explain(classifier, black, [0], "fullgrad") == 0).all()  # no bias, no input


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (keras.layers.ReLU(6.0, name="six"), "six"),
        (keras.layers.Activation("gelu", name="bent"), "bent"),
        (keras.layers.LayerNormalization(name="norm"), "norm"),
        (keras.layers.Conv2D(3, 1, activation="tanh", name="fused"), "fused"),
        (keras.layers.Rescaling(2.0, 1.0, name="late"), "late"),
    ],
)
def test_a_network_with_other_than_linear_pieces_is_refused(layer, name):
    first = keras.layers.Conv2D(4, 1)
    model = keras.Sequential([keras.Input((4, 4, 3)), first, layer, keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    classifier = Classifier(model, "ab")
    assert name in METHODS["fullgrad"].unsuited(classifier)
    with pytest.raises(BamError, match=rf"not linear between ReLUs \({name}\)"):
        explain(classifier, np.full((1, 4, 4, 3), 9.0), [0], "fullgrad")
