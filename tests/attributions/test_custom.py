import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.custom import is_own, own_method
from bam.base.errors import BamError
from bam.metrics.evaluation.run import parse_methods

BRIGHTNESS = """
import numpy as np

def brightness(classifier, images, targets, *, seed, power=1):
    return images.mean(-1) ** power

def too_small(classifier, images, targets, *, seed):
    return np.zeros((len(images), 3, 3))

def one_missing(classifier, images, targets, *, seed):
    return images[1:, :, :, 0]

def with_nan(classifier, images, targets, *, seed):
    maps = images[..., 0].copy()
    maps[1, 2, 3] = np.nan
    return maps

def nothing(classifier, images, targets, *, seed):
    return ["map"] * len(images)

def forgetful(images):
    return images

def demanding(classifier, images, targets, *, seed, power):
    return images

grad_cam = brightness
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "methods.py"
    path.write_text(BRIGHTNESS)
    return path


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(1, 255, (2, 64, 64, 3)).astype(np.float32)


def test_a_function_in_a_file_is_a_method(file, scene_classifier, images):
    method = own_method(f"{file}:brightness")
    assert (method.name, method.own, method.control) == ("brightness", True, False)
    maps = explain(scene_classifier, images, [0, 1], method, power=2)
    np.testing.assert_allclose(maps, images.mean(-1) ** 2, rtol=1e-5)


def test_its_neighbours_and_dataclasses_work(tmp_path, scene_classifier, images):
    (tmp_path / "neighbour_of_mine.py").write_text("FACTOR = 3")
    (tmp_path / "late_neighbour.py").write_text("TERM = 1")
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from neighbour_of_mine import FACTOR\n"
        "@dataclass\n"
        "class Settings:\n"
        "    factor: int = FACTOR\n"
        "def triple(classifier, images, targets, *, seed):\n"
        "    import late_neighbour\n"
        "    return images[..., 0] * Settings().factor + late_neighbour.TERM\n"
    )
    maps = explain(scene_classifier, images, [0, 1], own_method(f"{tmp_path / 'mine.py'}:triple"))
    np.testing.assert_allclose(maps, images[..., 0] * 3 + 1)


def test_a_registered_name_is_never_a_folder(tmp_path, monkeypatch):
    (tmp_path / "random").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [method.name for method in parse_methods("random")] == ["random", "edges"]


def test_its_version_changes_with_the_file(file):
    before = own_method(f"{file}:brightness").version
    assert own_method(f"{file}:brightness").version == before
    file.write_text(BRIGHTNESS + "\n# changed\n")
    assert own_method(f"{file}:brightness").version != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("too_small", r"too_small returned maps of shape \(2, 3, 3\), but .*\(2, 64, 64\)"),
        ("one_missing", r"one_missing returned maps of shape \(1, 64, 64\)"),
        ("with_nan", "with_nan returned NaN or infinite values in 1 of 2 maps"),
        ("nothing", "nothing returned list, not an array of numbers"),
    ],
)
def test_wrong_maps_are_one_error_that_names_the_method(file, scene_classifier, images, name, message):
    with pytest.raises(BamError, match=message):
        explain(scene_classifier, images, [0, 1], own_method(f"{file}:{name}"))


def test_what_is_no_method_is_refused(file, tmp_path):
    for entry, message in {
        f"{file}:dark": "has no function dark",
        f"{file}:forgetful": r"must take \(classifier, images, targets, \*, seed\): too many positional",
        f"{file}:demanding": r"must take .* missing a required argument: 'power'",
        f"{file}:grad_cam": "name of a method of BAM's",
        f"{tmp_path}/nowhere.py:f": "path/to/file.py:function",
        str(tmp_path): "holds no maps",
    }.items():
        with pytest.raises(BamError, match=message):
            own_method(entry)
    file.write_text("1 / 0")
    with pytest.raises(BamError, match=r"cannot be run \(ZeroDivisionError"):
        own_method(f"{file}:brightness")


@pytest.fixture
def maps_folder(tmp_path):
    folder = tmp_path / "mine" / "scene" / "object_scene"
    folder.mkdir(parents=True)
    for number, name in enumerate(("a", "b")):
        np.save(folder / f"{name}.npy", np.full((64, 64), number, np.float64))
    return tmp_path / "mine"


def test_a_folder_of_maps_is_a_method(maps_folder, scene_classifier, images):
    method = own_method(str(maps_folder))
    assert method.name == "mine"
    place = {"ids": ["b", "a"], "view": "object_scene"}
    maps = explain(scene_classifier, images, [0, 1], method, **place)
    assert maps[0].max() == maps[0].min() == 1
    assert maps[1].max() == 0
    version = method.version
    np.save(maps_folder / "scene" / "object_scene" / "a.npy", np.ones((64, 64, 3)))
    assert own_method(str(maps_folder)).version != version


def test_missing_and_wrong_maps_are_named(maps_folder, scene_classifier, images):
    method = own_method(str(maps_folder))
    with pytest.raises(BamError, match=r"no map .*scene_only/a\.npy"):
        explain(scene_classifier, images, [0, 1], method, ids=["a", "b"], view="scene_only")
    path = maps_folder / "scene" / "object_scene" / "a.npy"
    for array, message in ((np.zeros((32, 32)), r"float64 \(32, 32\)"), (np.full((64, 64), "x"), "a map of")):
        np.save(path, array)
        with pytest.raises(BamError, match=message):
            explain(scene_classifier, images, [0, 1], method, ids=["a", "b"], view="object_scene")
    path.write_bytes(b"no array")
    with pytest.raises(BamError, match=r"a\.npy is no \.npy array"):
        explain(scene_classifier, images, [0, 1], method, ids=["a", "b"], view="object_scene")
    np.save(path, np.full((64, 64), np.inf))
    with pytest.raises(BamError, match="mine returned NaN or infinite"):
        explain(scene_classifier, images, [0, 1], method, ids=["a", "b"], view="object_scene")


def test_method_lists_take_them(file, maps_folder):
    names = [method.name for method in parse_methods(f"grad_cam,{file}:brightness,{maps_folder}")]
    assert names == ["grad_cam", "brightness", "mine", "random", "edges"]
    assert not is_own("grad_cam")
    file.with_name("other.py").write_text(BRIGHTNESS)
    with pytest.raises(BamError, match="two methods brightness"):
        parse_methods(f"{file}:brightness,{file.with_name('other.py')}:brightness")
