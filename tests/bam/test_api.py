"""The face of the package: what `import bam` gives."""

import subprocess
import sys

import pytest

import bam
from bam.attributions.choice import choose
from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.inpainting.inpainting import Inpainting
from bam.metrics.results.score import Score
from bam.models.inpainters import INPAINTERS


@pytest.fixture
def places(dataset, scene_model_folder, tmp_path):
    return {"data": dataset.folder, "models": scene_model_folder, "out": tmp_path / "results"}


def brightness(classifier, images, targets, *, seed, power=1):
    return images.mean(-1) ** power


def test_a_score_of_names_functions_and_settings(places):
    methods = ["grad_cam", "smoothgrad(samples=2)", brightness]
    score = bam.score("idr", methods=methods, limit=6, robustness=False, **places)
    assert isinstance(score, Score)
    assert set(score) == {"grad_cam", "smoothgrad(samples=2)", "brightness", "random", "edges"}
    assert len(score) == 5
    assert "grad_cam" in score
    assert "grad_camm" not in score
    line = score["grad_cam"]
    assert line.n + line.excluded["misclassified"] == 6
    assert (line.value, line.ci_low) == (line.estimate.value, line.estimate.ci_low)
    assert score.configuration.metric == {"robustness": False, "premise": True, "untrained": 0}
    assert score.configuration.run["limit"] == 6
    assert score["smoothgrad(samples=2)"].settings == {"samples": 2, "noise": 0.15}
    assert "| brightness |" in score.table()
    with pytest.raises(BamError, match="did you mean 'grad_cam'"):
        score["grad_camm"]


def test_rows_are_used_again_and_the_score_is_read_back(places, monkeypatch):
    first = bam.score("idr", methods=[brightness], limit=4, robustness=False, **places)
    monkeypatch.setattr("bam.metrics.evaluation.sweep._explain_batch", None)
    again = bam.score("idr", methods=[brightness], limit=4, robustness=False, **places)
    assert again == first
    path = again.write(places["out"])
    assert bam.read_score(path) == again


def test_scores_are_judged(places):
    methods = ["vanilla_gradient", "gradient_x_input", "grad_cam"]
    score = bam.score("deletion", methods=methods, model="scene", limit=4, **places)
    judgement = bam.judge(score, judge_inverted=False, judge_copies=0)
    assert bam.judge([score], judge_inverted=False, judge_copies=0) == judgement
    assert judgement.metrics["deletion"].soundness is not None
    assert "| deletion ↓ |" in judgement.table()
    read = bam.read_score(score.write(places["out"]))
    with pytest.raises(BamError, match="cannot be judged"):
        bam.judge([read])
    with pytest.raises(BamError, match="nothing to judge"):
        bam.judge([])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"metric": "idrr"}, "did you mean 'idr'"),
        ({"metric": "idr", "limmit": 3}, "did you mean 'limit'"),
        ({"metric": "idr", "limit": 0}, "`limit` must be greater than or equal to 1"),
        ({"metric": "idr", "images": "folder"}, "`images` is for iir, inpainting"),
        ({"metric": "idr", "methods": []}, "`methods` names no attribution method"),
        ({"metric": "nowhere.py:mine"}, "there is no Python file nowhere.py"),
        ({"metric": "nowhere.py"}, "give nowhere.py:NAME"),
        ({"metric": "idr,mcs"}, "ask for one a call"),
        (
            {"metric": "deletion", "model": len},
            "takes a name, a network of your own or a classifier, not builtin",
        ),
        ({"metric": "deletion", "model": "net.h5"}, "needs `class_names`"),
        ({"metric": "idr", "methods": [3]}, "takes names, functions and methods, not 3"),
    ],
)
def test_what_cannot_be_asked_for(places, arguments, words):
    with pytest.raises(BamError) as error:
        bam.score(**{**places, **arguments})
    assert words in str(error.value)


def test_importing_it_costs_neither_tensorflow_nor_numpy():
    program = "import sys, bam; bam.__version__; print({'tensorflow', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


def test_there_is_nothing_that_is_not_there():
    assert {"score", "show", "judge", "read_score", "load_dataset", "load_classifier", "explain"} <= set(
        bam.__all__
    )
    assert all(getattr(bam, name) is not None for name in bam.__all__)
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        _ = bam.scores


def declared(**changes):
    return {"direction": "up", "version": 1, "source": "a test", **changes}


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("idr", {}, "idr is the name of a metric of BAM's: rename yours"),
        ("mine", {"direction": "lower"}, "must have the direction up or down, not lower"),
        ("mine", {"settings": RunSettings}, "has a setting batch_size, which all share"),
    ],
)
def test_metrics_that_cannot_be_declared(name, changes, words):
    with pytest.raises(BamError, match=words):
        bam.metric(name, **declared(**changes))(lambda run, settings: None)
    assert name not in METRICS or METRICS[name].function.__module__.startswith("bam.")


def test_a_metric_that_measures_nothing_is_named(places):
    @bam.metric("mine", **declared())
    def mine(run, settings):
        return 3.0

    try:
        with pytest.raises(BamError, match="the metric mine gave float: it must give Measured"):
            bam.score(mine, **places)
    finally:
        del METRICS["mine"]
    with pytest.raises(BamError, match="must declare"):
        bam.metric(mine)


def test_generative_methods_are_given_what_the_run_has(places, tmp_path):
    """The dataset for its own images; for a folder's only if donors are asked for."""
    entry = "sliding_patch_g(patch=150, stride=100)"
    score = bam.score("idr", methods=[entry], limit=2, robustness=False, **places)
    assert f"Pixels in pictures of 64 x 64: {entry} patch 43, stride 29." in score.notes
    blurred = f"{entry[:-1]}, inpainter='blur')"
    rise = "rise(samples=2, fill='blur')"
    score = bam.score("idr", methods=[blurred, rise], limit=2, robustness=False, **places)
    assert f"Pixels in pictures of 64 x 64: {blurred} patch 43, stride 29, blur 2.86; {rise} blur 2.86." in (
        score.notes
    )
    run = {"settings": RunSettings(), **places}
    methods = choose([entry, "lime_g(inpainter=donor)", "lime"], always=())

    def found(**more):
        return [each.key[3]["name"] for each in make_run(None, methods, **run, **more).explainers[:2]]

    assert found() == ["donor", "donor"]
    assert found(images=tmp_path) == ["blur", "donor"]
    own, _, plain = make_run(None, methods, **run, fills_gb=0.5).explainers
    assert own.given["fill_store"]._folder == places["out"] / "fills"
    assert own.given["fill_store"]._most == 5e8
    assert plain.given == {}
    assert own.given["fill_seed"] == 0
    run["settings"] = RunSettings(seed=7)
    assert make_run(None, methods, **run).explainers[0].given["fill_seed"] == 7


def test_what_cannot_be_painted_with_is_refused_before_anything_is_measured(places, tmp_path):
    given = {"metric": "idr", "limit": 2, **places}
    with pytest.raises(BamError, match="checkpoint"):
        bam.score(methods=[f"lime_g(inpainter=deepfill, checkpoint={tmp_path})"], **given)
    run, donors = {"settings": RunSettings(), **places}, choose("lime_g(inpainter=donor)", always=())
    with pytest.raises(BamError, match="donor fills holes from a dataset"):
        make_run({"inpainting": Inpainting()}, donors, **{**run, "data": "no"}, images=tmp_path)

    class Looking(INPAINTERS["blur"]):
        name, fixed = "looking", False

    INPAINTERS["looking"] = Looking
    try:
        entry = "meaningful_perturbation_g(inpainter=looking{})"
        with pytest.raises(BamError, match="would ask looking for 300 fills of every image: give `yes`"):
            make_run(None, choose(entry.format("")), **run)
        make_run(None, choose(entry.format(", yes=True")), **run)
    finally:
        del INPAINTERS["looking"]
