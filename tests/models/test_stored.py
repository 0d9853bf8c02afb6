import zipfile

import numpy as np
import pytest
import tf_keras as keras

from data_prep.errors import BamError
from models.stored import load_keras_file


def network(activation=None, inputs=(8, 8, 3)):
    layers = [keras.Input(inputs), keras.layers.Flatten(), keras.layers.Dense(2, activation=activation)]
    return keras.Sequential(layers)


def test_a_network_of_ones_own_is_a_classifier(tmp_path):
    model = network()
    model.save(tmp_path / "mine.keras")
    classifier = load_keras_file(tmp_path / "mine.keras", ["cat", "dog"], "bfloat16", 7)
    assert (classifier.name, classifier.labels, classifier.class_names) == ("mine", None, ("cat", "dog"))
    assert (classifier.precision, classifier.batch_size) == ("bfloat16", 7)
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(classifier.logits(images), model(images), rtol=0.05, atol=1)


def test_what_is_no_classifier_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    code = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Lambda(lambda x: x[:, 0, 0])(inputs)))
    two = keras.Model(inputs, [keras.layers.Dense(2)(keras.layers.Flatten()(inputs))] * 2)
    models = {"code": code, "two": two, "flat": network(inputs=(12,)), "softmax": network("softmax")}
    models["sound"] = network()
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    models["code"].save(tmp_path / "old.h5")
    (tmp_path / "old.h5").rename(tmp_path / "old.keras")  # Keras would run the code in it
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("nothing", "")
    whole = (tmp_path / "sound.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "sound.zip").write_bytes(whole)
    for name, words in {
        "absent.keras": "there is no model file",
        "code.keras": r"cannot be read as a \.keras file",
        "old.keras": "no archive",
        "half.keras": "no archive",
        "sound.zip": "no archive",
        "empty.keras": r"cannot be read as a \.keras file",
        "two.keras": "from images to logits is needed",
        "flat.keras": r"goes from \[\(None, 12\)\] to \[\(None, 2\)\]",
        "softmax.keras": "gives probabilities, but logits are needed",
    }.items():
        with pytest.raises(BamError, match=words) as caught:
            load_keras_file(tmp_path / name, "ab")
        assert "\n" not in str(caught.value)
    with pytest.raises(BamError, match="2 outputs, but 3 class names"):
        load_keras_file(tmp_path / "sound.keras", "abc")
