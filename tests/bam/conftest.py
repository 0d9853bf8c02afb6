"""A network that commands train and explain in no time."""

import pytest


@pytest.fixture(scope="module")
def tiny():
    """The name of an architecture for 16 px, known as long as the tests of a file run."""
    import tf_keras as keras

    from bam.models.architectures import ARCHITECTURES, Architecture

    def build(classes, weights):
        layers = keras.layers
        inputs = keras.Input((16, 16, 3))
        x = layers.Conv2D(6, 3, 2, padding="same")(layers.Rescaling(1 / 255, name="preprocess")(inputs))
        x = layers.ReLU()(layers.BatchNormalization()(x))
        return keras.Model(inputs, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)), name="tiny")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", Architecture(build, 16, 1000, 1e-2))
        yield "tiny"
