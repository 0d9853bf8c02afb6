"""Several trainings of a network: each is measured as one is, and their values are put together."""

import gc
import json
import shutil
import weakref
from dataclasses import replace

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.base.files import read_json, write_json
from bam.metrics import METRICS
from bam.metrics.contrast.variants import Contrast
from bam.metrics.judging.judge import judge
from bam.metrics.metric import Beside, Concluded, Curves, Measured, Metric
from bam.metrics.reporting.charts import bars
from bam.metrics.reporting.content import Results
from bam.metrics.reporting.provenance import command_of
from bam.metrics.reporting.sections import metric_section
from bam.metrics.reporting.trainings import trainings_section
from bam.metrics.results.schema import Column
from bam.metrics.results.score import read_score
from bam.metrics.scoring import ONE_TRAINING, evaluate
from bam.metrics.stacking import each_training, planned, trainings_note
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import curve_estimates, estimates, trial_sd
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import between_trainings, outperforming

METHODS = ("vanilla_gradient", "gradient_x_input", "random")
PLAIN = {"idr": Contrast(robustness=False, premise=False)}
IMAGES = 12


def drawn(name, shift):
    """Values of images that depend on a network's name, with an image that only some trainings use."""
    values = np.random.default_rng([*name.encode(), int(100 * shift)]).uniform(size=IMAGES) / 2 + shift
    values[len(name) % 3] = np.nan
    return values


def quick(run, settings):
    """A metric that makes no maps."""
    name = run.classifier("scene").name
    values = {method: drawn(name, shift) for method, shift in (("a", 0), ("b", 0.1), ("random", 0.05))}
    return Measured(
        {"scene": run.classifier("scene")},
        values,
        np.arange(IMAGES).astype(str)[:, None],
        {method: {"misclassified": 1} for method in values},
        dict.fromkeys(values, 0.5),
        beside={"half": Beside({method: of / 2 for method, of in values.items()})},
        counts={"constant_maps": {"a": 2}, "threshold": {"a": f"0.{len(name)}"}},
        columns=[Column("half", "half"), Column("threshold", "threshold")],
        curves=Curves("c", "x", [0, 1], {"k": {m: np.stack([v, v], 1) for m, v in values.items()}}, {}),
        notes=["It is quick.", f"The network {name}.", f"It has {len(name)} letters."],
        details={"letters": len(name)},
        ids=[f"image-{place}" for place in range(IMAGES)],
        rate=True,
    )


QUICK = Metric("quick", quick, "quick", "up", 1, "here")


@pytest.fixture
def score_of(run_for, trainings_folder):
    """The score of the quick metric by so many trainings, of all that are there by default."""

    def make(metric=QUICK, models=trainings_folder, **settings):
        return evaluate(metric, run_for(METHODS, models=models, **settings))

    return make


def test_the_score_is_the_statistics_own_answer(score_of):
    score, names = score_of(), ("scene", "scene@1", "scene@2")
    table = {key: np.stack([drawn(name, of) for name in names])
             for key, of in (("a", 0), ("b", 0.1), ("random", 0.05))}  # fmt: skip
    resampling = Resampling(np.arange(IMAGES).astype(str)[:, None], 0)
    assert {name: score[name].estimate for name in score} == estimates(table, resampling, rates=True)
    assert {name: score[name].trainings for name in score} == between_trainings(table, resampling)
    halves = estimates({name: of / 2 for name, of in table.items()}, resampling)
    assert {name: score[name].beside["half"] for name in score} == halves
    curves = curve_estimates({name: np.stack([of, of], 2) for name, of in table.items()}, resampling)
    assert {name: score[name].curves["k"] for name in score} == {n: c.means for n, c in curves.items()}
    known = compare(table, resampling, "up", {"random"})
    assert score.comparison.ranks == known.ranks == {name: score[name].rank for name in ("a", "b")}
    for test, same in zip(score.comparison.tests, known.tests, strict=True):
        pair = (test.better, test.worse)
        assert (pair, test.p_adjusted) == ((same.better, same.worse), same.p_adjusted)
        won = outperforming({name: table[name] for name in pair}, "up")[pair]
        assert (test.outperforming, won.n) == (won, 3)
    line = score["a"]
    assert (line.excluded, line.seconds) == ({"misclassified": 3}, 1.5)
    assert line.counts == {"constant_maps": 6, "threshold": "0.5, 0.7"}
    assert line.n == IMAGES  # each image is used by some training


def test_it_says_of_what_trainings_it_is(score_of, tmp_path):
    score = score_of()
    assert score.trainings == score.configuration.run["trainings"] == 3
    assert list(score.configuration.models) == ["scene", "scene@1", "scene@2"]
    assert len(set(score.configuration.digests.values())) == 3
    assert score.configuration.models["scene@2"].training["training"] == 2
    assert set(score.validity.models) == set(score.configuration.models)
    assert command_of(score) == 'bam metrics --metric quick --trainings 3 --methods "a,b"'
    again = read_score(score.write(tmp_path))
    assert again.lines == score.lines
    assert again.comparison == score.comparison
    for name, values in again.images.values.items():  # whose mean is the score's
        assert np.nanmean(values) == pytest.approx(score[name].value)
    head, lines = score.rows()
    shown = dict(zip(head, lines[0], strict=True))
    assert shown["sd between trainings"] == score["b"].trainings.sd
    assert shown["ms/image"] == f"{1500 / 36:.0f}"
    table = score.to_csv().splitlines()
    row = dict(zip(table[0].split(","), table[1].split(","), strict=True))
    assert float(row["training_2"]) == score["b"].trainings.means[2]
    assert float(row["share_trainings"]) == score["b"].trainings.shares.trainings.value
    assert "sd between trainings" in score.to_latex()


def test_sentences_that_differ_name_the_training(score_of):
    score = score_of()
    assert score.notes[:5] == ("It is quick.", "The network scene.", "Training 0: It has 5 letters.",
                               "Training 1: It has 7 letters.", "Training 2: It has 7 letters.")  # fmt: skip
    (told,) = [note for note in score.notes if note.startswith("Of 3 trainings of the networks")]
    assert "intervals and rank sets are for" in told
    assert "`n`: the images that any of them uses" in told
    assert "`trial sd`" not in told  # 12 images are too few for trials
    lines = {"a": replace(score["a"], trial_sd=0.1)}
    several = Concluded({}, lines, score.comparison, trainings=3)
    assert "`trial sd`: the mean of theirs." in trainings_note(several, lines, score.comparison)
    assert ONE_TRAINING not in score.notes
    assert [each["letters"] for each in score.details["further_trainings"]] == [7, 7]


def test_one_training_is_as_before(score_of):
    score = score_of(trainings=1)
    values = {"a": drawn("scene", 0), "b": drawn("scene", 0.1), "random": drawn("scene", 0.05)}
    resampling = Resampling(np.arange(IMAGES).astype(str)[:, None], 0)
    assert {name: score[name].estimate for name in score} == estimates(values, resampling, rates=True)
    assert score.comparison == compare(values, resampling, "up", {"random"})
    assert list(score.configuration.models) == ["scene"]
    assert "sd between trainings" not in score.table() + score.to_csv()
    assert ONE_TRAINING in score.notes
    content = json.dumps(score.to_json()["lines"])
    assert content.count('"trainings": null') == 3


def test_the_mean_of_the_trainings_trial_sds():
    values = np.random.default_rng(0).normal(size=(2, 150)) * [[1], [3]]
    each = [trial_sd(row, 4, 100, 0) for row in values]
    assert trial_sd(values, 4, 100, 0) == pytest.approx(np.mean(each))
    assert trial_sd(values[:1], 4, 100, 0) == each[0]
    assert trial_sd(np.where([[True], [False]], values, np.nan), 4, 100, 0) == each[0]
    assert trial_sd(values[:, :50], 4, 100, 0) is None


def test_there_are_as_many_as_the_network_has_that_has_fewest(run_for, trainings_folder):
    run = run_for(models=trainings_folder)
    counts = {
        names: 1 + sum(1 for _ in run.further(names))
        for names in [("scene",), ("scene", "object"), ("scene", "scene_on_scene_only"), ("scene@1",), ("x",)]
    }
    assert list(counts.values()) == [3, 2, 1, 1, 1]
    (first,) = run_for(models=trainings_folder, trainings=2).further(["scene"])
    assert (first.classifier("scene").name, first.explained("scene").name) == ("scene@1", "scene@1")
    own = run_for(models=trainings_folder, model=run.classifier("scene"))
    assert not list(own.further(["scene"]))


def test_a_training_that_is_not_there_is_named_at_once(run_for, trainings_folder, tmp_path):
    run = run_for(METHODS, models=trainings_folder, trainings=3)
    with pytest.raises(BamError, match=r"object@2: make it with `python -m bam.train --labels object --tra"):
        evaluate(METRICS["mcs"], run)
    assert not run.keeping.folder.exists()
    with pytest.raises(BamError, match="scene@1 is one training of a network"):
        run_for(models=trainings_folder, trainings=2, model="scene@1").explained("object")
    with pytest.raises(BamError, match="`model` gives another"):
        run_for(models=trainings_folder, trainings=2, model="net.keras", class_names=["a"]).explained(
            "object"
        )


def test_networks_that_were_trained_otherwise_are_no_trainings(score_of, trainings_folder, tmp_path):
    other = tmp_path / "models"
    for name in ("scene", "scene@1"):
        shutil.copytree(trainings_folder / name, other / name)
    path = other / "scene@1" / "model.json"
    content = read_json(path)
    write_json(path, content | {"config": content["config"] | {"epochs": 99}})
    with pytest.raises(BamError, match="scene@1 is no training like scene, but of another epochs"):
        score_of(models=other)
    assert score_of(models=other, trainings=1).trainings == 1


def test_further_networks_are_not_kept(score_of):
    seen = []

    def watched(run, settings):
        gc.collect()
        assert all(each() is None for each in seen[1:])
        seen.append(weakref.ref(run.classifier("scene")))
        return quick(run, settings)

    score = score_of(Metric("watched", watched, "watched", "up", 1, "here"))
    gc.collect()
    assert [each() is None for each in seen] == [False, True, True]
    assert list(score.basis.measured.models) == ["scene"]


def test_networks_of_a_further_training_are_gone_before_the_next_are_loaded(run_for, trainings_folder):
    seen = []

    def load(run):
        gc.collect()
        assert all(each() is None for each in seen[1:])
        network = run.classifier("scene")
        seen.append(weakref.ref(network))
        return {"scene": network}

    run = run_for(METHODS, models=trainings_folder)
    models, found, further = each_training(run, load, lambda run, models: models["scene"].name)
    assert found == ["scene", "scene@1", "scene@2"]
    assert models["scene"] is seen[0]()
    assert list(further) == ["scene@1", "scene@2"]


def test_images_that_differ_cannot_be_put_together(score_of):
    def other(run, settings):
        found = quick(run, settings)
        return (
            found
            if found.notes[1].endswith("scene.")
            else Measured(**vars(found) | {"sources": found.sources[::-1]})
        )

    with pytest.raises(BamError, match="images differ from training to training: set `trainings` to 1"):
        score_of(Metric("other", other, "other", "up", 1, "here"))


def test_further_trainings_leave_rows_as_they_are(run_for, trainings_folder, all_correct):
    how = {"models": trainings_folder, "asked": PLAIN, "limit": 8, "batch_size": 8}
    run = run_for(METHODS, **how, trainings=1)
    first = evaluate(METRICS["idr"], run)
    before = {path.name: path.read_bytes() for path in run.keeping.folder.glob("*.csv")}
    all_of_them = run_for(METHODS, **how)
    there = planned(METRICS["idr"], all_of_them)
    assert [each.classifier.name for each in there[::2]] == ["scene", "scene@1", "scene@2"]
    score = evaluate(METRICS["idr"], all_of_them)
    after = {path.name: path.read_bytes() for path in run.keeping.folder.glob("*.csv")}
    assert len(after) == 3 * len(before)
    assert {name: after[name] for name in before} == before
    assert score["vanilla_gradient"].trainings.means[0] == first["vanilla_gradient"].value
    assert score["vanilla_gradient"].value == pytest.approx(
        np.mean(score["vanilla_gradient"].trainings.means)
    )
    alone = evaluate(METRICS["idr"], run_for(METHODS, **how, trainings=1))
    assert alone.lines == first.lines
    judgement = judge(score, judge_copies=0, judge_both=False, judge_inverted=False)
    assert "Judged is what metrics say of one training of the networks, number 0." in judgement.notes()
    assert judgement.metrics["idr"].networks == ("scene",)


def test_the_chart_has_a_dot_for_each_training(score_of, legible):
    score = score_of()
    figure = bars(score)
    (dots,) = [line for line in figure.axes[0].lines if line.get_label() == "trainings"]
    means = [mean for name in score.in_order() for mean in score[name].trainings.means]
    assert list(dots.get_xdata()) == means
    heights = np.reshape(dots.get_ydata(), (3, 3))
    assert (heights == heights[:, :1]).all()
    low, high = figure.axes[0].get_xlim()
    assert low < min(means) < max(means) < high
    assert "dots: single trainings" in " ".join(text.get_text() for text in figure.texts)
    legible(figure)
    assert not [line for line in bars(score_of(trainings=1)).axes[0].lines if line.get_label() == "trainings"]


def test_the_report_says_what_would_decide(score_of):
    score = score_of()
    pair = score.comparison.undecided
    text = " ".join(metric_section(score).text)
    assert "by these 12 images and 3 trainings" in text
    assert f"About {pair.images:,} images and {pair.trainings:,} trainings in all" in text


def test_the_report_has_what_is_the_networks_part_in_one_table(score_of, tmp_path):
    several, one = score_of(), score_of(trainings=1)
    (section,) = trainings_section(Results(tmp_path, [one, several]))
    table = section.parts[0].value
    assert table.head == ["method", "quick ↑, 3 trainings"]
    cells = {name: cell.text for name, (cell,) in table.lines}
    assert [name.removesuffix(" (control)") for name in cells] == [
        "median of the methods",
        *several.in_order(),
    ]
    for name, line in several.lines.items():
        share = line.trainings.shares.trainings
        shown = cells[f"{name} (control)" if line.control else name]
        assert shown.startswith(f"{share.value:.2f} [{share.ci_low:.2f}, {share.ci_high:.2f}], sd 0.")
    of_both = [several[name].trainings.shares.trainings.value for name in ("a", "b")]  # without the control
    assert cells["median of the methods"].startswith(f"{np.mean(of_both):.2f}, sd ")
    assert trainings_section(Results(tmp_path, [one])) == []
