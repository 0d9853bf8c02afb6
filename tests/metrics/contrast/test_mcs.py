import json

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.contrast.mcs import model_contrast
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.rows import Row
from bam.metrics.scoring import evaluate


def test_the_equation():
    assert model_contrast([0.5, 0.1], [0.2, 0.3]).tolist() == pytest.approx([0.3, -0.2])


@pytest.fixture(scope="module")
def score(run_in, tmp_path_factory):
    """As if the untrained models recognised every image."""
    methods = ("random", "constant", "object_mask", "edges", "vanilla_gradient")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Row, "correct", property(lambda row: True))
        return evaluate(METRICS["mcs"], run_in(tmp_path_factory.mktemp("mcs"), methods))


def rows(score, method):
    """The rows of a method, of the images with objects, by model; and the images."""
    run = score.basis.run
    view = shuffled(run.dataset.view("object_scene"), run.settings.seed)
    models = score.basis.measured.models
    return {name: run.collect(view, model)[method] for name, model in models.items()}, view


def test_known_answers(score):
    oracle, constant, random = (score[name] for name in ("object_mask", "constant", "random"))
    assert oracle.value == 1
    assert (oracle.beside["G_c.object"].value, oracle.beside["G_c.scene"].value) == (1, 0)
    assert constant.value == score["edges"].value == 0  # the same map for both models
    assert constant.counts["constant_maps"] == 100
    assert random.value != 0  # a fresh draw for each model
    assert random.ci_low <= 0 <= random.ci_high
    for variant in ("rescaled", "relocated"):
        assert oracle.beside[variant].value == 1
        assert constant.beside[variant].value == 0
    # The oracle's map is on the object for one model and off it for the other: so are random pixels.
    assert abs(oracle.beside["random_region"].value) < 0.5
    assert constant.beside["random_region"].value == 0


def halves(classifier, images, targets, *, seed):
    """The left half for an object classifier, the right one for a scene classifier."""
    left = np.arange(images.shape[2]) < images.shape[2] // 2
    return np.broadcast_to(left if classifier.labels == "object" else ~left, images.shape[:3])


def test_hand_made_maps_give_the_hand_count(run_for, all_correct):
    run = run_for((halves,), limit=10)
    line = evaluate(METRICS["mcs"], run)["halves"]
    masks = shuffled(run.dataset.view("object_scene"), 0)[:10].masks
    masks = run.classifier("object").prepare_masks(masks)
    left = np.array([mask[:, :8].sum() / mask.sum() for mask in masks])
    assert line.beside["G_c.object"].value == pytest.approx(left.mean())
    assert line.beside["G_c.scene"].value == pytest.approx((1 - left).mean())
    assert line.value == pytest.approx((2 * left - 1).mean())


def test_the_contrast_is_that_of_the_rows(score):
    g_c = {name: [row.g_c for row in found] for name, found in rows(score, "vanilla_gradient")[0].items()}
    expected = sum(a - b for a, b in zip(g_c["object"], g_c["scene"], strict=True)) / 100
    line = score["vanilla_gradient"]
    assert line.value == pytest.approx(expected)
    concepts = [line.beside[f"G_c.{name}"].value for name in ("object", "scene")]
    assert concepts[0] - concepts[1] == pytest.approx(expected)


def test_each_model_explains_its_own_labels(score):
    found, view = rows(score, "random")
    assert [row.target for row in found["object"]] == view.object_labels.tolist()
    assert [row.target for row in found["scene"]] == view.scene_labels.tolist()


def test_only_what_both_recognise_counts(run_for):
    score = evaluate(METRICS["mcs"], run_for(limit=60))
    found = rows(score, "random")[0].values()
    both = sum(a.correct and b.correct for a, b in zip(*found, strict=True))
    line = score["random"]
    assert (line.n, line.excluded["misclassified"]) == (both, 60 - both)


def test_both_models_pass_the_gate_or_are_named(score, tmp_path):
    content = json.loads(score.write(tmp_path).read_text())
    assert set(content["validity"]["models"]) == {"object", "scene"}
    assert content["validity"]["passed"] is False
    assert content["lines"]["vanilla_gradient"]["rank"] == [1, 1]
    assert len(content["comparison"]["tests"]) == 4
    assert "| MCS ↑ |" in score.table()


def test_a_missing_model_is_named(run_for, scene_model_folder):
    with pytest.raises(BamError, match="object: make it with"):
        evaluate(METRICS["mcs"], run_for(models=scene_model_folder))
