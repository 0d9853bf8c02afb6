"""The stages of a benchmark on a few images, as `bam benchmark` runs them."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from bam import BamError
from bam.attributions.choice import choose
from bam.benchmark.calibration import Speed, estimate
from bam.benchmark.presets import PRESETS, Measurement, Preset
from bam.benchmark.stages import run
from bam.benchmark.work import Benchmark
from bam.metrics.reporting.provenance import command_of
from bam.metrics.reporting.report import write_report
from bam.metrics.results.score import read_score
from bam.models.training.task import SUITE


def test_presets_measure_what_their_networks_allow():
    """Each metric's networks are trained before it, and no metric is in two measurements."""
    needs = {
        "mcs": {"object", "scene"},
        "idr": {"scene"},
        "effect": {"scene"},
        "iir": {"scene_on_scene_only"},
    }
    needs["rmcs"] = {task.name for task in SUITE if task.commonality is not None}
    needs["tcav"] = needs["rmcs"] | needs["mcs"]
    for preset in PRESETS.values():
        trained = Counter(task.name for task, _ in preset.trained)
        metrics = [name for measurement in preset.measurements for name in measurement.metrics]
        assert len(set(metrics)) == len(metrics)
        for measurement in preset.measurements:
            for needed in (needs.get(name, {"object"}) for name in measurement.metrics):
                assert needed <= trained.keys()
                assert min(trained[task] for task in needed) >= measurement.trainings


def test_the_plan_counts_gradients_of_all_trainings():
    """One method of one gradient, and a second for each: the images, image sets and networks are left."""
    preset, explainers = PRESETS["several"], choose("vanilla_gradient")
    found = estimate(preset, Speed(training=1, gradient=1, size=1), 10, explainers).seconds
    assert found["networks"] == (3 * 5 + 10 * 3) * 10
    took = {each.metrics: found[each.title] for each in preset.measurements}
    assert took["effect", "mcs", "idr"] == 5 * 300 * (2 + 2)
    assert took["iir",] == 5 * 100 * 2
    assert took["rmcs",] == 3 * 10 * 100


@pytest.fixture(scope="module")
def benchmark(sources_folder, tiny, tmp_path_factory):
    """A preset like the demo of a small dataset and tiny networks, in folders of its own."""
    root = tmp_path_factory.mktemp("benchmark")
    preset = Preset(
        "a few images",
        10,
        SUITE[:2],
        (
            Measurement(("mcs", "idr"), 6, 1, {"robustness": False}),
            Measurement(("deletion",), 4, 1),
        ),
        photographs=True,
        training={"architecture": tiny, "epochs": 0.2},
    )
    said = []
    folders = (root / name for name in ("bam", "models", "results"))
    sources = (str(sources_folder / name) for name in ("coco", "miniplaces"))
    return Benchmark(preset, *folders, "", *sources, said.append)


def names(said):
    return [line.partition(": ")[2].split(" in ")[0] for line in said if line.startswith("stage")]


def go(benchmark):
    said = []
    run(benchmark.stages(), benchmark.out / "benchmark.json", said.append)
    return said


def test_it_ends_in_a_report_and_does_nothing_twice(benchmark):
    first = go(benchmark)
    assert names(first) == ["done"] * 6
    assert first[0].startswith("stage 1 of 6, the dataset ")
    report = (benchmark.out / "report.html").read_bytes()
    scores = {path.name for path in benchmark.out.glob("*.json")}
    assert scores == {"mcs.json", "idr.json", "deletion.json", "benchmark.json"}
    assert b"<img src" in report
    commands = (benchmark.out / "report.md").read_text()
    places = f"--data {benchmark.data} --models {benchmark.models} --out {benchmark.out}"
    assert commands.count(f" {places}\n") == 3
    assert names(go(benchmark)) == ["done before"] * 6
    assert (benchmark.out / "report.html").read_bytes() == report
    # What was lost is made again, to the same end.
    (benchmark.out / "idr.json").unlink()
    again = go(benchmark)
    assert names(again)[:3] == ["done before"] * 3
    assert names(again)[3] == "done"
    line = json.loads((benchmark.out / "idr.json").read_text())["lines"]["grad_cam"]
    assert line["estimate"]["n"] + line["excluded"]["misclassified"] == 6


def test_each_network_is_trained_as_often_as_is_asked_for_and_all_are_measured(benchmark):
    go(benchmark)
    several = replace(benchmark, preset=benchmark.preset.of_trainings(2))
    said = go(several)
    networks = [line.partition(", the network ")[2].partition(":")[0] for line in said[1:5]]
    assert networks == ["object", "object@1", "scene", "scene@1"]
    assert ", mcs, idr (6 images, 2 trainings): " in said[5]
    score = read_score(benchmark.out / "idr.json")
    assert score.trainings == 2
    told = "of 2 networks (object (f_o), 2 trainings; scene (f_s), 2 trainings)"
    assert told in (benchmark.out / "report.md").read_text()
    # And back again: the others measure number 0 alone, whatever else is there.
    assert names(go(benchmark)) == ["done before"] * 3 + ["done"] * 3
    one = read_score(benchmark.out / "idr.json")
    assert one.trainings == 1
    assert " --trainings 1 " in command_of(one)
    assert one["grad_cam"].value == score["grad_cam"].trainings.means[0]


def test_several_are_trained_at_a_time(benchmark, tmp_path, monkeypatch):
    go(benchmark)
    # In processes of their own there are no architectures but those of BAM.
    preset = replace(benchmark.preset, training={"epochs": 0.02})
    alone = replace(benchmark, preset=preset, models=tmp_path / "alone")
    alone.stages()[1].work()
    said = []
    together = replace(alone, models=tmp_path, networks=alone.models, workers=3, say=said.append)
    run(together.stages()[:2], tmp_path / "ledger.json", said.append)
    assert names(said) == ["done"] * 2
    taken = f"{tmp_path / 'object'}: taken from {alone.models}, trained with the same settings and dataset"
    assert taken in said
    assert f"{alone.models / 'scene'} is not there: training {tmp_path / 'scene'}" in said
    assert said[-1].startswith("stage 2 of 2, 2 networks, 2 at a time: done in ")
    alone.stages()[2].work()
    found = [json.loads((each.models / "scene" / "model.json").read_text()) for each in (together, alone)]
    assert found[0]["digest"] == found[1]["digest"]
    said.clear()
    run(together.stages()[:2], tmp_path / "ledger.json", said.append)
    assert names(said) == ["done before"] * 2
    other = replace(together, preset=replace(preset, training={"epochs": 0.01}))
    with pytest.raises(BamError, match=r"was trained with epochs 0\.02, not 0\.01"):
        other.stages()[1].work()
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(BamError, match="`workers` are for the processors of one machine"):
        other.stages()


def test_trained_networks_are_taken_where_they_are_the_same(benchmark, tmp_path):
    go(benchmark)
    said = []
    networks = benchmark.models
    other = replace(benchmark, models=tmp_path, networks=networks, say=said.append)
    stages = {stage.name: stage for stage in other.stages()}
    stages["network object"].work()
    copy = tmp_path / "object"
    assert said[:1] == [f"{copy}: taken from {networks}, trained with the same settings and dataset"]
    for file in ("model.keras", "model.json", "model_card.md"):
        assert (copy / file).read_bytes() == (networks / "object" / file).read_bytes()
    trained = (copy / "model.json").stat().st_mtime_ns
    stages["network object"].work()
    assert (copy / "model.json").stat().st_mtime_ns == trained
    # Of other settings, or not there: trained, and said.
    said.clear()
    preset = replace(benchmark.preset, training={**benchmark.preset.training, "epochs": 0.1})
    for given, why in ((networks, "has another epochs"), (tmp_path / "none", "is not there")):
        models = tmp_path / given.name / "models"
        trains = replace(other, models=models, networks=given, preset=preset)
        {stage.name: stage for stage in trains.stages()}["network scene"].work()
        assert said[0] == f"{given / 'scene'} {why}: training {models / 'scene'}"
        assert (models / "scene" / "model.keras").exists()
        said.clear()


def test_maps_are_written_as_figures_and_layers_stand_in_the_table(benchmark, tmp_path):
    if not (benchmark.out / "report.md").exists():
        go(benchmark)
    write_report(benchmark.out, benchmark.data, benchmark.loaded, "grad_cam,random", tmp_path)
    kinds = ("pdf", "svg")
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"{name}.{kind}" for name in ("maps", "pairs") for kind in kinds}
    head, lines = read_score(benchmark.out / "idr.json").rows()
    shown = {line[0]: line[head.index("layer")] for line in lines}
    assert shown["grad_cam"] == benchmark.loaded["scene"].feature_layer()
    assert shown["vanilla_gradient"] is None


def test_methods_of_ones_own_stand_beside_the_rest(benchmark, tmp_path):
    (tmp_path / "mine.py").write_text("def mine(classifier, images, targets):\n    return images.mean(-1)\n")
    own = replace(benchmark, methods=f"{tmp_path / 'mine.py'}:mine")
    assert [each.name for each in own.explainers][-1] == "mine"
    assert len(own.explainers) == len(benchmark.explainers) + 1
    # The rest is not computed again, but scored again.
    keys = {stage.name: stage.key() for stage in own.stages()[3:5]}
    assert keys != {stage.name: stage.key() for stage in benchmark.stages()[3:5]}
    go(own)
    text = (own.out / "report.html").read_text()
    assert "map of mine, network scene, image " in text
    failed = text[text.index("Where methods fail most") :]
    assert "map of mine, network object, image " in failed
    assert "Not shown" not in failed


def test_photographs_are_asked_for_before_any_work(benchmark, tmp_path):
    lacking = replace(benchmark, data=tmp_path / "none", coco=None)
    with pytest.raises(BamError, match="give `coco`, the folder that `bam download` makes"):
        lacking.stages()
