import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.metrics.concepts.cav import (
    STRENGTH,
    Draw,
    Outputs,
    common_share,
    concept_layers,
    fit,
    layer_outputs,
    solve,
)
from bam.models.architectures import build_model
from bam.models.classifier import Classifier


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def held(features, **settings):
    """Outputs that are already known."""
    return Outputs(lambda part: features[part], len(features), features[0].size, **settings)


def two_kinds(rng, features=500, count=40, apart=1.0):
    """`count` images of each kind with random features, which differ in the first; and a draw of all."""
    values = rng.normal(5, 1, (2 * count, features)).astype(np.float32)
    values[:count, 0] += apart
    return values, Draw(rng.permutation(count), count + rng.permutation(count))


def primal_ridge(values, draw):
    """The normal of length 1 by least squares in the features' space, and the accuracy on the last third."""
    parts = [np.split(values[indices].astype(float), [27]) for indices in (draw.concept, draw.others)]
    x = np.concatenate([parts[0][0], parts[1][0]])
    y = np.repeat([1.0, -1.0], 27)
    centre = x.mean(0)
    penalty = STRENGTH * ((x - centre) ** 2).sum(1).mean()
    stacked = np.concatenate([x - centre, np.sqrt(penalty) * np.eye(x.shape[1])])
    normal = np.linalg.lstsq(stacked, np.concatenate([y, np.zeros(x.shape[1])]), rcond=None)[0]
    right = [(parts[0][1] - centre) @ normal > 0, (parts[1][1] - centre) @ normal < 0]
    return normal / np.linalg.norm(normal), np.concatenate(right).mean()


def test_the_dual_solution_is_the_primal_one(rng):
    values, draw = two_kinds(rng)
    normal, accuracy = primal_ridge(values, draw)
    cavs, accuracies = fit(held(values), [draw])
    np.testing.assert_allclose(cavs[:, 0], normal, atol=1e-5)
    assert accuracies[0] == accuracy


def test_the_offset_needs_no_equal_numbers(rng):
    values, _ = two_kinds(rng, apart=20)
    draw = Draw(np.arange(12), np.arange(40, 80))
    cavs, accuracies = fit(held(values), [draw])
    assert accuracies[0] == 1
    assert cavs[0, 0] > 0.8


def test_a_cav_points_to_the_concept_and_has_length_one(rng):
    values, draw = two_kinds(rng, features=20, apart=10)
    cavs, accuracies = fit(held(values), [draw, Draw(draw.others, draw.concept)])
    assert cavs[0, 0] > 0.8
    np.testing.assert_allclose(cavs[:, 0], -cavs[:, 1], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(cavs, axis=0), 1, rtol=1e-5)
    assert accuracies.tolist() == [1, 1]


def test_a_random_concept_is_told_from_others_by_chance(rng):
    values = rng.normal(size=(400, 300)).astype(np.float32)
    orders = [rng.permutation(400) for _ in range(20)]
    accuracies = fit(held(values), [Draw(order[:100], order[100:200]) for order in orders])[1]
    assert accuracies.mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("budget", [4 * 500 * 80, 4 * 500 * 30, 4 * 500, 1])
def test_outputs_in_blocks_are_the_same(rng, budget):
    values, draw = two_kinds(rng)
    blocks = held(values, batch=7, budget=budget)
    whole = held(values)
    np.testing.assert_allclose(blocks.gram(), whole.gram(), rtol=1e-5)
    np.testing.assert_allclose(fit(blocks, [draw])[0], fit(whole, [draw])[0], atol=1e-5)


def test_outputs_that_fit_are_computed_once(rng):
    values, draw = two_kinds(rng)
    parts = []

    def compute(part):
        parts.append(part)
        return values[part]

    fit(Outputs(compute, 80, 500, batch=32), [draw, draw])
    assert parts == [slice(0, 32), slice(32, 64), slice(64, 80)]


def test_gram_is_of_the_outputs_less_the_first(rng):
    values = rng.normal(100, 1, (9, 3, 3, 2)).astype(np.float32)
    flat = values.reshape(9, -1).astype(float)
    flat -= flat[0]
    np.testing.assert_allclose(held(values, batch=4).gram(), flat @ flat.T, rtol=1e-4, atol=1e-4)


def test_a_dead_layer_has_no_direction():
    values = np.full((80, 7), 0.1, np.float32)
    cavs, accuracies = fit(held(values), [Draw(np.arange(40), np.arange(40, 80))])
    assert (cavs == 0).all()
    assert accuracies[0] == 0.5


def test_kinds_that_are_the_same_on_average_have_no_direction(rng):
    values = np.repeat(rng.normal(size=(1, 5)), 40, 0)
    values[::2] *= -1
    gram = values @ values.T
    coefficients, accuracy = solve(gram, Draw(np.arange(20), np.arange(20, 40)))
    assert not coefficients.any()
    assert accuracy == 0.5


def test_the_share_that_draws_have_in_common():
    first, swapped = Draw(np.arange(9), np.arange(9, 18)), Draw(np.arange(9, 18), np.arange(9))
    half = Draw(np.arange(9), np.arange(18, 27))  # the third held out is not fitted to
    assert common_share([first, first], 30) == pytest.approx(1)
    assert common_share([first, half], 30) == pytest.approx(0.5)
    assert common_share([first, swapped], 30) == 0
    assert common_share([first, first, half], 30) == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_layers_of_the_networks():
    small = Classifier(build_model("small", 10, "none", seed=0), range(10))
    stages = ["block_layer1", "block_layer2", "block_layer3", "block_layer4"]
    assert concept_layers(small) == [*stages, "logits"]
    assert concept_layers(small, ["block_layer2", "logits", "logits"]) == ["block_layer2", "logits"]
    with pytest.raises(BamError, match="did you mean 'block_layer2'"):
        concept_layers(small, ["block_layer_2"])


def test_layers_of_resnet50():
    model = build_model("resnet50", 10, "none", seed=0)
    stages = ["conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"]
    assert concept_layers(Classifier(model, range(10))) == [*stages, "logits"]


def test_layer_outputs_are_the_features(rng):
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Conv2D(4, 3, name="maps")(inputs)
    outputs = keras.layers.Dense(2, name="classes")(keras.layers.GlobalAveragePooling2D()(outputs))
    classifier = Classifier(keras.Model(inputs, outputs), range(2), batch_size=4)
    assert concept_layers(classifier) == ["maps", "classes"]
    pictures = rng.integers(0, 256, (9, 16, 16, 3), np.uint8)
    for layer, width in (("maps", 6 * 6 * 4), ("classes", 2)):
        features = classifier.features(classifier.prepare(pictures), layer).reshape(9, width)
        if layer == "classes":  # logits mean nothing but by their differences
            features = features - features.mean(1, keepdims=True)
        ((part, block),) = layer_outputs(classifier, layer, pictures).blocks()
        assert (part.start, part.stop) == (0, 9)
        np.testing.assert_allclose(block, features - features[0], atol=1e-3)


def test_an_output_of_no_fixed_size_is_refused(rng):
    inputs = keras.Input((8, 8, 3), name="pixels")
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs))
    classifier = Classifier(keras.Model(inputs, outputs), range(2))
    with pytest.raises(BamError, match="no output of one fixed size"):
        layer_outputs(classifier, "pixels", rng.integers(0, 256, (2, 8, 8, 3), np.uint8))
