from dataclasses import asdict

import numpy as np
import pytest

from bam.metrics.contrast.variants import Contrast, measured
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.rows import Row
from bam.metrics.metric import Metric
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.estimate import estimates
from bam.metrics.statistics.resampling import Resampling


def rows_of(view, values, predicted=None, status="ok", random=0.5):
    """Rows of one method for the images of a view: their g_c, and whatever else is not as usual."""
    statuses = [status] * len(view) if isinstance(status, str) else status
    targets = view.scene_labels
    predicted = targets if predicted is None else predicted
    return [
        Row(image, view.name, "scene", "m", int(t), int(p), s, float(g), random, 0.0, 0.0, 0.0, 0.25)
        for image, t, p, s, g in zip(view.ids, targets, predicted, statuses, values, strict=True)
    ]


def less(first, second):
    return first < second


@pytest.fixture
def score_of(run_for):
    """From pairs, and the images that they are of, to their score."""

    def make(pairs, view):
        found = measured(None, {}, pairs, view.sources, None, Contrast(robustness=False))
        return evaluate(Metric("pairs", lambda run, settings: found, "pairs", "up", 1, ""), run_for())

    return make


@pytest.fixture
def view(dataset):
    """Ten images, of ten scenes and cutouts."""
    whole = dataset.view("object_scene")
    return whole.subset(whole.object_labels == whole.scene_labels)


def test_the_line_is_the_hand_count(view, score_of):
    before = np.array([1, 1, 1, 1, 5, 5, 3, 1, 1, np.nan])
    after = np.array([2, 2, 2, 2, 1, 1, 3, 2, 2, 2.0])
    wrong = view.scene_labels.copy()
    wrong[0] = (wrong[0] + 1) % 10
    status = ["ok", "constant_map", *["ok"] * 6, "empty_mask", "nan_map"]
    first = {"m": rows_of(view, before, status=status, random=0.1)}
    second = {"m": rows_of(view, after, predicted=wrong, random=0.2)}
    pairs = Pairs(first, second, less)
    line = score_of(pairs, view)["m"]
    # Image 0 is misclassified in the second row, 8 and 9 have no value: 7 are left, 4 of them successes.
    assert line.value == pytest.approx(4 / 7)
    assert (line.n, line.counts) == (7, {"constant_maps": 1})
    assert line.excluded == {"misclassified": 1, "nan_map": 1, "empty_mask": 1}
    assert line.beside["random_region"].value == 1
    assert line.seconds == pytest.approx(20 * 0.25)
    assert line.trial_sd is None  # seven images make no sample of a hundred
    assert line.ci_low < 4 / 7 < line.ci_high
    assert line.estimate == estimates(pairs.values, Resampling(view.sources, 0))["m"]
    np.testing.assert_array_equal(np.isnan(pairs.values["m"]), [1] + [0] * 7 + [1, 1])
    np.testing.assert_array_equal(np.isnan(pairs.baselines["m"]), np.isnan(pairs.values["m"]))


def test_a_misclassified_nan_map_is_counted_once(view, score_of):
    wrong = (view.scene_labels + 1) % 10
    rows = {"m": rows_of(view, np.full(10, np.nan), predicted=wrong, status="nan_map")}
    line = score_of(Pairs(rows, rows, less), view)["m"]
    assert line.excluded == {"misclassified": 10, "nan_map": 0, "empty_mask": 0}
    nothing = {"value": None, "ci_low": None, "ci_high": None, "n": 0}
    assert asdict(line.estimate) == asdict(line.beside["random_region"]) == nothing


def test_further_reasons_count_first(view):
    wrong = (view.scene_labels + 1) % 10
    rows = {"m": rows_of(view, np.ones(10), predicted=wrong)}
    pairs = Pairs(rows, rows, less, {"broken": np.arange(10) < 3, "old": np.arange(10) < 4})
    assert pairs.excluded["m"] == {"broken": 3, "old": 1, "misclassified": 6, "nan_map": 0, "empty_mask": 0}
    assert not pairs.used["m"].any()


@pytest.mark.parametrize("count", [1, 3])
def test_images_of_one_scene_give_a_value_without_interval(dataset, score_of, count):
    whole = dataset.view("object_scene")
    one_scene = whole.subset(whole.sources[:, 1] == whole.sources[0, 1]).subset(np.arange(count))
    assert len(one_scene) == count
    rows = {"m": rows_of(one_scene, np.ones(count))}
    line = score_of(Pairs(rows, rows, less), one_scene)["m"]
    assert (line.value, line.ci_low, line.n) == (0, None, count)


def test_methods_are_compared_and_controls_are_not_ranked(view, score_of):
    ones, rng = np.ones(10), np.random.default_rng(0)
    spread = np.tile([-0.1, 0.1], 5)
    first = {
        name: rows_of(view, values)
        for name, values in {"a": ones + spread, "b": ones * 3, "random": ones}.items()
    }
    noise = rng.uniform(1.5, 2.5, 10)
    second = {name: rows_of(view, noise) for name in first}
    score = score_of(Pairs(first, second, lambda x, y: y - x), view)
    comparison = score.comparison
    assert comparison.ranks == {"a": (1, 1), "b": (2, 2)}
    assert {name: line.rank for name, line in score.lines.items()} == {**comparison.ranks, "random": None}
    assert [{test.better, test.worse} for test in comparison.tests] == [
        {"a", "b"},
        {"a", "random"},
        {"random", "b"},
    ]
    # From the other b differs by the same everywhere, which is a sign test over the sources.
    assert [test.better for test in comparison.tests if test.is_significant] == ["a", "random"]
    assert comparison.tests[0].difference.value == pytest.approx(2)


def test_networks_can_suit_different_methods(view):
    rows = rows_of(view, np.ones(10))
    pairs = Pairs({"both": rows, "first": rows}, {"both": rows, "second": rows}, less)
    assert set(pairs.values) == set(pairs.used) == set(pairs.seconds) == {"both"}
