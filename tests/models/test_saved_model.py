"""SavedModel folders are run as they are: black-box methods and gradients."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bam.attributions import METHODS, explain
from bam.base.errors import BamError
from bam.models import load_classifier
from bam.models.classifier import Classifier

layers = tf_keras.layers


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(3).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


def network(library, *last):
    kinds = library.layers
    inputs = library.Input((8, 8, 3))
    x = kinds.Conv2D(4, 3, activation="relu")(kinds.Rescaling(1 / 255)(inputs))
    x = kinds.Dense(2)(kinds.Flatten()(x))
    for layer in last:
        x = layer(x)
    return library.Model(inputs, x)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_it_gives_what_the_network_gives_and_its_gradients(library, noise, tmp_path):
    library = pytest.importorskip(library)
    model = network(library)
    model.save(tmp_path / "mine") if library is tf_keras else model.export(tmp_path / "mine", verbose=False)
    classifier = load_classifier(tmp_path / "mine", class_names=["cat", "dog"])
    np.testing.assert_allclose(
        classifier.logits(noise), model.predict(noise, verbose=0), rtol=1e-4, atol=1e-6
    )
    same = network(tf_keras)
    same.set_weights([np.array(weight) for weight in model.get_weights()])
    targets = np.array([0, 1, 1])
    for method in ("vanilla_gradient", "integrated_gradients"):
        maps, wanted = (
            explain(each, noise, targets, method) for each in (classifier, Classifier(same, "ab"))
        )
        assert np.linalg.norm(maps - wanted) < 1e-4 * np.linalg.norm(wanted)
    for method in ("guided_backprop", "grad_cam", "fullgrad", "attention_rollout"):
        if method in METHODS:
            reason = METHODS[method].unsuited(classifier)
            assert reason == "the network is a SavedModel, whose layers are out of reach", method
    shutil.copytree(tmp_path / "mine", tmp_path / "copy")
    assert load_classifier(tmp_path / "copy", class_names=["cat", "dog"]).digest == classifier.digest
    assert classifier.in_float32().digest == classifier.digest
    assert len(classifier.model.weights) == 4


def test_programs_of_other_weights_are_others(noise, tmp_path):
    found = []
    for name in ("one", "two"):
        model = network(tf_keras)
        model.save(tmp_path / name)
        found.append((model, load_classifier(tmp_path / name, class_names=["cat", "dog"], preprocess="0..1")))
    for model, classifier in found:
        np.testing.assert_allclose(classifier.logits(noise), model(noise / 255).numpy(), rtol=1e-4, atol=1e-6)
    assert found[0][1].digest != found[1][1].digest


class Program(tf.Module):
    def __init__(self, answer, shape, dtype=tf.float32):
        super().__init__()
        self.served = tf.function(answer, input_signature=[tf.TensorSpec(shape, dtype, "pixels")])


def test_what_is_no_classifier_is_refused(tmp_path):
    def flat(x):
        return tf.reshape(tf.cast(x, tf.float32), (-1, 192))[:, :2]

    shape = (None, 8, 8, 3)
    programs = {
        "two": Program(lambda x: {"a": flat(x), "b": flat(x)}, shape),
        "whole_numbers": Program(flat, shape, tf.uint8),
        "single": Program(flat, (1, 8, 8, 3)),
        "any_size": Program(lambda x: tf.reduce_mean(x, (1, 2))[:, :2], (None, None, None, 3)),
        "no_images": Program(lambda x: x[:, :2], (None, 12)),
    }
    for name, program in programs.items():
        tf.saved_model.save(program, tmp_path / name, signatures={"serving_default": program.served})
    tf.saved_model.save(tf.Module(), tmp_path / "unserved")
    network(tf_keras, layers.Softmax()).save(tmp_path / "softmax")
    shutil.copytree(tmp_path / "softmax", tmp_path / "damaged")
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"damaged")
    for name, words in {
        "two": "from images to logits is needed",
        "whole_numbers": "takes uint8, but floats are needed",
        "single": "takes 1 pictures at a time",
        "any_size": "takes pictures of any size, but one is needed",
        "no_images": r"goes from \[\(None, 12\)\] to \[\(None, 2\)\]",
        "unserved": "cannot be read as a SavedModel folder .*serving_default",
        "softmax": "gives probabilities, but logits are needed",
        "damaged": "cannot be read as a SavedModel folder",
    }.items():
        with pytest.raises(BamError, match=words) as caught:
            load_classifier(tmp_path / name, class_names=["cat", "dog"])
        assert "\n" not in str(caught.value)
    sized = load_classifier(tmp_path / "any_size", class_names=["cat", "dog"], input_size=8)
    assert sized.logits(np.full((1, 8, 8, 3), 7, np.float32)).tolist() == [[7, 7]]
