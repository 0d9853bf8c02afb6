"""Judging real metrics by tiny networks: both networks, inverted maps, near-copies."""

import json

import jsonschema
import numpy as np
import pytest

from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.judging.copies import near_copies
from bam.metrics.judging.judge import judge
from bam.metrics.judging.report import judgement_schema, read_judgement
from bam.metrics.metric import NoSettings
from bam.metrics.scoring import evaluate

LIMIT = 4


def brightness(classifier, images, targets):
    return images.mean(-1)


def brightness_again(classifier, images, targets):
    """The same order of pixels."""
    return np.stack([images.mean(-1) ** 2, -images.mean(-1)], -1)


def darkness(classifier, images, targets):
    return 255 - images.mean(-1)


def flat(classifier, images, targets):
    return np.ones(images.shape[:3], np.float32)


def rows(classifier, images, targets):
    """More above than below."""
    return np.broadcast_to(-np.arange(images.shape[1], dtype=np.float32)[:, None], images.shape[:3])


METHODS = (brightness, brightness_again, darkness, flat, rows, "random")


@pytest.fixture(scope="module")
def scores(run_in, tmp_path_factory):
    asked = {
        "deletion": NoSettings(),
        "idr": METRICS["idr"].settings(robustness=False),
    }
    run = run_in(tmp_path_factory.mktemp("judged"), METHODS, asked=asked, limit=LIMIT, batch_size=LIMIT)
    return [evaluate(METRICS[name], run) for name in asked]


@pytest.fixture(scope="module")
def judgement(scores):
    return judge(scores, judge_copies=3)


def test_metrics_of_one_network_are_judged_by_both(judgement, scores):
    names = list(judgement.metrics)
    assert names.index("deletion (scene)") == names.index("deletion") + 1
    networks = {name: judgement.metrics[name].networks for name in ("deletion", "deletion (scene)", "idr")}
    assert networks == {"deletion": ("object",), "deletion (scene)": ("scene",), "idr": ("scene",)}
    assert judgement.configurations["deletion (scene)"].models.keys() == {"scene"}
    assert "idr (scene)" not in names
    alone = judge(scores[:1], judge_both=False, judge_copies=0, judge_inverted=False)
    assert list(alone.metrics) == ["deletion"]
    assert (alone.metrics["deletion"].inversion, alone.near_copies) == (None, None)


def test_the_inverse_of_a_map_is_scored_as_a_method_that_gives_it(judgement, scores):
    """`darkness` orders pixels as the inverse of `brightness` does."""
    found = judgement.metrics["deletion"].inversion
    values = scores[0].basis.measured.values
    # Less is better: falls are of the score that is signed so that more is.
    expected = (values["darkness"] - values["brightness"]).mean()
    assert found.falls["brightness"].value == pytest.approx(expected, abs=1e-3)
    assert found.falls["darkness"].value == pytest.approx(-expected, abs=1e-3)
    assert "random" not in found.falls
    # A map without an order has none inverted either.
    assert "flat" in judgement.metrics["idr"].inversion.not_worse


def test_near_copies_are_named_and_count_once(judgement, scores):
    (cluster,) = judgement.near_copies.clusters
    assert cluster.methods == ("brightness", "brightness_again")
    assert cluster.correlation == pytest.approx(1)
    assert judgement.near_copies.images == 3
    assert set(judgement.near_copies.networks) == {"object", "scene"}
    tau = next(each.tau for each in judgement.taus if each.pair == ("deletion", "idr"))
    assert tau.methods == 4  # of five
    assert "brightness, brightness_again (1.0000)" in judgement.table()
    assert near_copies([scores[0]], 0) is None


def test_it_is_written_and_read_back(judgement, tmp_path):
    path = judgement.write(tmp_path)
    jsonschema.Draft202012Validator(judgement_schema()).validate(json.loads(path.read_text()))
    again = read_judgement(tmp_path)
    assert again.table() == judgement.table()
    table = path.with_suffix(".md").read_text()
    assert "| tau / over methods / over images | deletion |" in table
    assert "Not asked for, so that there is no tau with it: effect, mcs" in table
    assert "NOT VALID: " in table  # untrained networks


def test_what_cannot_be_judged_is_refused(scores):
    with pytest.raises(BamError, match="deletion is given twice"):
        judge([scores[0], scores[0]], judge_both=False)
    with pytest.raises(BamError, match="did you mean 'judge_both'"):
        judge(scores, judge_bot=False)
    with pytest.raises(BamError, match="did you mean 'deletion'"):
        judge(scores, judge_grid=["deletions.patch_grid=2,4"])


def test_one_method_and_one_image(run_for):
    run = run_for([brightness, "random"], asked={"idr": METRICS["idr"].settings(robustness=False)}, limit=1)
    judgement = judge(evaluate(METRICS["idr"], run))
    verdict = judgement.metrics["idr"]
    assert verdict.reliability.value is None
    assert judgement.taus == ()
    assert judgement.near_copies is None
    assert set(verdict.inversion.falls) == {"brightness"}
    assert verdict.inversion.shown_worse == ()
    judgement.table()
