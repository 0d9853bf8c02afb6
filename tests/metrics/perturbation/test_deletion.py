import numpy as np
import pytest
import tf_keras as keras
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d

from bam.metrics import METRICS
from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.deletion import step_counts
from bam.metrics.perturbation.family import CURVES
from bam.metrics.perturbation.substitutes import blurred
from bam.models.classifier import Classifier
from bam.models.inpainters.simple import Blur

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def classifier():
    """An untrained network that is sure of itself; images of 10 x 13 pixels."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Rescaling(1 / 64, input_shape=(10, 13, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(4),
    ]
    return Classifier(keras.Sequential(layers), "abcd", batch_size=8)


@pytest.fixture(scope="module")
def images():
    blocks = np.random.default_rng(0).integers(0, 256, (5, 5, 7, 3))
    return blocks.repeat(2, 1).repeat(2, 2)[:, :, :13].astype(np.float32)


def softmax(classifier, images):
    powers = np.exp(classifier.model(np.stack(images)).numpy().astype(float))
    return powers / powers.sum(1, keepdims=True)


def petsiuk(classifier, image, saliency, insertion):
    """The curve of Petsiuk et al. 2018, algorithm 1, step by step: pixels are changed in place."""
    normalised, pixels = (image / 255 - MEAN) / STD, saliency.size
    changed = np.zeros_like(normalised)
    if insertion:
        kernel = np.zeros((11, 11))
        kernel[5, 5] = 1
        kernel = gaussian_filter(kernel, 5)
        changed = np.stack([convolve2d(plane, kernel, "same") for plane in normalised.transpose(2, 0, 1)], -1)
    start, finish = (changed, normalised) if insertion else (normalised, changed)
    start, finish = start.reshape(pixels, 3).copy(), finish.reshape(pixels, 3)
    step, order, shown = -(-pixels // 28), saliency.ravel().argsort()[::-1], [image]
    for place in range(0, pixels + step, step):
        shown.append(((start * STD + MEAN) * 255).reshape(image.shape).astype(np.float32))
        start[order[place : place + step]] = finish[order[place : place + step]]
    scores = softmax(classifier, shown)
    return scores[1:, scores[0].argmax()]


@pytest.mark.parametrize("name", ["deletion", "insertion"])
def test_curves_are_those_of_the_paper(name, classifier, images, explained):
    saliency = np.random.default_rng(1).permuted(np.arange(5.0 * 130).reshape(5, -1), axis=1)
    maps = saliency.reshape(5, 10, 13)
    points = CURVES[name].measure(explained(classifier, images, maps), NoSettings())
    expected = [petsiuk(classifier, *pair, name == "insertion") for pair in zip(images, maps, strict=True)]
    np.testing.assert_allclose(points, expected, atol=1e-6)
    assert np.ptp(points, axis=1).min() > 0.05  # there is something to get wrong
    parts = CURVES[name].parts(points, classifier.input_size)
    area = [(scores.sum() - scores[0] / 2 - scores[-1] / 2) / (len(scores) - 1) for scores in expected]
    np.testing.assert_allclose(CURVES[name].value(parts), area, atol=1e-6)
    axis = CURVES[name].axes(classifier.input_size)["curve"]
    assert (len(axis), axis[0], axis[-1]) == (27, 0, 1)  # 130 pixels, 5 at a time


def test_steps_are_those_of_the_official_code():
    counts = step_counts((224, 224))
    assert len(counts) == 29
    assert set(np.diff(counts)) == {224 * 8}
    assert step_counts((2, 3)).tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["black_deletion", "blur_deletion", "mean_deletion"])
def test_class_stays_as_it_does_image_by_image(name, classifier, images, explained):
    maps = np.random.default_rng(2).permuted(np.arange(5.0 * 130).reshape(5, -1), axis=1).reshape(5, 10, 13)
    found = CURVES[name].measure(explained(classifier, images, maps), NoSettings())
    expected = []
    for image, saliency in zip(images, maps, strict=True):
        blur = ImageFilter.GaussianBlur(10 * 10 / 224)
        substrate = {
            "black_deletion": 0 * image,
            "blur_deletion": np.asarray(Image.fromarray(image.astype(np.uint8)).filter(blur), np.float32),
            "mean_deletion": np.broadcast_to(image.mean((0, 1)), image.shape),
        }[name]
        shown = [image]
        for order in (saliency.ravel().argsort()[::-1], saliency.ravel().argsort()):
            for count in (130 * np.arange(11)) // 10:
                changed = image.reshape(-1, 3).copy()
                changed[order[:count]] = substrate.reshape(-1, 3)[order[:count]]
                shown.append(changed.reshape(image.shape))
        labels = softmax(classifier, shown).argmax(1)
        expected.append(labels[1:] == labels[0])
    np.testing.assert_array_equal(found, expected)
    assert 0 < found.mean() < 1


def test_the_blur_is_the_inpainters(explained, classifier, images):
    whole = np.ones((5, 10, 13), bool)
    painted = Blur().fill(images.astype(np.uint8), whole, [""] * 5, np.zeros(5, np.uint64))
    originals = explained(classifier, images, np.zeros((5, 10, 13))).originals
    np.testing.assert_array_equal(blurred(originals), painted)


# Not blur: that of so small an image changes next to nothing.
@pytest.mark.parametrize("name", ["deletion", "insertion", "black_deletion", "mean_deletion"])
def test_oracle_beats_random_beats_inverted(name, region_classifier, explained):
    region, rng = region_classifier.region, np.random.default_rng(3)
    images = rng.integers(0, 60, (8, 12, 16, 3)).astype(np.float32)
    images[:, region] = rng.integers(200, 256, (8, region.sum(), 3))
    oracle = np.broadcast_to(region.astype(float), (8, 12, 16))
    random = rng.random((8, 12, 16))

    def value(maps):
        curve = CURVES[name]
        points = curve.measure(explained(region_classifier, images, maps), NoSettings()).astype(float)
        return curve.value(curve.parts(points, (12, 16))).mean()

    values = [value(oracle), value(random), value(1 - oracle)]
    assert (
        np.diff(values).min() > 0.02 if METRICS[name].direction == "down" else np.diff(values).max() < -0.02
    )
