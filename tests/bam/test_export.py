import numpy as np
import pytest
import tf_keras as keras

from bam.export import main

torch = pytest.importorskip("torch")


def export(*flags):
    main(["bam export", *map(str, flags)])


def test_a_trained_model_and_a_file_of_ones_own(scene_model_folder, scene_classifier, tmp_path, capsys):
    export(
        "--format", "torch", "--model", "scene", "--models", scene_model_folder, "--out", tmp_path / "a.pt2"
    )
    assert capsys.readouterr().out == f"written to {tmp_path / 'a.pt2'}\n"
    images = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)
    logits = torch.export.load(tmp_path / "a.pt2").module()(torch.from_numpy(images).permute(0, 3, 1, 2))
    np.testing.assert_allclose(logits.detach(), scene_classifier.logits(images), rtol=1e-3, atol=1e-3)
    layers = [keras.layers.Flatten(input_shape=(4, 4, 3)), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(layers)
    model.save(tmp_path / "net.keras")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    own = ("--model", tmp_path / "net.keras", "--class_names", tmp_path / "names.txt", "--preprocess", "0..1")
    export(*own, "--out", tmp_path / "b.pt2")
    assert "The last softmax of" in capsys.readouterr().out
    network = torch.export.load(tmp_path / "b.pt2").module()
    images = np.ascontiguousarray(images[:, :4, :4])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    np.testing.assert_allclose(network(pixels).softmax(1).detach(), model(images / 255), rtol=1e-4, atol=1e-5)
    text = "from torch import nn\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(48, 2))\n"
    (tmp_path / "net.py").write_text(text)
    own = ("--model", f"{tmp_path / 'net.py'}:build", *own[2:])
    export(*own, "--input_size", "4", "--out", tmp_path / "c.pt2")
    program = torch.export.load(tmp_path / "c.pt2")
    weight, bias = program.state_dict["network.1.weight"], program.state_dict["network.1.bias"]
    expected = torch.nn.functional.linear(pixels.flatten(1) / 255, weight, bias)
    torch.testing.assert_close(program.module()(pixels), expected)


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--out", "net.onnx"), 2, "--out: net.onnx must end in .pt2"),
        (("--format", "onnx"), 2, "unknown format 'onnx'"),
        (("--model", "scen"), 1, "there is no trained model"),
        (
            ("--model", "net.onnx"),
            1,
            "--model takes the name of a trained model in --models, a .keras or .h5",
        ),
        (("--model", "scene", "--preprocess", "caffe"), 1, "--preprocess is for a network of your own"),
        (("--model", "scene", "--input_size", "64"), 1, "--input_size is for a network of your own"),
    ],
)
def test_what_cannot_be_is_one_line(scene_model_folder, capsys, flags, code, words):
    with pytest.raises(SystemExit) as caught:
        export("--models", scene_model_folder, *flags)
    error = capsys.readouterr().err
    assert caught.value.code == code
    assert words in error
    assert error.count("\n") == 1
