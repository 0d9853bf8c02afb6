"""A network whose weights are changed is put back, however they were changed."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.unchanged import unchanged

IMAGES = np.random.default_rng(0).uniform(1, 255, (2, 5, 4, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu", name="conv", input_shape=IMAGES.shape[1:]),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, name="logits"),
    ]
    return Classifier(keras.Sequential(layers), "abc", "tiny")


def lent(classifier, borrower):
    with unchanged(classifier, borrower.__name__):
        borrower()


def training(model):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(IMAGES) ** 2)
    weights = model.trainable_weights
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


CHANGES = {
    "assign": lambda model: model.get_layer("conv").kernel.assign(np.zeros((3, 3, 3, 4))),
    "assign_add": lambda model: model.get_layer("conv").kernel.assign_add(np.ones((3, 3, 3, 4))),
    "one value": lambda model: model.get_layer("conv").kernel[0, 0, 0, 0].assign(9.0),
    "nan": lambda model: model.get_layer("conv").kernel.assign(np.full((3, 3, 3, 4), np.nan)),
    "set_weights": lambda model: model.set_weights([weight + 1 for weight in model.get_weights()]),
    "training": training,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_is_seen_and_undone(classifier, change):
    before, gradient = classifier.model.get_weights(), classifier.gradient(IMAGES, [0, 1])
    classifier.forget()

    def careless():
        change(classifier.model)
        classifier.gradient(IMAGES, [0, 1])  # made of other weights

    with pytest.raises(BamError, match=r"careless changed the weights of tiny \(conv/kernel:0\), which"):
        lent(classifier, careless)
    for weight, expected in zip(classifier.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(classifier.gradient(IMAGES, [0, 1]), gradient)


def test_moments_count_too(classifier):
    with pytest.raises(BamError, match=r"norm/moving_mean:0"):
        lent(classifier, lambda: classifier.model(IMAGES, training=True))


def test_what_is_put_back_has_not_changed(classifier):
    kernel = classifier.model.get_layer("conv").kernel
    before = kernel.numpy()
    classifier.gradient(IMAGES, [0, 1])
    made = classifier.network
    lent(classifier, lambda: (kernel.assign(0 * before), kernel.assign(before)))
    assert classifier.network is made


def test_a_weight_that_is_nan_has_not_changed():
    layers = [keras.layers.Flatten(input_shape=IMAGES.shape[1:]), keras.layers.Dense(2, name="logits")]
    classifier = Classifier(keras.Sequential(layers), "ab", "tiny")
    bias = classifier.model.get_layer("logits").bias
    bias.assign([np.nan, 0])
    lent(classifier, lambda: None)
    with pytest.raises(BamError, match="logits/bias:0"):
        lent(classifier, lambda: bias.assign([0, np.nan]))
    np.testing.assert_array_equal(bias, [np.nan, 0])


def test_an_error_in_between_is_the_one_that_is_raised(classifier):
    before = classifier.model.get_weights()[0]

    def failing():
        CHANGES["assign"](classifier.model)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lent(classifier, failing)
    np.testing.assert_array_equal(classifier.model.get_weights()[0], before)


def test_a_network_of_pytorch():
    torch = pytest.importorskip("torch")
    from torch import nn

    from bam.models.torch.classifier import TorchClassifier

    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(12, 2))
    classifier = TorchClassifier(module, "ab", (5, 4), name="tiny")
    gradient = classifier.gradient(IMAGES, [0, 1])
    lent(classifier, lambda: classifier.gradient(IMAGES, [0, 1]))
    changes = {
        "0.weight": lambda: module[0].weight.data.zero_(),
        "3.bias": lambda: module[3].bias.add_(1),
        "1.running_mean": lambda: module.train()(torch.ones(2, 3, 5, 4)),
    }
    for name, change in changes.items():
        with pytest.raises(BamError, match=rf"changed the weights of tiny \({name}\)"):
            lent(classifier, change)
        module.eval()
        np.testing.assert_array_equal(classifier.gradient(IMAGES, [0, 1]), gradient)
