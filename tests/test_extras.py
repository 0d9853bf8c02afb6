"""Without the extras: what asks for one says so in one line, and the tests that need one are counted."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bam.doctor import EXTRAS

TESTS = Path(__file__).parent
HIDDEN = sorted({name for names in EXTRAS.values() for name in names if name not in EXTRAS["test"]})
HIDDEN += ["saliency", "timm", "torchvision"]
WITHOUT = f"""
import sys
class Hidden:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in {HIDDEN}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
# What is to be imported, and the files with tests that are skipped where it cannot be.
NEEDED = {
    "captum.attr": {
        "attributions/removal/test_kernel_shap.py",
        "attributions/test_peers.py",
        "metrics/test_torch_network.py",
    },
    "diffusers": {"models/inpainters/conftest.py", "models/inpainters/test_stable_diffusion.py"},
    "lime.lime_image": {"attributions/removal/test_lime.py"},
    "saliency.core": {
        "attributions/libraries/test_libraries.py",
        "attributions/libraries/test_saliency.py",
        "attributions/test_peers.py",
    },
    "torch": {
        "attributions/libraries/test_torch_network.py",
        "attributions/removal/test_kernel_shap.py",
        "attributions/test_peers.py",
        "attributions/test_torch_methods.py",
        "bam/test_export.py",
        "metrics/evaluation/test_order.py",
        "metrics/test_torch_network.py",
        "models/test_given.py",
        "models/test_unchanged.py",
        "models/torch/conftest.py",
        "models/torch/test_built.py",
        "models/torch/test_classifier.py",
        "models/torch/test_export.py",
        "models/torch/test_twin.py",
        "test_docs.py",
    },
    "torch.nn": {"models/torch/test_classifier.py"},
    "transformers": {"models/torch/test_built.py"},
    "xplique.attributions": {"attributions/test_peers.py"},
}
# Files that are skipped as one, and for want of which extra.
SKIPPED = {
    "attributions/libraries/test_saliency.py": "libraries",
    "attributions/test_torch_methods.py": "torch",
    "bam/test_export.py": "torch",
    "models/inpainters/test_stable_diffusion.py": "stable-diffusion",
    "models/torch/test_export.py": "torch",
    "models/torch/test_twin.py": "torch",
}


def imported_or_skipped(source):
    """What `pytest.importorskip` is called with in a file, where that is a text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "importorskip":
            given = node.args[0]
            if isinstance(given, ast.Constant) and given.value.partition(".")[0] in HIDDEN:
                yield given.value


def test_files_that_need_an_extra_are_known():
    found = {}
    for path in TESTS.rglob("*.py"):
        for name in imported_or_skipped(path.read_text(encoding="utf-8")):
            found.setdefault(name, set()).add(path.relative_to(TESTS).as_posix())
    assert found == NEEDED


def test_what_is_skipped_is_counted_by_extra():
    """Of files that are skipped as one, and of captum's, whose tests all are."""
    files = [*SKIPPED, "attributions/libraries/test_captum.py"]
    given = [str(TESTS / file) for file in files]
    program = f"{WITHOUT}import pytest\nsys.exit(pytest.main({['-p', 'no:cacheprovider', *given]}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=TESTS.parent, capture_output=True, text=True, check=False
    )
    outcome = re.search(r"^(=+ )?(\d+) skipped(, \d+ warnings?)? in ", done.stdout, re.MULTILINE)
    assert outcome, done.stdout
    skipped = int(outcome[2])
    lines = dict(re.findall(r"^skipped for want of the extra (\S+): (\d+)$", done.stdout, re.MULTILINE))
    expected = {extra: list(SKIPPED.values()).count(extra) for extra in SKIPPED.values()}
    expected["libraries"] += skipped - len(SKIPPED)
    assert {extra: int(count) for extra, count in lines.items()} == expected
    assert skipped > len(SKIPPED)


RUN = """
import contextlib, importlib, io, json
told = []
for module, *argv in json.loads(sys.argv[1]):
    said, code = io.StringIO(), 0
    with contextlib.redirect_stderr(said):
        try:
            importlib.import_module(module).main([module, *argv])
        except SystemExit as stopped:
            code = stopped.code
    told.append([code, said.getvalue()])
import bam
try:
    bam.torch_twin(bam.load_classifier(sys.argv[2]))
except bam.BamError as error:
    told.append([1, f"error: {error}\\n"])
print("told:", json.dumps(told))
"""


def test_what_asks_for_an_extra_says_how_to_install_it(dataset, scene_model_folder, tmp_path):
    (tmp_path / "importing.py").write_text(
        "import torch\ndef f(module: torch.nn.Module, images, targets): ..."
    )
    (tmp_path / "typed.py").write_text("def f(module: 'torch.nn.Module', images, targets): ...")
    (tmp_path / "nets.py").write_text("def build():\n    from torch import nn\n    return nn.Flatten()\n")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    nets = ["--model", f"{tmp_path / 'nets.py'}:build", "--class_names", tmp_path / "names.txt"]
    nets += ["--input_size", 8, "--out", tmp_path / "out", "--data", dataset.folder]
    folders = ["--data", dataset.folder, "--models", scene_model_folder, "--out", tmp_path / "out"]
    pair = f"object={tmp_path / 'nets.py'}:build,scene={tmp_path / 'nets.py'}:build"

    def idr(methods):
        return ["bam.metrics.__main__", "--metric", "idr", "--limit", 2, "--methods", methods, *folders]

    asked = {
        "a file that imports torch": (idr(f"{tmp_path / 'importing.py'}:f"), "torch"),
        "a method of a module": (idr(f"{tmp_path / 'typed.py'}:f"), "torch"),
        "a network": (["bam.metrics.__main__", "--metric", "deletion", *nets], "torch"),
        "maps of a network": (["bam.show_maps", *nets[:6], "--images", tmp_path], "torch"),
        "a pair of networks": (
            ["bam.metrics.__main__", "--metric", "mcs", "--models", pair, "--input_size", 8, *nets[-4:]],
            "torch",
        ),
        "captum": (idr("captum:Saliency"), "captum"),
        "grad_cam": (idr("grad_cam:GradCAM"), "grad-cam"),
        "torchcam": (idr("torchcam:GradCAM"), "torchcam"),
        "saliency": (idr("saliency:XRAI"), "saliency"),
        "export": (
            ["bam.export", "--format", "torch", "--model", "scene", "--models", scene_model_folder,
             "--out", tmp_path / "twin.pt2"],
            "torch",
        ),
    }  # fmt: skip
    commands = json.dumps([[str(word) for word in words] for words, _ in asked.values()])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + RUN, commands, str(scene_model_folder / "scene")],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.rpartition("told: ")[2])
    wanted = {**{name: package for name, (_, package) in asked.items()}, "torch_twin": "torch"}
    assert len(told) == len(wanted)
    for (name, package), (code, said) in zip(wanted.items(), told, strict=True):
        assert code == 1, (name, said)
        assert re.fullmatch(r"error: [^\n]*\n", said), name
        hint = "pip install 'bam-benchmark[torch]'" if package == "torch" else f"pip install '{package}'"
        assert hint in said, (name, said)
        assert package == "torch" or "bam-benchmark[libraries]" in said
    assert not (tmp_path / "twin.pt2").exists()


def test_the_hidden_are_hidden():
    """Or the others would show nothing."""
    for name in ("torch", "captum.attr", "saliency.core"):
        done = subprocess.run(
            [sys.executable, "-c", f"{WITHOUT}import {name}"], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("extra", ["torch", "libraries"])
def test_an_extra_installs_what_it_is_said_to_bring(extra):
    text = (TESTS.parent / "pyproject.toml").read_text(encoding="utf-8")
    (listed,) = re.findall(rf"^{extra} = \[(.*)\]$", text, re.MULTILINE)
    packages = set(re.findall(r'"([\w-]+)', listed))
    assert {name.replace("pytorch_grad_cam", "grad-cam") for name in EXTRAS[extra]} == packages
