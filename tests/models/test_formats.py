"""Networks in formats that are not read are named, with what to do."""

import json
import zipfile

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.formats import check_format, check_name, names_network, stored_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One network as Keras 2 and Keras 3 save it, and what is called like other formats."""
    import keras as keras_3

    path = tmp_path_factory.mktemp("formats")
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.save(path / "sound.keras")
    model.save(path / "whole.h5")
    model.save(path / "folder")
    model.save_weights(path / "only.weights.h5")
    (path / "renamed.keras").write_bytes((path / "whole.h5").read_bytes())
    model.save_weights(path / "only.h5")
    new = keras_3.Sequential([keras_3.Input((4, 4, 3)), keras_3.layers.Flatten(), keras_3.layers.Dense(2)])
    new.save(path / "new.keras")
    new.save(path / "new.h5")
    for name in ("net.pt", "net.pth", "net.onnx", "net.safetensors"):
        (path / name).write_bytes(b"weights")
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("renamed.keras", "is an HDF5 file, whatever its name, .*rename it NAME.h5"),
        ("absent.weights.h5", "is an HDF5 file of weights alone"),
        ("only.weights.h5", "is an HDF5 file of weights alone, .*give it these weights"),
        ("only.h5", "is an HDF5 file of weights alone"),
        ("folder/saved_model.pb", "is a part of a SavedModel, .*name its folder"),
        ("net.pt", "is a file of PyTorch, .*build the network with Keras"),
        ("net.pth", "is a file of PyTorch"),
        ("net.onnx", "is an ONNX file"),
        ("net.safetensors", "is a file of weights alone"),
    ],
)
def test_other_formats_are_named_with_what_to_do(folder, name, words):
    for check, takes in (
        (check_format, ", but a .keras or .h5 file of Keras, or a SavedModel folder is needed: "),
        (
            check_name,
            ", but `model` takes the name of a trained model in `models`, a .keras or .h5 file of Ker",
        ),
    ):
        with pytest.raises(BamError, match=words) as caught:
            check(folder / name)
        assert takes in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_is_no_other_format_passes(folder, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"PK")
    (tmp_path / "noise.h5").write_bytes(b"noise")
    broken = (tmp_path / "broken.keras", tmp_path / "noise.h5")  # which is said where they are read
    read = [folder / name for name in ("sound.keras", "new.keras", "whole.h5", "folder")]
    for path in (*read, tmp_path, *broken, "absent.hdf5", "scene_commonality_0.1"):
        check_format(path)


def test_the_version_is_that_of_the_file(folder, tmp_path):
    for name, version in {"sound.keras": 2, "new.keras": 3, "whole.h5": 2, "new.h5": 3}.items():
        config, found = stored_network(folder / name)
        assert (config["class_name"], found) == ("Sequential", version)
    for number, metadata in enumerate(("[]", "{}", '{"keras_version": 3}', '{"keras_version": "dev"}')):
        path = tmp_path / f"{number}.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", metadata)
            archive.writestr("config.json", json.dumps({}))
        assert stored_network(path) == ({}, 3 if "3" in metadata else 2)
    with zipfile.ZipFile(tmp_path / "none.keras", "w") as archive:
        archive.writestr("config.json", "[1]")
    assert stored_network(tmp_path / "none.keras") == ([1], 2)


def test_networks_of_ones_own_are_told_by_their_form(folder):
    for name in ("net.keras", "NET.H5", "net.hdf5", folder / "folder"):
        assert names_network(name)
    for name in ("scene", "net.pt", folder, folder / "folder" / "saved_model.pb"):
        assert not names_network(name)


def test_names_of_trained_models_are_no_paths(folder, tmp_path):
    check_name("scene")
    (tmp_path / "models" / "scene").mkdir(parents=True)
    (tmp_path / "models" / "scene" / "model.json").write_text("{}")
    np.save(tmp_path / "array.npy", np.zeros(1))
    for name, words in {
        tmp_path / "models" / "scene": r"set `models` to .*/models and `model` to scene",
        tmp_path / "models": "in `models`, a .keras or .h5 file of Keras, or a SavedModel folder, not ",
        tmp_path / "array.npy": "takes the name of a trained model",
        "runs/models/scene": "takes the name of a trained model in `models`",
    }.items():
        with pytest.raises(BamError, match=words):
            check_name(name)
