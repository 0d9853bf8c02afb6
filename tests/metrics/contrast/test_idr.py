import json

import pytest

from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.contrast.idr import input_dependence
from bam.metrics.contrast.variants import Contrast
from bam.metrics.scoring import evaluate


def test_the_equation_with_ties_as_failures():
    assert input_dependence([0.1, 0.2, 0.3], [0.2, 0.2, 0.1]).tolist() == [True, False, False]


def test_known_answers(run_for, all_correct):
    score = evaluate(METRICS["idr"], run_for(("random", "constant", "object_mask", "centre")))
    assert score["object_mask"].value == 1
    assert score["constant"].value == score["centre"].value == 0
    assert score["random"].ci_low <= 0.5 <= score["random"].ci_high
    assert score["constant"].counts["constant_maps"] == 100
    assert score["centre"].counts["ties"] == 100
    baselines = {name: line.beside["random_region"].value for name, line in score.lines.items()}
    assert baselines["random"] == pytest.approx(0.5, abs=0.2)
    assert baselines["constant"] == baselines["centre"] == 0
    for variant in ("rescaled", "relocated"):
        rates = {name: line.beside[variant] for name, line in score.lines.items()}
        assert rates["object_mask"].value == 1
        assert rates["constant"].value == 0
        assert rates["random"].ci_low <= 0.5 <= rates["random"].ci_high
        assert rates["random"].n == 100


def test_robustness_can_be_left_out(run_for):
    run = run_for(asked={"idr": Contrast(robustness=False, premise=False)})
    score = evaluate(METRICS["idr"], run)
    assert set(score["random"].beside) == {"random_region"}
    assert "| rescaled |" not in score.table()
    assert not list(run.keeping.folder.glob("*re*ed*"))


def test_score_files_hold_what_the_design_asks(run_for, all_correct, tmp_path):
    score = evaluate(METRICS["idr"], run_for(("vanilla_gradient", "random"), limit=20))
    content = json.loads(score.write(tmp_path).read_text())
    assert (content["metric"], content["direction"]) == ("idr", "up")
    line = content["lines"]["vanilla_gradient"]
    assert {"trial_sd", "excluded", "seconds"} <= set(line)
    assert set(line["estimate"]) == {"value", "ci_low", "ci_high", "n"}
    assert line["estimate"]["n"] == 20
    assert content["validity"]["passed"] is False  # the network is untrained
    configuration = content["configuration"]
    assert {"seed", "limit", "trials"} <= set(configuration["run"])
    assert {"dataset", "precision", "metric"} <= set(configuration)
    model = score.basis.run.classifier("scene")
    assert configuration["models"]["scene"]["digest"] == model.digest
    table = (tmp_path / "idr.md").read_text()
    assert "IDR ↑" in table
    assert "| rescaled | relocated |" in table
    assert "NOT VALID: model scene fails the validity check object_scene: learned" in table
    assert table.index("vanilla_gradient") < table.index("random (control)")


def test_a_model_of_another_dataset_is_refused(run_for, monkeypatch):
    run = run_for()
    monkeypatch.setattr(run.dataset, "fingerprint", "other")
    with pytest.raises(BamError, match="was trained on another dataset"):
        evaluate(METRICS["idr"], run)
