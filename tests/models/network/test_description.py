import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.models.architectures import ARCHITECTURES, build_model, tokens
from bam.models.network.description import network_digest, seed_digest


def weighted(model):
    """All weights one half."""
    model.set_weights([np.full(weight.shape, 0.5) for weight in model.get_weights()])
    return model


def branched(
    scale=lambda inputs: inputs / 255.0,
    join=keras.layers.Add,
    joined=(0, 1),
    activation="relu",
    names=(None, None, None, None),
):
    """A convolution with a path around it (0), joined with its output (1). names: of layers and network."""
    inputs = keras.Input((8, 8, 3), name=names[0])
    x = scale(inputs)
    y = keras.layers.Conv2D(3, 3, padding="same", activation=activation, name=names[1])(x)
    joint = join(name=names[2])([(x, y)[place] for place in joined])
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(joint))
    return weighted(keras.Model(inputs, outputs, name=names[3]))


def nested(activation="relu", twice=False, sequential=True):
    """A network inside a network."""
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 3, padding="same", activation=activation)]
    inner = keras.Sequential(layers)
    if not sequential:
        start = keras.Input((8, 8, 3))
        inner = keras.Model(start, layers[1](start) - 1.0)
    inputs = keras.Input((8, 8, 3))
    x = inner(inner(inputs) if twice else inputs)
    return weighted(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x))))


def sequential(width=2, activation="relu"):
    layers = [keras.Input((6, 6, 3)), keras.layers.Conv2D(width, 3, activation=activation)]
    return weighted(keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(2)]))


def operators():
    """Constants, slices, types, and layers that are called twice, with several inputs, or by name."""
    inputs = keras.Input((8, 8, 3))
    x = tf.cast(inputs, tf.float32)[:, :, :, ::-1] - np.array([103.9, 116.8, 123.7], np.float32)
    x = np.array([1, 2, 3], np.float32) * x
    x = keras.layers.Conv2D(4, 3, dtype="mixed_bfloat16")(1 - x / np.float32(255))
    shared = keras.layers.TimeDistributed(keras.layers.Dense(4))
    y = tf.concat([shared(x), shared(shared(x))], axis=-1)
    attended = keras.layers.MultiHeadAttention(2, 4)(x, value=y)
    return weighted(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(attended))))


def stored(model, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras", compile=False)


def test_equal_weights_connected_in_another_way_are_another_network():
    alike = {
        "as it was": branched(),
        "another constant": branched(lambda inputs: inputs / 25.0),
        "another input": branched(joined=(1, 1)),
        "another order": branched(joined=(1, 0)),
    }
    others = {
        "another operator": branched(lambda inputs: inputs * 255.0),
        "another setting": branched(activation="tanh"),
        "another layer": branched(join=keras.layers.Subtract),
        "another order, which matters": branched(join=keras.layers.Subtract, joined=(1, 0)),
    }
    digests = {name: network_digest(model) for name, model in {**alike, **others}.items()}
    assert len(set(digests.values())) == len(digests)
    assert network_digest(branched()) == digests["as it was"]
    assert len({seed_digest(model) for model in alike.values()}) == 1  # it sees layers alone


def test_one_changed_weight_is_another_network():
    model = branched()
    before = network_digest(model)
    weights = model.get_weights()
    weights[0].flat[3] += 1e-7
    model.set_weights(weights)
    assert network_digest(model) != before


def test_the_outputs_are_part_of_it():
    model = branched()
    first, second = (layer.output for layer in model.layers[2:4])
    outputs = (first, second, [first, second], [second, first])
    assert len({network_digest(keras.Model(model.inputs, part)) for part in outputs}) == 4


@pytest.mark.parametrize("build", [branched, nested, lambda: nested(sequential=False), sequential, operators])
def test_built_or_loaded_it_is_the_same(build, tmp_path):
    model = build()
    digest = network_digest(model)
    assert network_digest(build()) == digest  # Keras counts the layers of a process in their names
    assert network_digest(stored(model, tmp_path)) == digest
    assert network_digest(stored(stored(model, tmp_path), tmp_path)) == digest


def test_names_are_no_part_of_it():
    digest = network_digest(branched())
    assert network_digest(branched(names=("in", "a", "b", "c"))) == digest
    # Names that are settings too.
    confusing = ("linear", "relu", "same", "y")
    assert network_digest(branched(names=confusing)) == digest
    bent = [network_digest(branched(activation="tanh", names=names)) for names in (confusing, [None] * 4)]
    assert bent[0] == bent[1] != digest


def test_networks_inside_are_looked_into():
    variants = [nested(), nested("tanh"), nested(twice=True), nested(sequential=False), nested("tanh", True)]
    assert len({network_digest(model) for model in variants}) == len(variants)
    assert network_digest(sequential()) != network_digest(sequential(activation="tanh"))


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in ("vgg19", "vit_b16")])
def test_every_architecture_keeps_its_digest(name, tmp_path):
    model = build_model(name, 10, "none", seed=0)
    digests = network_digest(model), seed_digest(model)
    loaded = stored(model, tmp_path)
    assert (network_digest(loaded), seed_digest(loaded)) == digests


def test_where_a_layer_is_defined_is_no_part_of_it(monkeypatch):
    model = build_model("vit_tiny", 10, "none", seed=0)
    digest = network_digest(model)
    monkeypatch.setattr(tokens.Tokens, "__module__", "models.vit")
    monkeypatch.setattr(tokens.Product, "__module__", "models.vit")
    assert "models.vit" in {layer["module"] for layer in model.get_config()["layers"]}
    assert network_digest(model) == digest


def test_random_numbers_depend_on_a_digest_that_never_changes():
    """Worked out with the first version of this digest."""
    assert seed_digest(sequential()) == "e1d55a75159bf6ad0158afcf4046d39f525865b065c6f7cbca8afcf87ae629fc"


def test_settings_that_json_lacks_do_no_harm():
    """An ellipsis cannot be stored, but used."""
    reds, blues = (branched(lambda x, step=step: x[..., ::step]) for step in (1, -1))
    assert network_digest(reds) != network_digest(blues)
