"""The card of a trained model says what model.json says, and how to make the model again."""

import json
import re
import shlex
from dataclasses import asdict

import pytest
import yaml

from bam.cli.flags import Flags
from bam.models import load_classifier
from bam.models.training.model_card import CARD, model_card, task_of
from bam.models.training.task import Task
from bam.models.training.training import make_config, train
from bam.train import How, What

QUICK = {"epochs": 0.02, "batch_size": 16, "seed": 3}


@pytest.fixture(scope="module")
def models(dataset, tmp_path_factory):
    """A folder with a scene classifier, hardly trained."""
    folder = tmp_path_factory.mktemp("models")
    train(make_config(Task("scene"), dataset, **QUICK), dataset, folder)
    return folder


@pytest.fixture(scope="module")
def card(models):
    return (models / "scene" / CARD).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def description(models):
    return json.loads((models / "scene" / "model.json").read_text())


def test_it_says_what_the_model_is_and_how_it_does(card, description, dataset):
    assert yaml.safe_load(card.split("---\n")[1])["library_name"] == "tf-keras"
    assert f"the network `small` of BAM, {description['parameters']:,} parameters" in card
    assert "from 64 x 64 RGB pixels" in card
    assert f"`{dataset.fingerprint}`" in card
    assert f"`{description['digest']}`" in card
    assert ", ".join(description["class_names"]) in card
    for name, accuracy in description["accuracy"].items():
        assert f"| `{name}` | {accuracy:.3f} | {description['images'][name]} |" in card
    assert f"| `bamboo_forest`, with dog | {description['bamboo_forest']['with_dog']:.3f} | 100 |" in card
    assert f"tensorflow {description['versions']['tensorflow']}" in card


def test_it_says_which_checks_failed(card, description, models):
    assert "| object_scene: learned | " in card
    assert "| **FAILED** |" in card  # it learned nothing
    classifier = load_classifier(models / "scene")
    fine = {**description, "accuracy": dict.fromkeys(description["accuracy"], 0.9) | {"object_only": 0.1}}
    assert model_card(fine, classifier).count("| passed |") == 3
    for changes in ({"on": "scene_only"}, {"commonality": 0.3}):
        other = {**description, "config": {**description["config"], **changes}}
        assert "there is none for this one" in model_card(other, classifier)
        assert "FAILED" not in model_card(other, classifier)


@pytest.mark.parametrize(
    ("task", "more"),
    [
        (Task("scene"), {}),
        (Task("scene", "scene_only"), {"learning_rate": 1e-4}),
        (Task("scene", commonality=0.3), {"patience": 1}),
        (Task("object", classes=["dog", "bird"]), {"architecture": "vit_tiny"}),
        (Task("scene", commonality=0.3), {"training": 2}),
    ],
)
def test_the_command_of_the_card_trains_the_same(task, more, description, dataset, models):
    config = make_config(task, dataset, **more)
    card = model_card({**description, "config": asdict(config)}, load_classifier(models / "scene"))
    (line,) = re.findall(r"^    python -m bam\.train (.*)$", card, re.MULTILINE)
    flags = Flags("bam.train", "", {"models": What, "training": How}, shlex.split(line))
    what = flags.settings(What)
    again = Task(what.labels, what.on, what.commonality, what.classes)
    how = {**asdict(flags.settings(How)), "training": what.trainings - 1}
    assert make_config(again, dataset, **how) == config
    assert task_of(asdict(config)) == task
    assert f"\n# {config.name}\n" in card
    assert f'load_classifier("FOLDER/{config.name}")' in card
    assert ("- Training: number 2 of `scene_commonality_0.3`" in card) == ("training" in more)


def test_a_model_that_is_there_gets_its_card_and_stays_the_same(models, card, description, dataset):
    folder = models / "scene"
    before = (folder / "model.keras").read_bytes()
    config = make_config(Task("scene"), dataset, **QUICK)
    (folder / CARD).unlink()
    train(config, dataset, models)
    assert (folder / CARD).read_text(encoding="utf-8") == card
    (folder / CARD).write_text("mine")  # what is there is left alone
    assert train(config, dataset, models) == description
    assert (folder / CARD).read_text() == "mine"
    assert (folder / "model.keras").read_bytes() == before
    assert load_classifier(folder).digest == description["digest"]


def test_a_model_of_an_earlier_version_has_a_card_too(description, models):
    needed = ("config", "class_names", "digest", "accuracy")
    old = {key: description[key] for key in needed}
    old["config"] = {key: value for key, value in description["config"].items() if key != "classes"}
    card = model_card(old, load_classifier(models / "scene"))
    assert "- Versions: not recorded\n" in card
    assert f"{description['parameters']:,} parameters" in card
    assert f"| `object_scene` | {description['accuracy']['object_scene']:.3f} | - |" in card


def test_weights_of_a_file_are_named_by_their_digest(description, models):
    config = {**description["config"], "weights": "my/weights.keras", "weights_sha256": "abc"}
    card = model_card({**description, "config": config}, load_classifier(models / "scene"))
    assert "- First weights: those of a file, SHA-256 `abc`" in card
    assert " --weights FILE " in card
