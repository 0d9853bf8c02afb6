"""Metrics that take any network, on one of PyTorch."""

import math

import pytest

import bam
from bam.base.errors import BamError
from bam.metrics import METRICS

# Less work, and an inpainter that needs no network; nearly no patch of an untrained network is found else.
SETTINGS = {
    "iir": {"patch_tolerance": 0.5, "iir_threshold": 0.2},
    "inpainting": {"inpainter": "mean", "levels": (20, 60), "fills": 1, "patch_grid": 4},
    "localisation": {"threshold_images": 6},
    "robustness": {"other_seeds": 1},
    "violation": {"patch_grid": 4},
}


@pytest.fixture(scope="module")
def network():
    """A tiny network of ten classes, untrained."""
    torch = pytest.importorskip("torch")
    from bam.data_prep.classes import OBJECTS
    from bam.models.torch.classifier import TorchClassifier

    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 6, 3, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    module = torch.nn.Sequential(*layers, torch.nn.Linear(6, 10))
    return TorchClassifier(module, OBJECTS, (16, 16), "imagenet", "tiny", batch_size=4)


# Whose layers cannot be given fresh weights.
ANY = [name for name, metric in METRICS.items() if metric.images == "any" and name != "randomisation"]


@pytest.mark.parametrize("name", ANY)
def test_a_network_of_pytorch_is_scored(name, network, dataset, tmp_path):
    more = SETTINGS.get(name, {})
    score = bam.score(
        name, "vanilla_gradient,grad_cam,fullgrad", dataset, out=tmp_path, model=network, limit=4, **more
    )
    assert {"vanilla_gradient", "grad_cam", "random"} <= set(score.lines)
    assert all("PyTorch" in reason for reason in score.unsuited.values())
    assert set(score.unsuited) == {"fullgrad"}
    value = score.lines["vanilla_gradient"].estimate.value
    assert value is None or math.isfinite(value)


def test_fresh_weights_are_drawn_for_layers_of_tf_keras(network, dataset, tmp_path):
    with pytest.raises(BamError, match="tiny is a network of PyTorch, and only layers of tf_keras"):
        bam.score("randomisation", "edges", dataset, out=tmp_path, model=network, limit=4)


def test_tcav_looks_at_layers_of_tf_keras(network):
    from bam.metrics.concepts.cav import concept_layers

    with pytest.raises(BamError, match="tcav asks for layers of tf_keras, and tiny is a network of PyTorch"):
        concept_layers(network)


NETS = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 6, 3, 2), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(6, 10))

def gradient(module: nn.Module, images, targets):
    module(images.requires_grad_()).gather(1, targets[:, None]).sum().backward()
    return images.grad
"""


@pytest.mark.parametrize("library", ["", "captum"])
def test_methods_of_pytorch_explain_a_network_of_pytorch(library, dataset, tmp_path, capsys):
    """Both named in a flag; as BAM's own of it."""
    pytest.importorskip("torch")
    if library:
        pytest.importorskip("captum.attr")
    from bam.data_prep.classes import OBJECTS
    from bam.metrics.__main__ import main

    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "names.txt").write_text("\n".join(OBJECTS))
    theirs = "captum:Saliency(abs=False)" if library else f"{tmp_path / 'nets.py'}:gradient"
    words = ["--metric", "deletion", "--methods", f"{theirs},vanilla_gradient", "--limit", 4]
    words += ["--model", f"{tmp_path / 'nets.py'}:build", "--class_names", tmp_path / "names.txt"]
    words += ["--input_size", "16,20", "--preprocess", "imagenet"]
    words += ["--data", dataset.folder, "--out", tmp_path]
    main(["bam metrics", *map(str, words)])
    assert "| vanilla_gradient |" in capsys.readouterr().out
    lines = bam.read_score(tmp_path / "deletion.json").lines
    name = theirs if library else "gradient"
    assert lines[name].estimate.value == pytest.approx(lines["vanilla_gradient"].estimate.value, abs=1e-3)
    assert lines[name].n == lines["vanilla_gradient"].n > 0
