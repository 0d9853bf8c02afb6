"""Folders of untrained models, of every name that the metrics ask for."""

from dataclasses import asdict

import pytest

from metrics.rows import Row


@pytest.fixture(scope="session")
def suite_folder(dataset, tmp_path_factory):
    """All thirteen models of the suite, tiny and untrained. Not to be changed."""
    import tf_keras as keras

    from data_prep.files import write_json
    from models.classifier import network_digest
    from models.suite import SUITE
    from models.training import make_config

    folder = tmp_path_factory.mktemp("suite")
    for seed, task in enumerate(SUITE):
        keras.utils.set_random_seed(seed)
        layers = [
            keras.layers.Rescaling(1 / 255, input_shape=(16, 16, 3)),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
        model = keras.Sequential(layers)
        (folder / task.name).mkdir()
        model.save(folder / task.name / "model.keras")
        description = {
            "config": asdict(make_config(task, dataset)),
            "class_names": task.class_names,
            "digest": network_digest(model),
            "accuracy": dict.fromkeys(("object_scene", "scene_only", "object_only"), 0.1),
        }
        write_json(folder / task.name / "model.json", description)
    return folder


@pytest.fixture
def all_correct(monkeypatch):
    """As if the untrained models recognised every image."""
    monkeypatch.setattr(Row, "correct", property(lambda row: True))
