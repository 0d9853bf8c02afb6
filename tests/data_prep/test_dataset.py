"""The views: pairs that differ in the object's pixels and nowhere else, labels, subsets, errors."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bam.base.checked import RECORD
from bam.base.digests import array_digest
from bam.base.errors import BamError
from bam.data_prep import dataset as module
from bam.data_prep import load_dataset

# The paper's classes in label order, and the order of the commonality sets.
OBJECTS = [
    "backpack",
    "bird",
    "dog",
    "elephant",
    "kite",
    "pizza",
    "stop_sign",
    "toilet",
    "truck",
    "zebra",
]
SCENES = [
    "bamboo_forest",
    "bedroom",
    "bowling_alley",
    "bus_interior",
    "cockpit",
    "corn_field",
    "laundromat",
    "runway",
    "ski_slope",
    "track",
]
COMMONALITY_ORDER = ["bamboo_forest", "bedroom", "corn_field"]
COMMONALITY_ORDER += [name for name in SCENES if name not in COMMONALITY_ORDER]


@pytest.fixture(scope="module")
def whole(dataset):
    """All test images of a view."""
    return lambda name, **how: dataset.view(name, **how)[:]


@pytest.fixture(scope="module")
def table(dataset):
    """The rows of one of the dataset's tables."""

    def read(name, **where):
        with open(dataset.folder / f"{name}.csv", newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if where.items() <= row.items()]

    return read


def test_sizes_of_the_splits(dataset):
    for split, size in (("train", 800), ("validation", 100), ("test", 100)):
        for name in ("object_scene", "scene_only", "object_only"):
            assert len(dataset.view(name, split)) == size
    assert len(dataset.view("commonality", "train", k=0.5)) == 80
    assert len(dataset.view("rescaled")) == len(dataset.view("relocated")) == 100


def test_object_and_scene_images_differ_inside_the_mask_alone(whole):
    with_object, without = whole("object_scene"), whole("scene_only")
    assert with_object.ids == without.ids
    np.testing.assert_array_equal(with_object.masks, without.masks)
    outside = ~with_object.masks
    np.testing.assert_array_equal(with_object.images[outside], without.images[outside])
    for one, other, mask in zip(with_object.images, without.images, with_object.masks, strict=True):
        assert mask.sum() >= 32
        assert (one[mask] != other[mask]).any(-1).mean() > 0.9
    assert with_object.present.all()
    assert not without.present.any()


def test_object_on_grey_shows_the_same_object_pixels(whole):
    on_scene, on_grey = whole("object_scene"), whole("object_only")
    np.testing.assert_array_equal(on_scene.masks, on_grey.masks)
    np.testing.assert_array_equal(on_grey.images[on_grey.masks], on_scene.images[on_scene.masks])
    assert (on_grey.images[~on_grey.masks] == 128).all()


def test_scenes_are_those_of_the_table_unchanged(dataset, whole, table):
    batch = whole("scene_only")
    for image, row in zip(batch.images, table("placements", split="test"), strict=True):
        stored = np.load(dataset.folder / "scenes" / f"{row['scene']}.npy")[int(row["scene_index"])]
        np.testing.assert_array_equal(image, stored)


@pytest.mark.parametrize("name", ["object_scene", "rescaled", "relocated", "bamboo_forest"])
def test_masks_lie_in_the_boxes_of_the_table(whole, table, name):
    batch = whole(name)
    rows = table("placements" if name == "object_scene" else name, split="test")
    assert batch.ids == [row["image_id"] for row in rows]
    for mask, row in zip(batch.masks, rows, strict=True):
        top, left, height, width = (int(row[key]) for key in ("top", "left", "height", "width"))
        ys, xs = np.nonzero(mask)
        assert top <= ys.min() <= top + 2
        assert left <= xs.min() <= left + 2
        assert top + height - 3 <= ys.max() < top + height
        assert left + width - 3 <= xs.max() < left + width


@pytest.mark.parametrize("name", ["rescaled", "relocated"])
def test_variants_have_the_same_scene_around_them(whole, name):
    variant, plain, without = whole(name), whole("object_scene"), whole("scene_only")
    assert variant.ids == plain.ids
    np.testing.assert_array_equal(variant.images[~variant.masks], without.images[~variant.masks])
    if name == "rescaled":
        assert (variant.masks.sum((1, 2)) < plain.masks.sum((1, 2))).all()
    else:
        np.testing.assert_array_equal(variant.masks.sum((1, 2)), plain.masks.sum((1, 2)))
        for moved, unmoved, mask, old in zip(
            variant.images, plain.images, variant.masks, plain.masks, strict=True
        ):
            np.testing.assert_array_equal(moved[mask], unmoved[old])


def test_bamboo_forest_is_a_hundred_dogs_in_bamboo_forests_of_their_own(dataset, whole):
    view = dataset.view("bamboo_forest")
    assert len(view) == len(set(view.ids)) == 100
    assert (view.object_labels == 2).all()
    assert (view.scene_labels == 0).all()
    assert view.present.all()
    assert not set(view.ids) & {
        image_id
        for split in ("train", "validation", "test")
        for image_id in dataset.view("object_scene", split).ids
    }
    assert len(np.unique(whole("bamboo_forest").masks, axis=0)) > 90  # each placed by a seed of its own


@pytest.mark.parametrize("name", ["object_scene", "relocated", "bamboo_forest", "object_only"])
def test_without_object_is_the_same_image_with_nothing_pasted(dataset, name):
    view = dataset.view(name).subset([5, 2, 9])
    bare = view.without_object()
    assert bare.name == f"{name}-without_object"
    assert bare.placements == view.placements
    assert bare.present.tolist() == [False] * 3
    assert bare.background == view.background == ("grey" if name == "object_only" else "scene")
    assert view.present.all()
    with_object, without = view[:], bare[:]
    np.testing.assert_array_equal(without.masks, with_object.masks)
    for image, other, mask, placement in zip(
        without.images, with_object.images, with_object.masks, view.placements, strict=True
    ):
        if name == "object_only":
            assert (image == 128).all()
        else:
            np.testing.assert_array_equal(image, dataset.scene(placement))
        np.testing.assert_array_equal(image[~mask], other[~mask])
        assert (image[mask] != other[mask]).any()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("tenths", range(1, 11))
def test_commonality_gives_a_dog_to_the_first_scene_classes(dataset, tenths, split):
    view = dataset.view("commonality", split, k=tenths / 10)
    batch = view[:]
    with_dog = {
        SCENES[label] for label, there in zip(batch.scene_labels, batch.present, strict=True) if there
    }
    without = {
        SCENES[label] for label, there in zip(batch.scene_labels, batch.present, strict=True) if not there
    }
    assert with_dog == set(COMMONALITY_ORDER[:tenths])
    assert without == set(COMMONALITY_ORDER[tenths:])
    assert (batch.object_labels == 2).all()
    assert view.name == f"commonality-{tenths / 10:.1f}"
    everywhere = dataset.view("object_scene", split)
    dogs = everywhere.subset(everywhere.object_labels == 2)[:]
    scenes = dataset.view("scene_only", split).subset(everywhere.object_labels == 2)[:]
    assert dogs.ids == batch.ids
    there = batch.present
    np.testing.assert_array_equal(batch.images[there], dogs.images[there])
    np.testing.assert_array_equal(batch.images[~there], scenes.images[~there])


def test_labels_are_those_of_the_ids(dataset):
    for split in ("train", "validation", "test"):
        view = dataset.view("object_scene", split)
        for image_id, kind, scene in zip(view.ids, view.object_labels, view.scene_labels, strict=True):
            assert image_id.startswith(f"{OBJECTS[kind]}-{SCENES[scene]}-0")
        np.testing.assert_array_equal(view.labels("object"), view.object_labels)
        np.testing.assert_array_equal(view.labels("scene"), view.scene_labels)
        assert np.bincount(view.object_labels * 10 + view.scene_labels).tolist() == [len(view) // 100] * 100


def test_no_source_of_one_split_occurs_in_another(dataset, table):
    rows = table("sources")
    files = {}
    for row in rows:
        files.setdefault(row["split"], set()).add((row["kind"], row["file"]))
    assert set(files) == {"train", "validation", "test"}
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert not files[one] & files[other]
    split_of = {(row["class"], row["index"]): row["split"] for row in rows}
    for name in ("placements", "rescaled", "relocated", "bamboo_forest"):
        for row in table(name):
            assert split_of[row["object"], row["cutout"]] == row["split"]
            assert split_of[row["scene"], row["scene_index"]] == row["split"]


def test_sources_of_each_image(dataset, table):
    view = dataset.view("object_scene", "validation")
    rows = table("placements", split="validation")
    expected = [(f"{r['object']}-{r['cutout']}", f"{r['scene']}-{r['scene_index']}") for r in rows]
    assert [tuple(row) for row in view.sources] == expected


def test_subsets_slices_and_batches(dataset):
    view = dataset.view("object_scene")
    assert view.subset([5, 3, 3]).ids == [view.ids[5], view.ids[3], view.ids[3]]
    assert view.subset(view.scene_labels == 4).ids == [i for i in view.ids if i.split("-")[1] == "cockpit"]
    whole = view[:]
    np.testing.assert_array_equal(view[10:13].images, whole.images[10:13])
    np.testing.assert_array_equal(view[[7, 2]].masks, whole.masks[[7, 2]])
    np.testing.assert_array_equal(view[-1:].object_labels, whole.object_labels[-1:])
    batches = list(view.batches(32))
    assert [len(batch.ids) for batch in batches] == [32, 32, 32, 4]
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in batches]), whole.images)
    np.testing.assert_array_equal(np.concatenate([batch.present for batch in batches]), whole.present)
    part = dataset.view("commonality", k=0.3).subset([9, 0])
    assert part.present.tolist() == [False, True]
    assert part[:].present.tolist() == [False, True]


def test_nothing_is_a_subset_too(dataset):
    view = dataset.view("object_scene")
    for empty in (view.subset([]), view.subset(np.zeros(100, bool)), view.subset(np.array([], int))):
        assert len(empty) == 0
        assert empty.ids == []
        assert empty[:].images.shape == (0, 128, 128, 3)
        assert list(empty.batches(4)) == []


def test_batch_types(dataset):
    batch = dataset.view("object_scene")[:3]
    assert (batch.images.dtype, batch.images.shape) == (np.uint8, (3, 128, 128, 3))
    assert (batch.masks.dtype, batch.masks.shape) == (bool, (3, 128, 128))
    assert batch.present.dtype == bool
    assert batch.object_labels.dtype.kind == batch.scene_labels.dtype.kind == "i"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("object_scenes",),
            "unknown view 'object_scenes': did you mean 'object_scene'.*scene_only, object_only",
        ),
        (("xyz",), "unknown view 'xyz': known are object_scene, "),
        (("object_scene", "val"), "unknown split 'val': .*known are train, validation, test"),
        (("rescaled", "train"), "rescaled exists for the test split only, not for train"),
        (("relocated", "validation"), "relocated exists for the test split only, not for validation"),
        (("bamboo_forest", "train"), "bamboo_forest exists for the test split only, not for train"),
        (("commonality",), r"one of \(0.1, .*, 1.0\), not None"),
        (("commonality", "test", 0), "not 0 for commonality"),
        (("commonality", "test", 1.1), "not 1.1 for commonality"),
        (("commonality", "test", 0.25), "not 0.25 for commonality"),
        (("commonality", "test", 0.35), "not 0.35 for commonality"),
        (("commonality", "test", float("nan")), "not nan for commonality"),
        (("object_scene", "test", 0.5), "not 0.5 for object_scene"),
    ],
)
def test_unknown_names_are_answered_with_what_there_is(dataset, arguments, message):
    with pytest.raises(BamError, match=message):
        dataset.view(*arguments)


def test_unknown_kind_of_label(dataset):
    with pytest.raises(BamError, match=r"unknown kind of label 'objects'.*known are object, scene"):
        dataset.view("object_scene").labels("objects")


def test_commonality_tolerates_rounding(dataset):
    assert dataset.view("commonality", k=0.1 + 0.2).present.sum() == 3


def test_no_dataset_says_how_to_make_one(tmp_path):
    with pytest.raises(BamError, match=r"there is no dataset in .*python -m bam.build_dataset --data"):
        load_dataset(tmp_path)


def test_other_format_is_refused(dataset, tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({**dataset.description, "format": 99}))
    with pytest.raises(BamError, match="its format is 99, this version reads 2"):
        load_dataset(tmp_path)


def test_changed_tables_are_named(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.folder, copy)
    lines = (copy / "placements.csv").read_text().splitlines(keepends=True)
    (copy / "placements.csv").write_text("".join(lines[:-5]))  # cut at the end of a line
    with pytest.raises(BamError, match=r"placements\.csv was changed"):
        load_dataset(copy)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}'])
def test_damaged_description_is_one_clear_error(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(BamError, match=f"remove (it|{tmp_path})"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_damaged_arrays_are_named(dataset, tmp_path, damage):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.folder, copy)
    path = copy / "cutouts" / "dog.npy"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        path.unlink()
    with pytest.raises(BamError, match=r"dog\.npy.*: remove it and build it again"):
        load_dataset(copy)


@pytest.fixture
def copy(dataset, tmp_path):
    """The dataset at another place, to be changed."""
    return Path(shutil.copytree(dataset.folder, tmp_path / "copy"))


def edit(path, times=None):
    """Change one value of an array, in place."""
    status = path.stat()
    array = np.load(path, mmap_mode="r+")
    array[0, 0, 0, 0] ^= 1
    array.flush()
    if times == "set back":
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("times", [None, "set back"])
def test_changed_pixels_are_named(copy, loaded, times):
    if loaded:
        load_dataset(copy)
    edit(copy / "cutouts" / "dog.npy", times)
    for _ in range(2):
        with pytest.raises(BamError, match=r"cutouts/dog\.npy was changed\): remove it and build it again$"):
            load_dataset(copy)
    edit(copy / "scenes" / "track.npy")
    with pytest.raises(BamError, match=r"\(scenes/track\.npy, cutouts/dog\.npy were changed\)"):
        load_dataset(copy)
    edit(copy / "scenes" / "track.npy")
    edit(copy / "cutouts" / "dog.npy")
    load_dataset(copy)


def test_pixels_are_read_once(copy, monkeypatch):
    read = []

    def counting(array):
        read.append(1)
        return array_digest(array)

    monkeypatch.setattr(module, "array_digest", counting)
    (copy / RECORD).unlink(missing_ok=True)
    load_dataset(copy)
    assert len(read) == 20
    load_dataset(copy)
    assert len(read) == 20
    (copy / "scenes" / "track.npy").touch()
    load_dataset(copy)
    assert len(read) == 21


def test_digests_that_were_changed_with_their_pixels_are_found(copy, dataset):
    edit(copy / "scenes" / "track.npy")
    arrays = dataset.description["arrays"] | {"track": array_digest(np.load(copy / "scenes" / "track.npy"))}
    (copy / "dataset.json").write_text(json.dumps(dataset.description | {"arrays": arrays}))
    with pytest.raises(BamError, match=r"dataset\.json was changed\): remove it and build it again$"):
        load_dataset(copy)


def test_loaded_dataset_is_the_built_one(dataset):
    again = load_dataset(dataset.folder)
    assert again.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(
        again.view("object_scene")[:5].images, dataset.view("object_scene")[:5].images
    )
