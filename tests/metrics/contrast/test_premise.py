"""MCS and IDR apart where what they take for granted holds and where it fails."""

import numpy as np
import pytest
from scipy.special import softmax

from bam.metrics import METRICS
from bam.metrics.contrast.premise import premise
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.images import shuffled
from bam.metrics.scoring import evaluate
from bam.models.predictions import Predicted

LIMIT = 12


def raised(dataset, classifier):
    """By how much objects raise the log odds of the true class, (LIMIT,)."""
    found = []
    for name in ("object_scene", "scene_only"):
        batch = shuffled(dataset.view(name), 0)[:LIMIT]
        logits = classifier.logits(classifier.prepare(batch.images)).astype(float)
        p = softmax(logits, 1)[np.arange(LIMIT), batch.labels(classifier.labels)]
        found.append(np.log(p / (1 - p)))
    return found[0] - found[1]


@pytest.mark.parametrize("name", ["idr", "mcs"])
def test_the_parts_are_those_of_the_measured_effect(name, run_for, dataset, all_correct):
    run = run_for(limit=LIMIT, batch_size=LIMIT, asked={name: Contrast(robustness=False)})
    effects = {kind: raised(dataset, run.classifier(kind)) for kind in ("object", "scene")}
    holds = effects["scene"] <= 0 if name == "idr" else effects["object"] > effects["scene"]
    assert 0 < holds.sum() < LIMIT
    score = evaluate(METRICS[name], run)
    line, values = score["random"], score.basis.measured.values["random"]
    for key, images in (("premise_holds", holds), ("premise_fails", ~holds)):
        assert line.beside[key].value == pytest.approx(values[images].mean())
        assert line.beside[key].n == images.sum()
    assert f"The premise holds in {holds.sum()} of the {LIMIT} images that count." in score.notes
    assert "| premise holds | premise fails |" in score.table()


def test_an_effect_of_nothing_is_none_that_idr_counts_wrongly(run_for, dataset):
    run = run_for(limit=3)
    view, classifier = dataset.view("scene_only"), run.classifier("scene")  # nothing to take away
    holds = premise(run, Contrast(), view, [classifier], lambda scene: scene <= 0)
    assert holds.tolist() == [True] * 3


def test_nobody_is_asked_where_it_is_not_wanted_or_there_is_no_network(run_for, dataset):
    run = run_for(limit=3)
    view, classifier = dataset.view("object_scene"), run.classifier("scene")
    assert premise(run, Contrast(premise=False), view, [classifier], np.greater) is None
    predicted = Predicted("scene", (16, 16), {}, {}, "nowhere")
    assert premise(run, Contrast(), view, [predicted], np.greater) is None
    assert not run.out.exists()
