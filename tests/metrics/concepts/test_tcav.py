import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tf_keras as keras

import bam.metrics.concepts.sensitivity
import bam.models.training.accuracy
from bam.base.errors import BamError
from bam.base.files import write_json
from bam.base.settings import checked
from bam.data_prep.classes import COMMONALITIES, SCENES
from bam.data_prep.dataset import View
from bam.metrics import METRICS
from bam.metrics.concepts.tcav import Concepts
from bam.metrics.scoring import evaluate
from bam.models.classifier import Classifier

BAMBOO = SCENES.index("bamboo_forest")


@pytest.fixture
def models(scene_model_folder, tmp_path):
    """Untrained models of every name that TCAV looks for, quick to load."""
    content = json.loads((scene_model_folder / "scene" / "model.json").read_text())
    inputs = keras.Input((64, 64, 3))
    maps = keras.layers.MaxPooling2D(16, name="maps")(inputs)
    outputs = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(inputs, outputs)
    digest = Classifier(model, range(10)).digest
    for name in ("object", "scene", *(f"scene_commonality_{k:.1f}" for k in COMMONALITIES)):
        config = {**content["config"], "labels": name.split("_")[0]}
        config["commonality"] = float(name[-3:]) if "_" in name else None
        (tmp_path / "models" / name).mkdir(parents=True)
        model.save(tmp_path / "models" / name / "model.keras")
        write_json(tmp_path / "models" / name / "model.json", {**content, "config": config, "digest": digest})
    return tmp_path / "models"


@pytest.fixture
def run(run_for, models):
    return run_for(models=models, asked={"tcav": Concepts(tcav_images=10, tcav_runs=3)})


def test_from_dataset_to_table(run, models, tmp_path):
    for k in COMMONALITIES[:9]:
        (models / f"scene_commonality_{k:.1f}" / "model.json").unlink()
    score = evaluate(METRICS["tcav"], run)
    content = json.loads(score.write(tmp_path).read_text())
    for line in content["lines"].values():
        assert line["estimate"]["n"] + line["excluded"]["misclassified"] == 10
    assert [line["control"] for line in content["lines"].values()] == [False, True]
    assert content["details"]["series"] is None
    assert content["configuration"]["metric"] == {"tcav_runs": 3, "tcav_images": 10, "tcav_layers": []}
    assert "9 of its 10 models are not there" in score.markdown()
    assert "tcav_random (control)" in score.markdown()


def test_the_series_follows_the_accuracy_drop(run, sensitivity, monkeypatch):
    rises = dict(zip(COMMONALITIES, [0.9] * 6 + [0.2] * 4, strict=True))

    def fake(classifier, pool, view, names):
        share = rises.get(classifier.description["config"]["commonality"], 0.8)
        correct = np.ones(len(view), bool)
        if view.name == "bamboo_forest":
            correct[: 50 if share == 0.2 else 10] = False
        return sensitivity(classifier.name, [share, 0.5], correct, np.random.default_rng(0))

    monkeypatch.setattr(bam.metrics.concepts.sensitivity, "measure", fake)
    half = np.eye(10)[np.where(np.arange(100) < 50, BAMBOO, BAMBOO + 1)]
    monkeypatch.setattr(bam.models.training.accuracy, "probabilities", lambda classifier, view: half)
    score = evaluate(METRICS["tcav"], run)
    series = score.details["series"]
    np.testing.assert_allclose(series["accuracy_drop"], [0.4] * 6 + [0.0] * 4, atol=1e-9)
    np.testing.assert_allclose(series["MCS"], [0.7] * 6 + [0.0] * 4, atol=0.03)
    assert series["MCS"][-1] == 0
    r = score["tcav"].beside["r"]
    assert r.value > 0.99
    assert r.n == 10
    others = series["correlation"]
    assert others["step (k <= 0.6)"]["value"] == pytest.approx(1)
    ks = np.array(COMMONALITIES)
    assert others["-k"]["value"] == pytest.approx(np.corrcoef(-ks, ks <= 0.6)[0, 1])
    assert series["problems"] == []
    assert "| **accuracy drop** | 0.400 |" in score.markdown()
    assert "95% interval of r" in score.markdown()
    models = {"object", "scene", *(f"scene_commonality_{k:.1f}" for k in COMMONALITIES)}
    assert set(score.configuration.models) == models


def test_a_k_without_score_is_left_out_of_the_correlation(run, sensitivity, monkeypatch):
    """Where no image is recognised by both networks there is no score."""
    rises = dict(zip(COMMONALITIES, np.linspace(0.9, 0.5, 10), strict=True))

    def fake(classifier, pool, view, names):
        k = classifier.description["config"]["commonality"]
        correct = np.full(len(view), k not in (0.2, 0.5))
        return sensitivity(classifier.name, [rises.get(k, 0.8)], correct, np.random.default_rng(0))

    def softmax_without_dog(classifier, view):
        k = classifier.description["config"]["commonality"]
        return np.eye(10)[(view.scene_labels + (np.arange(len(view)) >= 100 * k)) % 10]

    monkeypatch.setattr(bam.metrics.concepts.sensitivity, "measure", fake)
    monkeypatch.setattr(bam.models.training.accuracy, "probabilities", softmax_without_dog)
    score = evaluate(METRICS["tcav"], run)
    series, r = score.details["series"], score["tcav"].beside["r"]
    known = [k for k, value in zip(COMMONALITIES, series["MCS"], strict=True) if value is not None]
    assert known == [k for k in COMMONALITIES if k not in (0.2, 0.5)]
    places = [COMMONALITIES.index(k) for k in known]
    values, drops = (np.array(series[key], float)[places] for key in ("MCS", "accuracy_drop"))
    assert (r.n, r.value) == (8, pytest.approx(np.corrcoef(values, drops)[0, 1]))
    assert r.ci_low < r.value < r.ci_high
    assert "| MCS | " in score.markdown()


def test_settings_that_make_no_sense_are_refused():
    for name in ("tcav_runs", "tcav_images"):
        with pytest.raises(BamError, match=f"`{name}` must be greater than or equal to 2, not 1"):
            checked(Concepts, {name: 1})


def test_several_trainings(run, models, sensitivity, monkeypatch):
    """Each draws its networks' answers anew; f_o and f_s have three, the series two."""
    names = [path.name for path in models.iterdir()]
    for name in names:
        for training in (1, 2) if name in ("object", "scene") else (1,):
            shutil.copytree(models / name, models / f"{name}@{training}")

    def fake(classifier, pool, view, names):
        rng = np.random.default_rng(list(classifier.name.encode()))
        k = classifier.description["config"]["commonality"]
        share = 0.8 - 0.5 * k if k else 0.9 if classifier.name.startswith("object") else 0.5
        correct = rng.random(len(view)) < 0.9
        return sensitivity(classifier.name, [share + rng.normal(0, 0.05)], correct, rng)

    def softmax_without_dog(classifier, view):
        k = classifier.description["config"]["commonality"]
        return np.eye(10)[(view.scene_labels + (np.arange(len(view)) >= 100 * k)) % 10]

    monkeypatch.setattr(bam.metrics.concepts.sensitivity, "measure", fake)
    monkeypatch.setattr(bam.models.training.accuracy, "probabilities", softmax_without_dog)
    # The small dataset has one dog for tests, which gives no interval.
    monkeypatch.setattr(
        View, "sources", property(lambda view: np.arange(len(view)).astype(str)[:, None].repeat(2, 1))
    )
    score = evaluate(METRICS["tcav"], run)
    line, means = score["tcav"], score["tcav"].trainings.means
    assert score.trainings == len(means) == 3
    assert line.value == pytest.approx(np.mean(means), abs=0.02)  # not all use the same images
    assert line.ci_low < line.value < line.ci_high
    assert line.beside["first"].value - line.beside["second"].value == pytest.approx(line.value)
    assert line.counts["passed"] == "; ".join(["1 of 1, 0 of 1"] * 3)  # f_s is as the random concept
    assert {"object@2", "scene@2", "scene_commonality_0.1@1"} <= set(score.configuration.models)
    assert "scene_commonality_0.1@2" not in score.configuration.models
    assert line.beside["r"].n == len(score.basis.run.dataset.view("bamboo_forest")[:].ids)
    assert np.sign(line.beside["r"].value) == 1
    assert "of each of 2 trainings (f_o and f_s have 3)" in score.markdown()
    (told,) = [note for note in score.notes if note.startswith("Of 3 trainings")]
    assert "rank sets" not in told
    assert "`trial sd`" not in told
    assert "`n`: the images that any of them uses" in told
    measured = []
    monkeypatch.setattr(bam.metrics.concepts.sensitivity, "measure", lambda *given: measured.append(given))
    asked = replace(run, settings=replace(run.settings, trainings=3))
    with pytest.raises(BamError, match=r"scene_commonality_0\.1@2"):  # of which there are two
        evaluate(METRICS["tcav"], asked)
    assert measured == []
