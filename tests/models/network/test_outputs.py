"""What is a classifier by its answers, and what is not."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.network.outputs import with_logits

layers = keras.layers


def network(*last, classes=3):
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    if not last:
        return keras.Model(inputs, layers.Dense(classes)(x))
    for layer in last:
        x = layer(x)
    return keras.Model(inputs, x)


def logits_of(model, pixels):
    """Worked out from the weights."""
    kernel, bias = model.get_weights()
    return pixels.reshape(len(pixels), -1) / 255 @ kernel + bias


@pytest.mark.parametrize(
    "last",
    [
        lambda: (layers.Dense(3, activation="softmax"),),
        lambda: (layers.Dense(3), layers.Softmax()),
        lambda: (layers.Dense(3), layers.Activation("softmax"), layers.Activation("linear", dtype="float32")),
        lambda: (layers.Dense(3), layers.Activation("log_softmax")),
        lambda: (layers.Dense(3, activation="softmax"), layers.Reshape((3,))),
        lambda: (keras.Sequential([layers.Dense(3, activation="softmax", input_shape=(192,))]),),
    ],
)
def test_a_last_softmax_is_left_out_and_said(last):
    model = network(*last())
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    found, remarks = with_logits(model, "mine.keras")
    np.testing.assert_allclose(found(pixels).numpy(), logits_of(model, pixels), rtol=1e-5, atol=1e-5)
    assert len(remarks) == 1
    assert "softmax of mine.keras is left out" in remarks[0]


def test_logits_are_left_as_they_are():
    model = network()
    assert with_logits(model, "mine.keras") == (model, [])


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (lambda: (layers.Dense(1),), "two logits of one z, 0 and z"),
        (lambda: (layers.Dense(1, activation="sigmoid"),), "one output"),
        (
            lambda: (layers.Dense(3, activation="sigmoid"),),
            "ends in sigmoid, as of classes that do not exclude each other",
        ),
        (lambda: (layers.Dense(3), tf.sigmoid), "ends in sigmoid"),
        (lambda: (layers.Dense(3), tf.nn.softmax), "ends in softmax, but logits are needed"),
        (lambda: (layers.Dense(3), layers.ReLU()), "ends in relu"),
        (lambda: (layers.Dense(3, activation="tanh"),), "ends in tanh"),
        (
            lambda: (layers.Dense(3), tf.exp, lambda x: x / tf.reduce_sum(x, 1, keepdims=True)),
            "gives probabilities",
        ),
        (lambda: (lambda x: layers.Dropout(0.5)(x, training=True), layers.Dense(3)), "with training=True"),
        (
            lambda: (
                layers.Dense(4),
                lambda x: layers.BatchNormalization()(x, training=True),
                layers.Dense(3),
            ),
            "with training=True",
        ),
        (
            lambda: (lambda x: layers.GaussianNoise(1e-3)(x, training=True), layers.Dense(3)),
            "with training=True",
        ),
        (lambda: (lambda x: x * tf.random.uniform(tf.shape(x)), layers.Dense(3)), "asked twice"),
        (lambda: (lambda x: x - tf.reduce_mean(x, 0, keepdims=True), layers.Dense(3)), "beside others"),
        (lambda: (layers.Dense(3, activation=layers.ReLU()),), "ends in relu"),
        (lambda: (layers.Dense(3, activation=partial(keras.activations.sigmoid)),), "ends in sigmoid"),
    ],
)
def test_other_answers_are_refused(last, words):
    with pytest.raises(BamError, match=words):
        with_logits(network(*last()), "mine.keras")


def test_a_softmax_that_also_stands_inside_is_left_out_at_the_end_alone():
    softmax, inputs = layers.Softmax(), keras.Input((8, 8, 3))
    before = layers.Dense(3)(layers.Flatten()(layers.Rescaling(1 / 255)(inputs)))
    logits = layers.Dense(3)(softmax(before))
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    found, _ = with_logits(keras.Model(inputs, softmax(logits)), "mine.keras")
    expected = keras.Model(inputs, logits)(pixels).numpy()
    np.testing.assert_allclose(found(pixels).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_of_an_inner_model_the_output_that_is_used_counts():
    features = keras.Input((192,))
    scores = layers.Dense(3)(features)
    inner = keras.Model(features, [features, scores, layers.Softmax()(scores)])
    inputs = keras.Input((8, 8, 3))
    outputs = inner(layers.Flatten()(layers.Rescaling(1 / 255)(inputs)))
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    found, remarks = with_logits(keras.Model(inputs, outputs[2]), "mine.keras")
    np.testing.assert_allclose(
        found(pixels).numpy(), keras.Model(inputs, outputs[1])(pixels).numpy(), atol=1e-5
    )
    assert len(remarks) == 1
    assert with_logits(keras.Model(inputs, outputs[1]), "mine.keras")[1] == []


def test_a_classifier_made_in_python_is_checked_too():
    from bam.models.classifier import Classifier

    with pytest.raises(BamError, match="mine ends in sigmoid"):
        Classifier(network(layers.Dense(3, activation="sigmoid")), "abc", "mine")
    model = network(layers.Dense(3, activation="softmax"))
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    found = Classifier(model, "abc", "mine")
    np.testing.assert_allclose(found.logits(pixels), logits_of(model, pixels), rtol=1e-5, atol=1e-5)
    assert found.remarks == ("The last softmax of mine is left out, since logits are explained.",)
    assert found.in_float32().remarks == found.remarks
