import json
import subprocess
import sys
from pathlib import Path

import pytest

from bam.base.errors import BamError
from bam.metrics.__main__ import main as score
from bam.models.given import GivenModels
from bam.validate import main as validate

EXAMPLE = Path(__file__).parents[2] / "docs/examples/train_torch.py"


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    """A folder in which the example has trained its pair, shortly, and the flag that names it."""
    pytest.importorskip("torch")
    from bam.data_prep.export import export

    folder = tmp_path_factory.mktemp("pair")
    export(dataset, folder / "exported", "png", 2)
    text = EXAMPLE.read_text().replace("EPOCHS = 6", "EPOCHS = 1").replace("BATCH = 64", "BATCH = 256")
    text = text.replace('Path("runs/torch")', f"Path({str(folder / 'torch')!r})")
    (folder / "nets.py").write_text(text)
    words = [sys.executable, str(folder / "nets.py"), str(folder / "exported")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    pair = ",".join(f"{name}={folder / 'nets.py'}:{name}_network" for name in ("object", "scene"))
    # It ends with how to go on.
    assert f"bam validate --models {pair} --input_size 64 --preprocess 0..1\n" in done.stdout
    return folder, pair


def test_a_pair_of_networks_is_validated_and_scored(trained, dataset, capsys):
    folder, pair = trained
    common = ["--models", pair, "--data", dataset.folder, "--out", folder / "out"]
    common = [str(word) for word in (*common, "--input_size", "64", "--preprocess", "0..1")]
    with pytest.raises(SystemExit) as stopped:  # one epoch of a few images teaches nothing
        validate(["bam validate", *common])
    assert stopped.value.code == 1
    said = capsys.readouterr()
    assert "| f_o |" in said.out
    assert "nets:scene_network was in training mode" in said.out
    (error,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert "model object fails the validity check object_scene: learned" in error
    kept = {path.name: path.read_bytes() for path in (folder / "out" / "accuracy").iterdir()}
    assert len(kept) == 2

    score(
        [
            "bam metrics",
            *common,
            "--metric",
            "mcs,idr",
            "--methods",
            "grad_cam",
            "--limit",
            "6",
            "--norobustness",
        ]
    )
    out = capsys.readouterr().out
    assert "NOT VALID: model object fails the validity check object_scene: learned" in out
    assert {path.name: path.read_bytes() for path in (folder / "out" / "accuracy").iterdir()} == kept
    written = json.loads((folder / "out" / "mcs.json").read_text())
    assert set(written["configuration"]["models"]) == {"object", "scene"}
    line = written["lines"]["grad_cam"]
    assert line["estimate"]["n"] + line["excluded"]["misclassified"] == 6
    assert line["counts"]["layer"] == "11"


def test_the_measured_accuracy_is_that_of_the_network(trained, dataset):
    folder, pair = trained
    models = GivenModels(pair, folder / "again", preprocess="0..1", input_size=64)
    network = models.trained_on(dataset, "scene")
    assert (network.name, network.labels) == ("scene", "scene")
    view = dataset.view("scene_only")
    found = network.predictions(network.prepare(view[:].images)) == view.scene_labels
    assert network.description["accuracy"]["scene_only"] == pytest.approx(found.mean())
    assert models["scene"] is network
    assert models.in_float32() is models
    assert (models.has("scene"), models.has("scene_on_scene_only")) == (True, False)
    with pytest.raises(BamError, match="gives object, scene, and no scene_on_scene_only: add scene_on_scene"):
        models["scene_on_scene_only"]


def test_names_are_those_of_trained_models(tmp_path):
    for text, words in (
        ("objects=a.py:f", "unknown trained model 'objects': did you mean 'object'"),
        ("object=a.py:f,object=b.py:f", "each name once"),
        ("object=", "takes NAME=NETWORK"),
    ):
        with pytest.raises(BamError, match=words):
            GivenModels(text, tmp_path)


def test_a_network_of_tf_keras_can_stand_there_too(scene_model_folder, dataset, tmp_path):
    path = scene_model_folder / "scene" / "model.keras"
    models = GivenModels(f"scene={path}", tmp_path, "bfloat16", 16, input_size=64)
    assert (models["scene"].precision, models["scene"].batch_size) == ("bfloat16", 16)
    assert models.in_float32()["scene"].precision == "float32"


def test_trained_models_are_validated_as_they_were_measured(scene_model_folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        validate(["bam validate", "--models", str(scene_model_folder)])
    said = capsys.readouterr()
    assert "**NO**" in said.out
    assert said.err.startswith("error: model scene fails the validity check")
    with pytest.raises(SystemExit):
        validate(["bam validate", "--models", str(tmp_path)])
    assert "python -m bam.train" in capsys.readouterr().err
