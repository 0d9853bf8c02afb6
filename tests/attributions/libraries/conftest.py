"""A small residual network, pictures that are not square, and other libraries where they can be imported."""

import sys

import numpy as np
import pytest
import tf_keras as keras

from bam.attributions.libraries import LIBRARIES
from bam.base.errors import BamError
from bam.models.classifier import Classifier

SIZE = 16, 20


def residual(bias=0.0):
    """Rectified layers without biases but the last one's, so that what they share out can be told."""
    keras.utils.set_random_seed(0)
    layers = keras.layers

    def wide(seed):
        return keras.initializers.RandomNormal(0, 0.3, seed)

    inputs = keras.Input((*SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(6, 3, 2, padding="same", use_bias=False, kernel_initializer=wide(0))(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.Conv2D(6, 3, padding="same", activation="relu", kernel_initializer=wide(1))(x)
    y = layers.Conv2D(6, 3, padding="same", name="inner", kernel_initializer=wide(2))(y)
    x = layers.ReLU(name="last")(layers.Add()([x, y]))
    dense = layers.Dense(3, kernel_initializer=wide(3), bias_initializer=keras.initializers.Constant(bias))
    return keras.Model(inputs, dense(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="session")
def classifier():
    return Classifier(residual(), "rgb", "residual", batch_size=8)


@pytest.fixture(scope="session")
def steep():
    """The same with larger logits, to whose derivatives a millionth is nothing."""
    model = residual()
    model.layers[-1].set_weights([30 * weight for weight in model.layers[-1].get_weights()])
    return Classifier(model, "rgb", "steep", batch_size=8)


@pytest.fixture(scope="session")
def batch():
    """Images of noise with a square each, and the class to explain."""
    images = np.random.default_rng(1).uniform(0, 255, (4, *SIZE, 3)).astype(np.float32)
    for place, image in enumerate(images):
        image[3 * place : 3 * place + 5, 4 * place : 4 * place + 6] = 80 * np.eye(4, 3)[place]
    return images, np.array([0, 1, 2, 1])


@pytest.fixture(scope="session")
def found():
    """From a library's name to what it is, where it can be used; else the test is skipped."""

    def find(name):
        library = LIBRARIES[name]
        try:
            library.imported()
        except BamError as error:
            pytest.skip(f"could not import '{library.module.split('.')[0]}': {error}")
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)  # several cost more than they bring for tiny networks
        return library

    return find
