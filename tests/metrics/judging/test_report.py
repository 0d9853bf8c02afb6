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
from bam.metrics.results.image_values import ImageValues
from bam.metrics.results.schema import Line
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.comparison import Comparison
from bam.metrics.statistics.estimate import Estimate

NAMES = ("grad_cam", "smoothgrad", "vanilla_gradient", "random")
N = 60
SOURCES = np.arange(N).astype(str)[:, None]
IDS = tuple(map(str, range(N)))


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


def truth_of(networks, values, nearness=None):
    """A truth whose score has no values for single images, of these networks."""

    def conclude(run, settings):
        lines = {
            name: Line(Estimate(value, n=N), control=name == "random")
            for name, value in zip(NAMES, values, strict=True)
        }
        return Concluded(
            {name: run.classifier(name) for name in networks}, lines, Comparison("none"), nearness=nearness
        )

    return Metric("truth", conclude, "truth", "down", 1, "nowhere", per_image=False, knows_truth=True)


def of_networks(metric, *networks):
    """The same metric, explaining networks of the run."""

    def measure(run, settings):
        models = {name: run.classifier(name) for name in networks}
        return replace(metric.function(run, settings), models=models)

    return replace(metric, function=measure)


def test_a_truth_without_values_per_image_is_compared_with(judged):
    """Its ranking is fixed; one that was not asked for is named."""
    judgement = judged(truth_of([], (0.1, 0.4, 0.9, 0.0)), GOOD, BAD)
    assert judgement.metrics["good"].tau["truth"].tau == 1
    assert judgement.metrics["bad"].tau["truth"].tau == -1
    assert judgement.left_out == ("truth",)
    assert set(judgement.missing_truths) == {"effect", "mcs", "idr"}
    assert "there is no tau with it: effect, mcs, idr" in judgement.table()


def test_a_truth_is_that_of_the_network_explained(run, monkeypatch):
    """It holds for object and not for scene; who explains both is compared with both."""
    truths = {"object": (0.1, 0.4, 0.9, 0.0), "scene": (0.9, 0.4, 0.1, 0.0)}
    of = {"good": ["object"], "bad": ["scene"], "of_both": ["object", "scene"]}
    monkeypatch.setitem(METRICS, "truth", truth_of([], (0, 0, 0, 0)))
    found = {}
    for network, values in truths.items():
        monkeypatch.setitem(METRICS, "truth", truth_of([network], values))
        found[network] = evaluate(METRICS["truth"], run)
    scores = []
    for name, networks in of.items():
        metric = of_networks(replace(BAD if name == "bad" else GOOD, name=name), *networks)
        monkeypatch.setitem(METRICS, name, metric)
        scores.append(evaluate(metric, run))

    def taus(judgement):
        found = judgement.metrics.items()
        return {name: {key: each.tau for key, each in verdict.tau.items()} for name, verdict in found}

    judgement = judge([*scores, *found.values()], judge_both=False, judge_copies=0)
    expected = {"truth (object)": 1, "truth (scene)": -1}
    by_metric = taus(judgement)
    assert by_metric["good"] == {"truth (object)": 1}
    assert by_metric["bad"] == {"truth (scene)": 1}
    assert by_metric["of_both"] == expected
    assert judgement.missing_networks == {}
    assert judgement.left_out == ("truth (object)", "truth (scene)")
    assert judgement.configurations["truth (scene)"].models.keys() == {"scene"}
    header = judgement.table().splitlines()[0]
    assert "| tau with truth (object) | tau with truth (scene) |" in header

    # Without the truth of object none stands in for it.
    judgement = judge([*scores, found["scene"]], judge_both=False, judge_copies=0)
    by_metric = taus(judgement)
    assert by_metric["good"] == {}
    assert by_metric["of_both"] == {"truth (scene)": -1}
    assert judgement.missing_networks == {"truth (object)": ("good", "of_both")}
    assert "no truth (object), so that there is no tau with it of good, of_both." in judgement.table()
    with pytest.raises(BamError, match=r"truth \(scene\) is given twice"):
        judge([scores[0], found["scene"], found["scene"]])


def test_a_truth_is_compared_with_image_by_image(judged):
    """One image ties for all methods, and another is none of the metrics'."""
    levels = np.tile([[0.0], [-0.1], [-0.2], [-0.5]], N)
    levels[:, 5] = -0.3
    nearness = ImageValues((*IDS[1:], "another"), SOURCES, dict(zip(NAMES, levels, strict=True)))

    def with_ids(metric):
        return replace(metric, function=lambda *given: replace(metric.function(*given), ids=IDS))

    truth = truth_of([], (0.1, 0.4, 0.9, 0.0), nearness)
    judgement = judged(truth, with_ids(GOOD), with_ids(BAD), IDR)
    found = {name: verdict.in_images for name, verdict in judgement.metrics.items()}
    assert found["good"]["truth"].value == pytest.approx(1)
    assert found["bad"]["truth"].value == pytest.approx(-1)
    assert found["good"]["truth"].n == N - 2
    assert found["idr"] == {}  # it names no images
    rows = [line for line in judgement.table().splitlines() if line.startswith("| ")]
    assert rows[0].endswith("| tau with truth | truth, image by image |")
    assert rows[1].endswith("| 1.000 |")
    judgement = judged(truth, replace(with_ids(GOOD), ranked=False), IDR)
    assert judgement.metrics["good"].in_images == {}


def test_what_does_not_rank_is_compared_with_nothing(judged):
    people = {"grad_cam": 1, "smoothgrad": 2, "vanilla_gradient": 3}
    flat = replace(GOOD, name="unranked", ranked=False)
    judgement = judged(truth_of([], (0.1, 0.4, 0.9, 0.0)), GOOD, flat, IDR, human=people)
    assert judgement.metrics["unranked"].tau == judgement.metrics["unranked:twin"].tau == {}
    assert set(judgement.metrics["good"].tau) == {"truth", "idr", "human"}
    assert not any("unranked" in name for each in judgement.taus for name in each.pair)
    assert judgement.metrics["unranked"].spread.pairs_apart == 3
    assert "would say nothing: unranked." in judgement.table()


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
