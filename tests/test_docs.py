"""The examples in the documentation, the README and the docstrings run as they stand."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import bam
from bam.attributions import explain
from bam.attributions.custom import custom_method

ROOT = Path(__file__).parents[1]
MODULES = [
    found.name for found in pkgutil.walk_packages(bam.__path__, "bam.") if "__main__" not in found.name
]


def examples(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def at_home(tmp_path, monkeypatch, dataset, scene_model_folder):
    """A folder with `data/bam` and `runs/models`, as the commands leave them."""
    (tmp_path / "data").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "data" / "bam").symlink_to(dataset.folder)
    (tmp_path / "runs" / "models").symlink_to(scene_model_folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_of_ones_own(at_home, scene_classifier):
    function, _ = examples("docs/own_methods.md")
    (at_home / "contrast.py").write_text(function)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    logits = scene_classifier.logits(images)
    best, second = np.argsort(logits, axis=1)[:, ::-1].T[:2]
    maps = explain(scene_classifier, images, best, custom_method("contrast.py:contrast"))
    expected = scene_classifier.gradient(images, best) - scene_classifier.gradient(images, second)
    np.testing.assert_allclose(maps, expected, rtol=1e-5)


def test_a_folder_of_maps(at_home, scene_classifier, dataset):
    _, folder = examples("docs/own_methods.md")
    exec(compile(folder, "own_methods.md", "exec"), {})
    batch = dataset.view("scene_only")[:3]
    method = custom_method("my_maps")
    maps = explain(
        scene_classifier, batch.images, batch.scene_labels, method, ids=batch.ids, view="scene_only"
    )
    own = explain(scene_classifier, batch.images, batch.scene_labels, "vanilla_gradient")
    np.testing.assert_allclose(maps, np.abs(own), rtol=1e-3, atol=1e-4 * np.abs(own).max())


def test_the_example_of_the_readme(at_home, capsys):
    (example,) = examples("README.md")
    assert "limit=100" in example
    # As a script of the user's, for the rows of its function to be kept.
    (at_home / "example.py").write_text(example.replace("limit=100", "limit=4"))
    exec(compile((at_home / "example.py").read_text(), at_home / "example.py", "exec"), {})
    assert "| contrast |" in capsys.readouterr().out
    assert (at_home / "idr.csv").exists()
    assert (at_home / "idr.tex").exists()


def test_the_examples_of_docstrings(at_home):
    found = 0
    for name in MODULES:
        module = importlib.import_module(name)
        for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
            result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
            assert result.failed == 0, test.name
            found += result.attempted
    assert found > 15
