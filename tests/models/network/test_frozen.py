import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.architectures import build_model
from bam.models.network.derivatives import logit_gradient
from bam.models.network.frozen import folded_norms, frozen


def gradient(network, images, target=0):
    targets = tf.fill([len(images)], target)
    return logit_gradient(network)(tf.constant(images), targets).numpy()


def shake(model):
    """Batch norms as after training: no statistic is left at its start value."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return model


@pytest.fixture(scope="module")
def small():
    return shake(build_model("small", 10, "none", seed=0))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)


def test_folding_changes_neither_logits_nor_gradients_nor_named_layers(small, images):
    network = frozen(small)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
    np.testing.assert_allclose(network(images), small(images, training=False), rtol=1e-4, atol=1e-4)
    assert np.corrcoef(gradient(network, images).ravel(), gradient(small, images).ravel())[0, 1] > 0.99999
    for name in ("block_layer2", "batch_normalization_1"):
        names = [layer.name for layer in small.layers]
        name = name if name in names else next(n for n in names if n.startswith("batch_normalization"))
        values = [
            keras.Model(net.inputs, net.get_layer(name).output)(images, training=False)
            for net in (network, small)
        ]
        np.testing.assert_allclose(*values, rtol=1e-3, atol=1e-3)


def test_only_norms_that_alone_follow_a_linear_convolution_are_folded():
    inputs = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(4, 3, name="read_twice")(inputs)
    bent = keras.layers.Conv2D(4, 3, activation="relu", name="bent")(inputs)
    good = keras.layers.Conv2D(4, 3, name="good")(inputs)
    norms = [keras.layers.BatchNormalization()(x) for x in (shared, bent, good)]
    x = keras.layers.Add()([*norms, shared])
    model = shake(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))))
    assert list(folded_norms(model)) == ["good"]
    images = np.random.default_rng(1).uniform(0, 1, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(frozen(model)(images), model(images, training=False), rtol=1e-5, atol=1e-5)


def test_bfloat16_is_near_and_gives_float32(small, images):
    logits, exact = frozen(small, "bfloat16")(images), small(images, training=False)
    assert logits.dtype == tf.float32
    assert 0 < np.abs(logits - exact).max() < 0.05 * np.abs(exact).max()


def test_guided_relus_stop_negative_derivatives_by_hand():
    """Two ReLUs of x and -x, weighted 2 and -3: the plain derivative is 2 or 3, the guided one 2 or 0."""
    inputs = keras.Input((1, 1, 3))
    first = keras.layers.Conv2D(2, 1, use_bias=False, activation="relu", name="first")(inputs)
    logits = keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(first))
    model = keras.Model(inputs, logits)
    model.get_layer("first").set_weights([np.array([[[[1.0, -1.0], [0, 0], [0, 0]]]])])
    model.layers[-1].set_weights([np.array([[2.0], [-3.0]])])
    images = np.array([[[[5, 0, 0]]], [[[-5, 0, 0]]]], np.float32)
    assert gradient(model, images)[:, 0, 0, 0].tolist() == [2, 3]
    assert gradient(frozen(model, guided=True), images)[:, 0, 0, 0].tolist() == [2, 0]


@pytest.mark.parametrize(
    "relu", [keras.layers.ReLU(), keras.layers.Activation("relu"), keras.layers.ReLU(6.0)]
)
def test_every_kind_of_relu_is_guided_inside_nested_models_too(relu):
    inner = keras.Sequential([keras.Input((2, 2, 3)), relu, keras.layers.Flatten()])
    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((2, 2, 3)), inner, dense])
    dense.set_weights([np.linspace(-1, 1, 12)[:, None]])
    images = np.linspace(-4, 5, 12, dtype=np.float32).reshape(1, 2, 2, 3)
    expected = np.where(images > 0, np.maximum(np.linspace(-1, 1, 12), 0).reshape(images.shape), 0)
    np.testing.assert_allclose(gradient(frozen(model, guided=True), images), expected, rtol=1e-6)


def test_what_cannot_be_rebuilt_is_named(images):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(BamError, match="functional or sequential"):
        frozen(Own())
    smooth = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(BamError, match="no ReLU"):
        frozen(smooth, guided=True)
    inputs = keras.Input((4, 4, 3))
    bare = keras.Model(
        inputs, keras.layers.Flatten()(tf.nn.relu(keras.layers.Conv2D(2, 3, activation="relu")(inputs)))
    )
    with pytest.raises(BamError, match="outside of a layer"):
        frozen(bare, guided=True)
