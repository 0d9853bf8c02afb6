"""Networks written anew: layers called more than once, pixels on another scale."""

import numpy as np
import pytest
import tf_keras as keras

from bam.attributions import explain
from bam.attributions.fullgrad import full_gradient
from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.network.description import network_digest
from bam.models.network.rebuilt import flattened, preprocessed, unshared
from bam.models.network.scales import SCALES

CLASSES = ("a", "b", "c")
TARGETS = np.array([0, 1, 2, 0])


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(3).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)


def network(shared_relu, shared_convolution, linear=True):
    """The same function, with and without layers that are called twice."""
    layers = keras.layers
    relus = [layers.ReLU(name="relu")] * 2 if shared_relu else [layers.ReLU(), layers.ReLU()]
    names = ["conv"] if shared_convolution else ["conv_1", "conv_2"]
    convolutions = [layers.Conv2D(8, 3, padding="same", name=name) for name in names]
    convolutions *= 3 - len(names)
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, strides=4, padding="same", name="stem")(layers.Rescaling(1 / 255)(inputs))
    for relu, convolution in zip(relus, convolutions, strict=True):
        x = relu(convolution(x))
    x = layers.Add()([x, x]) if linear else x / 2.0 + x
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    rng = np.random.default_rng(0)
    own = {
        "stem": _weights(rng, (3, 3, 3, 8)),
        "conv": _weights(rng, (3, 3, 8, 8)),
        "dense": _weights(rng, (8, 3)),
    }
    for layer in model.layers:
        if layer.get_weights():
            layer.set_weights(own[layer.name.split("_")[0]])
    return model


def _weights(rng, shape):
    return [rng.normal(0, 0.3, shape), rng.normal(0, 0.3, shape[-1])]


@pytest.mark.parametrize("shared", [(True, False), (False, True), (True, True)])
def test_layers_called_twice_are_explained_as_if_they_were_two(shared, noise):
    plain, classifier = Classifier(network(False, False), CLASSES), Classifier(network(*shared), CLASSES)
    np.testing.assert_array_equal(classifier.logits(noise), plain.logits(noise))
    for name in (
        "vanilla_gradient",
        "grad_cam",
        "layered_grad_cam",
        "guided_backprop",
        "guided_grad_cam",
        "fullgrad",
    ):
        np.testing.assert_allclose(
            explain(classifier, noise, TARGETS, name),
            explain(plain, noise, TARGETS, name),
            rtol=1e-4,
            atol=1e-7,
        )


def test_the_full_gradient_counts_the_bias_of_every_call(noise):
    classifier = Classifier(network(True, True), CLASSES)
    terms = [
        sum(term.reshape(len(term), -1).sum(1) for term in part)
        for part in full_gradient(classifier, noise, TARGETS)
    ]
    np.testing.assert_allclose(
        np.concatenate(terms), classifier.logits(noise)[np.arange(4), TARGETS], rtol=1e-4
    )


def test_the_last_call_keeps_the_name():
    rewritten = unshared(network(True, True))
    names = [layer.name for layer in rewritten.layers]
    assert [name for name in names if name.startswith(("conv", "relu"))] == [
        "conv_call_1",
        "relu_call_1",
        "conv",
        "relu",
    ]
    assert Classifier(network(True, True), CLASSES).feature_layer() != "relu_call_1"


def test_operators_and_their_constants_stay(noise):
    model = network(True, True, linear=False)
    np.testing.assert_array_equal(unshared(model)(noise).numpy(), model(noise).numpy())


def test_a_network_without_shared_layers_is_left_alone():
    model = network(False, False)
    assert unshared(model) is model
    classifier = Classifier(network(True, True), CLASSES)
    assert classifier.digest == network_digest(network(True, True)) == classifier.in_float32().digest


def nested(twice=False):
    """The same function flat, and with a network inside the network, which is called once or twice."""
    layers = keras.layers
    inner = keras.Input((32, 32, 3))
    x = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv5")(inner)
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(3, 3, padding="same", name="conv6")(x))
    deepest = keras.Sequential([keras.Input((32, 32, 3)), layers.ReLU(name="relu")], name="last")
    backbone = keras.Model(inner, deepest(x), name="backbone")
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    head = layers.GlobalAveragePooling2D(), layers.Dense(3)
    found = []
    for parts in ([backbone], [*backbone.layers[1:-1], deepest.layers[0]]):
        y = x
        for part in parts * (2 if twice else 1):
            y = part(y)
        found.append(keras.Model(inputs, head[1](head[0](y))))
    rng = np.random.default_rng(0)
    found[0].set_weights([np.abs(rng.normal(0, 0.5, one.shape)) + 0.1 for one in found[0].get_weights()])
    return found


@pytest.mark.parametrize("twice", [False, True])
def test_networks_inside_the_network_are_explained_as_if_it_were_flat(twice, noise):
    classifier, flat = (Classifier(model, CLASSES) for model in nested(twice))
    np.testing.assert_allclose(classifier.logits(noise), flat.logits(noise), rtol=1e-5)
    for name in ("vanilla_gradient", "grad_cam", "guided_backprop", "guided_grad_cam", "fullgrad"):
        maps, expected = (explain(each, noise, TARGETS, name) for each in (classifier, flat))
        np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    maps = explain(classifier, noise, TARGETS, "grad_cam", layer="backbone/conv5")
    np.testing.assert_allclose(maps, explain(flat, noise, TARGETS, "grad_cam", layer="conv5"), rtol=1e-3)
    with pytest.raises(BamError, match=r"'conv5': .*known are .*backbone/conv5, "):
        classifier.features(noise, "conv5")


def test_a_flat_network_has_its_layers_by_path():
    model, _ = nested(twice=True)
    names = [layer.name for layer in flattened(model).layers]
    inner = [f"backbone/{name}" for name in ("conv5", "conv6", "norm", "last/relu")]
    assert names[2:10] == [*(f"{name}_call_1" for name in inner), *inner]
    single = nested()[1]
    assert flattened(single) is single
    assert Classifier(model, CLASSES).digest == network_digest(model)


@pytest.mark.parametrize("scale", ["tf", "torch", "caffe"])
def test_scales_are_those_of_keras_applications(scale, noise):
    model = network(False, False)
    expected = model(keras.applications.imagenet_utils.preprocess_input(noise.copy(), mode=scale)).numpy()
    found = preprocessed(model, {"tf": "-1..1", "torch": "imagenet"}.get(scale, scale))
    np.testing.assert_allclose(found(noise).numpy(), expected, atol=1e-5)
    assert preprocessed(model, "none") is model
    np.testing.assert_allclose(
        preprocessed(model, "0..1")(noise).numpy(), model(noise / 255).numpy(), atol=1e-6
    )


@pytest.mark.parametrize("scale", SCALES)
def test_methods_that_need_a_linear_network_allow_for_the_scale(scale, noise):
    classifier = Classifier(preprocessed(network(False, False), scale), CLASSES)
    terms = [
        sum(term.reshape(len(term), -1).sum(1) for term in part)
        for part in full_gradient(classifier, noise, TARGETS)
    ]
    logits = classifier.logits(noise)[np.arange(4), TARGETS]
    np.testing.assert_allclose(np.concatenate(terms), logits, rtol=1e-3, atol=1e-4)


def test_an_unknown_scale_is_named():
    with pytest.raises(BamError, match=r"0\.\.2"):
        preprocessed(network(False, False), "0..2")
