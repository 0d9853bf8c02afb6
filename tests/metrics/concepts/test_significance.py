import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import t as student

from bam.metrics.concepts.cav import common_share
from bam.metrics.concepts.sensitivity import make_draws
from bam.metrics.concepts.significance import contrast, p_value, run_interval
from bam.metrics.statistics.estimate import Estimate


def test_welch_test_and_its_conventions(rng):
    ones, zeros = np.ones(5), np.zeros(5)
    assert p_value(ones, ones) == 1
    assert p_value(ones, zeros) == 0
    a, b = rng.normal(0, 1, 12), rng.normal(1, 3, 12)
    variances = a.var(ddof=1) / 12, b.var(ddof=1) / 12
    t = (a.mean() - b.mean()) / np.sqrt(sum(variances))
    freedom = sum(variances) ** 2 / ((variances[0] ** 2 + variances[1] ** 2) / 11)
    assert p_value(a, b) == pytest.approx(2 * student.sf(abs(t), freedom))
    assert 0 < p_value(ones, np.array([1, 0, 1, 0, 1.0])) < 1
    assert p_value(a, b, (0.0, 0.0)) < p_value(a, b, (0.3, 0.0)) < p_value(a, b, (0.3, 0.3))


def test_the_test_holds_its_level_where_runs_share_images(rng):
    """Runs of a concept that is nothing: each errs by the mean of 20 of the same 60 numbers."""
    passed = []
    for seed in range(200):
        kinds = make_draws(60, 60, images=20, runs=15, seed=seed)
        common = [common_share(draws, 120) for draws in kinds]
        values = rng.normal(size=120)
        scores, baseline = (
            np.array([values[d.split()[0][0]].mean() - values[d.split()[0][1]].mean() for d in draws])
            for draws in kinds
        )
        passed.append((p_value(scores, baseline) < 0.05, p_value(scores, baseline, common) < 0.05))
    naive, corrected = np.mean(passed, 0)
    assert naive > 0.2
    assert corrected == pytest.approx(0.05, abs=0.04)


@pytest.fixture
def made_of():
    return np.array([(f"c{i % 8}", f"s{i % 9}") for i in range(60)])


def test_contrast_is_the_difference_over_layers_that_pass(rng, sensitivity, made_of):
    correct = np.arange(60) != 7
    first = sensitivity("object", [0.9, 0.5, 0.8], correct, rng)
    second = sensitivity("scene", [0.5, 0.3, 0.5], np.arange(60) != 8, rng)
    found = contrast(first, second, made_of)
    lines = found.lines()
    line, beside = lines["tcav"], lines["tcav"].beside
    used = correct & (np.arange(60) != 8)
    assert (line.n, line.excluded) == (58, {"misclassified": 2})
    assert line.counts["passed"] == "2 of 3, 1 of 3"
    assert beside["first"].value == pytest.approx(first.rises[0][[0, 2]][..., used].mean())
    assert beside["second"].value == pytest.approx(second.rises[0][1][..., used].mean())
    assert line.value == pytest.approx(beside["first"].value - beside["second"].value)
    assert line.ci_low < line.value < line.ci_high
    everywhere = [side.rises[0][..., used].mean() for side in (first, second)]
    assert beside["all_layers"].value == pytest.approx(everywhere[0] - everywhere[1])
    assert (line.control, line.seconds) == (False, 2)
    control = lines["tcav_random"]
    assert control.control
    assert control.beside["first"].value == pytest.approx(first.rises[1][..., used].mean())
    assert control.ci_low < 0 < control.ci_high
    assert found.rejected() == []
    json.dumps([found.layers, [asdict(line) for line in lines.values()]])


def test_the_interval_of_independent_values_is_that_of_their_mean(rng):
    table = rng.normal(0, 1, (1, 200)) + rng.normal(0, 1, (100, 1))
    alone = np.array([(f"c{i}",) for i in range(200)])
    low, high = run_interval(table, alone, 0.0)
    sd = np.sqrt(1 / 200 + 1 / 100)
    assert high - low == pytest.approx(2 * 1.96 * sd, rel=0.15)
    low, high = run_interval(table, alone, 0.5)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(1 / 200 + 1 / 100 + 1), rel=0.15)
    assert run_interval(table, np.full((200, 1), "c"), 0.0) == (None, None)


def test_where_no_layer_passes_the_score_is_that_of_the_random_concept(rng, sensitivity, made_of):
    sides = [sensitivity(name, [share], np.ones(60, bool), rng) for name, share in (("f", 0.9), ("g", 0.5))]
    found = contrast(*sides, made_of)
    chance, line = sides[1].rises[1].mean(), found.lines()["tcav"]
    assert line.beside["second"].value == pytest.approx(chance)
    assert line.value == pytest.approx(sides[0].rises[0].mean() - chance)
    assert line.ci_low < line.value < line.ci_high
    assert line.beside["all_layers"].value == pytest.approx(0.4, abs=0.05)
    assert found.rejected() == [
        "In none of the layers of g does the dog differ from a random concept (p < 0.01 after correction), "
        "so it has the score of that."
    ]


def test_no_correct_image_gives_no_number(rng, sensitivity, made_of):
    sides = [sensitivity("f", [0.9], np.zeros(60, bool), rng)] * 2
    found = contrast(*sides, made_of)
    for line in found.lines().values():
        assert (line.estimate, line.excluded) == (Estimate(None), {"misclassified": 60})
    assert found.rejected() == []
