import numpy as np
import pytest

from bam.attributions import METHODS
from bam.metrics.evaluation.pairs import Pairs, evaluated
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.run import Request


def rows_of(view, values, predicted=None, status="ok", random=0.5):
    """Rows of one method for the images of a view: their g_c, and whatever else is not as usual."""
    statuses = [status] * len(view) if isinstance(status, str) else status
    targets = view.scene_labels
    predicted = targets if predicted is None else predicted
    return [
        Row(image, view.name, "scene", "m", int(t), int(p), s, float(g), random, 0.25)
        for image, t, p, s, g in zip(view.ids, targets, predicted, statuses, values, strict=True)
    ]


def less(first, second):
    return first < second


@pytest.fixture
def request_(dataset, tmp_path):
    methods = [METHODS["random"]]
    return Request(dataset, tmp_path, methods, None, trials=10, seed=0, out=tmp_path)


@pytest.fixture
def view(dataset):
    """Ten images, of ten scenes and cutouts."""
    whole = dataset.view("object_scene")
    return whole.subset(whole.object_labels == whole.scene_labels)


def test_the_entry_is_the_hand_count(view, request_):
    before = np.array([1, 1, 1, 1, 5, 5, 3, 1, 1, np.nan])
    after = np.array([2, 2, 2, 2, 1, 1, 3, 2, 2, 2.0])
    wrong = view.scene_labels.copy()
    wrong[0] = (wrong[0] + 1) % 10
    status = ["ok", "constant_map", *["ok"] * 6, "empty_mask", "nan_map"]
    first = {"m": rows_of(view, before, status=status, random=0.1)}
    second = {"m": rows_of(view, after, predicted=wrong, random=0.2)}
    pairs = Pairs(first, second, less, view, request_)
    entry = pairs.entries()["m"]
    # Image 0 is misclassified in the second row, 8 and 9 have no value: 7 are left, 4 of them successes.
    assert entry["value"] == pytest.approx(4 / 7)
    assert (entry["n"], entry["constant_maps"]) == (7, 1)
    assert entry["excluded"] == {"misclassified": 1, "nan_map": 1, "empty_mask": 1}
    assert entry["random_region"]["value"] == 1
    assert entry["seconds"] == pytest.approx(20 * 0.25)
    assert entry["trial_sd"] is None  # seven images make no sample of a hundred
    assert entry["ci_low"] < 4 / 7 < entry["ci_high"]
    mean = pairs.means()["m"]
    assert {key: entry[key] for key in mean} == mean
    np.testing.assert_array_equal(np.isnan(pairs.columns["m"]), [1] + [0] * 7 + [1, 1])


def test_a_misclassified_nan_map_is_counted_once(view, request_):
    wrong = (view.scene_labels + 1) % 10
    rows = {"m": rows_of(view, np.full(10, np.nan), predicted=wrong, status="nan_map")}
    entry = Pairs(rows, rows, less, view, request_).entries()["m"]
    assert entry["excluded"] == {"misclassified": 10, "nan_map": 0, "empty_mask": 0}
    assert (entry["value"], entry["ci_low"], entry["ci_high"], entry["n"]) == (None, None, None, 0)
    assert entry["random_region"] == {"value": None, "ci_low": None, "ci_high": None, "n": 0}


@pytest.mark.parametrize("count", [1, 3])
def test_images_of_one_scene_give_a_value_without_interval(dataset, request_, count):
    whole = dataset.view("object_scene")
    one_scene = whole.subset(whole.sources[:, 1] == whole.sources[0, 1]).subset(np.arange(count))
    assert len(one_scene) == count
    rows = {"m": rows_of(one_scene, np.ones(count))}
    entry = Pairs(rows, rows, less, one_scene, request_).entries()["m"]
    assert (entry["value"], entry["ci_low"], entry["n"]) == (0, None, count)


def test_methods_are_compared_and_controls_are_not_ranked(view, request_):
    ones, rng = np.ones(10), np.random.default_rng(0)
    first = {
        name: rows_of(view, values) for name, values in {"a": ones, "b": ones * 3, "random": ones}.items()
    }
    noise = rng.uniform(1.5, 2.5, 10)
    second = {name: rows_of(view, noise) for name in first}
    comparison = Pairs(first, second, lambda x, y: y - x, view, request_).comparison("up")
    assert comparison.ranks == {"a": [1, 1], "b": [2, 2]}
    assert [pair["pair"] for pair in comparison.pairs] == [["a", "b"], ["a", "random"], ["random", "b"]]
    assert comparison.pairs[0]["difference"] == pytest.approx(2)


def test_evaluated_is_the_limit(view, request_):
    from dataclasses import replace

    assert evaluated(view, request_).ids == view.ids
    assert evaluated(view, replace(request_, limit=3)).ids == view.ids[:3]
