"""The image sets as files in the official layout."""

import errno

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.export import export

SETS = {
    "obj": ("object_scene", OBJECTS),
    "scene": ("object_scene", SCENES),
    "scene_only": ("scene_only", SCENES),
}


@pytest.fixture(scope="module")
def small(dataset):
    """The dataset with every seventh image only."""

    class Small:
        fingerprint = dataset.fingerprint

        def view(self, name, split):
            view = dataset.view(name, split)
            return view.subset(range(0, len(view), 7))

    return Small()


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "official"
    export(small, folder, "png", 2)
    return folder


def labels_of(view, classes):
    return view.object_labels if classes is OBJECTS else view.scene_labels


def read(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("name", SETS)
def test_training_images_lie_by_class(exported, small, name):
    view_name, classes = SETS[name]
    expected = {}
    for split in ("train", "validation"):
        view = small.view(view_name, split)
        batch = view[:]
        for image_id, label, image in zip(view.ids, labels_of(view, classes), batch.images, strict=True):
            expected[f"{classes[label]}/{image_id}.png"] = image
    root = exported / name / "train"
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert files == set(expected)
    for file, image in expected.items():
        np.testing.assert_array_equal(read(root / file), image)


@pytest.mark.parametrize("name", SETS)
def test_test_images_with_masks_labels_and_boxes(exported, small, name):
    view_name, classes = SETS[name]
    view = small.view(view_name, "test")
    batch = view[:]
    root = exported / name
    assert {path.name for path in root.iterdir()} == {"train", "val", "val_mask", "val.txt", "val_loc.txt"}
    labels = dict(line.split(" ") for line in (root / "val.txt").read_text().splitlines())
    boxes = dict(line.split(" ") for line in (root / "val_loc.txt").read_text().splitlines())
    files = {f"{image_id}.png" for image_id in view.ids}
    assert {path.name for path in (root / "val").iterdir()} == files == set(labels) == set(boxes)
    assert {path.name for path in (root / "val_mask").iterdir()} == files
    for index, image_id in enumerate(view.ids):
        file = f"{image_id}.png"
        np.testing.assert_array_equal(read(root / "val" / file), batch.images[index])
        mask = read(root / "val_mask" / file)
        assert mask.shape == (128, 128)
        np.testing.assert_array_equal(mask, np.where(batch.masks[index], 255, 0))
        kind, scene, _ = image_id.split("-")
        assert classes[int(labels[file])] == (kind if classes is OBJECTS else scene)
        row_min, column_min, row_max, column_max = map(int, boxes[file].split(","))
        assert mask[row_min:row_max, column_min:column_max].sum() == mask.sum()
        assert 73 <= max(row_max - row_min, column_max - column_min) <= 89


def test_lists_are_sorted(exported):
    for name in ("val.txt", "val_loc.txt"):
        lines = (exported / "obj" / name).read_text().splitlines()
        assert lines == sorted(lines)


def test_jpeg_on_wish(small, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()  # an empty folder is as good as none
    export(small, folder, "jpeg", 1)
    view = small.view("object_scene", "test")
    for image_id, image in zip(view.ids, view[:].images, strict=True):
        with Image.open(folder / "obj" / "val" / f"{image_id}.jpg") as stored:
            assert stored.format == "JPEG"
            assert np.abs(np.asarray(stored).astype(int) - image).mean() < 10
        assert (folder / "obj" / "val_mask" / f"{image_id}.png").exists()
    assert view.ids[0] + ".jpg " in (folder / "obj" / "val.txt").read_text()
    assert not list((folder / "obj" / "val").glob("*.png"))


def test_a_folder_that_is_not_empty_is_refused(small, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BamError, match="is not empty: give another `export`"):
        export(small, tmp_path, "png", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_same_export_again_is_done_already(small, exported, contents):
    before = contents(exported)
    export(small, exported, "png", 1)
    assert contents(exported) == before
    with pytest.raises(BamError, match="is not empty"):
        export(small, exported, "jpeg", 1)


def test_full_disk_leaves_no_export(small, exported, tmp_path, monkeypatch, contents):
    target = tmp_path / "official"
    saved, save = [], Image.Image.save

    def full(image, path, *args, **how):
        saved.append(path)
        if len(saved) == 40:
            path.write_bytes(b"half a file")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(image, path, *args, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        with pytest.raises(OSError, match="No space left"):
            export(small, target, "png", 1)
    assert not target.exists()
    export(small, target, "png", 2)
    assert contents(target) == contents(exported)
    assert list(tmp_path.iterdir()) == [target]
