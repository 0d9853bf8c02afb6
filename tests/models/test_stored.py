import json
import zipfile

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.stored import load_keras_file


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


def test_a_file_that_names_other_modules_is_refused_before_they_are_imported(tmp_path, monkeypatch):
    """An activation is looked up in whatever module the file names, which is imported for it."""
    network("relu").save(tmp_path / "sound.keras")
    (tmp_path / "trap.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('sprung').touch()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    foreign = {"module": "trap", "class_name": "function", "config": "touch", "registered_name": "function"}
    with (
        zipfile.ZipFile(tmp_path / "sound.keras") as sound,
        zipfile.ZipFile(tmp_path / "hostile.keras", "w") as hostile,
    ):
        for name in sound.namelist():
            content = sound.read(name)
            if name == "config.json":
                content = content.replace(b'"relu"', json.dumps(foreign).encode())
                assert b"trap" in content
            hostile.writestr(name, content)
    with pytest.raises(BamError, match=r"names trap.function, which is no part of a network"):
        load_keras_file(tmp_path / "hostile.keras", ["cat", "dog"])
    assert not (tmp_path / "sprung").exists()


def test_networks_with_policies_operators_and_training_settings_can_be_read(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten(dtype="mixed_bfloat16")(inputs / 255)
    outputs = keras.layers.Dense(2, kernel_regularizer="l2", kernel_constraint="max_norm")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.save(tmp_path / "rich.keras")
    assert load_keras_file(tmp_path / "rich.keras", ["cat", "dog"]).name == "rich"
