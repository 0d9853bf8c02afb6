import json

import numpy as np
import pytest

from bam.attributions import METHODS, Method
from bam.base.errors import BamError
from bam.metrics.contrast import mcs
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect, shuffled


def make_request(dataset, models, out, methods=("random",), limit=None):
    return Request(dataset, models, [METHODS[name] for name in methods], limit, trials=10, seed=0, out=out)


def test_the_equation():
    assert mcs.model_contrast([0.5, 0.1], [0.2, 0.3]).tolist() == pytest.approx([0.3, -0.2])


@pytest.fixture(scope="module")
def score(dataset, suite_folder, tmp_path_factory):
    """As if the untrained models recognised every image."""
    methods = ("random", "constant", "object_mask", "edges", "vanilla_gradient")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Row, "correct", property(lambda row: True))
        return mcs.evaluate(make_request(dataset, suite_folder, tmp_path_factory.mktemp("mcs"), methods))


def test_known_answers(score):
    values = {name: entry["value"] for name, entry in score.methods.items()}
    assert values["object_mask"] == 1
    assert score.methods["object_mask"]["G_c"] == {"object": 1, "scene": 0}
    assert values["constant"] == values["edges"] == 0  # the same map for both models
    assert score.methods["constant"]["constant_maps"] == 100
    entry = score.methods["random"]
    assert entry["value"] != 0  # a fresh draw for each model
    assert entry["ci_low"] <= 0 <= entry["ci_high"]
    for variant in ("rescaled", "relocated"):
        assert score.methods["object_mask"]["robustness"][variant]["value"] == 1
        assert score.methods["constant"]["robustness"][variant]["value"] == 0
    # The oracle's map is on the object for one model and off it for the other: so are random pixels.
    assert abs(score.methods["object_mask"]["random_region"]["value"]) < 0.5
    assert score.methods["constant"]["random_region"]["value"] == 0


def halves(classifier, images, targets, *, seed):
    """The left half for an object classifier, the right one for a scene classifier."""
    left = np.arange(images.shape[2]) < images.shape[2] // 2
    return np.broadcast_to(left if classifier.labels == "object" else ~left, images.shape[:3])


def test_hand_made_maps_give_the_hand_count(dataset, suite_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(Row, "correct", property(lambda row: True))
    request = Request(dataset, suite_folder, [Method("halves", halves)], 10, trials=10, seed=0, out=tmp_path)
    score = mcs.evaluate(request)
    masks = shuffled(dataset.view("object_scene"), 0)[:10].masks
    masks = score.models["object"].prepare_masks(masks)
    left = np.array([mask[:, :8].sum() / mask.sum() for mask in masks])
    entry = score.methods["halves"]
    assert entry["G_c"]["object"] == pytest.approx(left.mean())
    assert entry["G_c"]["scene"] == pytest.approx((1 - left).mean())
    assert entry["value"] == pytest.approx((2 * left - 1).mean())


def test_the_contrast_is_that_of_the_rows(score):
    request = score.request
    view = shuffled(request.dataset.view("object_scene"), request.seed)
    g_c = {
        name: [row.g_c for row in collect(view, model, request)["vanilla_gradient"]]
        for name, model in score.models.items()
    }
    expected = sum(a - b for a, b in zip(g_c["object"], g_c["scene"], strict=True)) / 100
    entry = score.methods["vanilla_gradient"]
    assert entry["value"] == pytest.approx(expected)
    assert entry["G_c"]["object"] - entry["G_c"]["scene"] == pytest.approx(expected)


def test_each_model_explains_its_own_labels(score):
    request = score.request
    view = shuffled(request.dataset.view("object_scene"), request.seed)
    targets = {
        name: [row.target for row in collect(view, model, request)["random"]]
        for name, model in score.models.items()
    }
    assert targets["object"] == view.object_labels.tolist()
    assert targets["scene"] == view.scene_labels.tolist()


def test_only_what_both_recognise_counts(dataset, suite_folder, tmp_path):
    score = mcs.evaluate(make_request(dataset, suite_folder, tmp_path, limit=60))
    request = score.request
    view = shuffled(request.dataset.view("object_scene"), request.seed)
    rows = [collect(view, model, request)["random"] for model in score.models.values()]
    both = sum(a.correct and b.correct for a, b in zip(*rows, strict=True))
    entry = score.methods["random"]
    assert (entry["n"], entry["excluded"]["misclassified"]) == (both, 60 - both)


def test_both_models_pass_the_gate_or_are_named(score):
    content = json.loads(score.write().read_text())
    assert set(content["validity"]["models"]) == {"object", "scene"}
    assert content["validity"]["passed"] is False
    assert content["methods"]["vanilla_gradient"]["rank"] == [1, 1]
    assert len(content["comparisons"]["pairs"]) == 4
    assert "| MCS ↑ |" in score.table()


def test_a_missing_model_is_named(dataset, scene_model_folder, tmp_path):
    with pytest.raises(BamError, match="object: make it with"):
        mcs.evaluate(make_request(dataset, scene_model_folder, tmp_path))
