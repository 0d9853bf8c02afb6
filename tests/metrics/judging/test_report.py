"""Judging made-up metrics of which it is known what is to be said."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bam.attributions import METHODS
from bam.attributions.controls import NOISE_SHARES
from bam.base.errors import BamError
from bam.metrics.evaluation.run import Request
from bam.metrics.judging.report import judge
from bam.metrics.results.score import Score
from bam.metrics.statistics.resampling import Resampling

NAMES = ("grad_cam", "smoothgrad", "vanilla_gradient", "random")
N = 60


def fake(name, means, noisy=None, direction="up", further=()):
    """A metric that gives the request's methods these values, in their order, and some noise."""

    def evaluate(request):
        levels = noisy if noisy and request.methods[0].name.startswith("object_mask") else means
        rng = np.random.default_rng(len(name))
        values = {
            method.name: level + rng.normal(0, 0.1, N)
            for method, level in zip(request.methods, levels, strict=True)
        }
        sources = np.arange(N).astype(str)[:, None]
        entries = {method: {"value": float(column.mean())} for method, column in values.items()}
        return Score(
            name,
            1,
            direction,
            entries,
            {},
            request,
            per_image=values,
            resampling=Resampling(sources, request.seed),
            further={f"{name}:{other}": ("down", {m: -v for m, v in values.items()}) for other in further},
        )

    return evaluate


@pytest.fixture
def request_(dataset, tmp_path):
    return Request(dataset, tmp_path, [METHODS[name] for name in NAMES], None, 10, 0, tmp_path / "results")


FALLING, RISING = (6, 5, 4, 3, 2, 1), (1, 2, 3, 4, 5, 6)
GOOD = fake("good", (3, 2, 1, 0), FALLING, further=["twin"])
BAD = fake("bad", (0, 1, 2, 3), RISING)
IDR = fake("idr", (3, 2, 1, 0), FALLING)


def judged(request, *metrics, human=None):
    evaluate = dict(zip(("good", "bad", "idr"), metrics, strict=False))
    scores = [metric(request) for metric in metrics]
    return judge(request, scores, {score.metric: evaluate[score.metric] for score in scores}, human)


def test_a_good_metric_is_told_from_a_bad_one(request_):
    found = judged(request_, GOOD, BAD, IDR).metrics
    assert found["good"]["separation"]["better_than_random"] == list(NAMES[:3])
    assert found["bad"]["separation"]["value"] < 0
    assert found["good"]["soundness"]["passes"]
    assert len(found["bad"]["soundness"]["reversals"]) == 5
    assert found["good"]["tau"]["idr"]["tau"] == 1
    assert found["bad"]["tau"]["idr"]["tau"] == -1
    assert found["good"]["spread"]["pairs_apart"] == 3


def test_scores_of_one_metric_are_judged_each_by_its_direction(request_):
    judgement = judged(request_, GOOD)
    twin = judgement.metrics["good:twin"]
    assert twin["direction"] == "down"
    assert twin["separation"]["value"] == pytest.approx(judgement.metrics["good"]["separation"]["value"])
    assert twin["soundness"]["passes"]
    assert twin["soundness"]["values"] == pytest.approx([-level for level in FALLING], abs=0.1)


def test_the_report_is_written(request_, tmp_path):
    judgement = judged(request_, GOOD, BAD, IDR)
    content = json.loads(judgement.write().read_text())
    assert content["metrics"]["good"]["soundness"]["shares"] == list(NOISE_SHARES)
    table = (request_.out / "judgement.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in table.splitlines() if line.startswith("|")}
    assert "| 3 of 3 |" in rows["good ↑"]
    assert "passes" in rows["good ↑"]
    assert "not worse at 0% to 20%; 20% to 40%" in rows["bad ↑"]
    assert "good:twin ↓" in rows
    assert Image.open(request_.out / "judgement.png").width > 300


def test_people_are_compared_with(request_):
    people = {"grad_cam": 1, "smoothgrad": 2, "vanilla_gradient": 3}
    judgement = judged(request_, GOOD, BAD, human=people)
    assert judgement.metrics["good"]["tau"]["human"]["tau"] == 1
    assert judgement.metrics["bad"]["tau"]["human"]["tau"] == -1
    assert "tau with human" in judgement.table()


def test_pictures_without_an_oracle_have_no_noise_test(request_):
    def of_folder(request):
        return replace(GOOD(request), extra={"images": {"set": "folder"}})

    judgement = judged(request_, of_folder)
    assert judgement.metrics["good"]["soundness"] is None
    judgement.write()


def test_metrics_without_values_per_image_are_named(request_):
    def total(request):
        return replace(GOOD(request), metric="good", per_image={}, further={})

    judgement = judge(request_, [total(request_), IDR(request_)], {"good": total, "idr": IDR})
    assert judgement.left_out == ["good"]
    assert "Not judged" in judgement.table()
    with pytest.raises(BamError, match="good give no values for single images"):
        judge(request_, [total(request_)], {"good": total})


def test_a_flat_metric_fails_and_is_not_drawn(request_):
    flat = fake("flat", (1, 1, 1, 1), (1,) * 6)

    def exactly(request):
        score = flat(request)
        return replace(score, per_image={name: np.ones(N) for name in score.per_image})

    judgement = judge(request_, [exactly(request_)], {"flat": exactly})
    assert not judgement.metrics["flat"]["soundness"]["passes"]
    judgement.write()
