"""Several trainings of a network: each is measured as one is, and their values are put together."""

import shutil

import numpy as np
import pytest

from bam.base.files import read_json, write_json
from bam.metrics import METRICS
from bam.metrics.contrast.variants import Contrast
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import Estimate, estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import between_trainings, outperforming
from bam.models.stored import Models
from bam.models.training.task import Task

METHODS = ("vanilla_gradient", "gradient_x_input", "random")
PLAIN = {"idr": Contrast(robustness=False, premise=False)}
PLAIN["mcs"] = PLAIN["idr"]


@pytest.fixture(scope="module")
def trained(untrained, tmp_path_factory):
    """From how many trainings to a folder with so many of `scene`, and two of `object`."""
    root = tmp_path_factory.mktemp("trainings")

    def write(name, task, training):
        alone = root / f"{task.name}-{training}"
        alone.mkdir()
        untrained(alone, task, 10 * len(task.name) + training)
        description = read_json(alone / task.name / "model.json")
        description["config"]["training"] = training or None
        write_json(alone / task.name / "model.json", description)
        shutil.copytree(alone / task.name, root / "all" / name)

    for training in range(3):
        for task in (Task("scene"), Task("object"))[: 2 if training < 2 else 1]:
            write(f"{task.name}@{training}" if training else task.name, task, training)

    def make(count):
        folder = root / f"{count}"
        if not folder.exists():
            for path in (root / "all").iterdir():
                if not path.name.startswith("scene@") or int(path.name[-1]) < count:
                    shutil.copytree(path, folder / path.name)
        return folder

    return make


@pytest.fixture
def measured(run_for, trained, all_correct):
    """The score of a metric by so many trainings of `scene`."""

    def make(count, metric="idr", asked=PLAIN, **more):
        run = run_for(METHODS, models=trained(count), asked=asked, limit=8, batch_size=8, **more)
        return evaluate(METRICS[metric], run)

    return make


def columns(score):
    """The numbers of single images that the first training has."""
    return score.basis.measured.values


def test_two_trainings_have_the_statistics_own_answer(measured, trained, run_for, tmp_path):
    score = measured(2)
    each = [measured(1, out="alone"), measured(1, out="alone", model="scene@1", metric="idr")][:1]
    assert each[0].lines["random"].trainings is None
    alone = Models(trained(2), batch_size=8)
    run = run_for(METHODS, models=trained(2), asked=PLAIN, limit=8, batch_size=8, trainings=1)
    other = evaluate(METRICS["idr"], run.of_training(1))
    values = {name: np.stack([columns(each[0])[name], columns(other)[name]]) for name in METHODS}
    resampling = Resampling(score.basis.measured.sources, 0)
    expected = estimates(values, resampling, rates=True)
    assert {name: score[name].estimate for name in score} == expected
    assert {name: score[name].trainings for name in score} == between_trainings(values, resampling)
    assert score["random"].trainings.means == (each[0]["random"].value, other["random"].value)
    known = compare(values, resampling, "up", {"random"})
    assert score.comparison.ranks == known.ranks
    for test, same in zip(score.comparison.tests, known.tests, strict=True):
        pair = (test.better, test.worse)
        assert (test.p, test.p_adjusted) == (same.p, same.p_adjusted)
        found = outperforming({name: values[name] for name in pair}, "up")[pair]
        assert test.outperforming == found != Estimate(None)
    assert alone.trainings("scene") == (0, 1)
