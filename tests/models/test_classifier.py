import json
import time

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models import load_classifier
from bam.models.classifier import Classifier


def linear_classifier(weights, height=6, width=4):
    """Logits are the inner products of the pixels with `weights` (height * width * 3, classes)."""
    inputs = keras.Input((height, width, 3))
    outputs = keras.layers.Dense(weights.shape[1], use_bias=False)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.set_weights([weights])
    return Classifier(model, range(weights.shape[1]), batch_size=4)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_gradient_of_a_linear_network_is_its_weights(rng):
    weights = rng.normal(size=(72, 3)).astype(np.float32)
    classifier = linear_classifier(weights)
    images = rng.uniform(0, 255, (7, 6, 4, 3)).astype(np.float32)
    targets = np.array([0, 1, 2, 2, 1, 0, 1])
    gradient = classifier.gradient(images, targets)
    np.testing.assert_allclose(gradient, weights[:, targets].T.reshape(7, 6, 4, 3), rtol=1e-6)
    np.testing.assert_allclose(classifier.logits(images), images.reshape(7, -1) @ weights, rtol=1e-4)


def test_gradient_of_a_convolutional_network_is_its_slope(scene_classifier, rng):
    images = rng.uniform(50, 200, (1, 64, 64, 3)).astype(np.float32)
    target = np.array([3])
    gradient = scene_classifier.gradient(images, target)
    direction = gradient / np.linalg.norm(gradient)
    step = 0.05
    slope = (
        scene_classifier.logits(images + step * direction)[0, 3]
        - scene_classifier.logits(images - step * direction)[0, 3]
    ) / (2 * step)
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=0.02)


def test_layer_gradient_agrees_with_the_head_behind_the_layer(scene_classifier, rng):
    images = rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    features, gradient = scene_classifier.layer_gradient(images, np.array([1, 4]))
    # Behind the last feature maps stand their mean and a linear layer: the derivative is known.
    head = scene_classifier.model.get_layer("logits").get_weights()[0]
    for index, target in enumerate((1, 4)):
        expected = np.broadcast_to(head[:, target] / 64, (8, 8, head.shape[0]))
        np.testing.assert_allclose(gradient[index], expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(features, scene_classifier.features(images), rtol=1e-5, atol=1e-6)


def test_batches_of_any_size_agree(scene_classifier, rng):
    images = rng.uniform(0, 255, (5, 64, 64, 3)).astype(np.float32)
    targets = np.arange(5)
    whole = scene_classifier.gradient(images, targets)
    single = np.concatenate(
        [scene_classifier.gradient(images[i : i + 1], targets[i : i + 1]) for i in range(5)]
    )
    assert whole.shape == images.shape
    np.testing.assert_allclose(whole, single, rtol=1e-3, atol=1e-4 * abs(whole).max())


def test_prepare_averages_where_it_shrinks_and_keeps_the_right_size(scene_classifier, rng):
    images = rng.integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    prepared = scene_classifier.prepare(images)
    assert prepared.shape == (2, 64, 64, 3)
    assert prepared.dtype == np.float32
    assert abs(prepared.mean() - images.mean()) < 0.5
    flat = np.full((1, 100, 80, 3), 77, np.uint8)
    np.testing.assert_allclose(scene_classifier.prepare(flat), 77, rtol=1e-6)
    np.testing.assert_array_equal(scene_classifier.prepare(prepared), prepared)


def test_masks_follow_the_images(scene_classifier):
    masks = np.zeros((1, 128, 128), bool)
    masks[0, 20:60, 40:101] = True
    expected = np.zeros((64, 64), bool)
    expected[10:30, 20:50] = True  # column 50 is covered by less than a half
    prepared = scene_classifier.prepare_masks(masks)[0]
    assert prepared.dtype == bool
    assert np.count_nonzero(prepared ^ expected) <= 20
    assert np.array_equal(prepared[11:29, 21:49], expected[11:29, 21:49])


def test_probabilities_sum_to_one(scene_classifier, rng):
    images = rng.uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)
    softmax = scene_classifier.softmax(images)
    np.testing.assert_allclose(softmax.sum(1), 1, rtol=1e-5)
    assert (softmax.argmax(1) == scene_classifier.predictions(images)).all()


def test_wrong_use_is_one_clear_error(scene_classifier):
    images = np.zeros((1, 64, 64, 3), np.float32)
    with pytest.raises(BamError, match="use prepare"):
        scene_classifier.logits(np.zeros((1, 32, 32, 3), np.float32))
    with pytest.raises(BamError, match=r"unknown layer of scene 'nowhere': known are .*block_layer4"):
        scene_classifier.features(images, "nowhere")
    with pytest.raises(BamError, match="no images"):
        scene_classifier.logits(images[:0])
    with pytest.raises(BamError, match="10 outputs, but 3 class names"):
        Classifier(scene_classifier.model, "abc")
    flat = keras.Sequential([keras.layers.Flatten(input_shape=(4, 4, 3)), keras.layers.Dense(2)])
    with pytest.raises(BamError, match="no layer with spatial feature maps"):
        Classifier(flat, "ab").feature_layer()


def test_the_picture_on_another_scale_is_no_feature():
    layers = keras.layers
    rescaled = [
        layers.Rescaling(1 / 255, input_shape=(8, 8, 3)),
        layers.BatchNormalization(),
        layers.Conv2D(4, 1),
    ]
    with pytest.raises(BamError, match="no layer with spatial feature maps"):
        Classifier(keras.Sequential([*rescaled, layers.Flatten(), layers.Dense(2)]), "ab").feature_layer()
    convolved = keras.Sequential(
        [*rescaled, layers.Conv2D(4, 3, name="features"), layers.Flatten(), layers.Dense(2)]
    )
    assert Classifier(convolved, "ab").feature_layer() == "features"


def test_loading_checks_what_it_loads(scene_model_folder, tmp_path):
    with pytest.raises(BamError, match=r"has no trained models, and `python -m bam\.train` makes"):
        load_classifier(tmp_path / "nowhere")
    with pytest.raises(BamError, match=r"python -m bam\.train --labels object --models .*models"):
        load_classifier(scene_model_folder / "object")
    with pytest.raises(BamError, match="has scene, and"):
        load_classifier(scene_model_folder / "other")
    classifier = load_classifier(scene_model_folder / "scene")
    assert (classifier.name, classifier.labels) == ("scene", "scene")
    description = json.loads((scene_model_folder / "scene" / "model.json").read_text())
    classifier.model.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text(json.dumps({**description, "digest": "0"}))
    with pytest.raises(BamError, match="not the network that"):
        load_classifier(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"damaged")
    with pytest.raises(BamError, match="cannot be read"):
        load_classifier(tmp_path)


def test_the_clock_counts_what_was_answered_from_memory(scene_classifier, monkeypatch):
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    targets = np.zeros(2, np.int32)
    scene_classifier.gradient(images, targets)  # compiled

    def cost(ask):
        begin, real = scene_classifier.clock(), time.perf_counter()
        ask()
        return scene_classifier.clock() - begin, time.perf_counter() - real

    compute = scene_classifier._compiled["gradient"]

    def slow(*given):
        time.sleep(0.2)
        return compute(*given)

    monkeypatch.setitem(scene_classifier._compiled, "gradient", slow)
    with scene_classifier.sharing(images):
        first, really = cost(lambda: scene_classifier.gradient(images, targets))
        again, took = cost(lambda: scene_classifier.gradient(images, targets))
    assert first >= 0.2
    assert first == pytest.approx(really, abs=0.01)
    assert took < 0.1
    assert again == pytest.approx(first, rel=0.2)
