import json
import subprocess
import sys

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.base.progress import Progress
from bam.models import load_classifier
from bam.models.architectures import ARCHITECTURES, Architecture, build_model
from bam.models.training import training
from bam.models.training.checkpoint import Checkpoint
from bam.models.training.task import Task
from bam.models.training.training import make_config, train

QUICK = {"architecture": "tiny", "epochs": 0.2, "batch_size": 16, "seed": 3}


def tiny(classes, weights):
    """A network that is compiled in no time, with all that must survive an interruption."""
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, 2)(layers.Rescaling(1 / 255, name="preprocess")(inputs))
    x = layers.Dropout(0.5)(layers.ReLU()(layers.BatchNormalization()(x)))
    return keras.Model(inputs, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)), name="tiny")


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch):
    monkeypatch.setattr(training, "ROUND", 4)
    monkeypatch.setitem(ARCHITECTURES, "tiny", Architecture(tiny, 32, 1000, 1e-2))


@pytest.fixture
def config(dataset):
    return make_config(Task("scene"), dataset, **QUICK)


def read(folder):
    return json.loads((folder / "scene" / "model.json").read_text())


@pytest.fixture
def killed(monkeypatch):
    """Trains until a checkpoint is written; change: what is done to it before."""
    save = Checkpoint.save

    def begin(*given, change=lambda checkpoint: None):
        def save_once(self, *state):
            change(self)
            save(self, *state)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save", save_once)
            with pytest.raises(KeyboardInterrupt):
                train(*given)

    return begin


def test_interrupted_training_ends_as_if_undisturbed(dataset, config, tmp_path, killed):
    train(config, dataset, tmp_path / "whole")

    for _ in range(2):
        killed(config, dataset, tmp_path / "interrupted")
    assert not (tmp_path / "interrupted" / "scene" / "model.json").exists()
    train(config, dataset, tmp_path / "interrupted")
    whole, interrupted = read(tmp_path / "whole"), read(tmp_path / "interrupted")
    assert len(whole["history"]) == 3
    assert interrupted == whole


def test_trainings_differ_by_chance_alone_and_none_depends_on_others(dataset, config, tmp_path, killed):
    first = train(config, dataset, tmp_path)
    before = (tmp_path / "scene" / "model.keras").read_bytes()
    further = make_config(Task("scene"), dataset, **QUICK, training=1)
    killed(further, dataset, tmp_path)
    description = train(further, dataset, tmp_path)
    assert (read(tmp_path), (tmp_path / "scene" / "model.keras").read_bytes()) == (first, before)
    settings = {key: value for key, value in further.__dict__.items() if value != config.__dict__[key]}
    assert settings == {"training": 1}
    assert description["digest"] != first["digest"]
    assert [entry["step"] for entry in description["history"]] == [4, 8, 10]
    assert set(description["accuracy"]) == set(first["accuracy"])
    classifier = load_classifier(tmp_path / "scene@1")
    assert (classifier.name, classifier.digest) == ("scene@1", description["digest"])
    assert train(further, dataset, tmp_path / "alone") == description  # undisturbed, too


def test_all_is_drawn_anew_but_the_images_of_the_validation(dataset, tmp_path, monkeypatch):
    seen = {}

    def note(name, what):
        real = getattr(training, name)

        def noted(*given):
            seen.setdefault(name, []).append(what(given))
            return real(*given)

        monkeypatch.setattr(training, name, noted)

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("tf_keras.Model.fit", stopped)
    monkeypatch.setattr(training, "VALIDATION_IMAGES", 5)
    for name, place in (("build_model", 3), ("with_stepwise_dropout", 1), ("training_batches", 2)):
        note(name, lambda given, place=place: given[place])
    note("evaluation_batches", lambda given: list(given[0].view.ids))
    configs = [make_config(Task("scene"), dataset, **QUICK, training=number) for number in range(2)]
    for config in configs:
        with pytest.raises(KeyboardInterrupt):
            train(config, dataset, tmp_path)
    first, second = seen.pop("evaluation_batches")
    assert len(first) == 5
    assert first == second
    assert len(seen) == 3
    assert all(seeds == [3, configs[1].drawn_from] for seeds in seen.values())


def test_description_tells_settings_and_accuracy_on_every_view(dataset, config, tmp_path):
    assert train(config, dataset, tmp_path)["class_names"][0] == "bamboo_forest"
    description = read(tmp_path)
    assert description["config"]["dataset"] == dataset.fingerprint
    assert description["config"]["seed"] == 3
    classifier = load_classifier(tmp_path / "scene")
    assert (description["digest"], description["seed_digest"]) == (classifier.digest, classifier.seed_digest)
    assert set(description["accuracy"]) == {
        "object_scene",
        "scene_only",
        "object_only",
        "rescaled",
        "relocated",
    }
    assert all(0 <= value <= 1 for value in description["accuracy"].values())
    assert description["bamboo_forest"]["images"] == 100
    assert sorted(path.name for path in (tmp_path / "scene").iterdir()) == [
        "model.json",
        "model.keras",
        "model_card.md",
    ]


def test_a_trained_model_is_kept_and_other_settings_are_refused(dataset, config, tmp_path):
    train(config, dataset, tmp_path)
    before = (tmp_path / "scene" / "model.keras").stat().st_mtime_ns
    assert train(config, dataset, tmp_path) == read(tmp_path)
    assert (tmp_path / "scene" / "model.keras").stat().st_mtime_ns == before
    with pytest.raises(BamError, match="trained with seed 3, not 4"):
        train(make_config(Task("scene"), dataset, **{**QUICK, "seed": 4}), dataset, tmp_path)


def test_checkpoint_of_other_settings_is_not_used(dataset, config, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "scene"
    folder.mkdir()
    np.savez(folder / "training.npz", config=np.array("{}"), history=np.array("[]"))
    train(config, dataset, tmp_path)
    assert "other settings): starting anew" in capsys.readouterr().err
    assert len(read(tmp_path)["history"]) == 3


def test_checkpoint_of_another_network_changes_nothing(tmp_path, capsys):
    """As after an update of Keras, with the same settings."""

    def started(classes):
        model = build_model("small", classes, "none", seed=0)
        optimizer = keras.optimizers.AdamW()
        optimizer.build(model.trainable_variables)
        return model, optimizer

    (ten, its), (two, other) = started(10), started(2)
    state = Checkpoint(tmp_path / "training.npz", {})
    state.save(ten.get_weights(), ten.get_weights(), its, [{"step": 4}])
    before = two.get_weights()
    history, best = state.restore(two, other)
    assert "another network): starting anew" in capsys.readouterr().err
    assert history == []
    for weights in (best, two.get_weights()):
        assert all(np.array_equal(a, b) for a, b in zip(weights, before, strict=True))


def test_damaged_files_are_made_again(dataset, config, tmp_path, capsys):
    folder = tmp_path / "scene"
    folder.mkdir()
    (folder / "training.npz").write_bytes(b"junk")
    train(config, dataset, tmp_path)
    whole = read(tmp_path)
    assert "cannot be used" in capsys.readouterr().err
    stored = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(stored[: len(stored) // 2])
    assert train(config, dataset, tmp_path) == whole
    assert "train it again: doing so" in capsys.readouterr().err
    (folder / "model.json").write_text("{}")
    with pytest.raises(BamError, match=r"model\.json is damaged"):
        train(config, dataset, tmp_path)


def test_best_weights_are_kept_and_a_rising_loss_ends_it(dataset, tmp_path, monkeypatch):
    losses = iter([1.0, 0.5, 0.9, 0.8, 0.7, 0.6])
    kept = []

    def fake_evaluate(self, *_, **__):
        kept.append(self.get_weights())
        return next(losses), 0.5

    monkeypatch.setattr("tf_keras.Model.evaluate", fake_evaluate)
    config = make_config(Task("scene"), dataset, epochs=0.5, batch_size=16, patience=0.45)
    train(config, dataset, tmp_path)
    assert [entry["validation_loss"] for entry in read(tmp_path)["history"]] == [1.0, 0.5, 0.9, 0.8, 0.7]
    best = load_classifier(tmp_path / "scene").model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(best, kept[1], strict=True))


def test_a_diverged_training_is_one_clear_error(dataset, tmp_path):
    config = make_config(Task("scene"), dataset, epochs=0.2, batch_size=16, learning_rate=1e30)
    with pytest.raises(BamError, match="lower `learning_rate`"):
        train(config, dataset, tmp_path)
    assert not (tmp_path / "scene" / "training.npz").exists()


SEVERAL_DEVICES = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from bam.data_prep import load_dataset
from bam.models.training import training
from bam.models.training.task import Task
training.ROUND = 4
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
training._strategy = lambda: strategy
dataset = load_dataset(sys.argv[1])
config = training.make_config(Task("scene"), dataset, epochs=0.2, batch_size=16)
print(training.train(config, dataset, __import__("pathlib").Path(sys.argv[2])))
"""


def test_training_runs_on_several_devices(dataset, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL_DEVICES, str(dataset.folder), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    history = read(tmp_path)["history"]
    assert [entry["step"] for entry in history] == [4, 8, 10]
    assert all(np.isfinite(entry["validation_loss"]) for entry in history)


def test_a_few_classes_are_trained_kept_and_loaded(dataset, tmp_path):
    task = Task("object", classes=["dog", "bird"])
    config = make_config(task, dataset, **{**QUICK, "epochs": 1.5})
    assert config.classes == ["bird", "dog"]
    assert config.task == task
    description = train(config, dataset, tmp_path)
    target = tmp_path / "object_bird+dog"
    assert description["class_names"] == ["bird", "dog"]
    assert description["config"]["classes"] == ["bird", "dog"]
    assert description["images"]["object_scene"] == 20
    assert "bamboo_forest" not in description
    before = (target / "model.keras").stat().st_mtime_ns
    assert train(config, dataset, tmp_path) == description
    assert (target / "model.keras").stat().st_mtime_ns == before
    classifier = load_classifier(target)
    assert classifier.class_names == ("bird", "dog")
    assert classifier.labels is None
    assert classifier.description["config"]["labels"] == "object"
    batch = task.view(dataset, "test")[:]
    right = classifier.predictions(classifier.prepare(batch.images)) == [
        ("bird", "dog").index(image.split("-")[0]) for image in batch.ids
    ]
    assert right.mean() == pytest.approx(description["accuracy"]["object_scene"])


def test_a_model_that_names_no_classes_is_one_of_all(dataset, config, tmp_path):
    """As those of earlier versions."""
    train(config, dataset, tmp_path)
    path = tmp_path / "scene" / "model.json"
    description = read(tmp_path)
    del description["config"]["classes"]
    path.write_text(json.dumps(description))
    before = (path.parent / "model.keras").stat().st_mtime_ns
    assert train(config, dataset, tmp_path) == description
    assert (path.parent / "model.keras").stat().st_mtime_ns == before
    assert load_classifier(path.parent).labels == "scene"


def test_a_checkpoint_that_names_no_classes_is_gone_on_from(dataset, config, tmp_path, killed, capsys):
    def without_classes(checkpoint):
        checkpoint.config = {key: value for key, value in checkpoint.config.items() if key != "classes"}

    killed(config, dataset, tmp_path / "interrupted", change=without_classes)
    train(config, dataset, tmp_path / "interrupted")
    assert "starting anew" not in capsys.readouterr().err
    assert read(tmp_path / "interrupted") == train(config, dataset, tmp_path / "whole")


def test_progress_is_that_of_every_step(dataset, config, tmp_path, killed, shown):
    killed(config, dataset, tmp_path)
    assert shown == [f"training scene: {step} of 10 steps" for step in range(1, 5)]
    shown.clear()
    train(config, dataset, tmp_path)
    reached = [
        f"validation accuracy {entry['validation_accuracy']:.3f}" for entry in read(tmp_path)["history"]
    ]
    assert shown[:6] == [
        f"training scene: {step} of 10 steps, {reached[(step - 1) // 4 - 1]}" for step in range(5, 11)
    ]


def test_progress_fetches_no_loss_from_the_device():
    callback = training.EveryStep(Progress("training", 1, "steps"))
    assert keras.callbacks.CallbackList([callback])._batch_hooks_support_tf_logs
