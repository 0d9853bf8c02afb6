"""Networks with fresh weights, beside the same built anew and moments that numpy finds."""

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.untrained import randomised, untrained, weighted_layers

CLASSES = ("a", "b", "c")
SEED = 7
LAYERS = ["logits", "late", "norm", "second", "first"]


def build(own_seed=None):
    """With a scale of pixels, a batch norm that is part of a convolution, one that is not, and dropout."""
    layers, drawn = keras.layers, keras.initializers.GlorotUniform(own_seed)
    return keras.Sequential(
        [
            layers.Normalization(mean=[100.0, 120, 140], variance=[900.0, 400, 2500], input_shape=(8, 10, 3)),
            layers.Conv2D(4, 3, name="first", kernel_initializer=drawn),
            layers.BatchNormalization(name="part"),
            layers.ReLU(),
            layers.Conv2D(5, 3, activation="relu", name="second"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(6, activation="relu", name="late"),
            layers.Dense(3, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (16, 8, 10, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def trained():
    """As if it had been trained: no weight is what it was when the network was built."""
    model, rng = build(), np.random.default_rng(1)
    adapted = {weight.ref() for weight in model.layers[0].weights}
    for weight in model.weights:
        if weight.ref() not in adapted:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return Classifier(model, CLASSES, "net", "object", {"config": {}}, batch_size=5)


def weights_of(classifier):
    return {layer.name: layer.get_weights() for layer in classifier.model.layers if layer.weights}


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def fresh(trained, images):
    return untrained(trained, images, SEED, "fresh")


def test_layers_from_the_output_on(trained):
    assert weighted_layers(trained) == LAYERS


def test_all_layers_are_those_of_the_network_built_anew(trained, images, fresh):
    keras.utils.set_random_seed(SEED)
    expected, found = build(), weights_of(fresh)
    for layer in ("first", "second", "late", "logits"):
        assert same(found[layer], expected.get_layer(layer).get_weights())
    for layer in ("part", "norm"):
        assert same(found[layer][:2], expected.get_layer(layer).get_weights()[:2])
    assert (fresh.name, fresh.labels, fresh.description) == ("fresh", "object", {"config": {}})
    assert (fresh.batch_size, fresh.class_names, fresh.input_size) == (5, CLASSES, (8, 10))
    cascaded = randomised(trained, LAYERS, images, SEED, "cascaded")
    assert cascaded.digest == fresh.digest
    np.testing.assert_array_equal(cascaded.logits(images), fresh.logits(images))


@pytest.mark.parametrize("layer", ["part", "norm"])
def test_batch_norms_have_the_moments_of_what_comes_in(layer, fresh, images):
    model = fresh.model
    inputs = keras.Model(model.inputs, model.get_layer(layer).input)(images, training=False).numpy()
    values = inputs.astype(np.float64).reshape(-1, inputs.shape[-1])
    _, _, mean, variance = model.get_layer(layer).get_weights()
    # The norm before divided by the batch's own variance, less by 1 / n than the one it keeps.
    rounding = 1e-5 if layer == "part" else 1 / len(values)
    np.testing.assert_allclose(mean, values.mean(0), rtol=rounding, atol=1e-6)
    np.testing.assert_allclose(variance, values.var(0, ddof=1), rtol=2 * rounding)
    # So that what comes out is in use as it would be in training.
    out = keras.Model(model.inputs, model.get_layer(layer).output)(images, training=False).numpy()
    np.testing.assert_allclose(out.mean((0, 1, 2)), 0, atol=rounding)


@pytest.mark.parametrize("layers", [["first"], ["norm"], LAYERS[:2]])
def test_all_others_stay(layers, trained, images, fresh):
    found = weights_of(randomised(trained, layers, images, SEED, "some"))
    changed = {*layers, *(["part"] if "first" in layers else [])}
    before, drawn = weights_of(trained), weights_of(fresh)
    for layer, weights in found.items():
        if layer not in changed:
            assert same(weights, before[layer])
        elif layer not in ("part", "norm"):
            assert same(weights, drawn[layer])  # whichever others are drawn
        else:
            assert same(weights[:2], drawn[layer][:2])
            assert not same(weights, before[layer])


def test_the_trained_network_stays_and_a_seed_is_enough(trained, images, fresh):
    digest, logits = trained.digest, trained.logits(images)
    before = weights_of(trained)
    again, other = (untrained(trained, images, seed, "fresh") for seed in (SEED, SEED + 1))
    assert (again.digest, again.seed_digest) == (fresh.digest, fresh.seed_digest)
    assert len({digest, fresh.digest, other.digest}) == 3
    assert Classifier(trained.model, CLASSES).digest == digest
    assert all(same(weights, before[layer]) for layer, weights in weights_of(trained).items())
    np.testing.assert_array_equal(trained.logits(images), logits)


def test_layers_with_a_seed_of_their_own_are_drawn_anew_too(images):
    seeded = Classifier(build(own_seed=3), CLASSES, description={})
    one, other = (untrained(seeded, images, seed, "fresh") for seed in (1, 2))
    kernels = [each.model.get_layer("first").get_weights()[0] for each in (seeded, one, other)]
    assert len({kernel.tobytes() for kernel in kernels}) == 3


def test_a_network_without_weights_has_none_to_draw(images):
    classifier = Classifier(
        keras.Sequential([keras.layers.GlobalMaxPooling2D(input_shape=(8, 10, 3))]), CLASSES
    )
    with pytest.raises(BamError, match="model has no weights that could be drawn anew"):
        untrained(classifier, images, SEED, "fresh")


@pytest.mark.parametrize("hidden", ["program", "torch"])
def test_layers_out_of_reach_are_named(hidden, images):
    class Program(keras.layers.Flatten):
        pass

    classifier = Classifier(
        keras.Sequential([Program(input_shape=(8, 10, 3)), keras.layers.Dense(3)]), CLASSES, "net"
    )
    if hidden == "program":
        Program.concealed = "a SavedModel"
    else:
        classifier.transparent = False
    with pytest.raises(BamError, match=r"net is a (SavedModel|network of PyTorch), and only layers of"):
        untrained(classifier, images, SEED, "fresh")
