"""The table and the JSON of a score, for any metric."""

import json
from dataclasses import replace

import pytest

from bam.attributions import METHODS
from bam.metrics.evaluation.run import Request
from bam.metrics.results.score import Score

KNOWN = {
    "value": 0.5,
    "ci_low": 0.25,
    "ci_high": 0.75,
    "n": 7,
    "excluded": {"misclassified": 3, "nan_map": 0},
}
UNKNOWN = {"value": None, "ci_low": None, "ci_high": None, "n": 0, "excluded": {}}


@pytest.fixture
def score(dataset, tmp_path):
    methods = [METHODS[name] for name in ("grad_cam", "vanilla_gradient", "random")]
    request = Request(dataset, tmp_path, methods, None, trials=10, seed=0, out=tmp_path)
    entries = {"random": {**KNOWN, "value": 0.9}, "grad_cam": UNKNOWN, "vanilla_gradient": KNOWN}
    return Score("iir", 1, "up", entries, {}, request)


def cells(score, method):
    line = next(line for line in score.table().splitlines() if line.startswith(f"| {method}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_best_first_unknown_last_controls_below(score):
    lines = score.table().splitlines()
    assert lines[0] == "| method | IIR ↑ | 95% interval | n | left out |"
    assert lines[2] == "| vanilla_gradient | 0.500 | 0.250 ... 0.750 | 7 | 3 misclassified |"
    assert lines[3] == "| grad_cam | - | - ... - | 0 | 0 |"
    assert cells(score, "random")[0] == "random (control)"
    assert len(lines) == 5


def test_where_less_is_better_the_least_is_first(score):
    better = {**KNOWN, "value": 0.1}
    down = replace(score, direction="down", title="left", methods={"a": KNOWN, "b": better})
    assert "| left ↓ |" in down.table()
    assert down.table().index("| b |") < down.table().index("| a |")


def test_columns_of_every_kind(score):
    entry = {
        **KNOWN,
        "trial_sd": 0.02,
        "ties": 4,
        "base": {"value": 0.125, "n": 3},
        "rank": [1, 3],
        "why": "x",
        "nested": {"deep": {"value": 0.75}},
    }
    columns = {"ties": "ties", "baseline": "base", "rank": "rank", "reason": "why", "deep": "nested.deep"}
    wide = replace(score, methods={"a": entry, "b": UNKNOWN}, columns=columns)
    assert cells(wide, "a")[3:-1] == ["0.020", "4", "0.125", "1 ... 3", "x", "0.750", "7"]
    assert cells(wide, "b")[3:-1] == ["-"] * 6 + ["0"]
    assert "| trial sd | ties | baseline | rank | reason | deep | n |" in wide.table()


def test_rows_of_other_predictors_may_be_controls(score):
    step = replace(score, methods={"a": KNOWN, "step": {**KNOWN, "value": 1.0, "control": True}})
    assert cells(step, "step")[0] == "step (control)"
    assert step.content()["methods"]["step"]["control"] is True
    assert step.content()["methods"]["a"]["control"] is False


def test_notes_extra_content_and_problems_are_written(score, tmp_path):
    full = replace(score, extra={"threshold": 0.1}, notes=["Read it so."], problems=["nothing was learned"])
    content = json.loads(full.write().read_text())
    assert content["threshold"] == 0.1
    assert content["notes"] == ["Read it so."]
    assert content["validity"] == {"passed": False, "models": {}, "problems": ["nothing was learned"]}
    text = (tmp_path / "iir.md").read_text()
    assert "\n\nRead it so.\n" in text
    assert text.endswith("\n\n**NOT VALID: nothing was learned**\n")


def test_nothing_checked_is_not_passed(score):
    assert score.content()["validity"]["passed"] is None
