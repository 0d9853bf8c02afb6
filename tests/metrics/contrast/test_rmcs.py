import json
import shutil

import numpy as np
import pytest
from scipy import stats

import bam.models.training.accuracy
from bam.base.errors import BamError
from bam.data_prep.classes import COMMONALITIES
from bam.metrics import METRICS
from bam.metrics.contrast.commonality import PREDICTORS, Drop
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.rows import Row
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.correlation import correlation
from bam.models.training.validity import PAPER_WITH_DOG, PAPER_WITHOUT_DOG


@pytest.fixture(scope="module")
def score(run_in, tmp_path_factory):
    """With the dog every model is right; without it, the more of the images, the larger k."""
    methods = ("vanilla_gradient", "object_mask", "random", "constant")
    run = run_in(tmp_path_factory.mktemp("rmcs"), methods)

    def softmax_without_dog(classifier, view):
        k = float(classifier.name.rpartition("_")[2])
        wrong = np.arange(len(view)) >= 100 * k
        return np.eye(10)[(view.scene_labels + wrong) % 10]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Row, "correct", property(lambda row: True))
        patch.setattr(bam.models.training.accuracy, "probabilities", softmax_without_dog)
        return evaluate(METRICS["rmcs"], run)


def rows(score, method):
    """By k the rows of a method, of the bamboo forests with dogs."""
    run = score.basis.run
    view = shuffled(run.dataset.view("bamboo_forest"), run.settings.seed)
    models = score.basis.measured.models
    return {k: run.collect(view, models[f"scene_commonality_{k:.1f}"])[method] for k in COMMONALITIES}


def test_the_series_is_the_hand_count(score):
    found = rows(score, "vanilla_gradient")
    g_c = {k: np.array([row.g_c for row in of_model]) for k, of_model in found.items()}
    mcs = [(g_c[k] - g_c[1.0]).mean() for k in COMMONALITIES]
    series = score.details["mcs"]["vanilla_gradient"]
    assert series == pytest.approx(mcs)
    assert series[-1] == 0
    drop = [1 - k for k in COMMONALITIES]
    assert score.details["accuracy_drop"] == pytest.approx(drop)
    line = score["vanilla_gradient"]
    assert line.value == pytest.approx(stats.pearsonr(mcs, drop).statistic)
    assert line.ci_low < line.value < line.ci_high
    assert (line.n, line.counts["points"]) == (1000, 10)
    assert score.details["n_of_each_k"]["vanilla_gradient"] == [100] * 10


def test_a_map_that_is_the_same_for_all_models_has_no_correlation(score):
    for name in ("constant", "object_mask"):  # the oracle of all ten: nothing on the dog
        assert score.details["mcs"][name] == [0] * 10
        assert score[name].value is score[name].ci_low is None


def test_trivial_predictors_stand_beside_as_controls(score):
    assert score["-k"].value == pytest.approx(1)  # the drop was made so
    step = score["step (k <= 0.6)"]
    assert step.value == pytest.approx(np.corrcoef([1] * 6 + [0] * 4, -np.array(COMMONALITIES))[0, 1])
    assert "step (k <= 0.6) (control)" in score.table()
    assert score.validity.problems == ()
    tests = score.comparison.tests
    compared = {name for test in tests for name in (test.better, test.worse)}
    found = sum(test.p_adjusted < 0.05 for test in tests)
    assert f"Of 2 pairs of methods, or of a method and a control, {found} differ in r" in score.table()
    assert compared == {"vanilla_gradient", "random", "step (k <= 0.6)"}  # -k is exact, the rest constant


def test_the_file_holds_it_all_and_commonality_models_are_not_gated(score, tmp_path):
    content = json.loads(score.write(tmp_path).read_text())
    assert content["details"]["k"] == list(COMMONALITIES)
    assert len(content["configuration"]["models"]) == 10
    assert content["validity"] == {"passed": None, "models": {}, "problems": []}
    assert content["lines"]["vanilla_gradient"]["beside"]["paper"]["value"] == 0.77
    text = score.markdown()
    assert "| r ↑ |" in text
    assert "| **accuracy drop** | 0.900 |" in text


def test_predictors_with_the_papers_own_drops():
    drop = np.subtract(PAPER_WITH_DOG, PAPER_WITHOUT_DOG)
    values = {name: correlation(series, drop).value for name, series in PREDICTORS.items()}
    assert values["step (k <= 0.6)"] == pytest.approx(0.97, abs=0.005)
    assert values["-k"] == pytest.approx(0.87, abs=0.005)


def drop_of(with_dog, without_dog, images=20):
    """A `Drop` of so many right answers, in twentieths, by the ten models."""
    return Drop(
        *(np.arange(images)[:, None] < np.asarray(counts)[None] for counts in (with_dog, without_dog))
    )


def test_a_series_that_shows_nothing_is_said_so():
    assert drop_of([19] * 10, [14] * 6 + [19] * 4).problems() == []
    assert "nothing to follow" in drop_of([19] * 10, [14] * 10).problems()[0]
    assert "k = 0.2 did not learn" in drop_of([19, 9] + [19] * 8, [5] * 5 + [19] * 5).problems()[0]


def test_untrained_models_give_no_number_and_no_crash(run_for, tmp_path):
    score = evaluate(METRICS["rmcs"], run_for(("vanilla_gradient", "random"), limit=20))
    assert score.warnings()
    line, details = score["random"], score.details
    assert line.n + line.excluded["misclassified"] == 200
    assert line.counts["points"] == sum(value is not None for value in details["mcs"]["random"])
    for k, value, n in zip(
        COMMONALITIES, details["mcs"]["random"], details["n_of_each_k"]["random"], strict=True
    ):
        assert (value is None) == (n == 0), k
    assert json.loads(score.write(tmp_path).read_text())["validity"]["passed"] is False


def test_only_images_both_models_recognise_count(run_for):
    score = evaluate(METRICS["rmcs"], run_for())
    correct = {k: np.array([row.correct for row in found]) for k, found in rows(score, "random").items()}
    expected = [int((correct[k] & correct[1.0]).sum()) for k in COMMONALITIES]
    assert score.details["n_of_each_k"]["random"] == expected


def test_missing_models_are_named(run_for, suite_folder, tmp_path):
    shutil.copytree(suite_folder, tmp_path / "models")
    for k in (0.2, 0.7):
        shutil.rmtree(tmp_path / "models" / f"scene_commonality_{k}")
    with pytest.raises(
        BamError, match=r"lacks scene_commonality_0\.2, scene_commonality_0\.7: make them with"
    ):
        evaluate(METRICS["rmcs"], run_for(models=tmp_path / "models"))
