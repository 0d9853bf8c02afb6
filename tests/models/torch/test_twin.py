"""The twin against the network that it is of: logits, gradients, and what each layer gives."""

import copy
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import bam
from bam.base.errors import BamError
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.architectures.tokens import Product, Tokens
from bam.models.classifier import Classifier
from bam.models.network.rebuilt import preprocessed
from bam.models.torch import layers as layers_of_torch
from bam.models.torch.importing import INSTALL, import_torch
from bam.models.torch.twin import borrowed, in_torch

torch = pytest.importorskip("torch")
layers = keras.layers
SIZE = (11, 9, 3)
TRAINED = Path(__file__).parents[3] / "leaderboard" / "networks" / "object"


def attention(x):
    tokens = layers.Reshape((-1, 4))(layers.Conv2D(4, 3, 3)(x))
    tokens = layers.MultiHeadAttention(2, 3, value_dim=5)(tokens, tokens)
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization()(tokens))


def own_attention(x):
    tokens = Tokens()(layers.Reshape((-1, 4))(layers.Conv2D(4, 3, 3)(x)))
    parts = [layers.EinsumDense("ntd,dhe->nthe", (None, 2, 3), bias_axes="he")(tokens) for _ in range(3)]
    scores = layers.Softmax()(Product("nqhe,nkhe->nhqk", 0.5)(parts[:2]))
    mixed = Product("nhqk,nkhe->nqhe")([scores, parts[2]])
    tokens = layers.EinsumDense("nqhe,hed->nqd", (None, 4))(mixed)
    return layers.Cropping1D((0, 9))(tokens)


def squeezed(x):
    x = layers.Conv2D(6, 3, activation="swish")(x)
    weights = layers.Reshape((1, 1, 6))(layers.GlobalAveragePooling2D()(x))
    return layers.Multiply()([x, layers.Conv2D(6, 1, activation="sigmoid")(weights)])


def nested(x):
    inner = keras.Input((11, 9, 3))
    y = layers.ReLU(name="bend")(layers.Conv2D(4, 3, name="deep")(inner))
    return keras.Model(inner, layers.MaxPooling2D(2)(y), name="backbone")(x)


def twice(x):
    conv, bend = layers.Conv2D(3, 3, padding="same", name="conv"), layers.ReLU(name="bend")
    return bend(conv(bend(conv(x))))


def merged(x):
    parts = [layers.Conv2D(3, 1)(x) for _ in range(3)]
    x = layers.Concatenate()([layers.Add()(parts), layers.Average()(parts), layers.Subtract()(parts[:2])])
    return layers.Concatenate(axis=1)([x, x])


def operators(x):
    x = 2 - (x[..., ::-1] / 255.0 - [0.1, 0.2, 0.3]) * 3.0 + 1
    y = layers.Conv2D(3, 3, padding="same")(x)
    y = tf.nn.relu(y) + x * y - y / (tf.nn.relu(x) + 5.0)
    return layers.Flatten()(y)[:, 3:40]


NETWORKS = {
    "same_odd": lambda x: layers.Conv2D(5, 3, 2, padding="same")(x),
    "same_even": lambda x: layers.Conv2D(5, (4, 2), padding="same", activation="relu")(x),
    "same_wide": lambda x: layers.Conv2D(5, 7, (3, 2), padding="same", use_bias=False)(x),
    "dilated": lambda x: layers.Conv2D(5, 3, padding="same", dilation_rate=2)(x),
    "grouped": lambda x: layers.Conv2D(6, 3, groups=3, activation="gelu")(x),
    "depthwise": lambda x: layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2)(x),
    "separable": lambda x: layers.SeparableConv2D(5, 3, 2, padding="same", depth_multiplier=2)(x),
    "norms": lambda x: layers.LayerNormalization()(
        layers.BatchNormalization(scale=False)(
            layers.Dense(7)(layers.BatchNormalization()(layers.Conv2D(4, 3)(x)))
        )
    ),
    "norm_of_values": lambda x: layers.BatchNormalization(center=False)(layers.Dense(5)(layers.Flatten()(x))),
    "max_same": lambda x: layers.MaxPooling2D(3, 2, padding="same")(layers.Conv2D(3, 1)(x)),
    "max_same_beside": lambda x: layers.MaxPooling2D(4, 1, padding="same")(layers.Conv2D(3, 1)(x) - 9.0),
    "max_behind": lambda x: layers.MaxPooling2D(2, padding="same")(layers.Conv2D(3, 2)(x) - 9.0),
    "max_beside": lambda x: layers.MaxPooling2D(2, 1, padding="same")(layers.Conv2D(3, 1)(x) - 9.0),
    "max_behind_and_beside": lambda x: layers.MaxPooling2D(2, (2, 1), padding="same")(x),
    "mean_same": lambda x: layers.AveragePooling2D(3, 1, padding="same")(x),
    "mean_behind": lambda x: layers.AveragePooling2D(2, padding="same")(x),
    "global_max": lambda x: layers.GlobalMaxPooling2D(keepdims=True)(layers.Conv2D(5, 3)(x)),
    "borders": lambda x: layers.Cropping2D(((0, 2), (1, 0)))(layers.ZeroPadding2D(((2, 0), (1, 3)))(x)),
    "sizes": lambda x: layers.UpSampling2D((1, 2), interpolation="bilinear")(
        layers.Resizing(7, 5)(layers.UpSampling2D(2)(x))
    ),
    "orders": lambda x: layers.Permute((2, 3, 1))(layers.Reshape((9, 3, 11))(x)),
    "idle": lambda x: layers.Dropout(0.5)(layers.RandomFlip()(layers.GaussianNoise(9.0)(x))),
    "bent": lambda x: layers.Activation("tanh")(
        layers.LeakyReLU(0.2)(layers.ReLU(6.0)(layers.ReLU(2.5)(layers.ELU(0.7)(layers.Conv2D(4, 3)(x)))))
    ),
    "softmax_of_maps": lambda x: layers.Conv2D(4, 3, activation="softmax")(x),
    "normalized": lambda x: layers.Normalization(mean=[99.0, 9.0, 3.0], variance=[4.0, 9.0, 16.0])(x),
    "attention": attention,
    "own_attention": own_attention,
    "squeezed": squeezed,
    "nested": nested,
    "twice": twice,
    "merged": merged,
    "operators": operators,
}
# What TensorFlow computes in float32 alone: constants of its own functions, pictures of another size.
IN_FLOAT32 = ("operators", "sizes")


def tiny(name):
    """A network of that, with weights and statistics that are not those of a beginning."""
    keras.backend.clear_session()  # so that its layers are called as if there were no others
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SIZE)
    x = layers.Rescaling(1 / 127.5, -1, name="preprocess")(inputs) if name != "operators" else inputs
    x = NETWORKS[name](x)
    model = keras.Model(inputs, layers.Dense(4, name="logits")(layers.Flatten()(x)), name=name)
    rng = np.random.default_rng(0)
    model.set_weights(
        [weight + rng.uniform(0.1, 0.5, weight.shape).astype(weight.dtype) for weight in model.get_weights()]
    )
    return model


def pictures(count, size=SIZE):
    return np.random.default_rng(1).uniform(0, 255, (count, *size)).astype(np.float32)


def gradients(model, images, targets):
    """Of the targets' logits: by tf_keras, in the model's own precision."""
    x = tf.constant(images, model.input.dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.gather(model(x, training=False), targets, batch_dims=1)
    return tape.gradient(score, x).numpy()


def gradients_in_torch(twin, images, targets):
    x = in_torch(images).to(next(twin.parameters()).dtype).requires_grad_()
    score = twin(x)[torch.arange(len(x)), torch.tensor(targets)].sum()
    return torch.autograd.grad(score, x)[0].permute(0, 2, 3, 1).numpy()


def distances(found, expected):
    """Relative, per image."""
    flat = [maps.reshape(len(maps), -1).astype(np.float64) for maps in (found, expected)]
    return np.linalg.norm(flat[0] - flat[1], axis=1) / np.linalg.norm(flat[1], axis=1)


def in_float64(model):
    def clone(layer):
        if isinstance(layer, keras.Model):
            return cloned(layer)
        return type(layer).from_config({**layer.get_config(), "dtype": "float64"})

    def cloned(network):
        return keras.models.clone_model(network, keras.Input(network.input_shape[1:], dtype="float64"), clone)

    copied = cloned(model)
    copied.set_weights(model.get_weights())
    return copied


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in IN_FLOAT32])
def test_logits_and_gradients_of_every_kind_of_layer(name):
    model, images, targets = tiny(name), pictures(5), [0, 1, 2, 3, 0]
    twin = bam.torch_twin(Classifier(model, range(4)))
    expected = model(images, training=False).numpy()
    found = twin(in_torch(images)).detach().numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    exact = gradients(in_float64(model), images, targets)
    assert np.abs(exact).max() > 0
    assert distances(gradients_in_torch(twin.double(), images, targets), exact).max() < 1e-8


@pytest.mark.parametrize("name", IN_FLOAT32)
def test_logits_and_gradients_of_what_has_no_other_precision(name):
    model, images, targets = tiny(name), pictures(5), [0, 1, 2, 3, 0]
    twin = bam.torch_twin(Classifier(model, range(4)))
    expected = model(images, training=False).numpy()
    found = twin(in_torch(images)).detach().numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    found = distances(gradients_in_torch(twin, images, targets), gradients(model, images, targets))
    assert found.max() < 1e-4


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits_of_every_architecture(name):
    model = build_model(name, 10, "none", seed=0)
    images = pictures(1, model.input_shape[1:])
    expected = model(images, training=False).numpy()
    with torch.no_grad():
        found = bam.torch_twin(Classifier(model, range(10), description={}))(in_torch(images)).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("trained", [True, False])
def test_gradients_of_a_trained_network_and_of_a_random_one(trained):
    model = build_model("small", 10, "none", seed=0)
    classifier = bam.load_classifier(TRAINED) if trained else Classifier(model, range(10))
    images, targets = pictures(50, (64, 64, 3)), np.arange(50) % 10
    twin = bam.torch_twin(classifier)
    found = distances(gradients_in_torch(twin, images, targets), gradients(classifier.model, images, targets))
    assert np.median(found) < 1e-4
    assert np.quantile(found, 0.9) < 1e-3
    assert found.max() < 0.1
    exact = gradients(in_float64(classifier.model), images[:4], targets[:4])
    assert distances(gradients_in_torch(twin.double(), images[:4], targets[:4]), exact).max() < 1e-8


@pytest.mark.parametrize("name", ["same_odd", "same_even", "own_attention", "squeezed", "merged"])
def test_each_layer_is_a_module_that_gives_the_same(name):
    classifier, images, given = Classifier(tiny(name), range(4)), pictures(2), {}
    twin = bam.torch_twin(classifier)
    names = [layer.name for layer in classifier.model.layers[1:]]
    for layer in names:
        twin.of_layer(layer).register_forward_hook(lambda *passed, to=layer: given.update({to: passed[2]}))
    twin(in_torch(images))
    inner = keras.Model(classifier.model.inputs, [classifier.model.get_layer(name).output for name in names])
    for layer, expected in zip(names, inner(images), strict=True):
        found = given[layer].detach()
        if found.ndim == 4 and found.shape != expected.shape:
            found = found.permute(0, 2, 3, 1)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        assert layer in dict(twin.named_modules())
    with pytest.raises(BamError, match="unknown layer 'logit': did you mean 'logits'"):
        twin.of_layer("logit")


def test_layers_of_a_network_in_the_network_have_paths():
    twin = bam.torch_twin(Classifier(tiny("nested"), range(4)))
    assert twin.of_layer("backbone/bend") is twin.get_submodule("backbone/bend")
    assert type(twin.of_layer("backbone/deep")) is torch.nn.Conv2d
    with pytest.raises(BamError, match="unknown layer 'backbone/bent'"):
        twin.of_layer("backbone/bent")


@pytest.mark.parametrize("name", ["twice", "merged", "nested"])
def test_no_module_is_called_twice(name):
    twin, calls = bam.torch_twin(Classifier(tiny(name), range(4))), []
    leaves = [module for module in twin.modules() if not list(module.children())]
    for module in leaves:
        module.register_forward_hook(lambda module, *_: calls.append(id(module)))
    twin(in_torch(pictures(1)))
    assert sorted(calls) == sorted(map(id, leaves))


def test_paddings_are_modules_beside_plain_convolutions():
    even, odd = (bam.torch_twin(Classifier(tiny(name), range(4))) for name in ("same_even", "same_odd"))
    kinds = {name: type(module) for name, module in even.named_children()}
    assert [kinds[f"conv2d{end}"] for end in ("_padding", "", "_activation")] == [
        torch.nn.ZeroPad2d,
        torch.nn.Conv2d,
        torch.nn.ReLU,
    ]
    assert odd.conv2d.padding == (1, 1)


def test_a_layer_may_be_called_as_something_of_torchs():
    inputs = keras.Input(SIZE)
    x = layers.Conv2D(4, 3, name="forward")(inputs)
    model = keras.Model(inputs, layers.Dense(4, name="a.b")(layers.GlobalAveragePooling2D(name="calls")(x)))
    twin = bam.torch_twin(Classifier(model, range(4)))
    assert type(twin.of_layer("forward")) is torch.nn.Conv2d
    assert twin.of_layer("a.b") is twin.a_b


def test_it_is_in_evaluation_mode_draws_no_numbers_and_can_be_copied():
    before = torch.get_rng_state()
    twin = bam.torch_twin(Classifier(tiny("idle"), range(4)))
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module.training for module in twin.modules())
    images = in_torch(pictures(2))
    for copied in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):  # noqa: S301 - our own
        assert torch.equal(copied(images), twin(images))
        copied.logits.weight.data += 1
        assert not torch.equal(copied(images), twin(images))


def test_pixels_of_another_scale_and_order():
    model = preprocessed(tiny("same_odd"), "caffe")
    twin, images = bam.torch_twin(Classifier(model, range(4))), pictures(3)
    np.testing.assert_allclose(
        twin(in_torch(images)).detach(), model(images, training=False), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: layers.Conv2DTranspose(3, 3, name="grown")(x), r"layer grown \(Conv2DTranspose\)"),
        (
            lambda x: layers.Conv2D(3, 3, activation="hard_sigmoid", name="bent")(x),
            r"bent \(Conv2D: its activ",
        ),
        (lambda x: layers.ReLU(threshold=1.0, name="late")(x), r"late \(ReLU: it has a threshold"),
        (lambda x: tf.math.cumsum(x, axis=1), r"cumsum \(math.cumsum\)"),
        (lambda x: 1 / (x + 300.0), r"\(math.truediv: it divides a constant"),
        (lambda x: x[:, ::-1], "its index"),
        (lambda x: layers.Maximum(name="most")([x, x]), r"most \(Maximum\)"),
    ],
)
def test_a_layer_without_a_counterpart_is_named_in_one_line(make, words):
    inputs = keras.Input(SIZE)
    model = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(make(inputs))))
    with pytest.raises(BamError, match=words) as caught:
        bam.torch_twin(Classifier(model, range(4)))
    assert "\n" not in str(caught.value)


def test_a_layer_that_does_something_else_is_noticed(monkeypatch):
    kinds = layers_of_torch._KINDS
    monkeypatch.setitem(kinds, "ReLU", lambda call: call.add(torch.nn.Identity(), call.inputs[0]))
    with pytest.raises(BamError, match=r"twin of net in torch gives other logits, by .* of "):
        bam.torch_twin(Classifier(tiny("twice"), range(4), "net"))


def test_without_pytorch_the_hint_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BamError, match=rf"cannot be imported .*: {re.escape(INSTALL)}"):
        import_torch()


def change_weight(twin):
    twin.logits.weight.data[0, 0] += 1e-3


def leave_hook(twin):
    twin.conv2d.register_forward_hook(lambda *passed: None)


def lend(classifier, change):
    with borrowed(classifier, "mine") as twin:
        change(twin)


def replace_module(twin):
    twin.conv2d_activation = torch.nn.ReLU()


def change_setting(twin):
    twin.conv2d.stride = (2, 2)


def replace_forward(twin):
    twin.conv2d_activation.forward = torch.sigmoid


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_weight, "logits.weight"),
        (leave_hook, "conv2d"),
        (replace_module, "conv2d_activation"),
        (change_setting, "conv2d"),
        (replace_forward, "conv2d_activation"),
    ],
)
def test_a_borrowed_twin_that_was_changed_is_an_error_and_the_next_is_new(change, what):
    classifier, images = Classifier(tiny("same_even"), range(4)), in_torch(pictures(2))
    with borrowed(classifier, "mine") as twin:
        expected = twin(images)
    with pytest.raises(BamError, match=rf"mine changed the network \({what}\)"):
        lend(classifier, change)
    with borrowed(classifier, "other") as new:
        assert new is not twin
        assert torch.equal(new(images), expected)


def test_a_borrowed_twin_is_left_without_gradients_and_in_evaluation_mode():
    classifier = Classifier(tiny("same_even"), range(4))
    with borrowed(classifier, "mine") as twin:
        handle = twin.conv2d.register_full_backward_hook(lambda *passed: None)
        twin(in_torch(pictures(2)).requires_grad_()).sum().backward()
        handle.remove()
        twin.train().requires_grad_(False)
    assert not twin.training
    assert all(weight.requires_grad for weight in twin.parameters())
    assert all(weight.grad is None for weight in twin.parameters())
    with pytest.raises(RuntimeError, match="of the method's own"), borrowed(classifier, "mine"):
        raise RuntimeError("of the method's own")
    with borrowed(classifier, "mine") as new:
        assert new is not twin
