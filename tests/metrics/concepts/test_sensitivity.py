from types import SimpleNamespace

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS
from bam.metrics.concepts.sensitivity import Pool, along, make_draws, make_pool, measure
from bam.metrics.concepts.significance import layer_scores
from bam.models.classifier import Classifier

RED_RISES, RED_FALLS, GREEN_ONLY = range(3)


@pytest.fixture(scope="module")
def colour_network():
    """Logits of the mean red, green and blue: red speaks for the first class, against the second, and
    is nothing to the third."""
    inputs = keras.Input((4, 4, 3))
    colours = keras.layers.GlobalAveragePooling2D(name="colours")(keras.layers.Rescaling(1 / 255)(inputs))
    dead = keras.layers.Rescaling(0.0, name="dead")(colours)
    logits = keras.layers.Dense(3, use_bias=False, name="logits")(
        keras.layers.Add(name="sum")([colours, dead])
    )
    model = keras.Model(inputs, logits)
    model.set_weights([np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])])
    return Classifier(model, range(3), "colours", labels="object", batch_size=16)


class Pictures:
    """Pictures in place of a view, all of one class."""

    def __init__(self, images, label):
        self.images, self.label = images, label
        self.sources = np.array([(f"c{i % 5}", f"s{i % 7}") for i in range(len(images))])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, part):
        return SimpleNamespace(images=self.images[part])

    def labels(self, kind):
        assert kind == "object"
        return np.full(len(self), self.label)


def noise(rng, count):
    return rng.integers(0, 150, (count, 4, 4, 3)).astype(np.uint8)


@pytest.fixture
def red_pool(rng):
    """Noise, the first 60 pictures of it redder: the concept is the red channel."""
    pictures = noise(rng, 260)
    pictures[:60, ..., 0] += 100
    return Pool(pictures, make_draws(60, 200, images=30, runs=30, seed=0))


@pytest.mark.parametrize(("label", "score"), [(RED_RISES, 1), (RED_FALLS, 0)])
def test_the_known_concept_has_the_known_score(colour_network, red_pool, rng, label, score):
    pictures = Pictures(noise(rng, 40), label)
    measured = measure(colour_network, red_pool, pictures, ["colours", "logits"])
    found = layer_scores(measured, np.ones(40, bool))
    for layer in ("colours", "logits"):
        assert found[layer]["score"] == score
        assert found[layer]["passed"]
        assert found[layer]["cav_accuracy"] > 0.95
        assert found[layer]["random_cav_accuracy"] == pytest.approx(0.5, abs=0.15)
        assert 0 < found[layer]["random_score"] < 1


def test_what_moves_all_logits_alike_is_nothing_at_the_logits(red_pool, rng):
    inputs = keras.Input((4, 4, 3))
    colours = keras.layers.GlobalAveragePooling2D(name="colours")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(colours))
    model.set_weights([np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])])
    classifier = Classifier(model, range(3), labels="object")
    measured = measure(classifier, red_pool, Pictures(noise(rng, 10), 0), ["colours", "logits"])
    found = layer_scores(measured, np.ones(10, bool))
    assert found["colours"]["score"] == 1  # the logit itself does rise
    assert not found["logits"]["passed"]
    assert found["logits"]["cav_accuracy"] == pytest.approx(0.5, abs=0.1)


def test_what_is_nothing_to_the_class_is_not_significant(colour_network, red_pool, rng):
    measured = measure(colour_network, red_pool, Pictures(noise(rng, 10), GREEN_ONLY), ["colours", "dead"])
    found = layer_scores(measured, np.ones(10, bool))
    assert not found["colours"]["passed"]
    # A dead layer gives no direction, and no direction is no rise.
    assert found["dead"]["score"] == found["dead"]["random_score"] == 0
    assert (found["dead"]["p"], found["dead"]["passed"]) == (1, False)
    assert found["dead"]["cav_accuracy"] == 0.5


def test_the_gradient_at_the_logits_is_the_class_itself(colour_network, rng):
    images = colour_network.prepare(noise(rng, 5))
    targets = np.array([0, 1, 2, 1, 0])
    ((_, gradient),) = colour_network.layer_gradients(images, targets, ["logits"])
    np.testing.assert_array_equal(gradient, np.eye(3)[targets])


def test_correct_images_are_those_of_the_network(colour_network, red_pool, rng):
    pictures = noise(rng, 50)
    measured = measure(colour_network, red_pool, Pictures(pictures, RED_RISES), ["colours"])
    red, green, _ = pictures.mean((1, 2)).T
    assert measured.correct.tolist() == (red > green).tolist()
    assert measured.rises.shape == (2, 1, 30, 50)


def test_the_same_seed_measures_the_same(colour_network, red_pool, rng):
    pictures = Pictures(noise(rng, 20), RED_RISES)
    once, again = (measure(colour_network, red_pool, pictures, ["colours"]) for _ in range(2))
    np.testing.assert_array_equal(once.rises, again.rises)
    np.testing.assert_array_equal(once.accuracies, again.accuracies)


def test_a_derivative_of_zero_is_no_rise():
    gradient = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    cavs = np.array([[1.0, -1.0], [0.0, 2.0]], np.float32)
    assert along(gradient, cavs).tolist() == [[True, False], [False, True]]


def test_draws_are_distinct_images_of_their_kind():
    concept, random = make_draws(concept=12, others=30, images=10, runs=3, seed=0)
    assert len(concept) == len(random) == 3
    for dog, control in zip(concept, random, strict=True):
        assert len(set(dog.concept)) == 10
        assert set(dog.concept) <= set(range(12))
        for drawn in (dog.others, np.concatenate([control.concept, control.others])):
            assert len(set(drawn)) == len(drawn)
            assert set(drawn) <= set(range(12, 42))
    assert not np.array_equal(concept[0].others, concept[1].others)
    again = make_draws(concept=12, others=30, images=10, runs=2, seed=0)
    np.testing.assert_array_equal(again[0][1].concept, concept[1].concept)
    other = make_draws(concept=12, others=30, images=10, runs=2, seed=1)
    assert not np.array_equal(other[0][0].concept, concept[0].concept)


def test_the_pool_is_of_training_images(dataset):
    pool = make_pool(dataset, images=20, runs=2, seed=0)
    assert pool.images.shape == (80 + 100, 128, 128, 3)  # of 80 dogs and of 10 scenes of each class
    composed = dataset.view("object_scene", "train").of_object("dog")
    assert {OBJECTS[label] for label in composed.object_labels} == {"dog"}
    composites = {image.tobytes() for image in composed[:].images}
    assert all(image.tobytes() in composites for image in pool.images[:80])
    scenes = {image.tobytes() for image in dataset.view("scene_only", "train")[:].images}
    others = {image.tobytes() for image in pool.images[80:]}
    assert others <= scenes
    assert len(others) == 100


def test_too_few_images_are_named(dataset):
    with pytest.raises(BamError, match=r"80 training images .* 100 training scenes.* 100 and 200"):
        make_pool(dataset, images=100, runs=2, seed=0)


def test_progress_names_the_layers_and_counts_the_images(colour_network, red_pool, rng, shown):
    measure(colour_network, red_pool, Pictures(noise(rng, 40), RED_RISES), ["colours", "logits"])
    assert shown == [
        "CAVs of colours: layer 1 of 2 (colours)",
        "CAVs of colours: layer 2 of 2 (logits)",
        *(f"gradients of colours along CAVs: {done} of 40 images" for done in (16, 32, 40)),
    ]
