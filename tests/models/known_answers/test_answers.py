"""The networks give the answers that they say, and methods and metrics what theory says of these."""

import numpy as np
import pytest
from scipy import ndimage, stats

from bam.attributions import explain
from bam.attributions.choice import choose
from bam.base.errors import BamError
from bam.data_prep.dataset import Dataset
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.scoring import evaluate
from bam.models.known_answers.answers import SHARES, KnownModels, known_answer
from bam.models.known_answers.composites import BesideWindow
from bam.models.known_answers.networks import BEHIND, LOGIT, NETWORKS

SIZE = 16
WINDOW = 4  # columns
LINEAR = ("additive", "linear")
COMPLETE = ("integrated_gradients", "gradient_x_input")


@pytest.fixture(scope="module")
def composites(dataset):
    return BesideWindow(dataset.folder)


@pytest.fixture(scope="module")
def models(composites):
    return {name: KnownModels(name, composites, SIZE) for name in NETWORKS}


@pytest.fixture(scope="module")
def pictures(composites, models):
    """With objects and without, at the size of the networks."""
    view, classifier = composites.view("object_scene"), models["linear"]["object"]
    return [classifier.prepare(each[:].images) for each in (view, view.without_object())]


@pytest.fixture(scope="module")
def masks(composites, models):
    return models["linear"]["object"].prepare_masks(composites.view("object_scene")[:].masks)


@pytest.fixture(scope="module")
def targets(composites):
    return composites.view("object_scene").object_labels


def logits(classifier, images, targets):
    return classifier.logits(np.asarray(images, np.float32))[np.arange(len(images)), targets]


def blocks(maps):
    """Sums over blocks of 4 x 4 pixels, float (N, 4, 4)."""
    maps = np.asarray(maps, float)
    maps = maps.sum(-1) if maps.ndim == 4 else maps
    return maps.reshape(len(maps), 4, 4, 4, 4).sum((2, 4))


def falls(classifier, images, targets):
    """What making each block black costs, float (N, 4, 4)."""
    before, found = logits(classifier, images, targets), np.empty((len(images), 4, 4))
    for row, column in np.ndindex(4, 4):
        without = images.copy()
        without[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 0
        found[:, row, column] = before - logits(classifier, without, targets)
    return found


def test_objects_are_beside_the_window(dataset, composites):
    view = composites.view("object_scene")
    assert 4 < len(view) == len(set(view.sources[:, 1]))
    assert not view[:].masks[:, :, : 128 // 4].any()
    assert set(view.ids) == set(composites.view("scene_only").ids)
    assert set(view.ids) < set(Dataset(dataset.folder).view("object_scene").ids)
    assert len(composites.view("object_scene", "train")) == len(dataset.view("object_scene", "train"))
    few = BesideWindow(dataset.folder, 1)
    assert len(few.view("object_scene")) == 1
    with pytest.raises(BamError, match="build it with more images"):
        BesideWindow(dataset.folder, 0)


def test_of_one_composite(dataset):
    one = BesideWindow(dataset.folder, 1)
    known, view = known_answer("edges", one, "scene", SIZE), one.view("scene_only")
    assert known.effects.shape == (1,)
    assert known.classifier.predictions(known.classifier.prepare(view[:].images)) == view.scene_labels


def test_what_is_refused(composites, monkeypatch):
    with pytest.raises(BamError, match="did you mean 'linear'"):
        known_answer("linaer", composites, "object", SIZE)
    with pytest.raises(BamError, match="16 pixels or more"):
        known_answer("linear", composites, "object", 8)
    with pytest.raises(BamError, match="scene_commonality"):
        KnownModels("linear", composites, SIZE)["scene_commonality_0.1"]
    monkeypatch.setattr("bam.models.known_answers.answers.WINDOW", 0.0)
    with pytest.raises(BamError, match="too many for the 0 values in the window"):
        known_answer("linear", composites, "object", SIZE)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answer_is_what_removing_the_object_does(name, models, composites, pictures):
    for labels in SHARES:
        known = models[name].answers[labels]
        right = composites.view("object_scene").labels(labels)
        before, after = (logits(known.classifier, images, right) for images in pictures)
        np.testing.assert_allclose(before - after, known.effects, atol=1e-4 * LOGIT)
        assert (known.classifier.predictions(pictures[0]) == right).all()
        assert labels == "object" or (known.classifier.predictions(pictures[1]) == right).all()
        np.testing.assert_allclose(known.classifier.logits(0 * pictures[0][:1]), 0, atol=1e-5)
    assert name == "blind" or models[name].answers["object"].effects.std() > 0.1


def test_the_object_is_three_times_as_much_to_who_names_it(models):
    for name in ("additive", "linear", "saturated"):
        effects = [models[name].answers[labels].effects for labels in ("object", "scene")]
        np.testing.assert_allclose(effects[0], 3 * effects[1])


def test_the_blind_network_reads_nothing_beside_the_window(models, pictures, targets):
    classifier = models["blind"]["object"]
    other = pictures[0].copy()
    other[:, :, WINDOW:] = np.random.default_rng(0).uniform(0, 255, other[:, :, WINDOW:].shape)
    np.testing.assert_array_equal(classifier.logits(other), classifier.logits(pictures[0]))
    assert not classifier.gradient(pictures[0], targets)[:, :, WINDOW:].any()


def test_branches_add_up(models, pictures, targets):
    """What is beside the window counts the same whatever is in the window."""
    classifier, (images, _) = models["additive"]["object"], pictures
    other = images[::-1]
    first, second = images.copy(), other.copy()
    first[:, :, :WINDOW], second[:, :, :WINDOW] = other[:, :, :WINDOW], images[:, :, :WINDOW]
    found = [logits(classifier, each, targets) for each in (images, first, second, other)]
    np.testing.assert_allclose(found[0] - found[1], found[2] - found[3], atol=1e-4)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("method", COMPLETE)
def test_gradient_methods_are_exact_on_linear_networks(name, method, models, pictures, masks, targets):
    known = models[name].answers["object"]
    before, after = (explain(known.classifier, images, targets, method) for images in pictures)
    expected = falls(known.classifier, pictures[0], targets)
    np.testing.assert_allclose(blocks(before), expected, atol=1e-3)
    total = logits(known.classifier, pictures[0], targets)
    np.testing.assert_allclose(before.sum((1, 2, 3)), total, atol=1e-3)
    # Pixels at the rim of a mask, of which less than half is covered, change too.
    change = (before - after).sum((1, 2, 3))
    np.testing.assert_allclose(change, known.effects, atol=1e-3)
    region = ((before - after).sum(-1) * masks).sum((1, 2))
    assert stats.spearmanr(region, known.effects)[0] > 0.7


def test_the_saturated_network_is_flat_where_the_truth_is_not(models, pictures, targets):
    classifier = models["saturated"]["object"]
    images, without = pictures
    for method in ("vanilla_gradient", "gradient_x_input", "guided_backprop"):
        assert not explain(classifier, images, targets, method).any()
    assert explain(classifier, without, targets).any((1, 2, 3)).all()
    whole = explain(classifier, images, targets, "integrated_gradients", samples=100)
    # 4/5 of the way are below saturation, where the gradient is that of the sum.
    np.testing.assert_allclose(whole.sum((1, 2, 3)), LOGIT, rtol=0.02)
    lost = 1.25 * blocks(whole) / LOGIT
    expected = LOGIT * np.maximum(0, lost - 0.25)
    np.testing.assert_allclose(falls(classifier, images, targets), expected, atol=0.02 * LOGIT)
    occluded = explain(classifier, images, targets, "sliding_patch", patch=112, stride=28)
    assert occluded.max((1, 2)).min() > 0


def test_guided_backprop_hides_what_speaks_against(models, pictures, targets):
    known = models["additive"].answers["object"]
    against = known.effects < -BEHIND * SHARES["object"] * LOGIT
    assert 0 < against.sum() < len(against)
    maps = explain(known.classifier, pictures[0], targets, "guided_backprop")[:, :, WINDOW:]
    np.testing.assert_array_equal(maps.any((1, 2, 3)), ~against)
    expected = known.classifier.gradient(pictures[0], targets)[:, :, WINDOW:]
    np.testing.assert_allclose(maps[~against], expected[~against], atol=1e-6)


def test_grad_cam_shows_what_the_blind_network_does_not_read(models, pictures, targets):
    classifier, beside = models["blind"]["object"], (slice(None), slice(None), slice(WINDOW, None))
    assert explain(classifier, pictures[0], targets, "grad_cam")[beside].any()
    assert not explain(classifier, pictures[0], targets, "hires_cam")[beside].any()


def test_edges_are_compared_and_no_more(models, pictures, targets):
    """Of a picture with its own edges: the length of what is read, by another filter."""
    classifier, (images, _) = models["edges"]["object"], pictures
    plane = images.mean(-1)
    found = [
        np.abs(np.stack([ndimage.sobel(each, axis, mode="constant") for each in plane])) / 8
        for axis in (1, 0)
    ]
    length = np.sqrt(sum((each[:, 1:-1, WINDOW + 1 : -1] ** 2).sum((1, 2)) for each in found))
    np.testing.assert_allclose(logits(classifier, images, targets), LOGIT * length / length.mean(), rtol=1e-4)
    np.testing.assert_allclose(
        classifier.logits(np.float32(images + 20 - images.min())),
        classifier.logits(np.float32(images - images.min())),
        rtol=1e-3,
    )
    gradient = classifier.gradient(images, targets)
    assert not gradient[:, :, :WINDOW].any()
    assert explain(classifier, images, targets, "edges")[:, :, :WINDOW].any()


def test_metrics_on_the_blind_network(models, composites, tmp_path):
    """Two reward the oracle, which knows the object and not the network; the others the truth."""
    asked = {"mcs": Contrast(robustness=False), "idr": Contrast(robustness=False)}
    asked |= {name: METRICS[name].settings() for name in ("deletion", "localisation")}
    methods = choose("gradient_x_input,object_mask", always=())
    settings = RunSettings(limit=8)
    run = make_run(asked, methods, composites, models["blind"], tmp_path, settings)
    scores = {name: evaluate(METRICS[name], run) for name in asked}
    truth, oracle = (
        {key: each[name].value for key, each in scores.items()}
        for name in ("gradient_x_input", "object_mask")
    )
    assert (truth["mcs"], oracle["mcs"]) == (0, 1)
    assert (truth["idr"], oracle["idr"]) == (0, 1)
    assert truth["deletion"] < oracle["deletion"]
    assert scores["localisation"]["object_mask"].n == 0
