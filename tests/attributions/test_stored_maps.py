import os
import shutil

import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.custom import custom_method
from bam.base.errors import BamError


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(1, 255, (2, 64, 64, 3)).astype(np.float32)


@pytest.fixture
def maps_folder(tmp_path):
    folder = tmp_path / "mine" / "scene" / "object_scene"
    folder.mkdir(parents=True)
    for number, name in enumerate(("a", "b")):
        np.save(folder / f"{name}.npy", np.full((64, 64), number, np.float64))
    return tmp_path / "mine"


def test_a_folder_of_maps_is_a_method(maps_folder, scene_classifier, images):
    method = custom_method(str(maps_folder))
    assert method.name == "mine"
    place = {"ids": ["b", "a"], "view": "object_scene"}
    maps = explain(scene_classifier, images, [0, 1], method, **place)
    assert maps[0].max() == maps[0].min() == 1
    assert maps[1].max() == 0
    version = method.version
    np.save(maps_folder / "scene" / "object_scene" / "a.npy", np.ones((64, 64, 3)))
    assert custom_method(str(maps_folder)).version != version


def explained(folder, classifier, images, ids=("a", "b"), view="object_scene"):
    return explain(classifier, images, [0, 1], custom_method(str(folder)), ids=list(ids), view=view)


def test_missing_and_wrong_maps_are_named(maps_folder, scene_classifier, images):
    with pytest.raises(BamError, match=r"no map .*scene_only/a\.npy"):
        explained(maps_folder, scene_classifier, images, view="scene_only")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.zeros((32, 32)), r"holds \(32, 32\), but \(64, 64\) or \(64, 64, channels\) is needed"),
        (np.zeros((3, 64, 64)), r"holds \(3, 64, 64\), but \(64, 64\)"),
        (np.zeros((64, 64, 1, 1)), r"holds \(64, 64, 1, 1\)"),
        (np.zeros((64, 64, 0)), r"holds \(64, 64, 0\)"),
        (
            np.zeros((64, 64, 3)),
            r"a\.npy holds \(64, 64, 3\), but .*b\.npy \(64, 64\): maps must have",
        ),
        (np.full((64, 64), "x"), r"is no \.npy array of numbers \(it holds <U1\)"),
        (np.zeros((64, 64), complex), "it holds complex128"),
        (np.zeros((64, 64), "M8[s]"), "it holds datetime64"),
        (np.zeros((64, 64), [("a", "f4")]), "it holds "),
        (np.full((64, 64), None), "Object arrays cannot be loaded"),
        (np.full((64, 64), np.inf), "holds values that are NaN or infinite in float32"),
        (np.full((64, 64), 1e300), "holds values that are NaN or infinite in float32"),
        (np.full((64, 64), 1e-300), "too small for float32: scale them"),
        (b"", "is no .npy array"),
        (b"no array", "is no .npy array"),
        (b"\x93NUMPY\x01\x00\x06\x00{'a'(\n", "is no .npy array"),
        (b"PK\x03\x04", "is an .npz archive, not one .npy array: save each map with np.save"),
    ],
)
def test_what_is_no_map_is_one_line_that_names_the_file(
    maps_folder, scene_classifier, images, content, words
):
    path = maps_folder / "scene" / "object_scene" / "a.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(BamError, match=words) as caught:
        explained(maps_folder, scene_classifier, images, ("b", "a"))
    assert "a.npy" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_map_whose_header_asks_for_too_much_is_named(maps_folder, scene_classifier, images):
    path = maps_folder / "scene" / "object_scene" / "a.npy"
    whole = path.read_bytes()
    for shape in (b"(6400, 64), ", b"(9" + b"9" * 7 + b",)"):
        path.write_bytes(whole.replace(b"(64, 64), ", shape.ljust(10), 1))
        with pytest.raises(BamError, match=r"a\.npy is no \.npy array"):
            explained(maps_folder, scene_classifier, images)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float16", ">f4", "longdouble"])
def test_maps_can_be_of_every_kind_of_real_number(maps_folder, scene_classifier, images, kind):
    path = maps_folder / "scene" / "object_scene" / "a.npy"
    np.save(path, np.asfortranarray(np.eye(64), kind))
    maps = explained(maps_folder, scene_classifier, images)
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps[0], np.eye(64))


def replace_in_place(path, array):
    """As `rsync -t` of an older file does: other content, the same size and times."""
    before = path.stat()
    np.save(path, array)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_the_version_holds_the_content_of_every_map_that_can_be_read(maps_folder, scene_classifier, images):
    """Whatever its name, depth and time: rows of replaced maps must not be used."""
    view = maps_folder / "scene" / "object_scene"
    elsewhere = maps_folder.parent / "elsewhere"
    (view / "class" / "deeper").mkdir(parents=True)
    elsewhere.mkdir()
    (view / "linked").symlink_to(elsewhere)
    (view / "circle").symlink_to(maps_folder)
    ids = ["a", "class/a.png", "class/deeper/b.jpg", "linked/c"]
    for image in ids:
        np.save(view / f"{image}.npy", np.zeros((64, 64)))
    versions = [custom_method(str(maps_folder)).version]
    assert custom_method(str(maps_folder)).version == versions[0]
    for number, image in enumerate(ids):
        replace_in_place(view / f"{image}.npy", np.full((64, 64), number + 1.0))
        versions.append(custom_method(str(maps_folder)).version)
        maps = explained(maps_folder, scene_classifier, images, (image, "b"))
        assert maps[0].max() == number + 1
    (view / "a.npy").rename(view / "z.npy")
    versions.append(custom_method(str(maps_folder)).version)
    assert len(set(versions)) == len(ids) + 2


def test_maps_of_images_that_all_lie_in_folders_are_found(maps_folder, scene_classifier, images):
    view = maps_folder / "scene" / "object_scene"
    (view / "class").mkdir()
    for name in ("a.npy", "b.npy"):
        (view / name).rename(view / "class" / name)
    assert explained(maps_folder, scene_classifier, images, ("class/a", "class/b"))[1].max() == 1


def test_files_that_can_be_no_map_of_an_image_are_not_looked_at(maps_folder, tmp_path):
    before = custom_method(str(maps_folder)).version
    np.save(maps_folder / "note.npy", np.zeros(1))
    np.save(maps_folder / "scene" / "note.npy", np.zeros(1))
    (maps_folder / "scene" / "object_scene" / "gone.npy").symlink_to(tmp_path / "nowhere")
    (maps_folder / "scene" / "object_scene" / "folder.npy").mkdir()
    assert custom_method(str(maps_folder)).version == before
    shutil.rmtree(maps_folder / "scene" / "object_scene")
    with pytest.raises(BamError, match="holds no maps: FOLDER/<model>/<view>/<image id>"):
        custom_method(str(maps_folder))


def test_maps_that_change_after_they_were_digested_are_refused(maps_folder, scene_classifier, images):
    method = custom_method(str(maps_folder))
    view = maps_folder / "scene" / "object_scene"
    for name in ("a", "new"):
        np.save(view / f"{name}.npy", np.full((64, 64), 5.0))
        with pytest.raises(BamError, match=rf"{name}\.npy has changed since its folder was read"):
            explain(scene_classifier, images, [0, 1], method, ids=["b", name], view="object_scene")
