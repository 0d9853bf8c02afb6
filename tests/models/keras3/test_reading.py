"""Files of Keras 3 are read safely, and on TensorFlow."""

import json
import sys
import zipfile
from types import SimpleNamespace

import h5py
import pytest

from bam.base.errors import BamError
from bam.models import load_classifier
from bam.models.keras3.importing import import_keras3

keras = pytest.importorskip("keras", minversion="3.0")


def network(*inner):
    layers = [
        keras.Input((8, 8, 3)),
        *inner,
        keras.layers.Flatten(),
        keras.layers.Dense(2, activation="relu"),
    ]
    return keras.Sequential([*layers, keras.layers.Dense(2)])


def test_a_file_that_names_other_modules_is_refused_before_they_are_imported(edited, tmp_path, monkeypatch):
    network().save(tmp_path / "sound.keras")
    (tmp_path / "trap.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('sprung').touch()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    foreign = {"module": "trap", "class_name": "function", "config": "touch", "registered_name": "function"}
    for found, other, words in (
        ('"relu"', json.dumps(foreign), r"names trap.function, which is no part of a network"),
        (
            '"keras.layers", "class_name": "Flatten"',
            '"keras.utils", "class_name": "get_file"',
            "keras.utils.get_file",
        ),
        ('"class_name": "Flatten"', '"class_name": "TFSMLayer"', "holds a TFSMLayer, which is a program"),
        ('"class_name": "Flatten"', '"class_name": "TorchModuleWrapper"', "holds a TorchModuleWrapper"),
        ('"class_name": "Flatten"', '"class_name": "Nothing"', "cannot be read as a .keras file"),
    ):
        edited(tmp_path / "sound.keras", tmp_path / "hostile.keras", found, other)
        with pytest.raises(BamError, match=words) as caught:
            load_classifier(tmp_path / "hostile.keras", class_names=["cat", "dog"])
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_code_in_an_hdf5_file_is_refused(library, tmp_path):
    """Which the older Keras would run, safe mode or not."""
    library = pytest.importorskip(library)
    inputs = library.Input((8, 8, 3))
    x = library.layers.Lambda(lambda x: x + 1)(inputs)
    model = library.Model(inputs, library.layers.Dense(2)(library.layers.Flatten()(x)))
    for name in ("code.h5", "code.keras"):
        model.save(tmp_path / name)
        with pytest.raises(BamError, match=r"holds a Lambda, which is a program, in place of a layer"):
            load_classifier(tmp_path / name, class_names=["cat", "dog"])


def test_damaged_files_are_one_line(tmp_path):
    network().save(tmp_path / "sound.keras")
    network().save(tmp_path / "sound.h5")
    with zipfile.ZipFile(tmp_path / "sound.keras") as sound:
        metadata, config = sound.read("metadata.json"), sound.read("config.json")
    with zipfile.ZipFile(tmp_path / "weightless.keras", "w") as file:
        file.writestr("metadata.json", metadata)
        file.writestr("config.json", config)
    with zipfile.ZipFile(tmp_path / "cut.keras", "w") as file:
        file.writestr("metadata.json", metadata)
        file.writestr("config.json", config[:40])
    with h5py.File(tmp_path / "sound.h5", "a") as file:
        del file["model_weights"]
    (tmp_path / "half.h5").write_bytes((tmp_path / "sound.h5").read_bytes()[:3000])
    for name, words in {
        "weightless.keras": r"cannot be read as a \.keras file",
        "cut.keras": r"cannot be read as a \.keras file",
        "sound.h5": r"cannot be read as a \.h5 file .*: save it as NAME\.keras",
        "half.h5": r"cannot be read as a \.h5 file",
        "absent.h5": "there is no model file",
    }.items():
        with pytest.raises(BamError, match=words) as caught:
            load_classifier(tmp_path / name, class_names=["cat", "dog"])
        assert "\n" not in str(caught.value)


def test_keras_must_be_there_new_and_on_tensorflow(monkeypatch):
    assert import_keras3() is keras
    for module, words in (
        (None, r"networks of Keras 3 need Keras 3, .*pip install 'keras>=3'"),
        (SimpleNamespace(__version__="2.15.0"), r"Keras 2\.15\.0 is installed: `pip install 'keras>=3'"),
        (
            SimpleNamespace(__version__="3.9.0", backend=SimpleNamespace(backend=lambda: "torch")),
            "Keras computes with torch here: set the environment variable KERAS_BACKEND to tensorflow",
        ),
    ):
        monkeypatch.setitem(sys.modules, "keras", module)
        with pytest.raises(BamError, match=words):
            import_keras3()
