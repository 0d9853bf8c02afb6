"""COCO annotation files as people have them: what is plain is read, and nothing vanishes uncounted."""

import json

import numpy as np
import pytest
from pycocotools import mask as rle

from bam.base.errors import BamError
from bam.data_prep.build import build
from bam.data_prep.classes import OBJECTS
from bam.data_prep.sources import Sources
from bam.data_prep.sources.coco import Coco, mask_of
from bam.data_prep.sources.coco_annotations import ANNOTATIONS, plain
from bam.data_prep.sources.gather import gather
from bam.data_prep.sources.photographs import Unusable

DOG = OBJECTS.index("dog") + 1
BOX = [[10, 10, 60, 10, 60, 50, 10, 50]]  # 50 x 40


@pytest.fixture
def edited(coco_folder, picture):
    """A COCO folder with a dog in each of two photographs, its annotation file changed; the source."""

    def edit(change):
        pictures = {"a.png": picture(100, 100), "b.png": picture(100, 100, 1)}
        dogs = [{"file": file, "category": "dog", "segmentation": BOX} for file in pictures]
        folder = coco_folder(pictures, dogs)
        content = json.loads((folder / ANNOTATIONS).read_text())
        text = change(content)
        (folder / ANNOTATIONS).write_text(text or json.dumps(content), encoding="utf-8")
        return Coco(folder)

    return edit


def every(kind, **changes):
    """Changes all entries of a kind: to a value, or to what a function makes of the old one."""

    def change(content):
        for entry in content[kind]:
            for key, value in changes.items():
                entry[key] = value(entry[key]) if callable(value) else value

    return change


def both(*changes):
    def change(content):
        for one in changes:
            one(content)

    return change


def without(kind, key):
    def change(content):
        for entry in content[kind]:
            entry.pop(key, None)

    return change


def again(name, number, first=False):
    """Names a category once more, under another id."""

    def change(content):
        content["categories"].insert(0 if first else 99, {"id": number, "name": name})

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda content: None,
        lambda content: "\ufeff" + json.dumps(content),
        every("annotations", image_id=str),
        every("annotations", image_id=float),
        every("images", id=str),
        every("images", id=lambda number: f"{number:012d}"),
        every("annotations", category_id=str),
        every("annotations", category_id=lambda number: f" {number}.0"),
        every("annotations", category_id="dog"),
        every("categories", id=str),
        both(
            every("annotations", image_id=lambda number: f"photo {number}"),
            every("images", id=lambda number: f"photo {number} "),
        ),
        every("images", width="100", height="100.0"),
        every("annotations", iscrowd="0"),
        every("annotations", iscrowd=0.0),
        every("annotations", iscrowd=False),
        every("annotations", iscrowd=None),
        every("annotations", iscrowd="false"),
        without("annotations", "iscrowd"),
        without("annotations", "id"),
        every("annotations", id="seven"),
        again("dog", 99),
        again("dog", 99, first=True),
        both(again("dog", "x"), every("annotations", category_id="x")),
        both(again("cat", 99), every("annotations", area="2000")),
        *(
            every("annotations", area=area)
            for area in (0, -1, None, "", "large", float("nan"), float("inf"), True, [3], 10**400, "nan")
        ),
        without("annotations", "area"),
        both(
            without("annotations", "area"),
            every("annotations", segmentation=[list(map(str, BOX[0]))]),
        ),
        lambda content: content["images"].append(dict(content["images"][0])),
    ],
)
def test_what_is_plain_is_read(edited, change):
    coco = edited(change)
    items = coco.items()
    assert [instance.file for instance in items["dog"]] == ["a.png", "b.png"]
    assert not any(items.left_out.values())
    for instance in items["dog"]:
        assert instance.area == 2000
        assert mask_of(instance).sum() == 2000
        assert coco.read(instance).shape == (100, 100, 4)


MASK = np.zeros((100, 100), bool)
MASK[10:50, 10:60] = True
MASK[20:30, 20:30] = False
COUNTS = rle.encode(np.asfortranarray(MASK.astype(np.uint8)))["counts"].decode()


@pytest.mark.parametrize(
    ("segmentation", "area"),
    [
        (BOX, 2000),
        ([BOX[0], [70, 70, 90, 70, 90, 90]], 2200),
        ([[1, 2, 3, 4], BOX[0]], 2000),
        ({"size": [100, 100], "counts": COUNTS}, 1900),
        ({"size": ["100", "100"], "counts": COUNTS}, 1900),
        ({"size": [100, 100], "counts": [1010, 40, 8950]}, 40),
    ],
)
def test_areas_that_are_not_stated_are_those_of_the_segmentation(edited, segmentation, area):
    coco = edited(every("annotations", area=0, segmentation=segmentation))
    instance = coco.items()["dog"][0]
    assert instance.area == area
    assert mask_of(instance).sum() == pytest.approx(area, rel=0.02)
    if area < 1024:
        with pytest.raises(Unusable, match=r"^object too small: 40 px$"):
            coco.read(instance)


def test_the_largest_is_found_among_stated_and_other_areas(edited):
    def change(content):
        small, large = content["annotations"]
        large |= {"image_id": small["image_id"], "area": "nan"}
        small |= {"area": 1500}

    (instance,) = edited(change).items()["dog"]
    assert (instance.annotation, instance.area) == (2, 2000)


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "segmentation cannot be read: there is none"),
        ([], "segmentation cannot be read: it has no polygon of three points"),
        ([[5, 5, 60, 60]], "segmentation cannot be read: it has no polygon of three points"),
        ({}, "segmentation cannot be read: KeyError"),
        ({"size": [100, 100], "counts": "PP"}, "mask stops short of its grid"),
        ([[10, 10, 60, 60, 10, 10]], "object too small: "),
        ([[10, 10, float("nan"), 60, 10, 10]], "mask lies far outside its grid"),
    ],
)
def test_objects_without_area_and_outline_say_why_they_are_unusable(edited, segmentation, reason):
    coco = edited(every("annotations", area=0, segmentation=segmentation))
    with pytest.raises(Unusable, match=f"^{reason}"):
        coco.read(coco.items()["dog"][0])


def other_photograph(content):
    """Another photograph under the id of the first."""
    content["images"].append(content["images"][0] | {"file_name": "c.png"})


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        (
            every("annotations", image_id=lambda number: 99 if number == 1 else number),
            (ANNOTATIONS, "image_id of no photograph: 99 in annotation 1"),
        ),
        (
            every("annotations", image_id=lambda number: None if number == 1 else number),
            (ANNOTATIONS, "image_id of no photograph: null in annotation 1"),
        ),
        (other_photograph, (ANNOTATIONS, "image_id of several photographs: 1 in annotation 1")),
        (
            lambda content: content["annotations"][0].update(iscrowd=[0]),
            ("a.png", "iscrowd is neither 0 nor 1: [0] in annotation 1"),
        ),
        (
            lambda content: content["annotations"][0].update(iscrowd="2"),
            ("a.png", "iscrowd is neither 0 nor 1: '2' in annotation 1"),
        ),
        (
            lambda content: content["annotations"][0].update(iscrowd="1"),
            ("a.png", "only crowds in the photograph: annotation 1"),
        ),
    ],
)
def test_what_is_no_object_is_counted_and_named(edited, tmp_path, change, left_out):
    coco = edited(change)
    items = coco.items()
    assert [instance.file for instance in items["dog"]] == ["b.png"]
    assert items.left_out["dog"] == [left_out]
    part = gather(coco, coco.items, "dog", tmp_path, wanted=1, seed=0, workers=1)
    assert part["excluded"] == [dict(zip(("file", "reason"), left_out, strict=True))]
    assert not any(items.left_out[name] for name in ("bird", ""))


def test_annotations_of_no_category_are_named_where_a_class_has_too_few(edited, tmp_path):
    coco = edited(every("annotations", category_id=lambda number: 0, id=lambda number: number + 6))
    unknown = (ANNOTATIONS, "unknown category_id: 0 in 2 annotations such as 7")
    assert coco.items().left_out[""] == [unknown]
    part = gather(coco, coco.items, "bird", tmp_path, wanted=1, seed=0, workers=1)
    assert part["excluded"] == [dict(zip(("file", "reason"), unknown, strict=True))]


def test_a_photograph_that_is_listed_twice_has_one_largest_object(edited):
    def change(content):
        content["images"].append(content["images"][0] | {"id": 77})
        content["annotations"].append(content["annotations"][0] | {"id": 5, "image_id": 77, "area": 2100})

    assert [(found.file, found.annotation) for found in edited(change).items()["dog"]] == [
        ("a.png", 5),
        ("b.png", 2),
    ]


def test_two_categories_of_one_id_are_refused(edited):
    with pytest.raises(BamError, match=r"gives the categories cat and dog the one id 3: give each its own$"):
        edited(again("cat", DOG)).items()
    with pytest.raises(BamError, match="categories dog and zebra the one id 3"):
        edited(every("categories", id=lambda number: "3" if number == 10 else number)).items()
    edited(both(again("cat", 99), again("cow", 99))).items()  # of which BAM uses none


def test_a_class_with_too_few_objects_says_why(sources, tmp_path):
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").symlink_to(sources.objects.folder / "train2017")
    content = json.loads((sources.objects.folder / ANNOTATIONS).read_text())
    zebras = [entry for entry in content["annotations"] if entry["image_id"] // 1000 == 10]
    for entry in zebras:
        index = entry["image_id"] % 1000
        if index < 4:
            entry["image_id"] += 900
        elif index < 6:
            entry["iscrowd"] = 1
        elif index == 6:
            entry["category_id"] = 1000
    (folder / ANNOTATIONS).write_text(json.dumps(content))
    with pytest.raises(BamError) as caught:
        build(Sources(Coco(folder), sources.scenes), tmp_path / "bam", 10, 0, 2)
    lost = sum(entry["image_id"] % 1000 >= 900 for entry in zebras)
    assert str(caught.value) == (
        f"each class needs 10 usable sources, but zebra has 5 ({lost + 3} left out: {lost} image_id of no "
        "photograph, 2 only crowds in the photograph, 1 unknown category_id)"
    )


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (3, 3),
        (3.0, 3),
        ("3", 3),
        (" 003 ", 3),
        ("-1", -1),
        ("3.00", 3),
        (3.5, "3.5"),
        ("3.5", "3.5"),
        ("three", "three"),
        ("³", "³"),
        (True, "true"),
        (None, "null"),
        (float("nan"), "NaN"),
        ([3], "[3]"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_ids_as_they_are_meant(value, meant):
    found = plain(value)
    assert found == meant
    assert type(found) is type(meant)
