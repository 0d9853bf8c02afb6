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
    path = maps_folder / "scene" / "object_scene" / "a.npy"
    for array, message in ((np.zeros((32, 32)), r"float64 \(32, 32\)"), (np.full((64, 64), "x"), "a map of")):
        np.save(path, array)
        with pytest.raises(BamError, match=message):
            explained(maps_folder, scene_classifier, images)
    path.write_bytes(b"no array")
    with pytest.raises(BamError, match=r"a\.npy is no \.npy array"):
        explained(maps_folder, scene_classifier, images)
    np.save(path, np.full((64, 64), np.inf))
    with pytest.raises(BamError, match="mine returned NaN or infinite"):
        explained(maps_folder, scene_classifier, images)


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
