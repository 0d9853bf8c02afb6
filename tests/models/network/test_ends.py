import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models import load_classifier
from bam.models.classifier import Classifier
from bam.models.network.ends import with_plain_ends

L = keras.layers


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


@pytest.fixture
def network():
    """From what makes inputs and outputs of tensors to a network of these."""
    inputs = keras.Input((8, 8, 3))
    features = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu")(inputs))
    logits, other = L.Dense(2)(features), L.Dense(3)(features)

    def make(ends):
        return keras.Model(*ends(inputs, logits, other))

    return make


@pytest.mark.parametrize(
    "ends",
    [
        lambda inputs, logits, other: (inputs, {"logits": logits}),
        lambda inputs, logits, other: (inputs, [logits]),
        lambda inputs, logits, other: (inputs, {"head": [logits]}),
        lambda inputs, logits, other: ({"image": inputs}, logits),
        lambda inputs, logits, other: ({"image": inputs}, {"logits": logits}),
    ],
)
def test_a_dictionary_or_list_of_one_stands_for_it(network, images, ends, tmp_path):
    model = network(ends)
    plain = keras.Model(model.inputs, model.outputs)
    model.save(tmp_path / "mine.keras")
    expected = Classifier(plain, "ab")
    for classifier in (
        Classifier(model, "ab"),
        load_classifier(tmp_path / "mine.keras", class_names=["a", "b"]),
    ):
        assert classifier.digest == expected.digest
        for asked in (
            lambda classifier: classifier.logits(images),
            lambda classifier: classifier.gradient(images, np.zeros(3, int)),
            lambda classifier: classifier.features(images),
        ):
            np.testing.assert_allclose(asked(classifier), asked(expected), rtol=1e-5, atol=1e-6)


def test_a_dictionary_of_several_is_refused_with_its_keys(network, tmp_path):
    model = network(lambda inputs, logits, other: (inputs, {"kind": logits, "place": other}))
    model.save(tmp_path / "two.keras")
    words = r"gives a dictionary \(kind, place\), but one output, logits, is needed: take keras.Model\("
    with pytest.raises(BamError, match=r"two\.keras " + words):
        load_classifier(tmp_path / "two.keras", class_names=["a", "b"])
    with pytest.raises(BamError, match="mine " + words):
        Classifier(model, "ab", "mine")


def test_networks_of_keras_3_are_rebuilt_and_those_of_other_libraries_refused(images):
    import keras as keras_3

    inputs = keras_3.Input((8, 8, 3))
    features = keras_3.layers.Conv2D(4, 3, activation="relu")(inputs)
    logits = keras_3.layers.Dense(2)(keras_3.layers.Flatten()(features))
    for outputs in (logits, {"logits": logits}, [logits]):
        model = keras_3.Model(inputs, outputs)
        found = Classifier(model, "ab", "mine").logits(images)
        np.testing.assert_allclose(found, keras_3.Model(inputs, logits).predict(images, verbose=0), rtol=1e-4)
    for other in (keras_3.layers.Dense(2), L.Dense(2)):
        with pytest.raises(BamError, match=r"mine is a (tf_)?keras\.Dense, but a network of Keras is needed"):
            Classifier(other, "ab", "mine")


def test_other_networks_stay_what_they_are(network):
    for ends in (
        lambda inputs, logits, other: (inputs, logits),
        lambda inputs, logits, other: (inputs, [logits, other]),
    ):
        model = network(ends)
        assert with_plain_ends(model, "mine") is model
    built = keras.Sequential([keras.Input((8, 8, 3)), L.Flatten()])
    for model in (built, keras.Sequential([L.Flatten()])):
        assert with_plain_ends(model, "mine") is model
