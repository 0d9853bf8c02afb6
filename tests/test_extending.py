"""The examples of docs/extending.md, each as a file that is used as the page says."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import bam
from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.__main__ import main
from bam.metrics.evaluation.rows import Row
from bam.models.classifier import Classifier

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
# By the name of the file, which their first line says.
EXAMPLES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def at_home(tmp_path, monkeypatch, dataset, scene_model_folder):
    """A folder with the examples, `data/bam` and `runs/models`, as the commands leave them.

    The untrained network is as if it recognised every image.
    """
    monkeypatch.setattr(Row, "correct", property(lambda row: True))
    for below, folder in {"data/bam": dataset.folder, "runs/models": scene_model_folder}.items():
        (tmp_path / below).parent.mkdir()
        (tmp_path / below).symlink_to(folder)
    for name, text in EXAMPLES.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    """What the examples register is gone after each test."""
    for registry in (METRICS, METHODS):
        for name in set(registry) & set(EXAMPLES):
            monkeypatch.delitem(registry, name)
    before = {id(registry): (registry, dict(registry)) for registry in (METRICS, METHODS)}
    yield
    for registry, content in before.values():
        registry.clear()
        registry.update(content)


def imported(name):
    """The module in a file of this folder."""
    spec = importlib.util.spec_from_file_location(name, f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command(*flags):
    """Run `python -m bam.metrics` with these flags; its exit code."""
    try:
        main(["python -m bam.metrics", *flags])
    except SystemExit as ended:
        return ended.code
    return 0


def test_the_page_has_an_example_of_everything():
    assert list(EXAMPLES) == ["distraction", "activation", "static", "shallow", "stickers"]
    assert PAGE.count("```python") == len(EXAMPLES)


SMALL = {"methods": "vanilla_gradient,object_mask", "limit": 30}


def test_a_metric_from_python(at_home):
    wide = bam.score("distraction.py:distraction", **SMALL)
    score = bam.score("distraction.py:distraction", times=3, **SMALL)
    assert score.configuration.metric == {"times": 3.0}
    assert score["random"].value < wide["random"].value
    assert (score["random"].n, score["random"].excluded) == (30, {})
    assert score["random"].control
    # Its oracle shows where no object is.
    assert score["object_mask"].value == score["object_mask"].beside["attribution"].value == 0
    assert score["object_mask"].ci_low == 0 < score["object_mask"].ci_high < 0.5  # a rate
    # One method is ranked, and tested against each control.
    assert score["vanilla_gradient"].rank == (1, 1)
    tested = {frozenset((test.better, test.worse)) for test in score.comparison.tests}
    assert tested == {frozenset(("vanilla_gradient", name)) for name in ("object_mask", "random", "edges")}
    heading = "| method | distraction ↓ | 95% interval | attribution | rank set | ms/image | n |"
    assert score.table().startswith(heading)
    assert "attributed more than `times` what as many random pixels are" in score.table()
    assert bam.read_score(score.write("runs/results")) == score


def test_a_metric_from_the_command_line(at_home, capsys):
    flags = ("--metric", "distraction.py:distraction", "--methods", SMALL["methods"], "--limit", "30")
    assert command(*flags, "--times", "3") == 0
    assert "| method | distraction ↓ |" in capsys.readouterr().out
    content = json.loads((at_home / "runs" / "results" / "distraction.json").read_text())
    assert content["configuration"]["metric"] == {"times": 3.0}
    score = bam.score("distraction.py:distraction", times=3, **SMALL)
    assert {name: line.value for name, line in score.lines.items()} == {
        name: line["estimate"]["value"] for name, line in content["lines"].items()
    }
    assert command(*flags, "--times", "-1") == 2
    assert "--times must be greater than 0, not '-1'" in capsys.readouterr().err
    assert command(*flags, "--help") == 0
    assert "--times NUMBER" in capsys.readouterr().out


def test_flags_of_a_metric_that_is_not_asked_for(at_home, capsys):
    assert command("--metric", "idr", "--times", "3") == 2
    assert "unknown flag '--times'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("nowhere.py:distraction", "there is no Python file nowhere.py"),
        ("activation.py:distraction", "activation.py registers no metric distraction"),
        ("broken.py:distraction", "broken.py cannot be run (ZeroDivisionError: division by zero)"),
    ],
)
def test_a_file_without_the_metric_is_refused_with_one_line(at_home, capsys, entry, message):
    (at_home / "broken.py").write_text("1 / 0\n")
    with pytest.raises(BamError, match=re.escape(message)):
        bam.score(entry)
    assert command("--metric", entry, "--times", "3") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_changed_file_is_run_again(at_home):
    bam.score("distraction.py:distraction", **SMALL)
    changed = EXAMPLES["distraction"].replace('title="distraction"', 'title="attention"')
    (at_home / "distraction.py").write_text(changed)
    assert bam.score("distraction.py:distraction", **SMALL).title == "attention"


def test_an_attribution_method(at_home, scene_classifier):
    imported("activation")
    score = bam.score("idr", methods="activation,activation(power=2)", limit=10, robustness=False)
    assert {"activation", "activation(power=2.0)"} < set(score.lines)
    assert score["activation(power=2.0)"].settings == {"power": 2.0}
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    maps = bam.explain(scene_classifier, images, [0, 1], "activation")
    features = scene_classifier.features(images)
    expected = scene_classifier.at_input_size(np.sqrt((features**2).sum(-1, keepdims=True)))[..., 0]
    np.testing.assert_allclose(maps, expected, rtol=1e-5)


def test_an_inpainter(at_home, monkeypatch):
    from bam.models.inpainters import INPAINTERS, make_inpainter

    monkeypatch.setitem(INPAINTERS, "static", None)
    imported("static")
    picture = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    hole = np.zeros((1, 8, 8), bool)
    hole[:, 2:5] = True
    filled = make_inpainter("static", deviation=0).fill(picture, hole, ["dog"], np.zeros(1, np.uint64))
    np.testing.assert_array_equal(filled[~hole], picture[~hole])
    np.testing.assert_array_equal(filled[hole], np.tile(picture.mean((0, 1, 2)).astype(np.uint8), (24, 1)))
    score = bam.score(
        "inpainting", methods=["random"], inpainter="static", model="scene", levels=(50,), fills=1, limit=4
    )
    assert score.details["inpainter"] == {
        "name": "static", "version": 1, "paste_back": True, "deviation": 40.0
    }  # fmt: skip
    assert score["random"].n == 4


def test_an_architecture(tmp_path, dataset, monkeypatch):
    from bam.models.architectures import ARCHITECTURES, build_model
    from bam.models.architectures.weights import read_network
    from bam.models.training.task import Task
    from bam.models.training.training import make_config

    monkeypatch.setitem(ARCHITECTURES, "shallow", None)
    (tmp_path / "shallow.py").write_text(EXAMPLES["shallow"])
    monkeypatch.chdir(tmp_path)
    imported("shallow")
    model = build_model("shallow", 10, "none", seed=0)
    classifier = Classifier(model, range(10))
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    assert classifier.features(images).shape == (2, 15, 15, 32)
    assert np.isfinite(bam.explain(classifier, images, [0, 1], "grad_cam")).all()
    model.save("shallow.keras")
    np.testing.assert_array_equal(read_network("shallow.keras").predict(images), model.predict(images))
    assert make_config(Task("scene"), dataset, architecture="shallow").learning_rate == 3e-3


def test_a_data_source(tmp_path, sources_folder, monkeypatch):
    from bam.data_prep.build import build
    from bam.data_prep.classes import OBJECTS
    from bam.data_prep.sources import SOURCES, Sources, make_source

    monkeypatch.setitem(SOURCES["object"], "stickers", None)
    (tmp_path / "stickers.py").write_text(EXAMPLES["stickers"])
    monkeypatch.chdir(tmp_path)
    imported("stickers")
    for label, name in enumerate(OBJECTS):
        (tmp_path / "drawer" / name).mkdir(parents=True)
        for index in range(11):
            sticker = Image.new("RGBA", (60, 50), (0, 0, 0, 0))
            pen = ImageDraw.Draw(sticker)
            pen.ellipse((5, 5, 30 + index, 40), fill=(25 * label, 10 * index, 200, 255))
            sticker.save(tmp_path / "drawer" / name / f"{index}.png")
        (tmp_path / "drawer" / name / "torn.png").write_bytes(b"no picture")
    objects = make_source("object", "stickers", "drawer")
    scenes = make_source("scene", "miniplaces", sources_folder / "miniplaces")
    built = build(Sources(objects, scenes), tmp_path / "bam", images_per_pair=10, seed=0, workers=2)
    description = built.description
    assert description["settings"]["source"] == "stickers/miniplaces"
    assert description["settings"]["stickers"] == objects.settings()["stickers"]
    assert description["excluded_summary"].startswith("10 left out: 10 cannot be read")
    assert len(built.view("object_scene", "test")) == 100
