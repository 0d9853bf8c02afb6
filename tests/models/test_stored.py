import json
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models import Models, load_classifier


def network(activation=None, inputs=(8, 8, 3)):
    layers = [keras.Input(inputs), keras.layers.Flatten(), keras.layers.Dense(2, activation=activation)]
    return keras.Sequential(layers)


def test_a_network_of_ones_own_is_a_classifier(tmp_path):
    model = network()
    model.save(tmp_path / "mine.keras")
    classifier = load_classifier(tmp_path / "mine.keras", "bfloat16", 7, class_names=["cat", "dog"])
    assert (classifier.name, classifier.labels, classifier.class_names) == ("mine", None, ("cat", "dog"))
    assert (classifier.precision, classifier.batch_size) == ("bfloat16", 7)
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(classifier.logits(images), model(images), rtol=0.05, atol=1)


def test_a_last_softmax_is_left_out_and_pixels_are_put_on_the_networks_scale(tmp_path):
    model = network("softmax")
    model.save(tmp_path / "mine.keras")
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    classifier = load_classifier(tmp_path / "mine.keras", class_names=["cat", "dog"], preprocess="-1..1")
    np.testing.assert_allclose(classifier.softmax(images), model(images / 127.5 - 1), rtol=1e-4)
    assert classifier.remarks == (
        f"The last softmax of {tmp_path / 'mine.keras'} is left out, since logits are explained.",
    )
    plain = load_classifier(tmp_path / "mine.keras", class_names=["cat", "dog"])
    assert plain.digest != classifier.digest
    with pytest.raises(BamError, match="preprocessing '0-1'"):
        load_classifier(tmp_path / "mine.keras", class_names=["cat", "dog"], preprocess="0-1")
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(BamError, match=r"`preprocess` is for a network of your own"):
        load_classifier(tmp_path, preprocess="0..1")


def test_what_is_no_classifier_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    code = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Lambda(lambda x: x[:, 0, 0])(inputs)))
    two = keras.Model(inputs, [keras.layers.Dense(2)(keras.layers.Flatten()(inputs))] * 2)
    models = {"code": code, "two": two, "flat": network(inputs=(12,)), "sigmoid": network("sigmoid")}
    models["sound"] = network()
    features = keras.layers.GlobalAveragePooling2D()
    models["any_size"] = keras.Sequential([keras.Input((None, None, 3)), features, keras.layers.Dense(2)])
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
        "old.keras": "is an HDF5 file, whatever its name",
        "half.keras": "no archive",
        "sound.zip": "its name does not end so",
        "empty.keras": r"cannot be read as a \.keras file",
        "two.keras": "from images to logits is needed",
        "any_size.keras": "takes pictures of any size, but one is needed: give `input_size`",
        "flat.keras": r"goes from \[\(None, 12\)\] to \[\(None, 2\)\]",
        "sigmoid.keras": "ends in sigmoid, as of classes",
    }.items():
        with pytest.raises(BamError, match=words) as caught:
            load_classifier(tmp_path / name, class_names=["a", "b"])
        assert "\n" not in str(caught.value)
    with pytest.raises(BamError, match="2 outputs, but 3 class names"):
        load_classifier(tmp_path / "sound.keras", class_names=list("abc"))


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_network_for_any_size_is_given_one(library, tmp_path):
    layers = pytest.importorskip(library).layers
    model = pytest.importorskip(library).Sequential(
        [
            layers.Input((None, None, 3)) if library == "keras" else layers.InputLayer((None, None, 3)),
            layers.Conv2D(4, 3, strides=2, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    model.save(tmp_path / "net.keras")
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 11, 9, 3)).astype(np.float32)
    classifiers = [
        load_classifier(tmp_path / "net.keras", class_names=["a", "b"], input_size=size, preprocess="0..1")
        for size in ("11,9", (11, 9), 16)
    ]
    assert [each.input_size for each in classifiers] == [(11, 9), (11, 9), (16, 16)]
    first, again, other = classifiers
    np.testing.assert_allclose(first.logits(pixels), np.asarray(model(pixels / 255)), rtol=1e-4, atol=1e-5)
    assert first.features(pixels, "conv").shape == (2, 5, 4, 4)
    assert first.digest == again.digest != other.digest
    for size, words in (
        (2, r"cannot take pictures of 2 x 2 \(.*\): give another `input_size`$"),
        ("big", "`input_size` must be a number of pixels"),
    ):
        with pytest.raises(BamError, match=words) as caught:
            load_classifier(tmp_path / "net.keras", class_names=["a", "b"], input_size=size)
        assert "\n" not in str(caught.value)


def test_a_network_for_one_size_keeps_it(tmp_path):
    network().save(tmp_path / "net.keras")
    how = {"class_names": ["a", "b"]}
    assert not load_classifier(tmp_path / "net.keras", **how, input_size=8).remarks
    other = load_classifier(tmp_path / "net.keras", **how, input_size=(8, 9))
    assert other.input_size == (8, 8)
    assert "takes pictures of 8 x 8 alone: `input_size` changes nothing of it." in other.remarks[0]


def test_a_file_that_names_other_modules_is_refused_before_they_are_imported(edited, tmp_path, monkeypatch):
    """An activation is looked up in whatever module the file names, which is imported for it."""
    network("relu").save(tmp_path / "sound.keras")
    (tmp_path / "trap.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('sprung').touch()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    foreign = {"module": "trap", "class_name": "function", "config": "touch", "registered_name": "function"}
    edited(tmp_path / "sound.keras", tmp_path / "hostile.keras", '"relu"', json.dumps(foreign))
    with pytest.raises(BamError, match=r"names trap.function, which is no part of a network"):
        load_classifier(tmp_path / "hostile.keras", class_names=["cat", "dog"])
    assert not (tmp_path / "sprung").exists()


def test_functions_of_tensorflow_that_a_file_names_are_of_tensors(edited, tmp_path):
    inputs = keras.Input((8, 8, 3))
    logits = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs))
    keras.Model(inputs, tf.reshape(logits * 2, (-1, 2))).save(tmp_path / "sound.keras")
    load_classifier(tmp_path / "sound.keras", class_names=["cat", "dog"])
    for found in ('"reshape"', '"math.multiply"'):
        edited(tmp_path / "sound.keras", tmp_path / "hostile.keras", found, '"io.write_file"')
        with pytest.raises(BamError, match=r"holds a TFOpLambda that calls what is no function of tensors"):
            load_classifier(tmp_path / "hostile.keras", class_names=["cat", "dog"])


def test_layers_of_keras_applications_are_parts_of_networks(edited, tmp_path):
    """Of InceptionResNetV2, ConvNeXt and EfficientNetV2; nothing else of their modules is."""
    from tf_keras.src.applications.convnext import LayerScale, StochasticDepth
    from tf_keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, kernel_initializer=tf.compat.v2.constant_initializer(0.1))(inputs)
    x = StochasticDepth(0.2)(LayerScale(0.5, 4)(CustomScaleLayer(0.3)([x, x])))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    model.save(tmp_path / "mine.keras")
    classifier = load_classifier(tmp_path / "mine.keras", class_names=["cat", "dog"])
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(classifier.logits(images), model(images), rtol=1e-4, atol=1e-4)
    assert np.abs(classifier.gradient(images, np.zeros(3, int))).max() > 0
    for found, other in (
        ("CustomScaleLayer", "InceptionResNetV2"),
        ("tf_keras.src.applications.inception_resnet_v2", "tf_keras.src.applications.imagenet_utils"),
        ("tf_keras.src.applications.convnext", "keras.applications.convnext"),
        ("tensorflow.python.ops.init_ops_v2", "tensorflow.python.ops.io_ops"),
    ):
        edited(tmp_path / "mine.keras", tmp_path / "hostile.keras", found, other)
        with pytest.raises(BamError, match=r"which is no part of a network"):
            load_classifier(tmp_path / "hostile.keras", class_names=["cat", "dog"])


def test_networks_with_policies_operators_and_training_settings_can_be_read(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten(dtype="mixed_bfloat16")(inputs / 255)
    outputs = keras.layers.Dense(2, kernel_regularizer="l2", kernel_constraint="max_norm")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.save(tmp_path / "rich.keras")
    assert load_classifier(tmp_path / "rich.keras", class_names=["cat", "dog"]).name == "rich"


def test_class_names_are_a_list_or_a_text_file(tmp_path):
    network().save(tmp_path / "mine.keras")
    (tmp_path / "names.txt").write_text("cat\n\n dog \n", encoding="utf-8")
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "marked.txt").write_text("cat\r\ndog\r\n", encoding="utf-8-sig")  # as Windows' editor does
    files = [tmp_path / "names.txt", str(tmp_path / "names.txt"), tmp_path / "marked.txt"]
    for names in (["cat", "dog"], *files):
        assert load_classifier(tmp_path / "mine.keras", class_names=names).class_names == ("cat", "dog")
    for names, words in (
        (None, r"needs `class_names`, a list or a text file with one per line"),
        (tmp_path / "absent.txt", r"there is no file .*absent\.txt"),
        (tmp_path / "noise", "is no text in UTF-8: save it so, with one class per line"),
        ([], "2 outputs, but 0 class names"),
    ):
        with pytest.raises(BamError, match=words):
            load_classifier(tmp_path / "mine.keras", class_names=names)


def test_a_model_of_an_earlier_version_names_its_first_digest_alone(scene_model_folder, tmp_path):
    model = load_classifier(scene_model_folder / "scene")
    model.model.save(tmp_path / "model.keras")
    for digest in (model.digest, model.seed_digest):
        (tmp_path / "model.json").write_text(json.dumps({**model.description, "digest": digest}))
        assert load_classifier(tmp_path).digest == model.digest


def test_models_are_loaded_once(scene_model_folder, tmp_path):
    network().save(tmp_path / "mine.keras")
    (tmp_path / "names.txt").write_text("cat\ndog")
    models = Models(scene_model_folder, "bfloat16", 7)
    scene = models["scene"]
    assert (scene.name, scene.precision, scene.batch_size) == ("scene", "bfloat16", 7)
    assert models["scene"] is scene
    exact = models.in_float32()
    assert (exact["scene"].precision, exact["scene"].batch_size) == ("float32", 7)
    assert exact.in_float32() is exact
    assert (models.has("scene"), models.has("object")) == (True, False)
    with pytest.raises(BamError, match=r"python -m bam\.train --labels object"):
        models["object"]
    mine = models.file(tmp_path / "mine.keras", ["cat", "dog"])
    assert mine.precision == "bfloat16"
    assert models.file(str(tmp_path / "mine.keras"), tmp_path / "names.txt") is mine
    assert models.file(tmp_path / "mine.keras", ["tail", "head"]).class_names == ("tail", "head")
    with pytest.raises(BamError, match="needs `class_names`, a list or a text file"):
        models.file(tmp_path / "mine.keras", None)


def test_a_model_of_another_dataset_is_refused(scene_model_folder, dataset, tmp_path):
    models = Models(scene_model_folder)
    assert models.trained_on(dataset, "scene") is models["scene"]
    other = SimpleNamespace(fingerprint="other", folder="data/other")
    with pytest.raises(BamError, match="scene was trained on another dataset than data/other: give the"):
        models.trained_on(other, "scene")


def test_models_need_no_tensorflow_until_one_is_loaded():
    code = "import sys, bam.models.stored; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
