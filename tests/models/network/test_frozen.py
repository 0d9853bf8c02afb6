import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.architectures import build_model
from bam.models.network.derivatives import logit_gradient
from bam.models.network.frozen import folded_norms, frozen, unguidable

L = keras.layers


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
    assert gradient(frozen(model, rule="guided"), images)[:, 0, 0, 0].tolist() == [2, 0]
    # That of a deconvnet is the positive weight wherever the ReLUs are.
    assert gradient(frozen(model, rule="deconvnet"), images)[:, 0, 0, 0].tolist() == [2, 2]
    with pytest.raises(BamError, match="unknown rule of ReLUs 'deconv': did you mean 'deconvnet'"):
        frozen(model, rule="deconv")


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
    np.testing.assert_allclose(gradient(frozen(model, rule="guided"), images), expected, rtol=1e-6)
    everywhere = np.maximum(np.linspace(-1, 1, 12), 0).reshape(images.shape)
    np.testing.assert_allclose(gradient(frozen(model, rule="deconvnet"), images), everywhere, rtol=1e-6)


@pytest.mark.parametrize(
    "relu", [keras.layers.ReLU(negative_slope=0.2), keras.layers.LeakyReLU(), keras.layers.PReLU()]
)
def test_leaky_relus_are_none(relu):
    model = keras.Sequential([keras.Input((4, 4, 3)), L.Conv2D(2, 3), relu, L.Flatten()])
    assert unguidable(model) == "has no ReLU"


def test_a_relu_layer_as_an_activation_is_guided(images):
    plain, wrapped = (
        keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, activation=relu), L.Flatten(), L.Dense(2)])
        for relu in ("relu", L.ReLU())
    )
    wrapped.set_weights(plain.get_weights())
    pixels = images[:, :8, :8]
    networks = [frozen(model, rule="guided") for model in (plain, wrapped)]
    found, expected = (gradient(network, pixels) for network in networks)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.abs(gradient(frozen(plain), pixels) - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("bent", "words"),
    [
        (lambda x: L.Conv2D(4, 3, activation="swish", name="bent")(x), "bent: "),
        (lambda x: L.Activation("gelu", name="bent")(x), "bent: gelu"),
        (lambda x: L.Activation("sigmoid", name="bent")(x), "bent: sigmoid"),
        (lambda x: L.Dense(4, "tanh", name="bent")(x), "bent: tanh"),
        (lambda x: L.Dense(4, L.LeakyReLU(), name="bent")(x), "bent: LeakyReLU"),
        (lambda x: L.LeakyReLU(name="bent")(x), "bent: LeakyReLU"),
        (lambda x: L.ReLU(negative_slope=0.1, name="bent")(x), "bent: ReLU with a negative slope"),
        (lambda x: L.ELU(name="bent")(x), "bent: ELU"),
        (lambda x: L.Multiply(name="bent")([x, L.ReLU(6.0)(x)]), "bent: Multiply"),
        (lambda x: tf.nn.silu(x), "tf.nn.silu.*: swish"),
        (lambda x: tf.maximum(x, 0.0), "tf.math.maximum.*: maximum"),
        (lambda x: L.TimeDistributed(L.Dense(4, "relu"), name="bent")(x), "bent: ReLU inside it"),
        (lambda x: L.TimeDistributed(L.Dense(4, "swish"), name="bent")(x), r"bent: \w+ inside it"),
        (lambda x: keras.Sequential([L.Conv2D(4, 1, activation="elu", name="bent")])(x), "bent: elu"),
    ],
)
def test_networks_that_mix_relus_with_others_are_not_guided_by_half(bent, words):
    inputs = keras.Input((8, 8, 3))
    x = bent(L.Conv2D(4, 3, activation="relu")(inputs))
    model = keras.Model(inputs, L.Dense(2)(L.Flatten()(x)), name="mixed")
    with pytest.raises(BamError, match=rf"mixed has another activation beside its ReLUs \({words}"):
        frozen(model, rule="guided")


def test_what_bends_nothing_is_no_other_activation():
    """Preprocessing, softmaxes (of attention, or at the end) and linear layers behind the last ReLU."""
    inputs = keras.Input((8, 8, 3))
    x = L.Normalization(mean=[1.0] * 3, variance=[2.0] * 3)(tf.tanh(inputs / 255))
    x = L.Conv2D(4, 3, activation="relu")(tf.clip_by_value(x, -1, 1))
    x = L.ReLU(max_value=6.0)(L.BatchNormalization()(L.Conv2D(4, 3)(x)))
    tokens = L.Reshape((16, 4))(x)
    tokens = L.MultiHeadAttention(2, 4)(tokens, tokens)
    weights = L.Activation("softmax")(L.Dense(16)(tokens))
    x = L.Dense(4, "linear")(L.Flatten()(L.Dot(1)([L.Softmax()(weights), tokens])))
    assert unguidable(keras.Model(inputs, L.Dense(2)(x))) is None


@pytest.mark.parametrize("name", ["small", "four_conv", "resnet50"])
def test_the_convolutional_architectures_can_be_guided(name):
    assert unguidable(build_model(name, 10, "none", seed=0)) is None


def test_what_cannot_be_rebuilt_is_named(images):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(BamError, match="functional or sequential"):
        frozen(Own())
    smooth = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(BamError, match="no ReLU"):
        frozen(smooth, rule="guided")
    inputs = keras.Input((4, 4, 3))
    bare = keras.Model(
        inputs, keras.layers.Flatten()(tf.nn.relu(keras.layers.Conv2D(2, 3, activation="relu")(inputs)))
    )
    with pytest.raises(BamError, match="outside of a layer"):
        frozen(bare, rule="guided")
