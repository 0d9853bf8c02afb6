import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bam.attributions.custom import custom_method
from bam.base.errors import BamError
from bam.base.home import run_file

ROOT = Path(__file__).parents[2]
NETWORK = SimpleNamespace(model=SimpleNamespace(weights=[]), network=None)
METHOD = """
import helpers
from models.layers import FACTOR

def mine(classifier, images, targets, *, seed):
    return images[..., 0] * FACTOR + helpers.TERM
"""
LAZY = """
def mine(classifier, images, targets, *, seed):
    import helpers
    from models.layers import FACTOR
    return images[..., 0] * FACTOR + helpers.TERM
"""


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    """The working directory is the checkout, and stands on the path, as in its own commands."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend("")
    for name in ("models", "models.layers", "helpers"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture(autouse=True)
def as_before(at_the_root):
    """Where imports are looked for stays as it was, and what is imported of the packages written here."""
    path, modules = sys.path[:], dict(sys.modules)
    yield
    assert sys.path == path
    names = {name for name, module in sys.modules.items() if modules.get(name) is not module}
    assert not {name for name in names if name.split(".")[0] in ("models", "helpers")}
    assert all(sys.modules.get(name) is module for name, module in modules.items())


def write(folder, factor, term, method=METHOD):
    """The path of a file whose folder has packages `models` and `helpers` of its own."""
    for package in ("models", "helpers"):
        (folder / package).mkdir(parents=True)
    (folder / "models" / "__init__.py").write_text("")
    (folder / "models" / "layers.py").write_text(f"FACTOR = {factor}")
    (folder / "helpers" / "__init__.py").write_text(f"TERM = {term}")
    (folder / "mine.py").write_text(method)
    return folder / "mine.py"


def maps(path):
    """What the method in this file makes of ones."""
    return custom_method(f"{path}:mine").function(NETWORK, np.ones((1, 2, 2, 3)), [0], seed=[0])


@pytest.mark.parametrize("method", [METHOD, LAZY])
def test_a_file_has_the_packages_of_its_folder(tmp_path, method):
    np.testing.assert_array_equal(maps(write(tmp_path, 3, 4, method)), np.full((1, 2, 2), 7))


@pytest.mark.parametrize("method", [METHOD, LAZY])
def test_files_of_two_folders_have_each_their_own(tmp_path, method):
    paths = [write(tmp_path / name, factor, 0, method) for name, factor in (("a", 3), ("b", 5))]
    methods = [custom_method(f"{path}:mine").function for path in paths]
    for _ in range(2):  # in turns
        found = [mine(NETWORK, np.ones((1, 1, 1, 3)), [0], seed=[0]).item() for mine in methods]
        assert found == [3, 5]


def test_a_neighbour_is_imported_once(tmp_path):
    path = write(tmp_path, 3, 4, LAZY.replace("    return", "    helpers.TERM += 1\n    return"))
    mine = custom_method(f"{path}:mine").function
    found = [mine(NETWORK, np.ones((1, 1, 1, 3)), [0], seed=[0]).item() for _ in range(3)]
    assert found == [8, 9, 10]


@pytest.mark.parametrize("method", [METHOD, LAZY])
def test_modules_of_that_name_from_elsewhere_are_put_aside(tmp_path, method):
    other = ModuleType("helpers")
    other.TERM = 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "helpers", other)
        assert maps(write(tmp_path, 3, 4, method)).max() == 7
        assert sys.modules["helpers"] is other


def test_python_s_own_modules_and_what_is_installed_stay_as_they_are(tmp_path):
    path = write(tmp_path, 3, 4, "import random, numpy\n" + METHOD)
    for name in ("random", "numpy"):
        (tmp_path / f"{name}.py").write_text("1 / 0")
    assert maps(path).max() == 7


FOLDERS = ("models", "metrics", "attributions", "data_prep")


@pytest.mark.parametrize("folder", FOLDERS)
def test_bams_folders_are_no_neighbours_of_a_file_elsewhere(tmp_path, folder):
    (tmp_path / "mine.py").write_text(f"import {folder}")
    with pytest.raises(BamError, match=rf"cannot be run \(ModuleNotFoundError: No module named '{folder}'"):
        run_file(tmp_path / "mine.py")


@pytest.mark.parametrize("folder", FOLDERS)
def test_bams_folders_say_whose_they_are(tmp_path, folder):
    message = f"{folder} is a part of bam: import bam.{folder}"
    with pytest.raises(ImportError, match=message):
        importlib.import_module(folder)
    (tmp_path / folder).symlink_to(ROOT / folder)  # a file that lies beside them
    (tmp_path / "mine.py").write_text(f"import {folder}")
    with pytest.raises(BamError, match=rf"cannot be run \(ImportError: {message}\)"):
        run_file(tmp_path / "mine.py")


def test_bam_itself_is_at_home_everywhere(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import bam\nfrom bam.base.errors import BamError\n"
        "def mine(classifier, images, targets, *, seed):\n"
        "    from bam.base import errors\n"
        "    assert errors.BamError is BamError\n"
        "    return images[..., 0]\n"
    )
    assert maps(tmp_path / "mine.py").shape == (1, 2, 2)
    assert run_file(tmp_path / "mine.py")[0].BamError is BamError


def test_errors_leave_nothing_behind(tmp_path):
    path = write(tmp_path, 3, 4, "import helpers\nimport models.layers\n1 / 0\n")
    with pytest.raises(BamError, match=r"mine.py cannot be run \(ZeroDivisionError"):
        run_file(path)
    path.write_text(
        "import helpers\ndef mine(classifier, images, targets, *, seed):\n    import nowhere_at_all"
    )
    with pytest.raises(ModuleNotFoundError):
        maps(path)


def test_what_is_no_python_file_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("")
    for name in ("nowhere.py", "mine.txt"):
        with pytest.raises(BamError, match="there is no Python file"):
            run_file(tmp_path / name)


def test_modules_whose_places_are_no_files_are_not_of_the_folder(tmp_path, monkeypatch):
    """As those of torch.classes: its path is another such module, and its file has no folder."""

    class Space(ModuleType):
        def __getattr__(self, name):
            return "_spaces.py" if name == "__file__" else Space(name)

    (tmp_path / "_spaces.py").write_text("")
    (tmp_path / "mine.py").write_text("WORTH = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "spaces", Space("spaces"))
    assert run_file(tmp_path / "mine.py")[0].WORTH == 1
    assert "spaces" in sys.modules
