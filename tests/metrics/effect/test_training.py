"""Effect of several trainings: the mean of their correlations."""

import numpy as np
import pytest

from bam.metrics import METRICS
from bam.metrics.effect import effect as module
from bam.metrics.effect.effect import Effect
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.rank_correlation import correlation_estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import between_trainings


def test_the_score_of_two_trainings(run_for, trainings_folder, all_correct, monkeypatch):
    found, plain = [], module.of_training

    def watched(*given):
        found.append(plain(*given))
        return found[-1]

    monkeypatch.setattr(module, "of_training", watched)
    methods, asked = ("vanilla_gradient", "random"), {"effect": Effect(donors=2, regions=True)}
    how = {"models": trainings_folder, "limit": 8, "batch_size": 8, "asked": asked}
    score = evaluate(METRICS["effect"], run_for(methods, trainings=2, **how))
    assert len(found) == score.trainings == 2
    resampling = Resampling(found[0].sources, 0)
    for key, get in (("score", lambda line: line.estimate), ("signed_change", None)):
        table = {name: np.stack([each.columns[key][name] for each in found]) for name in methods}
        for name, estimate in correlation_estimates(table, resampling).items():
            assert (get(score[name]) if get else score[name].beside[key]) == estimate
    table = {name: np.stack([each.columns["score"][name] for each in found]) for name in methods}
    between = between_trainings(table, resampling)
    assert {name: score[name].trainings for name in methods} == between
    assert score.comparison.ranks == compare(table, resampling, "up", {"random"}).ranks
    alone = evaluate(METRICS["effect"], run_for(methods, trainings=1, **how))
    line, mean = score["vanilla_gradient"], np.mean(between["vanilla_gradient"].means)
    assert between["vanilla_gradient"].means[0] == pytest.approx(alone["vanilla_gradient"].value)
    assert line.value == pytest.approx(mean)
    assert line.n == 8
    assert line.beside["regions"].n <= 32
    assert list(score.configuration.models) == ["scene", "scene@1"]
    assert set(score.details["effects"]) == {"scene", "scene@1"}
    (raised,) = [note for note in score.notes if ": the object raises" in note]
    assert raised.startswith("scene: the object raises the log odds of the true class in ")
    counts = [f"{of['raised']} of the {of['recognised']}" for of in score.details["effects"].values()]
    assert f" in {', '.join(counts)} images that count, of 8 (trainings 0 to 1)." in raised
    assert score.details["effects"]["scene@1"]["images"] == 8
    (told,) = [note for note in score.notes if note.startswith("Of 2 trainings")]
    assert "`trial sd`" not in told  # 8 images are too few for trials
    assert "`n`: the images that any of them uses" in told
