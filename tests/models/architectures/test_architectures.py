import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.architectures.weights import Published, load_weights
from bam.models.classifier import Classifier

# Weights as in the papers: with a thousand classes, all of them; small networks as they were designed.
PARAMETERS = {
    "small": (10, 310_266),
    "vit_tiny": (10, 217_290),
    "four_conv": (2, 16 * 27 + 32 * 144 + 64 * 288 + 128 * 576 + 4 * 240 + 14 * 14 * 128 * 64 + 64 * 33 + 98),
    "resnet50": (1000, 25_636_712),
    "vgg19": (1000, 143_667_240),
    "vit_b16": (1000, 86_567_656),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_network_is_flat_and_as_large_as_it_should_be(name):
    classes, parameters = PARAMETERS[name]
    model = build_model(name, classes, "none", seed=0)
    size = ARCHITECTURES[name].input_size
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, classes)
    assert model.count_params() == parameters
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    if not name.startswith("vit"):
        maps = [layer.output_shape for layer in model.layers[1:] if len(layer.output_shape) == 4]
        assert min(maps[-1][1:3]) >= 7
    else:
        attention = [layer for layer in model.layers if layer.name.endswith("_attention")]
        tokens = {"vit_tiny": 65, "vit_b16": 197}[name]
        assert {layer.output_shape[2:] for layer in attention} == {(tokens, tokens)}


def test_four_convolutions_give_the_maps_that_grad_cam_is_to_explain():
    model = build_model("four_conv", 10, "none", seed=0)
    assert model.get_layer("conv4").output_shape == (None, 28, 28, 128)
    images = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    classifier = Classifier(model, range(10))
    np.testing.assert_allclose(classifier.logits(images), model(images, training=False), rtol=1e-3, atol=1e-3)


def test_same_seed_same_weights():
    first, again, other = (build_model("small", 10, "none", seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_layers_have_the_same_names_whatever_was_built_before():
    """So that a layer can be named for all trainings of a network."""
    first, second = (build_model("small", 4, "none", 0) for _ in range(2))
    assert first.get_config() == second.get_config()
    assert first.layers[2].name == "conv2d"


def test_imagenet_file_gives_the_features_of_keras_applications(tmp_path):
    reference = keras.applications.ResNet50(include_top=False, weights=None)
    reference.save_weights(tmp_path / "notop.h5")
    model = build_model("resnet50", 10, str(tmp_path / "notop.h5"), seed=0)
    inner = keras.Model(model.inputs, model.get_layer("conv5_block3_out").output)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    expected = reference(keras.applications.resnet50.preprocess_input(pixels.copy())).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(inner(pixels).numpy(), expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_vgg19_has_the_layers_of_keras_applications():
    """By name and shape, so that its weights file fits."""
    model = build_model("vgg19", 10, "none", seed=0)
    reference = keras.applications.VGG19(weights=None, classes=10, classifier_activation=None)
    ours, theirs = (
        {layer.name: [weight.shape for weight in layer.weights] for layer in network.layers if layer.weights}
        for network in (model, reference)
    )
    assert ours.pop("logits") == theirs.pop("predictions")
    assert list(ours.items()) == list(theirs.items())
    activations = [layer.activation.__name__ for layer in model.layers if layer.name in ours]
    assert set(activations) == {"relu"}


def two_layers(classes, last):
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, activation="relu", name="first")(inputs))
    x = keras.layers.Dense(5, activation="relu", name="fc")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name=last)(x))


def test_published_weights_are_those_of_all_layers_but_the_last_for_red_green_blue(tmp_path):
    published = Published("Two", "https://nowhere/two.h5", "", "first")
    reference, model = two_layers(7, "predictions"), two_layers(3, "logits")
    reference.save_weights(tmp_path / "two.h5")
    before = model.get_layer("logits").get_weights()
    load_weights(model, str(tmp_path / "two.h5"), published)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    found, expected = (keras.Model(net.inputs, net.get_layer("fc").output) for net in (model, reference))
    np.testing.assert_allclose(found(pixels), expected(pixels[..., ::-1]), rtol=1e-4, atol=1e-4)
    assert np.array_equal(model.get_layer("logits").get_weights()[0], before[0])
    keras.Model(reference.inputs, reference.get_layer("first").output).save_weights(tmp_path / "top.h5")
    with pytest.raises(BamError, match=r"no Two weights .* there is no layer fc \(file of two\.h5 wanted\)"):
        load_weights(model, str(tmp_path / "top.h5"), published)


def test_keras_file_gives_its_weights_except_a_head_of_other_classes(tmp_path):
    source = build_model("small", 4, "none", seed=5)
    source.save(tmp_path / "source.keras")
    same = build_model("small", 4, str(tmp_path / "source.keras"), seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(same.get_weights(), source.get_weights(), strict=True))
    other = build_model("small", 10, str(tmp_path / "source.keras"), seed=0)
    assert other.output_shape == (None, 10)
    assert all(
        np.array_equal(a, b) for a, b in zip(other.get_weights()[:-2], source.get_weights()[:-2], strict=True)
    )


def connected(classes, order=(0, 1), divisor=255.0):
    inputs = keras.Input((4, 4, 3))
    x = inputs / divisor
    parts = x, keras.layers.Conv2D(3, 3, padding="same")(x)
    x = keras.layers.Subtract()([parts[place] for place in order])
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.Flatten()(x)))


def test_keras_file_of_layers_connected_in_another_way_is_refused(tmp_path):
    model, path = connected(3), str(tmp_path / "source.keras")
    before = model.get_weights()
    for other in (connected(3, order=(1, 0)), connected(3, divisor=127.5)):
        other.save(path)
        with pytest.raises(BamError, match=r"another architecture than .* connected in another way"):
            load_weights(model, path)
        assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    same = connected(2)
    same.save(path)
    load_weights(model, path)
    assert np.array_equal(model.get_weights()[0], same.get_weights()[0])


def test_unusable_weights_are_one_clear_error(tmp_path):
    (tmp_path / "noise.keras").write_bytes(b"no archive")
    (tmp_path / "noise.h5").write_bytes(b"no hdf5")
    keras.Sequential([keras.layers.Dense(2, input_shape=(3,))]).save(tmp_path / "other.keras")
    for architecture, weights, words in (
        ("small", "imagenet", "no ImageNet weights for small: set `weights` to none"),
        ("small", str(tmp_path / "absent.keras"), "no weights file .*: `weights` is"),
        ("vit_tiny", str(tmp_path / "other.keras"), "another architecture"),
        ("small", str(tmp_path / "noise.h5"), "cannot be read as a .keras file"),
        ("small", str(tmp_path / "noise.keras"), "cannot be read as a .keras file"),
        ("small", str(tmp_path / "other.keras"), "another architecture"),
        ("resnet50", str(tmp_path / "absent.h5"), "no weights file"),
        ("resnet50", str(tmp_path / "noise.h5"), "no ResNet50 weights"),
        ("resnet5", "none", "did you mean 'resnet50'"),
    ):
        with pytest.raises(BamError, match=words):
            build_model(architecture, 10, weights, seed=0)
