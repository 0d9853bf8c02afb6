"""Judging made-up metrics of which it is known what is to be said."""

import json
from dataclasses import replace
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from PIL import Image

from bam.attributions.controls import NOISE_SHARES
from bam.base.errors import BamError
from bam.base.settings import setting, settings
from bam.metrics import METRICS
from bam.metrics.judging.judge import judge
from bam.metrics.judging.report import judgement_schema, read_judgement
from bam.metrics.metric import Beside, Concluded, Measured, Metric, NoSettings
from bam.metrics.reporting.sections import agreement_section
from bam.metrics.results.schema import Line
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.comparison import Comparison
from bam.metrics.statistics.estimate import Estimate

NAMES = ("grad_cam", "smoothgrad", "vanilla_gradient", "random")
N = 60
SOURCES = np.arange(N).astype(str)[:, None]


def fake(name, means, noisy=None, beside=(), **declared):
    """A metric that gives the run's methods these values, in their order, and some noise."""

    def measure(run, settings):
        levels = noisy if noisy and run.explainers[0].name.startswith("object_mask") else means
        rng = np.random.default_rng(len(name))
        values = {
            explainer.name: level + rng.normal(0, 0.1, N)
            for explainer, level in zip(run.explainers, levels, strict=True)
        }
        others = {method: -column for method, column in values.items()}
        return Measured(
            {},
            values,
            SOURCES,
            {method: {} for method in values},
            dict.fromkeys(values, 0.0),
            beside={other: Beside(others, direction="down") for other in beside},
        )

    return Metric(name, measure, name, "up", 1, "nowhere", **declared)


@pytest.fixture
def run(run_for):
    return run_for(NAMES)


@pytest.fixture
def judged(run, monkeypatch):
    """From metrics to their judgement."""

    def make(*metrics, human=None):
        for metric in metrics:
            monkeypatch.setitem(METRICS, metric.name, metric)
        asking = replace(run, asked={metric.name: NoSettings() for metric in metrics})
        return judge([evaluate(metric, asking) for metric in metrics], human)

    return make


FALLING, RISING = (6, 5, 4, 3, 2, 1), (1, 2, 3, 4, 5, 6)
GOOD = fake("good", (3, 2, 1, 0), FALLING, beside=["twin"])
BAD = fake("bad", (0, 1, 2, 3), RISING)
IDR = fake("idr", (3, 2, 1, 0), FALLING, knows_truth=True)


def total(run, settings):
    """Of a metric that gives no values for single images."""
    return Concluded({}, {}, Comparison("none"))


TOTAL = Metric("total", total, "total", "up", 1, "nowhere", per_image=False)


def test_a_good_metric_is_told_from_a_bad_one(judged):
    found = judged(GOOD, BAD, IDR).metrics
    assert found["good"].separation.better_than_random == NAMES[:3]
    assert found["bad"].separation.pooled.value < 0
    assert found["good"].soundness.passes
    assert len(found["bad"].soundness.reversals) == 5
    assert found["good"].tau["idr"].tau == 1
    assert found["bad"].tau["idr"].tau == -1
    assert found["good"].spread.pairs_apart == 3


def test_scores_of_one_metric_are_judged_each_by_its_direction(judged):
    judgement = judged(GOOD)
    twin = judgement.metrics["good:twin"]
    assert twin.direction == "down"
    good = judgement.metrics["good"].separation.pooled.value
    assert twin.separation.pooled.value == pytest.approx(good)
    assert twin.soundness.passes
    assert twin.soundness.values == pytest.approx([-level for level in FALLING], abs=0.1)


def test_the_report_is_written(judged, run):
    judgement = judged(GOOD, BAD, IDR)
    content = json.loads(judgement.write(run.out).read_text())
    jsonschema.Draft202012Validator(judgement_schema()).validate(content)
    assert content["metrics"]["good"]["soundness"]["shares"] == list(NOISE_SHARES)
    table = (run.out / "judgement.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in table.splitlines() if line.startswith("|")}
    assert "| 3 of 3 |" in rows["good ↑"]
    assert "passes" in rows["good ↑"]
    assert "not worse at 0% to 20%; 20% to 40%" in rows["bad ↑"]
    assert "good:twin ↓" in rows
    assert Image.open(run.out / "judgement.png").width > 300


def test_people_are_compared_with(judged):
    people = {"grad_cam": 1, "smoothgrad": 2, "vanilla_gradient": 3}
    judgement = judged(GOOD, BAD, human=people)
    assert judgement.metrics["good"].tau["human"].tau == 1
    assert judgement.metrics["bad"].tau["human"].tau == -1
    assert "tau with human" in judgement.table()


def test_pictures_without_an_oracle_have_no_noise_test(judged, run):
    def of_folder(run, settings):
        return replace(GOOD.function(run, settings), oracle=False)

    judgement = judged(replace(GOOD, function=of_folder))
    assert judgement.metrics["good"].soundness is None
    content = json.loads(judgement.write(run.out).read_text())
    jsonschema.Draft202012Validator(judgement_schema()).validate(content)


def test_metrics_without_values_per_image_are_named(judged):
    judgement = judged(TOTAL, IDR)
    assert judgement.left_out == ("total",)
    assert "Not judged" in judgement.table()
    with pytest.raises(BamError, match="total give no values for single images"):
        judged(TOTAL)


def test_a_truth_without_values_per_image_is_compared_with(judged):
    """Its ranking is fixed; one that was not asked for is named."""

    def conclude(run, settings):
        values = {"grad_cam": 0.1, "smoothgrad": 0.4, "vanilla_gradient": 0.9, "random": 0.0}
        lines = {
            name: Line(Estimate(value, n=N), control=name == "random", excluded={}, seconds=0.0)
            for name, value in values.items()
        }
        return Concluded({}, lines, Comparison("none"))

    truth = Metric("truth", conclude, "truth", "down", 1, "nowhere", per_image=False, knows_truth=True)
    judgement = judged(truth, GOOD, BAD)
    assert judgement.metrics["good"].tau["truth"].tau == 1
    assert judgement.metrics["bad"].tau["truth"].tau == -1
    assert judgement.left_out == ("truth",)
    assert set(judgement.missing_truths) == {"effect", "mcs", "idr"}
    assert "there is no tau with it: effect, mcs, idr" in judgement.table()


def test_metrics_agree_within_images(judged):
    """The noise of fake metrics is drawn from the length of their names."""

    def measure(run, settings):
        return replace(GOOD.function(run, settings), ids=[str(number) for number in range(N)])

    judgement = judged(replace(GOOD, function=measure), replace(GOOD, name="same", function=measure))
    (found,) = [each.consistency for each in judgement.taus if each.pair == ("good", "same")]
    assert found.over_methods.value == pytest.approx(1)
    assert found.over_images.value == pytest.approx(1)
    assert judgement.metrics["good"].reliability.value == pytest.approx(1)


@settings
class Turned:
    """Settings of a fake metric."""

    turned: bool = setting(False, "whether it ranks the other way")


def test_ranks_are_shown_with_other_settings(run, monkeypatch):
    def measure(run, settings):
        return (BAD if settings.turned else GOOD).function(run, settings)

    monkeypatch.setitem(METRICS, "turning", replace(GOOD, name="turning", function=measure, settings=Turned))
    score = evaluate(METRICS["turning"], run)
    judgement = judge(score, judge_grid=["turning.turned=false,true,true"])
    grid = judgement.grids["turning"]
    assert grid.combinations == ({"turned": False}, {"turned": True}, {"turned": True})
    assert grid.ranks == {"grad_cam": (1, 3, 3), "smoothgrad": (2, 2, 2), "vanilla_gradient": (3, 1, 1)}
    # Sums of ranks 7, 6, 5: S = 2; 12 S / (3^2 (3^3 - 3)).
    assert grid.w == pytest.approx(24 / 216)
    assert "| turning | 3 | 0.111 | 2.3 (1 ... 3) | 2.0 (2 ... 2) | 1.7 (1 ... 3) |" in judgement.table()
    judgement.write(run.out)
    assert read_judgement(run.out).table() == judgement.table()
    (section,) = agreement_section(SimpleNamespace(scores=[], folder=run.out))
    titles = [part.value.caption for part in section.parts if part.kind == "table"]
    assert titles[0] == "The judge's verdict on the metrics"
    assert titles[-1].startswith("Ranks of the methods with other settings")
    assert "no tau with it: effect, mcs, idr" in section.parts[-1].value


def test_a_flat_metric_fails_and_is_not_drawn(judged, run):
    flat = fake("flat", (1, 1, 1, 1), (1,) * 6)

    def measure(run, settings):
        measured = flat.function(run, settings)
        return replace(measured, values={name: np.ones(N) for name in measured.values})

    judgement = judged(replace(flat, function=measure))
    assert not judgement.metrics["flat"].soundness.passes
    judgement.write(run.out)


def test_scores_from_files_cannot_be_judged(run):
    score = evaluate(GOOD, run)
    with pytest.raises(BamError, match="read from files cannot be judged"):
        judge([score, replace(score, basis=None)])
