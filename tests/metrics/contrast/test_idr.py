import json
from dataclasses import replace

import pytest

from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.metrics.contrast import idr
from bam.metrics.evaluation.run import Request, parse_methods


@pytest.fixture
def request_for(dataset, suite_folder, tmp_path):
    def make(methods=("random",), limit=None):
        chosen = [METHODS[name] for name in methods]
        return Request(dataset, suite_folder, chosen, limit, trials=10, seed=0, out=tmp_path)

    return make


def test_the_equation_with_ties_as_failures():
    assert idr.input_dependence([0.1, 0.2, 0.3], [0.2, 0.2, 0.1]).tolist() == [True, False, False]


def test_known_answers(request_for, all_correct):
    score = idr.evaluate(request_for(("random", "constant", "object_mask", "centre")))
    values = {name: entry["value"] for name, entry in score.methods.items()}
    assert values["object_mask"] == 1
    assert values["constant"] == values["centre"] == 0
    entry = score.methods["random"]
    assert entry["ci_low"] <= 0.5 <= entry["ci_high"]
    assert score.methods["constant"]["constant_maps"] == 100
    assert score.methods["centre"]["ties"] == 100
    baselines = {name: entry["random_region"]["value"] for name, entry in score.methods.items()}
    assert baselines["random"] == pytest.approx(0.5, abs=0.2)
    assert baselines["constant"] == baselines["centre"] == 0
    for variant in ("rescaled", "relocated"):
        rates = {name: entry["robustness"][variant] for name, entry in score.methods.items()}
        assert rates["object_mask"]["value"] == 1
        assert rates["constant"]["value"] == 0
        assert rates["random"]["ci_low"] <= 0.5 <= rates["random"]["ci_high"]
        assert rates["random"]["n"] == 100


def test_robustness_can_be_left_out(request_for):
    score = idr.evaluate(replace(request_for(), options={"robustness": False}))
    assert score.methods["random"]["robustness"] == {}
    assert "rescaled" not in score.table()
    assert not list((score.request.row_folder).glob("*re*ed*"))


def test_score_files_hold_what_the_design_asks(request_for, all_correct, tmp_path):
    score = idr.evaluate(request_for(("vanilla_gradient", "random"), limit=20))
    content = json.loads(score.write().read_text())
    assert (content["metric"], content["direction"]) == ("idr", "up")
    entry = content["methods"]["vanilla_gradient"]
    assert {"value", "ci_low", "ci_high", "trial_sd", "n", "excluded", "seconds"} <= set(entry)
    assert entry["n"] == 20
    assert content["validity"]["passed"] is False  # the network is untrained
    assert {"seed", "limit", "trials", "dataset", "precision"} <= set(content["config"])
    assert content["config"]["models"]["scene"]["digest"] == score.models["scene"].digest
    table = (tmp_path / "idr.md").read_text()
    assert "IDR ↑" in table
    assert "| rescaled | relocated |" in table
    assert "NOT VALID: model scene fails the validity check object_scene: learned" in table
    assert table.index("vanilla_gradient") < table.index("random (control)")


def test_a_model_of_another_dataset_is_refused(request_for, monkeypatch):
    request = request_for()
    monkeypatch.setattr(request.dataset, "fingerprint", "other")
    with pytest.raises(BamError, match="was trained on another dataset"):
        idr.evaluate(request)


def test_method_lists():
    assert parse_methods("all") == list(METHODS.values())
    assert [method.name for method in parse_methods("grad_cam, random,grad_cam")] == [
        "grad_cam",
        "random",
        "edges",
    ]
    with pytest.raises(BamError, match="did you mean 'edges'"):
        parse_methods("edge")
    with pytest.raises(BamError, match="names no attribution method"):
        parse_methods(",")
