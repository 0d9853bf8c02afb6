import json
import subprocess
import sys

import numpy as np
import pytest
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.torch.export import write_twin

torch = pytest.importorskip("torch")
LOADED = """
import sys
import numpy, torch
found = {"class_names.json": ""}
network = torch.export.load(sys.argv[1], extra_files=found).module()
images = torch.from_numpy(numpy.load(sys.argv[2]))
numpy.save(sys.argv[3], [*network(images).detach().numpy(), *network(images[:1]).detach().numpy()])
assert "bam" not in sys.modules
print(found["class_names.json"])
"""


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 6, 3))
    x = keras.layers.Rescaling(1, [-99.0, -9.0, -3.0])(inputs)
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, 2, padding="same")(x))
    x = keras.layers.Dense(5)(keras.layers.Reshape((-1, 4))(x))
    return Classifier(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x))), "xyz")


def test_the_file_is_read_without_bam_and_takes_any_number_of_images(classifier, tmp_path):
    path = write_twin(classifier, tmp_path / "new" / "net.pt2")
    images = np.random.default_rng(0).uniform(0, 255, (5, 8, 6, 3)).astype(np.float32)
    np.save(tmp_path / "images.npy", np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    program = [sys.executable, "-c", LOADED, path, tmp_path / "images.npy", tmp_path / "logits.npy"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["x", "y", "z"]
    expected = classifier.logits(images)
    expected = np.concatenate([expected, expected[:1]])
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, rtol=1e-4, atol=1e-4)


def test_its_weights_have_the_names_of_the_layers(classifier, tmp_path):
    program = torch.export.load(write_twin(classifier, tmp_path / "net.pt2"))
    named = {name.split(".")[0] for name in program.state_dict}
    assert named == {layer.name for layer in classifier.model.layers if layer.weights}


def test_a_file_of_another_kind_is_refused(classifier, tmp_path):
    with pytest.raises(BamError, match=r"net\.onnx must end in \.pt2, as files .*: rename it"):
        write_twin(classifier, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
