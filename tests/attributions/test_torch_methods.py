"""Functions that explain a module of torch, as methods of BAM's."""

import re
import sys

import numpy as np
import pytest
import tf_keras as keras

import bam
from bam.attributions import explain
from bam.attributions.custom import custom_method
from bam.base.errors import BamError
from bam.models.classifier import Classifier
from bam.models.torch.importing import INSTALL

torch = pytest.importorskip("torch")
SIZE = (9, 7)
FILE = """
from __future__ import annotations
import torch
from torch import nn
from models.helpers import score

def gradient(module: torch.nn.Module, images, targets, power: int = 1):
    images.requires_grad_()
    score(module, images, targets).backward()
    return images.grad ** power

def short(module: nn.Module, images, targets):
    return images.mean(1)

def bare(module, images, targets):
    return images[:, 0]

def noisy(module: "nn.Module", images, targets, generator):
    return torch.rand(images.shape, generator=generator)

def global_noise(module: nn.Module, images, targets, *, seed):
    return torch.rand(images.shape) + 0 * seed[:, None, None, None]
"""


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Rescaling(1 / 127.5, -1, input_shape=(*SIZE, 3)),
        keras.layers.Conv2D(4, 3, 2, padding="same", activation="relu", name="conv"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, name="logits"),
    ]
    return Classifier(keras.Sequential(layers), range(3))


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(1, 255, (3, *SIZE, 3)).astype(np.float32)


@pytest.fixture
def file(tmp_path):
    """A file in a repository with a package `models` of its own."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("")
    (tmp_path / "models" / "helpers.py").write_text(
        "def score(module, images, targets):\n    return module(images).gather(1, targets[:, None]).sum()\n"
    )
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path / "mine.py"


TARGETS = [0, 2, 1]


def test_a_gradient_in_torch_is_that_of_the_network(file, classifier, images):
    method = custom_method(f"{file}:gradient")
    assert (method.name, method.own, method.defaults) == ("gradient", True, {"power": 1})
    assert method.version.endswith(f" torch {torch.__version__}")
    maps = explain(classifier, images, TARGETS, method)
    expected = explain(classifier, images, TARGETS, "vanilla_gradient")
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    squared = method.with_settings(power="2")
    assert squared.name == "gradient(power=2)"
    np.testing.assert_allclose(squared.explain(classifier, images, TARGETS), maps**2, rtol=1e-5)


def test_maps_may_have_no_channels(file, classifier, images):
    maps = explain(classifier, images, TARGETS, custom_method(f"{file}:short"))
    np.testing.assert_allclose(maps, images.mean(-1), rtol=1e-5)
    one = explain(classifier, images[:1], TARGETS[:1], custom_method(f"{file}:short"))
    np.testing.assert_array_equal(one, maps[:1])


def test_a_file_can_say_that_it_is_of_torch(file, classifier, images):
    file.write_text(f'FRAMEWORK = "torch"\n{FILE}'.replace("from __future__ import annotations\n", ""))
    maps = explain(classifier, images, TARGETS, custom_method(f"{file}:bare"))
    np.testing.assert_array_equal(maps, images[..., 0])
    file.write_text(FILE)
    with pytest.raises(TypeError):  # else it is given the classifier
        custom_method(f"{file}:bare").function(classifier, None, TARGETS)


class Explained(torch.nn.Module):
    """As a user's own kind of module."""


def typed(module: torch.nn.Module, images, targets):
    return images[:, 0]


def of_a_kind(module: Explained, images, targets):
    return images[:, 0]


def of_classifier(classifier: Classifier, images, targets):
    return images[..., 0]


def unknown_kind(module: "flax.linen.Module", images, targets):  # noqa: F821
    return images[..., 0]


@pytest.mark.parametrize(
    ("function", "of_torch"),
    [(typed, True), (of_a_kind, True), (of_classifier, False), (unknown_kind, False)],
)
def test_the_annotation_says_what_a_function_explains(function, of_torch, classifier, images):
    assert ("torch" in custom_method(function).version) == of_torch
    np.testing.assert_array_equal(
        explain(classifier, images, TARGETS, custom_method(function)), images[..., 0]
    )


@pytest.mark.parametrize("name", ["noisy", "global_noise"])
def test_random_numbers_are_drawn_from_the_seeds(file, classifier, images, name):
    method, state = custom_method(f"{file}:{name}"), torch.get_rng_state()
    first, again, other = (
        explain(classifier, images, TARGETS, method, seed) for seed in ([1, 2, 3],) * 2 + (4,)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(torch.get_rng_state(), state)
    assert method.seeded
    assert method.defaults == {}


def test_what_a_function_asks_for_comes_as_tensors(classifier, images):
    seen = {}

    def asking(module: torch.nn.Module, images, targets, generator, seed, masks=None, ids=None, view=None):
        seen.update(locals())
        return images

    masks, seeds = np.ones((3, *SIZE), bool), np.array([5, 2**64 - 1, 7], np.uint64)
    given = (seeds, masks, ["a", "b", "c"], "view")
    maps = explain(classifier, images, TARGETS, custom_method(asking), *given)
    np.testing.assert_array_equal(maps, images)
    assert (seen["images"].dtype, seen["images"].shape) == (torch.float32, (3, 3, *SIZE))
    assert seen["images"].is_contiguous()
    assert (seen["targets"].dtype, seen["targets"].tolist()) == (torch.int64, TARGETS)
    assert (seen["seed"].dtype, seen["seed"].tolist()) == (torch.int64, [5, -1, 7])
    assert (seen["masks"].dtype, seen["masks"].shape) == (torch.bool, (3, *SIZE))
    assert (seen["ids"], seen["view"]) == (["a", "b", "c"], "view")
    assert isinstance(seen["generator"], torch.Generator)
    assert isinstance(seen["module"], torch.nn.Module)


def test_it_is_given_copies(classifier, images):
    def greedy(module: torch.nn.Module, images, targets):
        images.zero_()
        targets.zero_()
        return images

    before, targets = images.copy(), np.array(TARGETS)
    explain(classifier, images, targets, custom_method(greedy))
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(targets, TARGETS)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda images: images.permute(0, 2, 3, 1), r"maps of shape \(3, 9, 7, 3\), .*\(3, channels, 9, 7\)"),
        (lambda images: images[1:], r"maps of shape \(2, 3, 9, 7\), but one map per image"),
        (lambda images: images[:, 0, 1:], r"maps of shape \(3, 8, 7\), but one map per image"),
        (lambda images: images / 0 * 0, "returned NaN or infinite values in 3 of 3 maps"),
        (lambda images: images.to(torch.complex64), "ndarray, not an array of numbers .it holds complex64"),
        (lambda images: None, "returned nothing"),
        (
            lambda images: list(images.requires_grad_()),
            "list, not an array of numbers .Can't call numpy",
        ),
    ],
)
def test_wrong_maps_are_one_error_that_names_the_method(classifier, images, returned, words):
    def mine(module: torch.nn.Module, images, targets):
        return returned(images)

    with pytest.raises(BamError, match=f"mine {words}|mine returned {words}") as caught:
        explain(classifier, images, TARGETS, custom_method(mine))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "returned",
    [
        lambda images: images.requires_grad_() * 2,
        lambda images: (2 * images).numpy(),
        lambda images: (2 * images).half(),
        lambda images: (2 * images).bfloat16(),
        lambda images: (2 * images).double().transpose(2, 3).contiguous().transpose(2, 3),
    ],
)
def test_tensors_of_any_kind_and_arrays_are_maps(classifier, images, returned):
    def mine(module: torch.nn.Module, images, targets):
        return returned(images)

    maps = explain(classifier, images, TARGETS, custom_method(mine))
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, 2 * images, rtol=1e-2)


def test_a_method_that_changes_the_network_is_an_error_and_the_next_is_not_misled(classifier, images):
    def honest(module: torch.nn.Module, images, targets):
        return images * module(images).detach()[:, :1, None, None]

    def randomising(module: torch.nn.Module, images, targets):
        module.logits.weight.data.zero_()
        return honest(module, images, targets)

    before = explain(classifier, images, TARGETS, custom_method(honest))
    with pytest.raises(BamError, match=r"randomising changed the network \(logits.weight\)"):
        explain(classifier, images, TARGETS, custom_method(randomising))
    np.testing.assert_array_equal(explain(classifier, images, TARGETS, custom_method(honest)), before)


def test_what_it_must_take_is_said(file):
    def forgetful(module: torch.nn.Module, images):
        return images

    def demanding(module: torch.nn.Module, images, targets, power):
        return images

    for function, words in ((forgetful, "too many positional"), (demanding, "'power'")):
        with pytest.raises(BamError, match=rf"must take \(module, images, targets\).*generator.*{words}"):
            custom_method(function)


def test_a_function_that_is_more_than_its_file_says_has_rows_that_cannot_be_kept():
    channel = 0

    def closed(module: torch.nn.Module, images, targets):
        return images[:, channel]

    assert custom_method(closed).transient == "it has a closure"
    assert custom_method(closed, version="2").version == "2"


def test_without_pytorch_the_hint_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("import torch\n")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BamError, match=rf"cannot be run .*: {re.escape(INSTALL)}") as caught:
        custom_method(f"{tmp_path / 'mine.py'}:f")
    assert "\n" not in str(caught.value)


def test_maps_of_a_score_are_made_with_it(dataset, scene_model_folder, tmp_path, file):
    """As any other method of the user's: beside the controls, its rows kept under file and torch."""
    how = {"data": dataset.folder, "models": scene_model_folder, "limit": 4, "robustness": False}
    entry = f"{file}:gradient"
    score = bam.score("idr", methods=[entry, "vanilla_gradient"], out=tmp_path / "out", **how)
    assert score["gradient"].value == score["vanilla_gradient"].value
    assert score["gradient"].n == score["vanilla_gradient"].n
    kept = {path: path.read_bytes() for path in (tmp_path / "out" / "rows").glob("*-gradient-*")}
    assert kept
    again = bam.score("idr", methods=[entry], out=tmp_path / "out", **how)
    assert again["gradient"].value == score["gradient"].value
    assert {path: path.read_bytes() for path in (tmp_path / "out" / "rows").glob("*-gradient-*")} == kept
