"""The commands as a user types them: each once in a process of its own, what else they do in this one."""

import contextlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
import warnings

import pytest
from PIL import Image

from bam.__main__ import COMMANDS

MODULES = {module.removesuffix(".__main__"): module for module, _ in COMMANDS.values()}


def process(command, *flags, code=0):
    """Run a command in its own process; returns its stdout and the lines of its stderr.

    Without those on progress, which a slow machine has after half a minute.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"bam.{command}", *map(str, flags)], capture_output=True, text=True
    )
    return checked(done.returncode, code, done.stdout, done.stderr)


def bam(command, *flags, code=0):
    """The same in this process, which has started TensorFlow already; warnings are lines of stderr."""
    out, errors, ended = io.StringIO(), io.StringIO(), 0
    module = importlib.import_module(MODULES[f"bam.{command}"])
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
        warnings.catch_warnings(record=True) as caught,
    ):
        try:
            module.main([f"python -m bam.{command}", *map(str, flags)])
        except SystemExit as stopped:
            ended = stopped.code or 0
    said = "".join(f"{each.filename}: {each.message}\n" for each in caught)
    return checked(ended, code, out.getvalue(), errors.getvalue() + said)


def checked(found, code, out, errors):
    assert found == code, f"exit code {found}\n{out}\n{errors}"
    return out, [line for line in errors.splitlines() if not re.search(r"\d:\d\d (left|so far)$", line)]


@pytest.fixture(scope="module")
def folders(sources_folder, tmp_path_factory):
    """Dataset, models and results that the three commands made one after the other."""
    root = tmp_path_factory.mktemp("commands")
    places = {"data": root / "bam", "models": root / "models", "out": root / "results"}
    process(
        "build_dataset", "--coco", sources_folder / "coco", "--miniplaces", sources_folder / "miniplaces",
        "--images_per_pair", 10, "--data", places["data"],
    )  # fmt: skip
    process(
        "train", "--labels", "scene", "--epochs", 0.2, "--data", places["data"], "--models", places["models"]
    )
    return places


def test_the_three_commands_end_in_a_table(folders):
    out, errors = process(
        "metrics", "--metric", "idr", "--data", folders["data"], "--models", folders["models"],
        "--out", folders["out"], "--limit", 40, "--methods", "grad_cam,random",
    )  # fmt: skip
    assert errors == []
    assert "| method | IDR ↑ |" in out
    score = json.loads((folders["out"] / "idr.json").read_text())
    assert set(score["lines"]) == {"grad_cam", "random", "edges"}
    accuracy = json.loads((folders["models"] / "scene" / "model.json").read_text())["accuracy"][
        "object_scene"
    ]
    line = score["lines"]["grad_cam"]
    assert line["estimate"]["n"] + line["excluded"]["misclassified"] == 40
    assert 0 <= accuracy <= 1
    assert (folders["models"] / "validity.md").exists()


def test_a_finished_command_does_nothing_again(folders):
    model = folders["models"] / "scene" / "model.keras"
    before = model.stat().st_mtime_ns
    places = ("--data", folders["data"], "--models", folders["models"])
    bam("train", "--labels", "scene", "--epochs", 0.2, *places)
    assert model.stat().st_mtime_ns == before


def test_missing_input_says_which_command_makes_it(folders, tmp_path):
    _, errors = bam("train", "--data", tmp_path, code=1)
    assert len(errors) == 1
    assert "python -m bam.build_dataset" in errors[0]
    _, errors = bam("metrics", "--data", folders["data"], "--models", tmp_path, code=1)
    assert len(errors) == 1
    assert "python -m bam.train" in errors[0]
    _, errors = bam(
        "build_dataset", "--coco", tmp_path, "--miniplaces", tmp_path, "--data", tmp_path / "x", code=1
    )
    assert len(errors) == 1
    assert not (tmp_path / "x").exists()


def test_metrics_are_judged_on_composites(folders, tmp_path):
    out, errors = bam(
        "metrics", "--metric", "inpainting,deletion", "--model", "scene", "--limit", 6, "--levels", "25,50",
        "--methods", "grad_cam,vanilla_gradient,gradient_x_input", "--judge", "--data", folders["data"],
        "--models", folders["models"], "--out", tmp_path,
    )  # fmt: skip
    assert errors == []
    assert "| method | flips to the second class ↑ |" in out
    assert "| metric | network | random from real |" in out
    judgement = json.loads((tmp_path / "judgement.json").read_text())
    assert {"inpainting", "inpainting:weighted", "deletion"} <= set(judgement["metrics"])
    names = {path.name for path in tmp_path.glob("*.*")}
    assert {"inpainting.md", "inpainting.png", "deletion.png", "judgement.md", "judgement.png"} <= names


def test_images_and_a_network_of_ones_own_need_no_dataset(folders, tmp_path):
    (tmp_path / "own").mkdir()
    for shade in (30, 90, 150):
        Image.new("RGB", (80, 70), (shade, 99, 200 - shade)).save(tmp_path / "own" / f"{shade}.png")
    (tmp_path / "names.txt").write_text("".join(f"class {n}\n" for n in range(10)))
    own = (
        "--images", tmp_path / "own", "--model", folders["models"] / "scene" / "model.keras",
        "--class_names", tmp_path / "names.txt", "--data", tmp_path / "none", "--out", tmp_path / "out",
        "--methods", "grad_cam", "--metric",
    )  # fmt: skip
    out, errors = bam("metrics", *own, "inpainting", "--inpainter", "blur")
    assert errors == []
    assert "| grad_cam |" in out
    _, errors = bam("metrics", *own, "inpainting", code=1)
    assert len(errors) == 1
    assert "donor fills holes from a dataset" in errors[0]
    _, errors = bam("metrics", *own, "inpainting,iir", code=1)
    assert "there is no dataset" in errors[0]


def test_maps_are_shown(folders, tmp_path):
    (tmp_path / "mine.py").write_text("def f(classifier, images, targets):\n    return images\n")
    where = ("--data", folders["data"], "--models", folders["models"], "--out", tmp_path / "new" / "maps.pdf")
    methods = f"random,attention_rollout,{tmp_path / 'mine.py'}:f"
    out, errors = process("show_maps", "--methods", methods, "--images", 2, "--pair", *where)
    assert errors == []
    assert out.splitlines() == [
        "Left out, since they do not suit scene: attention_rollout (the network has no attention).",
        f"written to {tmp_path / 'new' / 'maps.pdf'}",
    ]
    assert (tmp_path / "new" / "maps.pdf").read_bytes().startswith(b"%PDF")
    _, errors = bam("show_maps", "--ids", "dog", *where, code=1)
    assert "object_scene has no image 'dog'" in errors[0]


def test_a_report_figures_tables_and_a_comparison_of_scores(folders, tmp_path):
    places = ("--data", folders["data"], "--models", folders["models"])
    for out, methods in (("a", "grad_cam"), ("b", "grad_cam,vanilla_gradient")):
        asked = ("--metric", "idr", "--norobustness", "--limit", 4, "--methods", methods)
        bam("metrics", *asked, *places, "--out", tmp_path / out)
    further = (("--figures", "figures"), ("--latex", "tables"), ("--csv", "tables"))
    flags = [word for flag, folder in further for word in (flag, tmp_path / folder)]
    out, errors = process("report", "--out", tmp_path / "b", *places, *flags)
    assert errors == []
    assert out.splitlines()[-1] == f"report: {tmp_path / 'b' / 'report.html'}"
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"idr-bars.pdf", "idr-bars.svg"}
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"idr.tex", "idr.csv"}
    assert (tmp_path / "b" / "report.md").exists()
    compared = ("--compare", f"{tmp_path / 'a'},{tmp_path / 'b'}", "--models", folders["models"])
    out, errors = bam("report", *compared)
    assert errors == []
    assert out.startswith(f"## IDR ↑: {tmp_path / 'a'} (A) and {tmp_path / 'b'} (B)")
    _, errors = bam("report", "--out", tmp_path, code=1)
    assert len(errors) == 1


def test_a_benchmark_says_its_plan(tmp_path):
    out, errors = bam("benchmark", "--plan", "--data", tmp_path / "bam", "--out", tmp_path / "results")
    assert errors == []
    assert "| networks | 3 x small, 40,000 images each |" in out
    assert "| mcs, idr | 100 images |" in out
    assert list(tmp_path.iterdir()) == []
    _, errors = process("benchmark", "--coco", tmp_path, code=2)
    assert errors == ["--coco and --miniplaces are for --preset paper; see --help"]


def test_a_network_of_the_commonality_series(folders, tiny, tmp_path):
    places = ("--data", folders["data"], "--models", tmp_path)
    bam("train", "--labels", "scene", "--commonality", 0.3, "--architecture", tiny, "--epochs", 0.5, *places)
    assert "with dog" in (tmp_path / "validity.md").read_text()
    shown = ("--view", "bamboo_forest", "--pair", "--limit", 2, "--methods", "grad_cam,random")
    out, _ = bam(
        "show_maps", "--model", "scene_commonality_0.3", *shown, *places, "--out", tmp_path / "maps.png"
    )
    assert out == f"written to {tmp_path / 'maps.png'}\n"


def test_several_trainings(folders, tiny, tmp_path):
    places = ("--data", folders["data"], "--models", tmp_path)
    settings = ("--labels", "scene", "--architecture", tiny, "--epochs", 0.2, *places)
    bam("train", *settings)
    before = (tmp_path / "scene" / "model.keras").stat().st_mtime_ns
    out, _ = bam("train", *settings, "--trainings", 2)
    assert (tmp_path / "scene" / "model.keras").stat().st_mtime_ns == before
    assert [line.partition(":")[0] for line in out.splitlines()[:1]] == [str(tmp_path / "scene")]
    for words in (f"{tmp_path / 'scene@1'}: accuracy", "model scene@1 fails", "| f_s, training 1 |"):
        assert words in out
    assert "| f_s, training 1 |" in (tmp_path / "validity.md").read_text()
    out, errors = bam("validate", "--models", tmp_path, code=1)
    assert "| f_s, training 1 |" in out
    assert "model scene@1 fails the validity check object_scene: learned" in errors[0]
    _, errors = bam("metrics", "--metric", "deletion", "--model", "scene@2", *places, code=1)
    assert f"`python -m bam.train --labels scene --trainings 3 --models {tmp_path}`" in errors[-1]


def test_two_at_a_time_are_trained_to_the_same_end(folders, tmp_path, monkeypatch):
    # In processes of their own there are no architectures but those of BAM.
    settings = ("--labels", "scene", "--epochs", 0.02, "--trainings", 2, "--data", folders["data"])
    found = {}
    for workers in (1, 2):
        out, _ = bam("train", *settings, "--workers", workers, "--models", tmp_path / str(workers))
        folders_there = [tmp_path / str(workers) / name for name in ("scene", "scene@1")]
        said = [line for line in out.splitlines() if ": accuracy object_scene " in line]
        assert {line.partition(":")[0] for line in said} == set(map(str, folders_there))
        found[workers] = [
            json.loads((folder / "model.json").read_text())["digest"] for folder in folders_there
        ]
    assert found[1] == found[2]
    assert found[1][0] != found[1][1]
    # An error of one is that of the command, at once.
    _, errors = process("train", *settings, "--workers", 2, "--seed", 1, "--models", tmp_path / "2", code=1)
    assert "was trained with seed 0, not 1: give another --models" in errors[-1]
    assert "Traceback" not in "".join(errors)
    monkeypatch.setenv("TF_CONFIG", "{}")
    _, errors = bam("train", *settings, "--workers", 2, "--models", tmp_path / "several", code=1)
    assert "are for the processors of one machine, and TF_CONFIG names several" in errors[-1]


@pytest.mark.parametrize(
    ("command", "flags", "words"),
    [
        ("metrics", ("--metric", "mcs,idrr"), "did you mean 'idr'"),
        ("metrics", ("--metric", "idr", "--images", "folder"), "--images is for --metric iir, inpainting"),
        ("metrics", ("--metric", "idr", "--fills", "2"), "--fills is for --metric inpainting"),
        ("metrics", ("--metric", "inpainting", "--inpainter", "doner"), "did you mean 'donor'"),
        ("metrics", ("--metric", "inpainting", "--levels", "10,half"), "--levels must be a valid integer"),
        (
            "metrics",
            ("--metric", "inpainting", "--levels", "10,101"),
            "--levels must be less than or equal to 100",
        ),
        ("metrics", ("--human_ranking", "people.csv"), "--human_ranking is for --judge"),
        ("metrics", ("--nojudge_both",), "--judge_both is for --judge, which is not asked for"),
        (
            "metrics",
            ("--metric", "violation", "--judge", "--judge_grid", "violation.patchgrid=7,14"),
            "--judge_grid: unknown setting of violation 'patchgrid': did you mean 'patch_grid'",
        ),
        ("metrics", ("idr",), "unexpected argument 'idr'"),
        ("train", ("--architecture", "resnet"), "did you mean 'resnet50'"),
        ("build_dataset", ("--colour", "red"), "unknown flag '--colour'"),
        (
            "build_dataset",
            ("--images_per_pair", "9"),
            "--images_per_pair must be greater than or equal to 10",
        ),
        ("metrics", ("--metrics", "idr"), "did you mean '--metric'"),
        ("metrics", ("--preprocess", "imagenet"), "--preprocess is for --metric iir, inpainting"),
        ("metrics", ("--input_size", "64"), "--input_size is for --metric iir, inpainting"),
        ("metrics", ("--preprocess", "imagnet"), "did you mean 'imagenet'"),
        ("validate", ("--input_size", "64"), "--input_size is for networks of your own"),
        ("show_maps", ("--out", "maps.jpg"), "--out: maps.jpg must end in .pdf, .png or .svg"),
        ("show_maps", ("--images", "3", "--limit", "3"), "--images 3 and --limit 3 both say how many"),
        ("show_maps", ("--view", "object_scen"), "did you mean 'object_scene'"),
        ("metrics", ("--metric", "rmcs", "--judge"), "--judge needs a metric other than effect, rmcs, tcav"),
    ],
)
def test_wrong_usage_is_exit_code_2(command, flags, words):
    _, errors = bam(command, *flags, code=2)
    assert len(errors) == 1
    assert words in errors[0]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--methods", "grad_camm"), "did you mean 'grad_cam'"),
        (("--methods", "smoothgrad(nois=1)"), "did you mean 'noise'"),
        (("--set", "smoothgrad.samples=many"), "smoothgrad: samples must be of type int"),
        (("--set", "smoothgrad=3"), "--set takes METHOD.PARAMETER=VALUE"),
        (
            ("--methods", "grad_cam", "--set", "smoothgrad.samples=3"),
            "--set names smoothgrad, which is",
        ),
    ],
)
def test_methods_that_are_not_there_are_one_line(flags, words):
    _, errors = bam("metrics", *flags, code=1)
    assert len(errors) == 1
    assert words in errors[0]


def test_other_settings_are_refused(folders, sources_folder):
    _, errors = bam(
        "build_dataset", "--coco", sources_folder / "coco", "--miniplaces", sources_folder / "miniplaces",
        "--images_per_pair", 20, "--data", folders["data"], code=1,
    )  # fmt: skip
    assert "images_per_pair 10, not 20" in errors[0]
    _, errors = bam("train", "--epochs", 2, "--data", folders["data"], "--models", folders["models"], code=1)
    assert "epochs 0.2, not 2.0" in errors[0]
    _, errors = bam("build_dataset", "--coco", sources_folder / "coco", code=1)
    assert "belong together" in errors[0]


def test_settings_of_methods_are_rows_of_their_own(folders, tmp_path):
    out, errors = bam(
        "metrics", "--methods", "smoothgrad(samples=2),smoothgrad(samples=3, noise=.3),gradient_x_input",
        "--set", "smoothgrad.noise=.2", "--limit", 4, "--norobustness", "--data", folders["data"],
        "--models", folders["models"], "--out", tmp_path,
    )  # fmt: skip
    assert errors == []
    lines = json.loads((tmp_path / "idr.json").read_text())["lines"]
    assert lines["smoothgrad(samples=2, noise=0.2)"]["settings"] == {"samples": 2, "noise": 0.2}
    assert lines["smoothgrad(samples=3, noise=0.3)"]["settings"] == {"samples": 3, "noise": 0.3}
    assert lines["gradient_x_input"]["settings"] == {}
    assert "| smoothgrad(samples=2, noise=0.2) |" in out


def test_all_commands_have_one_name():
    for flags, code in (((), 0), (("--help",), 0), (("build", "--help"), 0), (("scor",), 2)):
        done = subprocess.run([sys.executable, "-m", "bam", *flags], capture_output=True, text=True)
        assert done.returncode == code
    assert "unknown command 'scor'" in done.stderr
    shown = subprocess.run([sys.executable, "-m", "bam"], capture_output=True, text=True).stdout
    assert all(f"bam {name} " in shown for name in ("build", "train", "show", "metrics", "cache", "doctor"))


def test_help_lists_every_setting_with_its_default():
    shown, _ = bam("metrics", "--help")
    shown = " ".join(shown.split())
    assert "--iir_threshold NUMBER relative change of g_c that IIR allows (default: 0.1)" in shown
    assert "--levels ARRAY whole percentages" in shown
    assert "(default: 10,20,30,40,50)" in shown


def test_the_doctor_names_versions_and_extras():
    out, _ = process("doctor")
    named = [line.split()[0] for line in out.splitlines()]
    assert {"python", "devices", "tensorflow", "tf-keras"} <= set(named)
    assert named.count("extra") == 5


def test_what_runs_keep_is_shown_and_removed_when_old(tmp_path):
    rows = tmp_path / "rows"
    rows.mkdir()
    for number in range(2):
        path = rows / f"scene-object_scene-grad_cam-{number}123456789ab.csv"
        path.write_text("image_id,method,g_c\na,grad_cam,0.5\n")
    os.utime(path, (86400, 86400))
    (tmp_path / "idr.json").write_text("{}")
    out, errors = process("cache", "--out", tmp_path)
    assert errors == []
    assert "| rows | grad_cam | 2 | 2 | 70 B | 1970-01-0" in out
    assert out.splitlines()[-1].startswith("| all |  | 2 | 2 | 70 B |")
    assert f"{path}: rows, 35 B, last used 1970-01-0" in bam("cache", "--out", tmp_path, "--each")[0]
    assert len(list(rows.iterdir())) == 2
    out, _ = bam("cache", "--out", tmp_path, "--remove_unused_days", 30)
    assert f"removed {path}: rows, 35 B" in out
    assert "removed in all: 1 file, 35 B" in out
    assert not path.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["idr.json", "rows"]
    (left,) = rows.iterdir()
    left.unlink()
    assert bam("cache", "--out", tmp_path)[0] == f"nothing is kept in {tmp_path}\n"
    _, errors = bam("cache", "--out", tmp_path / "none", code=1)
    assert errors == [
        f"error: there are no results in {tmp_path / 'none'}: name by --out the folder that `bam metrics` "
        "wrote to"
    ]
    _, errors = bam("cache", "--remove_unused_days", -1, code=2)
    assert "--remove_unused_days must be greater than or equal to 0, not '-1'" in errors[0]
