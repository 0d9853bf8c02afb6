"""Networks in formats that are not read are named, with what to do."""

import json
import zipfile

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.formats import check_format, check_name


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
    for name in ("net.pt", "net.pth", "net.onnx", "net.safetensors"):
        (path / name).write_bytes(b"weights")
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("new.keras", r"is a file of Keras 3\.\S+, but .*: build the same network with tf_keras"),
        (
            "whole.h5",
            "is an HDF5 file, Keras' older format, .*load it with tf_keras.models.load_model",
        ),
        ("renamed.keras", "is an HDF5 file, Keras' older format"),
        ("absent.hdf5", "is an HDF5 file, Keras' older format"),
        ("only.weights.h5", "is an HDF5 file of weights alone, .*give it these weights"),
        ("only.h5", "is an HDF5 file of weights alone"),
        ("folder", "is a SavedModel folder, .*if Keras saved it"),
        ("folder/saved_model.pb", "is a part of a SavedModel"),
        ("net.pt", "is a file of PyTorch, .*build the network with tf_keras"),
        ("net.pth", "is a file of PyTorch"),
        ("net.onnx", "is an ONNX file"),
        ("net.safetensors", "is a file of weights alone"),
    ],
)
def test_other_formats_are_named_with_what_to_do(folder, name, words):
    for check, takes in (
        (check_format, ", but a .keras file of tf_keras is needed: "),
        (check_name, ", but `model` takes the name of a trained model in `models`, or a .keras file of tf_"),
    ):
        with pytest.raises(BamError, match=words) as caught:
            check(folder / name)
        assert takes in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_is_no_other_format_passes(folder, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"PK")
    (tmp_path / "noise.h5").write_bytes(b"noise")
    broken = (tmp_path / "broken.keras", tmp_path / "noise.h5")  # which is said where they are read
    for path in (folder / "sound.keras", tmp_path, *broken, "scene_commonality_0.1"):
        check_format(path)


def test_a_files_version_is_looked_for_only_where_it_stands(tmp_path):
    for number, metadata in enumerate(("", "[]", "{}", '{"keras_version": 3}', '{"keras_version": "dev"}')):
        path = tmp_path / f"{number}.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", metadata)
        if "3" in metadata:
            with pytest.raises(BamError, match="is a file of Keras 3, but"):
                check_format(path)
        else:
            check_format(path)
    with zipfile.ZipFile(tmp_path / "none.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({}))
    check_format(tmp_path / "none.keras")


def test_names_of_trained_models_are_no_paths(folder, tmp_path):
    check_name("scene")
    (tmp_path / "models" / "scene").mkdir(parents=True)
    (tmp_path / "models" / "scene" / "model.json").write_text("{}")
    np.save(tmp_path / "array.npy", np.zeros(1))
    for name, words in {
        tmp_path / "models" / "scene": r"set `models` to .*/models and `model` to scene",
        tmp_path / "models": "in `models`, or a .keras file of tf_keras, not ",
        tmp_path / "array.npy": "takes the name of a trained model",
        "runs/models/scene": "takes the name of a trained model in `models`",
    }.items():
        with pytest.raises(BamError, match=words):
            check_name(name)
