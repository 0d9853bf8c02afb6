"""A network whose probabilities are far from 0 and 1, and pictures that are not square."""

import numpy as np
import pytest
import tf_keras as keras

from bam.models.classifier import Classifier


@pytest.fixture(scope="session")
def classifier():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 20, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", padding="same")(x)
    outputs = keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(0, 5))(
        keras.layers.GlobalAveragePooling2D()(x)
    )
    return Classifier(keras.Model(inputs, outputs), "abc", "oblong", batch_size=8)


@pytest.fixture(scope="session")
def pair():
    """Two pictures and their targets."""
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 255, (2, 12, 20, 3)).astype(np.float32)
    images[0, :6, :9] = (250, 20, 20)
    images[1, 4:, 8:] = (10, 240, 30)
    return images, np.array([0, 2])


@pytest.fixture(scope="session")
def single_class():
    """A network with one class, as only one that was checked before can have."""
    inputs = keras.Input((12, 20, 3))
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(inputs))
    return Classifier(keras.Model(inputs, outputs), "a", "single", description={"config": {}})
