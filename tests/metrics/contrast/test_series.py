"""RMCS of several trainings."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import bam.metrics.contrast.rmcs as module
from bam.data_prep.classes import COMMONALITIES
from bam.data_prep.dataset import View
from bam.metrics import METRICS
from bam.metrics.contrast.commonality import PREDICTORS, Drop
from bam.metrics.contrast.series import OfTraining
from bam.metrics.evaluation.run import Run
from bam.metrics.reporting.charts import available, series
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.estimate import estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.series import series_contributions

IMAGES = 12


def made_up(training):
    """Ten contrasts of two methods: `a` follows the drop, `random` does not."""
    rng = np.random.default_rng(training)
    rely = np.clip(1 - np.array(COMMONALITIES) + 0.2 * rng.normal(size=10), 0, 1)
    without = rng.random((IMAGES, 10)) > rely
    drop, contrasts = Drop(np.ones((IMAGES, 10), bool), without), []
    for place in range(10):
        values = {"a": rely[place] / 2 + rng.normal(0, 0.1, IMAGES), "random": rng.normal(0, 0.1, IMAGES)}
        values = {name: of * (place < 9) for name, of in values.items()}
        values["a"][place % 4] = np.nan
        used = {name: ~np.isnan(of) for name, of in values.items()}
        excluded = {name: {"misclassified": int((~of).sum())} for name, of in used.items()}
        contrasts.append(SimpleNamespace(values=values, used=used, excluded=excluded))
    rows = [{name: [SimpleNamespace(seconds=0.25)] for name in ("a", "random")} for _ in range(10)]
    return OfTraining(drop, contrasts, rows)


@pytest.fixture
def score_of(run_for, suite_folder, monkeypatch):
    """The score of so many trainings that are made up."""
    from bam.models import load_classifier

    network = load_classifier(suite_folder / "scene")
    config = {**network.description["config"], "commonality": 0.1}

    def networks(run):
        found = {f"scene_commonality_{k:.1f}": copy.copy(network) for k in COMMONALITIES}
        for name, model in found.items():
            model.name = f"{name}@{run.models.training}" if run.models.training else name
            model.description = {**network.description, "config": config}
        return found

    # The small dataset has one dog for tests, which gives no interval.
    monkeypatch.setattr(View, "sources", property(lambda view: np.arange(len(view)).astype(str)[:, None]))
    monkeypatch.setattr(module, "_networks", networks)
    monkeypatch.setattr(module, "_of_training", lambda run, *given: made_up(run.models.training))

    def make(count):
        others = list(range(1, count))
        monkeypatch.setattr(Run, "further", lambda run, names: map(run.of_training, others))
        return evaluate(METRICS["rmcs"], run_for(("random",), limit=IMAGES))

    return make


def test_several_trainings_of_each_k(score_of, dataset, tmp_path):
    score, each = score_of(3), [made_up(number) for number in range(3)]
    mcs = np.array([[pairs.values["a"] for pairs in of.contrasts] for of in each])
    drops = np.array([of.drop.per_image.T for of in each])
    line, r = score["a"], stats.pearsonr(np.nanmean(mcs, 2).ravel(), drops.mean(2).ravel()).statistic
    assert line.value == pytest.approx(r)
    assert line.ci_low < r < line.ci_high
    assert (line.counts["points"], line.n) == (30, 3 * (10 * IMAGES - 10))
    assert line.excluded == {"misclassified": 30}
    assert line.seconds == 7.5
    alone = [stats.pearsonr(np.nanmean(x, 1), y.mean(1)).statistic for x, y in zip(mcs, drops, strict=True)]
    assert line.trainings.means == pytest.approx(alone)
    assert line.trainings.sd == pytest.approx(np.std(alone, ddof=1))
    given = series_contributions(mcs[:, :-1], drops[:, :-1], given_place=True).mean()
    assert line.beside["given_k"].value == pytest.approx(given)
    assert score["-k"].value == pytest.approx(
        stats.pearsonr(np.tile(PREDICTORS["-k"], 3), drops.mean(2).ravel()).statistic
    )
    assert score["-k"].trainings.means[0] == pytest.approx(
        stats.pearsonr(PREDICTORS["-k"], drops[0].mean(1)).statistic
    )


def test_given_k_has_an_interval_from_three_trainings_on(score_of):
    two, three = (score_of(count)["a"].beside["given_k"] for count in (2, 3))
    assert -1 <= two.value <= 1
    assert two.ci_low is two.ci_high is None
    assert three.ci_low < three.value < three.ci_high


def test_each_k_has_intervals(score_of, dataset, tmp_path):
    score, each = score_of(3), [made_up(number) for number in range(3)]
    view = module._view(score.basis.run)
    resampling = Resampling(score.basis.run.first(view).sources, 0)
    mcs = np.array([of.contrasts[4].values["a"] for of in each])
    expected = estimates({"": mcs}, resampling)[""]
    found = score.details["with_intervals"]["a"][4]
    assert (found["value"], found["ci_low"], found["n"]) == (expected.value, expected.ci_low, IMAGES - 1)
    assert score.details["mcs"]["a"][4] == pytest.approx(expected.value)
    drop = estimates({"": np.array([of.drop.per_image[:, 0] for of in each])}, resampling)[""]
    assert score.details["with_intervals"]["accuracy_drop"][0]["ci_high"] == drop.ci_high
    assert np.shape(score.details["trainings"]["mcs"]["a"]) == (3, 10)
    text = score.markdown()
    assert "| MCS against k=1.0, with 95% intervals | k=0.1 |" in text
    assert "`r` is over 30 points" in text
    (told,) = [note for note in score.notes if note.startswith("Of 3 trainings")]
    assert "intervals and rank sets" in told
    assert "`trial sd`" not in told
    assert "`n`, `left out` and other counts are sums over all" in told
    assert series in available(score)
    score.write(tmp_path)


def test_methods_are_ranked_and_tested_over_trainings(score_of):
    score = score_of(3)
    assert score["a"].rank == (1, 1)
    (test,) = [test for test in score.comparison.tests if "random" in (test.better, test.worse)]
    assert (test.better, test.outperforming.value, test.outperforming.n) == ("a", 1, 3)
    assert "rank set" in score.table()


def test_one_training_is_as_before(score_of):
    score, drop = score_of(1), made_up(0).drop.series
    values = [np.nanmean(pairs.values["a"]) for pairs in made_up(0).contrasts]
    found = stats.pearsonr(values, drop)
    assert score["a"].value == pytest.approx(found.statistic)
    low, high = found.confidence_interval(0.95)
    assert (score["a"].ci_low, score["a"].ci_high) == pytest.approx((low, high))
    assert score["a"].trainings is score["a"].rank is None
    assert not {"with_intervals", "trainings"} & set(score.details)
    assert "given k" not in score.markdown()
