"""Every script in benchmarks/ runs to its end at a tiny size."""

import runpy
import sys
import tempfile
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = ("--architecture", "small", "--rounds", 1)
SETTINGS = {
    "sliding_patch": ("patch=100", "stride=60"),
    "lime": ("samples=8",),
    "meaningful_perturbation": ("iterations=2", "cells=4"),
}
FEW = [
    word
    for name, settings in SETTINGS.items()
    for setting in settings
    for version in (name, f"{name}_g")
    for word in ("--set", f"{version}.{setting}")
]
# What each prints, among other things.
RUNS = {
    "benchmarks/dataset.py": (("--per_class", 10, "--images", 40, "--rounds", 1), "composing a view"),
    "benchmarks/attributions.py": (
        ("--rounds", 1, "--images", 2, "--batch_size", 2, "--samples", 2),
        "all 12 methods, bfloat16",
    ),
    "benchmarks/deletion.py": (("--rounds", 1, "--images", 2, "--batch_size", 2), "all 8 metrics"),
    "benchmarks/training.py": (
        ("--architectures", "tiny", "--steps", 2, "--batch_size", 4, "--rounds", 1, "--processor_time"),
        "| tiny | bfloat16 | ",
    ),
    "benchmarks/tcav.py": ((*SMALL, "--images", 4, "--runs", 2), "| block_layer1 |"),
    "benchmarks/coverage.py": (("--data_sets", 1), "mean width of 12"),
    "benchmarks/removal.py": (
        (*SMALL, "--batch_size", 4, "--stride", 80, "--samples", 6, "--masks", 6),
        "| rise | 6 |",
    ),
    "benchmarks/removal_findings.py": (
        ("--limit", 2, "--threshold_images", 2, "--out", "out", *FEW),
        "| pixels perturbed | meaningful_perturbation_g",
    ),
    "benchmarks/known_answers.py": (
        (
            *("--size", 16, "--images", 6, "--explained", 4, "--networks", "saturated"),
            *("--methods", "integrated_gradients,vanilla_gradient,grad_cam,object_mask"),
            *("--scored", "integrated_gradients,vanilla_gradient", "--metrics", "mcs,violation"),
        ),
        "Not run: rmcs",
    ),
    "benchmarks/libraries.py": (("--images", 2, "--limit", 2), "maps of 2 images"),
    "benchmarks/scores.py": (
        ("--images", 2, "--metrics", "idr", "--methods", "grad_cam"),
        "memory after 4 images",
    ),
}


# What is no script, and the script that runs it.
PARTS = {
    "benchmarks/expectations.py": "benchmarks/known_answers.py",
    "benchmarks/coverage_trainings.py": "benchmarks/coverage.py",
    "benchmarks/peers.py": "benchmarks/attributions.py",
    "benchmarks/removal_peers.py": "benchmarks/removal.py",
    "benchmarks/rounds.py": "benchmarks/removal.py",
    "benchmarks/simulated.py": "benchmarks/coverage.py",
}


def test_every_script_is_run_here():
    scripts = {
        f"benchmarks/{path.name}" for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text()
    }
    assert scripts == set(RUNS)
    assert scripts | set(PARTS) == {f"benchmarks/{path.name}" for path in BENCHMARKS.glob("*.py")}
    for part, script in PARTS.items():
        assert f"from {Path(part).stem} import" in (BENCHMARKS.parent / script).read_text()


@pytest.fixture(scope="module")
def object_model_folder(untrained, tmp_path_factory):
    """A folder of trained models that holds a tiny, untrained object classifier."""
    from bam.models.training.task import Task

    folder = tmp_path_factory.mktemp("models")
    untrained(folder, Task("object"), 0)
    return folder


@pytest.fixture(scope="module")
def both_model_folder(untrained, tmp_path_factory):
    """A folder with an untrained classifier of objects and one of scenes."""
    from bam.models.training.task import Task

    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("object", "scene")):
        untrained(folder, Task(name), seed)
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """An architecture that is compiled in no time: even `small` takes ten seconds for each precision."""
    import tf_keras as keras

    from bam.models.architectures import ARCHITECTURES, Architecture

    def build(classes, weights):
        layers = keras.layers
        inputs = keras.Input((16, 16, 3))
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
        return keras.Model(inputs, layers.Dense(classes)(layers.Dropout(0.5)(x)), name="tiny")

    monkeypatch.setitem(ARCHITECTURES, "tiny", Architecture(build, 16, 1000, 1e-2))


@pytest.fixture
def ran(tmp_path, monkeypatch, capsys):
    """From a script and its flags to what it prints, in a folder of its own.

    In this process, where TensorFlow has started already.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(BENCHMARKS)

    def run(script, flags):
        monkeypatch.setattr(sys, "argv", [script, *map(str, flags)])
        runpy.run_path(str(BENCHMARKS.parent / script), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("script", RUNS)
def test_it_runs(script, dataset, request, ran, tmp_path):
    flags, words = RUNS[script]
    models = {"benchmarks/scores.py": "scene", "benchmarks/removal_findings.py": "object"}
    models["benchmarks/libraries.py"] = "both"
    if script in models:
        folder = request.getfixturevalue(f"{models[script]}_model_folder")
        flags = (*flags, "--data", dataset.folder, "--models", folder)
    if script in ("benchmarks/known_answers.py", "benchmarks/training.py"):
        flags = (*flags, "--data", dataset.folder)
    if script == "benchmarks/training.py":
        request.getfixturevalue("tiny")
    if script in ("benchmarks/attributions.py", "benchmarks/deletion.py"):
        flags = (*flags, "--model", request.getfixturevalue("object_model_folder") / "object")
    found = ran(script, flags)
    assert words in found
    if script == "benchmarks/known_answers.py":
        check_known_answers(found)
    if script == "benchmarks/libraries.py":
        check_libraries(found)
    if script == "benchmarks/training.py":
        check_training(found)
    if script == "benchmarks/removal_findings.py":
        check_findings(found)
        kept = {path: path.stat().st_size for path in (tmp_path / "out" / "rows").glob("*.csv")}
        assert ran(script, flags) == found
        assert kept == {path: path.stat().st_size for path in (tmp_path / "out" / "rows").glob("*.csv")}


def check_findings(text):
    """Each method stands beside its generative version, and a difference is that of what stands beside it."""
    lines = [line.strip("| ").split(" | ") for line in text.partition("### generative")[2].splitlines()]
    measures = {line[0] for line in lines[4:]}
    assert {"deletion", "insertion", "saliency", "robustness", "pixels perturbed"} <= measures
    assert "robustness, other seed, SSIM" in measures
    methods = {line[1] for line in lines[4:] if line[0] == "robustness"}
    assert [sum(name.startswith(f"{known}_g") for name in methods) for known in SETTINGS] == [1, 2, 1]
    for _, _, before, after, more, *_ in lines[4:]:
        if more != "-":
            assert float(more) == pytest.approx(float(after) - float(before), abs=0.0011)


def check_known_answers(text):
    """The gradient of the saturated network is 0, as expected; by MCS the truth has more than it."""
    lines = {}
    for row in text.splitlines():
        line = row.strip("| ").split(" | ")
        lines.setdefault(line[0], line)
    assert lines["vanilla_gradient"][1:3] == ["0", "-"]
    assert float(lines["mcs"][1]) > float(lines["mcs"][2]) == 0
    assert lines["mcs"][3] == "the truth"


def check_training(text):
    """In either precision the ratio is that of the rates beside it."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| tiny")]
    assert [line[1] for line in lines] == ["float32", "bfloat16"]
    for *_, plain, ours, ratio in lines:
        assert float(ratio) == pytest.approx(float(ours) / float(plain), rel=0.02, abs=0.01)


def check_libraries(text):
    """The maps of each pair are the same, and so is what metrics conclude from them."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    pairs = [line for line in lines if ":" in line[1]]
    assert ("saliency:GradCam" in {line[1] for line in pairs}) or "PAIR saliency: " in text
    for ours, _, median, below, *_, idr, mcs in pairs:
        assert float(median) > 0.999, ours
        assert below == "0.0%", ours
        assert idr.startswith("0 of "), ours
        assert mcs.startswith("0 of "), ours
