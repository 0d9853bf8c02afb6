import json
import shutil

import numpy as np
import pytest
from scipy import stats

from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.data_prep.classes import COMMONALITIES
from bam.metrics.contrast import rmcs
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect, shuffled
from bam.metrics.statistics.resampling import correlation
from bam.models.training.validity import PAPER_WITH_DOG, PAPER_WITHOUT_DOG


def make_request(dataset, models, out, methods, limit=None):
    return Request(dataset, models, [METHODS[name] for name in methods], limit, trials=10, seed=0, out=out)


@pytest.fixture(scope="module")
def score(dataset, suite_folder, tmp_path_factory):
    """With the dog every model is right; without it, the more of the images, the larger k."""
    methods = ("vanilla_gradient", "object_mask", "random", "constant")
    request = make_request(dataset, suite_folder, tmp_path_factory.mktemp("rmcs"), methods)

    def softmax_without_dog(classifier, view):
        k = float(classifier.name.rpartition("_")[2])
        wrong = np.arange(len(view)) >= 100 * k
        return np.eye(10)[(view.scene_labels + wrong) % 10]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Row, "correct", property(lambda row: True))
        patch.setattr(rmcs, "probabilities", softmax_without_dog)
        return rmcs.evaluate(request)


def g_c(score, k):
    """float (100,): what vanilla gradient gives the dogs in the model of commonality k."""
    view = shuffled(score.request.dataset.view("bamboo_forest"), score.request.seed)
    rows = collect(view, score.models[f"scene_commonality_{k:.1f}"], score.request)
    return np.array([row.g_c for row in rows["vanilla_gradient"]])


def test_the_series_is_the_hand_count(score):
    entry, last = score.methods["vanilla_gradient"], g_c(score, 1.0)
    mcs = [(g_c(score, k) - last).mean() for k in COMMONALITIES]
    assert entry["mcs"] == pytest.approx(mcs)
    assert entry["mcs"][-1] == 0
    drop = [1 - k for k in COMMONALITIES]
    assert score.extra["accuracy_drop"] == pytest.approx(drop)
    assert entry["value"] == pytest.approx(stats.pearsonr(mcs, drop).statistic)
    assert entry["ci_low"] < entry["value"] < entry["ci_high"]
    assert (entry["n"], entry["n_of_each_k"], entry["points"]) == (1000, [100] * 10, 10)


def test_a_map_that_is_the_same_for_all_models_has_no_correlation(score):
    for name in ("constant", "object_mask"):  # the oracle of all ten: nothing on the dog
        entry = score.methods[name]
        assert entry["mcs"] == [0] * 10
        assert entry["value"] is entry["ci_low"] is None


def test_trivial_predictors_stand_beside_as_controls(score):
    assert score.methods["-k"]["value"] == pytest.approx(1)  # the drop was made so
    step = score.methods["step (k <= 0.6)"]
    assert step["value"] == pytest.approx(np.corrcoef([1] * 6 + [0] * 4, -np.array(COMMONALITIES))[0, 1])
    assert "step (k <= 0.6) (control)" in score.table()
    assert score.problems == []
    compared = {name for pair in score.extra["comparisons"]["pairs"] for name in pair["pair"]}
    found = sum(pair["p_holm"] < 0.05 for pair in score.extra["comparisons"]["pairs"])
    assert f"Of 2 pairs of methods, or of a method and a control, {found} differ in r" in score.table()
    assert compared == {"vanilla_gradient", "random", "step (k <= 0.6)"}  # -k is exact, the rest constant


def test_the_file_holds_it_all_and_commonality_models_are_not_gated(score):
    content = json.loads(score.write().read_text())
    assert content["k"] == list(COMMONALITIES)
    assert len(content["config"]["models"]) == 10
    assert content["validity"] == {"passed": None, "models": {}, "problems": []}
    assert content["methods"]["vanilla_gradient"]["paper"] == 0.77
    text = score.markdown()
    assert "| r ↑ |" in text
    assert "| **accuracy drop** | 0.900 |" in text


def test_predictors_with_the_papers_own_drops():
    drop = np.subtract(PAPER_WITH_DOG, PAPER_WITHOUT_DOG)
    values = {name: correlation(series, drop)[0] for name, series in rmcs.PREDICTORS.items()}
    assert values["step (k <= 0.6)"] == pytest.approx(0.97, abs=0.005)
    assert values["-k"] == pytest.approx(0.87, abs=0.005)


def drop_of(with_dog, without_dog, images=20):
    """A `Drop` of so many right answers, in twentieths, by the ten models."""
    return rmcs.Drop(
        *(np.arange(images)[:, None] < np.asarray(counts)[None] for counts in (with_dog, without_dog))
    )


def test_a_series_that_shows_nothing_is_said_so():
    assert drop_of([19] * 10, [14] * 6 + [19] * 4).problems() == []
    assert "nothing to follow" in drop_of([19] * 10, [14] * 10).problems()[0]
    assert "k = 0.2 did not learn" in drop_of([19, 9] + [19] * 8, [5] * 5 + [19] * 5).problems()[0]


def test_untrained_models_give_no_number_and_no_crash(dataset, suite_folder, tmp_path):
    request = make_request(dataset, suite_folder, tmp_path, ("vanilla_gradient", "random"), limit=20)
    score = rmcs.evaluate(request)
    assert score.warnings()
    entry = score.methods["random"]
    assert entry["n"] + entry["excluded"]["misclassified"] == 200
    for k, value, n in zip(COMMONALITIES, entry["mcs"], entry["n_of_each_k"], strict=True):
        assert (value is None) == (n == 0), k
    assert json.loads(score.write().read_text())["validity"]["passed"] is False


def test_only_images_both_models_recognise_count(dataset, suite_folder, tmp_path):
    score = rmcs.evaluate(make_request(dataset, suite_folder, tmp_path, ("random",)))
    view = shuffled(dataset.view("bamboo_forest"), 0)
    correct = {
        k: np.array([row.correct for row in collect(view, model, score.request)["random"]])
        for k, model in zip(COMMONALITIES, score.models.values(), strict=True)
    }
    assert score.methods["random"]["n_of_each_k"] == [
        int((correct[k] & correct[1.0]).sum()) for k in COMMONALITIES
    ]


def test_models_without_a_value_are_no_points():
    drop = np.linspace(1, 0, 10)
    values = drop + 0.1 * np.random.default_rng(0).normal(size=10)
    found = rmcs.correlated(values, drop)
    assert (found["value"], found["ci_low"], found["ci_high"]) == correlation(values, drop)
    values[2] = np.nan
    assert rmcs.correlated(values, drop)["points"] == 9
    values[:7] = np.nan
    assert rmcs.correlated(values, drop)["value"] is None


def test_missing_models_are_named(dataset, suite_folder, tmp_path):
    shutil.copytree(suite_folder, tmp_path / "models")
    for k in (0.2, 0.7):
        shutil.rmtree(tmp_path / "models" / f"scene_commonality_{k}")
    request = make_request(dataset, tmp_path / "models", tmp_path, ("random",))
    with pytest.raises(
        BamError, match=r"lacks scene_commonality_0\.2, scene_commonality_0\.7: make them with"
    ):
        rmcs.evaluate(request)
