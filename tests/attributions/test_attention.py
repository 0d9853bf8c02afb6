"""The methods of attention against numpy, on a small transformer whose picture is not square."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.attributions import explain
from bam.attributions.requirements import attention_layers, lacks_token_sums, token_sums
from bam.base.errors import BamError
from bam.models.architectures.vit import vision_transformer
from bam.models.classifier import Classifier

SIZE, GRID = (8, 12), (2, 3)


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    model = vision_transformer("tiny", SIZE, 4, 16, 3, 2, 4)
    for layer in model.layers:  # attention that differs from token to token
        if layer.name.endswith(("_query", "_key")):
            layer.set_weights([3 * weight for weight in layer.get_weights()])
    return Classifier(model, "abcd", batch_size=2)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, *SIZE, 3)).astype(np.float32)


TARGETS = np.array([0, 1, 3])


def enlarged(values):
    return tf.image.resize(values.reshape(-1, *GRID, 1), SIZE).numpy()[..., 0]


def test_attention_layers_are_found_in_order_and_give_probabilities(classifier, images):
    names = attention_layers(classifier)
    assert names == ["block1_attention", "block2_attention", "block3_attention"]
    for name in names:
        values = classifier.features(images, name)
        assert values.shape == (3, 2, 7, 7)
        np.testing.assert_allclose(values.sum(-1), 1, rtol=1e-5)
        assert values.std() > 0.01


def test_rollout_is_the_sum_over_all_paths(classifier, images):
    """Every path from the class token back through the layers, one by one."""
    steps = []
    for name in attention_layers(classifier):
        step = classifier.features(images, name).mean(1).astype(np.float64) + np.eye(7)
        steps.append(step / step.sum(2, keepdims=True))
    first, second, third = steps
    expected = np.zeros((3, 6))
    for image in range(3):
        for patch in range(6):
            expected[image, patch] = sum(
                third[image, 0, a] * second[image, a, b] * first[image, b, 1 + patch]
                for a in range(7)
                for b in range(7)
            )
    maps = explain(classifier, images, TARGETS, "attention_rollout")
    np.testing.assert_allclose(maps, enlarged(expected), rtol=1e-4)


def test_last_layer_is_the_class_tokens_row(classifier, images):
    row = classifier.features(images, "block3_attention")[:, :, 0, 1:].mean(1)
    np.testing.assert_allclose(
        explain(classifier, images, TARGETS, "attention_last_layer"), enlarged(row), rtol=1e-5
    )


def test_grad_cam_of_attention_by_finite_differences(classifier, images):
    """The derivative from the values behind the last attention, by changing its entries one at a time."""
    network = classifier.model
    attention, values, rest = (
        network.get_layer(f"block3_{part}") for part in ("attention", "value", "values")
    )
    before = keras.Model(
        network.inputs, [attention.output, values.output, network.get_layer("block2").output]
    )
    probabilities, value, tokens = (x.numpy().astype(np.float64) for x in before(images))

    def logit(probabilities, image):
        mixed = rest([probabilities[None].astype(np.float32), value[image : image + 1].astype(np.float32)])
        x = tokens[image : image + 1] + network.get_layer("block3_out")(mixed)
        y = network.get_layer("block3_norm2")(x)
        x += network.get_layer("block3_dense2")(network.get_layer("block3_dense1")(y))
        return network.get_layer("logits")(network.get_layer("norm")(x)[:, 0]).numpy()[0, TARGETS[image]]

    row, slope = probabilities[:, :, 0, 1:], np.zeros((3, 2, 6))
    for image, head, patch in np.ndindex(slope.shape):
        moved = [probabilities[image].copy() for _ in range(2)]
        for sign, array in zip((1, -1), moved, strict=True):
            array[head, 0, 1 + patch] += sign * 0.01
        slope[image, head, patch] = (logit(moved[0], image) - logit(moved[1], image)) / 0.02
    cam = np.maximum((slope.mean(2, keepdims=True) * row).mean(1), 0)
    assert cam.max() > 0
    found = explain(classifier, images, TARGETS, "attention_grad_cam")
    np.testing.assert_allclose(found, enlarged(cam), rtol=0.02, atol=0.02 * cam.max())


def test_other_networks_are_told_so(scene_classifier):
    images = np.zeros((1, 64, 64, 3), np.float32)
    with pytest.raises(
        BamError, match="scene cannot be explained by attention: the network has no attention"
    ):
        explain(scene_classifier, images, [0], "attention_rollout")


def test_tokens_that_do_not_cover_the_picture_are_refused():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Reshape((6, 32))(inputs)
    scores = keras.layers.Reshape((1, 6, 6))(keras.layers.Dot(2)([x, x]))
    head = keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Softmax(name="looks")(scores)))
    classifier = Classifier(keras.Model(inputs, head), "ab")
    assert attention_layers(classifier) == ["looks"]
    with pytest.raises(BamError, match="5 tokens behind the class token, which do not cover 8 x 8 pixels"):
        explain(classifier, np.ones((1, 8, 8, 3), np.float32), [0], "attention_last_layer")


def test_rollout_weighted_by_gradients(classifier, images):
    """Of each layer I + E max(0, gradient times attention), multiplied in float64."""
    product = np.tile(np.eye(7), (3, 1, 1))
    for name in attention_layers(classifier):
        probabilities, gradient = (
            x.astype(np.float64) for x in classifier.layer_gradient(images, TARGETS, name)
        )
        heads = [np.maximum(gradient[:, head] * probabilities[:, head], 0) for head in range(2)]
        product = np.einsum("nij,njk->nik", np.eye(7) + sum(heads) / 2, product)
    expected = enlarged(product[:, 0, 1:])
    found = explain(classifier, images, TARGETS, "transformer_attribution")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_legrad_is_the_mean_over_networks_that_end_after_each_block(classifier, images):
    """Networks of one, two and three blocks with the same weights give the early answers."""
    relevance = []
    for depth in (1, 2, 3):
        short = vision_transformer("short", SIZE, 4, 16, depth, 2, 4)
        for layer in short.layers:
            if layer.weights:
                layer.set_weights(classifier.model.get_layer(layer.name).get_weights())
        _, gradient = Classifier(short, "abcd").layer_gradient(images, TARGETS, f"block{depth}_attention")
        assert gradient.min() < 0 < gradient.max()
        relevance.append(np.where(gradient > 0, gradient, 0).mean((1, 2))[:, 1:])
    expected = enlarged(np.mean(relevance, axis=0))
    before = classifier.logits(images)
    found = explain(classifier, images, TARGETS, "legrad")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * expected.max())
    np.testing.assert_array_equal(classifier.logits(images), before)
    assert attention_layers(classifier) == ["block1_attention", "block2_attention", "block3_attention"]


def test_legrad_needs_blocks_of_which_the_last_leads_to_the_logits(classifier):
    assert token_sums(classifier)[-1] == ("block3_attention", "block3")
    reason = "the network has no sum of tokens behind each of its attention layers"

    def network(around):
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Reshape((4, 48))(inputs)
        looks = keras.layers.Softmax(name="looks")(
            keras.layers.Reshape((1, 4, 4))(keras.layers.Dot(2)([x, x]))
        )
        mixed = keras.layers.Dot(1)([keras.layers.Reshape((4, 4))(looks), x])
        ends = {"none": [mixed], "sum": [keras.layers.Add()([mixed, x])]}
        ends["beside"] = [*ends["sum"], x]
        flat = [keras.layers.Flatten()(end) for end in ends[around]]
        end = keras.layers.Concatenate()(flat) if flat[1:] else flat[0]
        return Classifier(keras.Model(inputs, keras.layers.Dense(2)(end)), "ab")

    assert {each: lacks_token_sums(network(each)) for each in ("none", "sum", "beside")} == {
        "none": reason,
        "sum": None,
        "beside": reason,
    }
    with pytest.raises(BamError, match=f"cannot be explained by LeGrad: {reason}"):
        explain(network("none"), np.full((1, 8, 8, 3), 9.0), [0], "legrad")


def test_methods_of_all_layers_share_one_pass(classifier, images, monkeypatch):
    asked, batches = [], classifier._batches
    monkeypatch.setattr(classifier, "_batches", lambda *arrays: asked.append(1) or batches(*arrays))
    few, targets = images[:2], TARGETS[:2].astype(np.int32)
    with classifier.sharing(few):
        maps = [
            explain(classifier, few, targets, name)
            for name in ("attention_rollout", "transformer_attribution")
        ]
    assert len(asked) == 1
    apart = explain(classifier, images, TARGETS, "transformer_attribution")  # in more than one part
    np.testing.assert_allclose(maps[1], apart[:2], rtol=1e-5)
