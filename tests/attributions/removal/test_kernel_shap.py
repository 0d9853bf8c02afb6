import itertools
from math import comb, factorial

import numpy as np
import pytest
import tf_keras as keras

from bam.attributions import explain
from bam.attributions.removal import kernel_shap, lime
from bam.base.errors import BamError
from bam.models.classifier import Classifier

# Eight superpixels, 6 x 5 pixels each.
PLANE = (np.arange(12)[:, None] // 6 * 4 + np.arange(20)[None] // 5).astype(np.int32)


@pytest.fixture(scope="module")
def products():
    """A network that says no where five of the superpixels are black, and a little where two others are."""
    inputs = keras.Input((12, 20, 3))
    x = keras.layers.AveragePooling2D((6, 5))(keras.layers.Rescaling(-1 / 255, offset=1)(inputs))
    x = keras.layers.Reshape((8, 3))(x)
    cells = [keras.layers.Flatten()(keras.layers.Cropping1D((n, 7 - n))(x)) for n in range(8)]
    both = [keras.layers.Multiply()(cells[:5]), keras.layers.Multiply()(cells[5:7])]
    head = keras.layers.Dense(2)
    outputs = head(keras.layers.Concatenate()(both))
    head.set_weights(
        [np.array([[0, -3], [0, -3], [0, -3], [0, -0.3], [0, -0.3], [0, -0.3]]), np.array([0, 4])]
    )
    return Classifier(keras.Model(inputs, outputs), ["no", "yes"], "products", batch_size=32)


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(kernel_shap, "superpixels", lambda images, *_: np.stack([PLANE] * len(images)))


def value(classifier, image, members):
    kept = np.isin(PLANE, list(members))[..., None]
    return float(classifier.softmax(np.where(kept, image, 0)[None].astype(np.float32))[0, 1])


def by_definition(worth, count):
    """Shapley values, summed over all coalitions."""
    found = []
    for own in range(count):
        others = [each for each in range(count) if each != own]
        total = 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            total += weight * sum(
                worth[frozenset((*some, own))] - worth[frozenset(some)]
                for some in itertools.combinations(others, size)
            )
        found.append(total)
    return np.array(found)


def test_all_coalitions_give_exact_shapley_values(products, eight):
    """Where LIME's kernel does not."""
    image = np.random.default_rng(0).uniform(240, 255, (12, 20, 3)).astype(np.float32)
    subsets = [frozenset(s) for n in range(9) for s in itertools.combinations(range(8), n)]
    worth = {subset: value(products, image, subset) for subset in subsets}
    expected = by_definition(worth, 8)
    found = explain(products, image[None], [1], "kernel_shap", samples=256, fill="black")[0]
    np.testing.assert_allclose(found, expected[PLANE], atol=1e-5)
    switched = np.array([[cell in subset for cell in range(8)] for subset in subsets])
    limes = lime.coefficients(switched, np.array([worth[subset] for subset in subsets]))
    assert abs(limes - expected).max() > 0.1


def test_sampled_coalitions_come_near_and_keep_the_sum(products, eight):
    image = np.full((1, 12, 20, 3), 255, np.float32)
    exact, many, few = (
        explain(products, image, [1], "kernel_shap", 4, samples=samples, fill="black")[0]
        for samples in (256, 250, 9)
    )
    assert 0 < abs(many - exact).max() < 0.1
    rise = value(products, image[0], range(8)) - value(products, image[0], ())
    for found in (exact, many, few):
        sums = sum(found[cell == PLANE][0] for cell in range(8))
        np.testing.assert_allclose(sums, rise, atol=1e-6)


@pytest.mark.parametrize("samples", [40, 120])
def test_captum_gives_the_same(products, eight, samples):
    """On the same coalitions, where these are drawn. Captum weighs the two ends by 10^6, and not exactly."""
    attr, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
    image = np.random.default_rng(0).uniform(200, 255, (12, 20, 3)).astype(np.float32)
    switched, _ = kernel_shap.coalitions(8, samples, np.random.default_rng(4))

    def probability(pictures):
        return torch.tensor(products.softmax(pictures.numpy().astype(np.float32))[:, 1])

    def drawn(*_, **__):
        yield from (torch.tensor(row[None]).long() for row in switched)

    theirs = attr.KernelShap(probability)
    theirs.perturb_func = drawn
    found = theirs.attribute(
        torch.tensor(image[None]),
        baselines=0.0,
        feature_mask=torch.tensor(np.repeat(PLANE[None, ..., None], 3, 3)).long(),
        n_samples=len(switched),
        perturbations_per_eval=8,
    )
    ours = explain(products, image[None], [1], "kernel_shap", [4], samples=samples, fill="black")[0]
    np.testing.assert_allclose(ours, found[0, ..., 0].numpy(), atol=1e-4)
    assert np.ptp(ours) > 0.05


def test_coalitions():
    switched, weights = kernel_shap.coalitions(4, 16, np.random.default_rng(0))
    assert len({tuple(row) for row in switched}) == len(switched) == 16
    assert not switched[0].any()
    assert switched[1].all()
    for row, weight in zip(switched[2:], weights[2:], strict=True):
        size = row.sum()
        assert weight == pytest.approx(3 / (comb(4, size) * size * (4 - size)))
    switched, weights = kernel_shap.coalitions(4, 15, np.random.default_rng(0))
    assert len(switched) == 14
    assert (switched[2::2] == ~switched[3::2]).all()
    assert (weights[2:] == 1).all()


def test_sizes_are_drawn_by_the_kernel():
    switched = kernel_shap.coalitions(18, 40_002, np.random.default_rng(0))[0][2::2]
    sizes = np.arange(1, 18)
    shares = 1 / (sizes * (18 - sizes))
    found = np.bincount(switched.sum(1), minlength=18)[1:18] / len(switched)
    np.testing.assert_allclose(found, shares / shares.sum(), atol=0.01)
    np.testing.assert_allclose(switched.mean(0), switched.mean(), atol=0.02)


def test_one_superpixel_has_the_whole_rise(classifier, pair):
    images, targets = pair
    found = explain(classifier, images, targets, "kernel_shap", segments=1, fill="black")
    rise = (classifier.softmax(images) - classifier.softmax(0 * images))[[0, 1], targets]
    np.testing.assert_allclose(found, np.broadcast_to(rise[:, None, None], found.shape), atol=1e-6)


def test_without_samples_all_are_worth_the_same_or_it_is_refused(products, eight):
    image = np.full((1, 12, 20, 3), 255, np.float32)
    found = explain(products, image, [1], "kernel_shap", samples=2, fill="black")
    assert np.ptp(found) < 1e-6
    for samples in (0, 1):
        with pytest.raises(BamError, match="`samples` must be at least 2"):
            explain(products, image, [1], "kernel_shap", samples=samples)


def test_an_answer_that_is_not_finite_makes_no_value():
    switched, weights = kernel_shap.coalitions(3, 8, np.random.default_rng(0))
    assert np.isnan(kernel_shap.shapley_values(switched, weights, np.full(8, np.nan))).all()
