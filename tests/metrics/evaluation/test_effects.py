from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS
from bam.metrics.evaluation.effects import WITH, WITHOUT, Answer, Pictures, ask, effect, log_odds, others
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.kept import kept
from bam.models.classifier import Classifier

EXCHANGES = Pictures.exchanged(2)
NAMES = [WITH, WITHOUT, *EXCHANGES]


@pytest.fixture
def view(dataset):
    return shuffled(dataset.view("object_scene"), seed=0)


def test_log_odds_are_those_of_the_probabilities():
    logits = np.random.default_rng(0).normal(0, 3, (6, 4)).astype(np.float32)
    targets = np.array([0, 1, 2, 3, 0, 1])
    p = softmax(logits.astype(float), 1)[np.arange(6), targets]
    np.testing.assert_allclose(log_odds(logits, targets), np.log(p / (1 - p)), rtol=1e-6)
    assert log_odds([[800.0, 0.0]], [0]) == 800  # whose probability is 1 in float64
    assert log_odds([[3.0, 1.0]], [1]) == -2


def test_the_other_classes_come_in_an_order_of_the_image_alone():
    found = [others(OBJECTS, 3, "dog-bedroom-0001", 0, number, OBJECTS) for number in range(1, 20)]
    assert sorted(found[:9]) == sorted(set(OBJECTS) - {OBJECTS[3]})
    assert found[9:18] == found[:9]
    assert found[:9] != [
        others(OBJECTS, 3, "dog-bedroom-0002", 0, number, OBJECTS) for number in range(1, 10)
    ]


def test_only_classes_that_are_shown_are_exchanged_for():
    every = [others(OBJECTS, 3, "dog-bedroom-0001", 0, number, OBJECTS) for number in range(1, 10)]
    shown = {OBJECTS[3], *every[1::3]}
    few = [others(OBJECTS, 3, "dog-bedroom-0001", 0, number, shown) for number in range(1, 5)]
    assert few == [*every[1::3], every[1]]
    with pytest.raises(BamError, match=f"^{OBJECTS[3]} cannot be exchanged"):
        others(OBJECTS, 3, "dog-bedroom-0001", 0, 1, {OBJECTS[3]})


def test_pictures_differ_in_the_object_alone(view, dataset):
    batch, make = view[:4], Pictures(view, 0)
    assert make(batch, WITH) is batch.images
    scenes = shuffled(dataset.view("scene_only"), 0)[:4].images
    np.testing.assert_array_equal(make(batch, WITHOUT), scenes)
    first, second = (make(batch, name) for name in EXCHANGES)
    for place in range(4):
        changed = [(picture[place] != scenes[place]).any(-1) for picture in (first, second)]
        assert all(0.01 < each.mean() < 0.7 for each in changed)
        assert (first[place] != second[place]).any()
        # Around the same centre, but for what must stay inside of the scene.
        centres = [np.argwhere(each).mean(0) for each in (*changed, batch.masks[place])]
        assert np.abs(np.diff(centres, axis=0)).max() < 40
    again = Pictures(view, 0)(view[2:3], EXCHANGES[1])
    np.testing.assert_array_equal(again[0], second[2])
    assert (Pictures(view, 1)(view[2:3], EXCHANGES[1])[0] != second[2]).any()


def test_answers_are_those_of_the_network_and_are_kept(view, run_for, monkeypatch):
    run = run_for(limit=3, batch_size=4)
    classifier, batch = run.classifier("scene"), view[:3]
    found = ask(run, view, classifier, NAMES)
    make = Pictures(view, 0)
    for name in NAMES:
        logits = classifier.logits(classifier.prepare(make(batch, name)))
        p = softmax(logits.astype(float), 1)[np.arange(3), batch.scene_labels]
        rows = found[name]
        assert [row.image_id for row in rows] == batch.ids
        assert [row.predicted for row in rows] == logits.argmax(1).tolist()
        np.testing.assert_allclose([row.log_odds for row in rows], np.log(p / (1 - p)), rtol=1e-4)
    expected = [a.logit - b.logit for a, b in zip(found[WITH], found[EXCHANGES[1]], strict=True)]
    np.testing.assert_array_equal(effect(found, "logit", EXCHANGES)[:, 1], expected)
    assert effect(found).shape == (3, 1)
    assert {(each.kind, each.lines) for each in kept(run.out)} == {("answers", 4)}

    asked = []
    monkeypatch.setattr(Classifier, "logits", lambda self, images: asked.append(1))
    assert ask(run, view, classifier, NAMES[:3]) == {name: found[name] for name in NAMES[:3]}
    assert ask(run_for(limit=1, batch_size=4), view, classifier, [WITH])[WITH] == found[WITH][:1]
    assert not asked
    with pytest.raises(AttributeError):  # another seed is another file
        ask(run_for(limit=1, batch_size=4, seed=1), view, classifier, [WITH])
    assert asked


def test_the_effect_is_with_less_without():
    answer = Answer("a", "scene", WITH, 0, 0, 3.0, 1.5)
    answers = {WITH: [answer], WITHOUT: [replace(answer, logit=4.0, log_odds=-1.0)]}
    assert effect(answers).tolist() == [[2.5]]
    assert effect(answers, "logit").tolist() == [[-1.0]]
