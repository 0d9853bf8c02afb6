"""Networks of Keras 3 are explained as the same networks of tf_keras are."""

import numpy as np
import pytest
import tf_keras

from bam.attributions import METHODS, explain
from bam.base.errors import BamError
from bam.models import load_classifier
from bam.models.classifier import Classifier
from bam.models.keras3.operation import Keras3Layer
from bam.models.keras3.translation import translated
from bam.models.network.description import network_digest

keras = pytest.importorskip("keras", minversion="3.0")
layers, ops = keras.layers, keras.ops
TARGETS = np.array([0, 1, 2])
METHODS_OF_BOTH = (
    *("vanilla_gradient", "smoothgrad", "integrated_gradients", "guided_backprop", "grad_cam"),
    *("layered_grad_cam", "guided_grad_cam", "fullgrad", "sliding_patch", "rise"),
)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(3).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)


def weighted(model):
    """With random weights, among them those that are never negative."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "float" in str(weight.dtype):
            values = rng.normal(0, 0.3, weight.shape)
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


def plain(library):
    """The same network in Keras 3 and in tf_keras."""
    kinds = library.layers
    inputs = library.Input((16, 16, 3), name="pixels")
    x = kinds.Rescaling(1 / 127.5, -1.0, name="scale")(inputs)
    x = kinds.BatchNormalization(name="norm")(kinds.Conv2D(6, 3, padding="same", name="conv")(x))
    x = kinds.ReLU(name="relu")(x)
    y = kinds.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = kinds.Concatenate(name="both")(
        [kinds.Add(name="sum")([x, y]), kinds.MaxPooling2D(3, 1, "same", name="max")(x)]
    )
    x = kinds.Dropout(0.3, name="dropout")(kinds.GlobalAveragePooling2D(name="mean")(x))
    return library.Model(inputs, kinds.Dense(3, name="logits")(x), name="plain")


def test_it_is_the_same_network_as_in_tf_keras(noise, tmp_path):
    model, same = weighted(plain(keras)), plain(tf_keras)
    found = translated(model, "mine")
    same.set_weights(found.get_weights())
    assert network_digest(found) == network_digest(same)
    model.save(tmp_path / "mine.keras")
    model.save(tmp_path / "mine.h5")
    for name in ("mine.keras", "mine.h5"):
        classifier, expected = (
            load_classifier(tmp_path / name, class_names=list("abc")),
            Classifier(same, "abc"),
        )
        np.testing.assert_allclose(
            classifier.logits(noise), model.predict(noise, verbose=0), rtol=1e-4, atol=1e-5
        )
        for method in METHODS_OF_BOTH:
            maps, wanted = (explain(each, noise, TARGETS, method) for each in (classifier, expected))
            assert np.linalg.norm(maps - wanted) < 1e-4 * np.linalg.norm(wanted), method


def test_nested_networks_are_flat_and_augmentation_is_left_out(noise, tmp_path):
    backbone = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(4, 3, activation="relu", name="conv5")], name="backbone"
    )
    augmentation = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.2)], name="augmentation")
    inputs = keras.Input((16, 16, 3), name="pixels")
    x = keras.applications.mobilenet_v2.preprocess_input(augmentation(inputs))
    x = layers.GlobalAveragePooling2D(name="mean")(
        backbone(backbone(x, training=False)[:, :, :, :3] if 0 else x)
    )
    model = weighted(keras.Model(inputs, layers.Dense(3, name="end", activation="softmax")(x)))
    model.save(tmp_path / "mine.keras")
    classifier = load_classifier(tmp_path / "mine.keras", class_names=list("abc"))
    names = [layer.name for layer in classifier.model.layers]
    assert names[0] == "pixels"
    assert names[-3:] == ["backbone/conv5", "mean", "end"]
    assert not any(isinstance(layer, Keras3Layer) for layer in classifier.model.layers)
    assert classifier.remarks == (
        f"The last softmax of {tmp_path / 'mine.keras'} is left out, since logits are explained.",
    )
    np.testing.assert_allclose(classifier.softmax(noise), model.predict(noise, verbose=0), rtol=1e-4)
    for method in ("grad_cam", "fullgrad", "guided_backprop"):
        assert METHODS[method].unsuited(classifier) is None
    assert explain(classifier, noise, TARGETS, "grad_cam", layer="backbone/conv5").max() > 0


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocessing_inside_is_preprocessing(mode, noise):
    """So the full gradient is complete, whose first term is the preprocessed image's."""
    from bam.attributions.fullgrad import full_gradient

    inputs = keras.Input((16, 16, 3))
    x = keras.applications.imagenet_utils.preprocess_input(inputs, mode=mode)
    x = layers.Flatten()(layers.Conv2D(4, 3, strides=2, activation="relu")(x))
    model = weighted(keras.Model(inputs, layers.Dense(3)(x)))
    classifier = Classifier(translated(model, "mine"), "abc")
    logits = np.asarray(model(noise))
    np.testing.assert_allclose(classifier.logits(noise), logits, rtol=1e-4, atol=1e-4 * np.abs(logits).max())
    (terms,) = full_gradient(classifier, noise, TARGETS)
    found = sum(term.reshape(3, -1).sum(1) for term in terms)
    np.testing.assert_allclose(
        found, logits[np.arange(3), TARGETS], rtol=1e-3, atol=1e-4 * np.abs(logits).max()
    )


def transformer():
    inputs = keras.Input((16, 16, 3))
    x = layers.Reshape((16, 8))(layers.Conv2D(8, 4, strides=4)(layers.Rescaling(1 / 255)(inputs)))
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(y, y)])
    x = x + layers.Dense(8, activation="gelu")(layers.LayerNormalization()(x))
    x = keras.activations.gelu(x, approximate=True)
    return keras.Model(inputs, layers.Dense(3)(x[:, 0] + ops.mean(x, axis=1)))


def odd():
    """What tf_keras lacks, or has with another meaning."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="hard_sigmoid")(layers.Rescaling(1 / 255)(inputs))
    x = layers.GroupNormalization(2)(layers.RMSNormalization()(x))
    first, second = ops.split(ops.concatenate([x, ops.flip(x, 1)], -1), 2, -1)
    x = layers.Flatten()(2.0 - first * second / 3.0)
    return keras.Model(inputs, layers.Dense(3)(layers.Dense(5, activation=layers.LeakyReLU(0.1))(x)))


def normalised():
    inputs = keras.Input((16, 16, 3), dtype="uint8")
    norm = layers.Normalization()
    norm.adapt(np.random.default_rng(1).uniform(0, 200, (20, 16, 16, 3)))
    x = layers.Conv2D(4, 3, activation="relu6")(norm(inputs))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


@pytest.mark.parametrize("build", [transformer, odd, normalised])
def test_derivatives_are_those_of_keras_3(build, noise):
    import tensorflow as tf

    model = build() if build is normalised else weighted(build())
    network = translated(model, "mine")
    images = noise.round()
    classifier = Classifier(network, "abc")
    logits = np.asarray(model(images, training=False))
    np.testing.assert_allclose(classifier.logits(images), logits, rtol=1e-4, atol=1e-4 * np.abs(logits).max())
    if build is normalised:
        assert [layer.name for layer in network.layers][1].startswith("normalization")
        return  # Keras 3 makes whole numbers of the pixels, which have no derivatives
    with tf.GradientTape() as tape:
        pixels = tf.constant(images)
        tape.watch(pixels)
        score = tf.gather(model(pixels, training=False), TARGETS, batch_dims=1)
    expected = tape.gradient(score, pixels).numpy()
    found = explain(classifier, images, TARGETS, "vanilla_gradient")
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)
    assert classifier.digest == Classifier(translated(model, "again"), "abc").digest


def test_methods_that_look_inside_are_refused_where_that_cannot_be():
    classifier = Classifier(translated(weighted(odd()), "mine"), "abc")
    kinds = {layer.kind for layer in classifier.model.layers if isinstance(layer, Keras3Layer)}
    assert kinds == {"conv2_d", "rms_normalization", "concatenate", "flip", "split"}
    assert "not linear between ReLUs" in METHODS["fullgrad"].unsuited(classifier)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    bent = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(ops.log1p(x))))
    hard = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.Activation("hard_silu", name="h")(x))))
    straight = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(ops.flip(x, 1))))
    reasons = [
        METHODS["guided_backprop"].unsuited(Classifier(translated(model, "mine"), "abc"))
        for model in (bent, hard, straight)
    ]
    assert reasons[0].endswith("has another activation beside its ReLUs (log1p: log1p)")
    assert reasons[1].endswith("(h: hard_silu)")
    assert reasons[2] is None


def test_functions_of_values_become_layers(noise):
    inputs = keras.Input((16, 16, 3))
    x = ops.relu(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(inputs)))
    x = layers.Flatten()(ops.relu6(ops.add(x, x)))
    for end in (ops.softmax, lambda x: keras.activations.softmax(x)):
        model = weighted(keras.Model(inputs, end(layers.Dense(3)(x))))
        classifier = Classifier(translated(model, "mine"), "abc")
        assert not any(isinstance(layer, Keras3Layer) for layer in classifier.model.layers)
        np.testing.assert_allclose(classifier.softmax(noise), np.asarray(model(noise)), rtol=1e-4)
        assert METHODS["guided_backprop"].unsuited(classifier) is None
    for end, words in ((ops.sigmoid, "ends in sigmoid"), (ops.log_softmax, "ends in log_softmax")):
        with pytest.raises(BamError, match=words):
            Classifier(translated(keras.Model(inputs, end(layers.Dense(3)(x))), "mine"), "abc", "mine")


def test_layers_that_are_called_twice_share_their_weights(noise):
    inputs = keras.Input((16, 16, 3))
    shared, lacking = layers.Conv2D(3, 3, padding="same", activation="relu"), layers.RMSNormalization()
    inner = keras.Sequential([keras.Input((16, 16, 3)), shared, lacking], name="inner")
    x = inner(inner(layers.Rescaling(1 / 255)(inputs)))
    model = weighted(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x))))
    network = translated(model, "mine")
    assert len(network.weights) == len(model.weights)
    classifier = Classifier(network, "abc")
    np.testing.assert_allclose(classifier.logits(noise), np.asarray(model(noise)), rtol=1e-4, atol=1e-5)


def test_an_image_of_one_colour_and_one_that_is_not_square():
    inputs = keras.Input((12, 20, 3))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    model = weighted(keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))
    classifier = Classifier(translated(model, "mine"), "abc")
    images = np.full((1, 12, 20, 3), 90, np.float32)
    np.testing.assert_allclose(classifier.logits(images), np.asarray(model(images)), rtol=1e-4, atol=1e-6)
    assert explain(classifier, images, [0], "grad_cam").shape == (1, 12, 20)


def test_half_precision_is_rebuilt_too(noise):
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", dtype="mixed_float16")(layers.Rescaling(1 / 255)(inputs))
    model = weighted(keras.Model(inputs, layers.Dense(3, dtype="float32")(layers.Flatten()(x))))
    logits = np.asarray(model(noise))
    found = translated(model, "mine")(noise).numpy()
    np.testing.assert_allclose(found, logits, atol=0.02 * np.abs(logits).max())


class Unseen(keras.layers.Layer):
    """It depends on what it has seen."""

    def call(self, x):
        return x + ops.cast(keras.random.uniform(()), x.dtype)


def test_what_cannot_be_rebuilt_is_one_line():
    inputs = keras.Input((16, 16, 3))
    x = layers.Flatten()(inputs)
    two = keras.Model(inputs, [layers.Dense(3)(x), layers.Dense(2)(x)])
    random = keras.Model(inputs, layers.Dense(3)(Unseen(name="unseen")(x)))

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    for model, words in (
        (two, r"goes from \[\(None, 16, 16, 3\)\] to \[\(None, 3\), \(None, 2\)\]"),
        (keras.Sequential([keras.Input((12,)), layers.Dense(2)]), r"goes from \[\(None, 12\)\]"),
        (random, r"has a layer that cannot be rebuilt in tf_keras \(unseen"),
        (Subclassed(), "is a subclassed model"),
    ):
        with pytest.raises(BamError, match=words) as caught:
            translated(model, "mine.keras")
        assert "\n" not in str(caught.value)
