import os
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.images import shuffled
from bam.models.classifier import Classifier
from bam.models.training.task import Task
from bam.models.training.training import make_config


def test_composites_come_as_the_network_takes_them(dataset, run_for, scene_classifier):
    found, view = run_for().pictures(scene_classifier), shuffled(dataset.view("object_scene"), 0)
    batch, expected = found[2:5], view[2:5]
    assert found.ids == view.ids
    assert batch.images.dtype == np.uint8
    np.testing.assert_allclose(batch.images, scene_classifier.prepare(expected.images), atol=0.5)
    np.testing.assert_array_equal(batch.masks, scene_classifier.prepare_masks(expected.masks))
    assert batch.labels("scene") is None
    np.testing.assert_array_equal(found.sources, view.sources)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own" / "below").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, size in {"a.png": (40, 20), "below/b.jpg": (20, 90)}.items():
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / "own" / name)
    (tmp_path / "own" / "c.png").write_text("no picture")
    return tmp_path / "own"


def test_a_folder_has_pictures_without_labels_and_masks(run_for, scene_classifier, folder):
    found = run_for(images=folder, data=None).pictures(scene_classifier)
    assert sorted(found.ids) == ["a.png", "below/b.jpg"]
    assert list(found.left_out) == ["c.png"]
    batch = found[0:2]
    assert batch.images.shape == (2, 64, 64, 3)
    assert not batch.masks.any()
    assert batch.labels("object") is None


def test_pictures_of_16_bits_and_with_alpha_in_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.new("RGBA", (16, 16), (255, 0, 255, 0)).save(tmp_path / "hidden.png")
    Image.fromarray(grey.astype(np.float32)).save(tmp_path / "float.tif")
    (tmp_path / "float.tif").rename(tmp_path / "float.png")
    found = FolderPictures(tmp_path, (16, 16), seed=0)
    images = dict(zip(found.ids, found[:].images, strict=True))
    np.testing.assert_array_equal(images["deep.png"], np.stack([grey] * 3, -1))
    assert (images["hidden.png"] == 128).all()
    assert found.left_out == {"float.png": "floating-point picture: its range is not known"}


def test_what_is_hidden_in_a_folder_is_no_picture(folder):
    before = FolderPictures(folder, (16, 16), seed=0)
    for hidden in (
        ".a.png",
        ".ipynb_checkpoints/a-checkpoint.png",
        "below/._b.jpg",
        "__MACOSX/a.png",
        "@eaDir/a.png",
    ):
        (folder / hidden).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "a.png", folder / hidden)
    after = FolderPictures(folder, (16, 16), seed=0)
    assert (after.ids, after.left_out, after.fingerprint) == (before.ids, before.left_out, before.fingerprint)


def test_linked_folders_are_looked_into_and_no_picture_counts_twice(folder):
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    Image.new("RGB", (9, 9), (1, 2, 3)).save(elsewhere / "d.png")
    shutil.copy(folder / "a.png", elsewhere / "e.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "f.png").symlink_to(folder / "a.png")
    (folder / "gone.jpg").symlink_to(folder / "nothing.jpg")
    (folder / "away").symlink_to(folder / "no_folder")
    (elsewhere / "circle").symlink_to(folder)
    for seed in range(3):  # in whatever order they come
        found = FolderPictures(folder, (16, 16), seed)
        assert sorted(found.ids) == ["a.png", "below/b.jpg", "linked/d.png"]
        assert found.left_out == {
            "away": "folder cannot be looked into",
            "c.png": "cannot be read: cannot identify image file 'c.png'",
            "f.png": "the same picture as a.png",
            "gone.jpg": "file is missing",
            "linked/e.png": "the same picture as a.png",
        }


def test_pictures_of_other_formats_are_named(folder):
    for name in ("d.webp", "below/e.TIF", "notes.txt", "f.npy"):
        shutil.copy(folder / "a.png", folder / name)
    found = FolderPictures(folder, (16, 16), seed=0, limit=1)
    named = {name: found.left_out.get(name) for name in ("d.webp", "below/e.TIF", "notes.txt", "f.npy")}
    assert list(named.values()) == ["neither a JPEG nor a PNG file"] * 2 + [None] * 2


def test_a_pipe_in_a_folder_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    left_out = FolderPictures(folder, (16, 16), seed=0).left_out
    assert left_out["pipe.png"] == "is no file that can be read"


def test_another_picture_makes_another_set(run_for, scene_classifier, folder):
    before = run_for(images=folder).pictures(scene_classifier).fingerprint
    assert before == run_for(images=folder, limit=1).pictures(scene_classifier).fingerprint
    (folder / "c.png").write_text("another")
    assert before != run_for(images=folder).pictures(scene_classifier).fingerprint


def test_a_classifier_of_a_few_classes_sees_these_alone(dataset, run_for, scene_classifier):
    task = Task("scene", "scene_only", classes=["bedroom", "track"])
    description = {"config": asdict(make_config(task, dataset))}
    classifier = Classifier(scene_classifier.model, range(10), "few", None, description)
    found = run_for().pictures(classifier)
    expected = shuffled(task.view(dataset, "test"), 0).ids
    assert {image.split("-")[1] for image in found.ids} == {"bedroom", "track"}
    assert found.ids == expected
    assert found.view.name == "scene_only"
