import json

import numpy as np
import pytest

from attributions import METHODS
from data_prep.errors import BamError
from metrics import idr
from metrics.request import Request, parse_methods
from metrics.rows import Row


@pytest.fixture
def request_for(dataset, scene_model_folder, tmp_path):
    def make(methods=("random",), limit=None):
        chosen = [METHODS[name] for name in methods]
        return Request(dataset, scene_model_folder, chosen, limit, trials=10, seed=0, out=tmp_path)

    return make


def rows_of(view, values, predicted=None, status="ok"):
    statuses = [status] * len(view) if isinstance(status, str) else status
    targets = view.scene_labels
    predicted = targets if predicted is None else predicted
    return [
        Row(image, view.name, "scene", "m", int(t), int(p), s, float(g), 0.5, 0.0)
        for image, t, p, s, g in zip(view.ids, targets, predicted, statuses, values, strict=True)
    ]


def test_the_equation_with_ties_as_failures():
    assert idr.input_dependence([0.1, 0.2, 0.3], [0.2, 0.2, 0.1]).tolist() == [True, False, False]


def test_summary_is_the_hand_count(dataset, request_for):
    view = dataset.view("object_scene").subset(np.arange(10))
    before = np.array([1, 1, 1, 1, 5, 5, 3, 1, 1, np.nan])
    after = np.array([2, 2, 2, 2, 1, 1, 3, 2, 2, 2.0])
    wrong = view.scene_labels.copy()
    wrong[0] = (wrong[0] + 1) % 10
    status = ["ok"] * 8 + ["empty_mask", "nan_map"]
    result = idr.summarise(
        rows_of(view, before, status=status), rows_of(view, after, predicted=wrong), view, request_for()
    )
    # Image 0 is misclassified without object, 8 and 9 have no value: 7 are left, 4 of them successes.
    assert result["n"] == 7
    assert result["value"] == pytest.approx(4 / 7)
    assert result["ties"] == 1
    assert result["excluded"] == {"misclassified": 1, "nan_map": 1, "empty_mask": 1}
    assert result["random_region"]["value"] == 0
    assert result["ci_low"] is None  # ten images of one scene: nothing to resample


def test_nothing_left_gives_no_number(dataset, request_for):
    view = dataset.view("object_scene").subset(np.arange(4))
    rows = rows_of(view, np.full(4, np.nan), status="nan_map")
    result = idr.summarise(rows, rows, view, request_for())
    assert (result["value"], result["ci_low"], result["n"]) == (None, None, 0)


@pytest.fixture
def all_correct(monkeypatch):
    """As if the (untrained) network of the fixture recognised every image."""
    monkeypatch.setattr(Row, "correct", property(lambda row: True))


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
