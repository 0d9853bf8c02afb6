"""Objects from COCO annotations: which instance, its mask in every form, its pixels."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from pycocotools import mask as rle

from bam.base.errors import BamError
from bam.data_prep.paste import resize_cutout
from bam.data_prep.sources.coco import Coco, mask_of
from bam.data_prep.sources.coco_annotations import ANNOTATIONS, Instance
from bam.data_prep.sources.gather import fitted
from bam.data_prep.sources.photographs import Unusable


def compressed(mask):
    encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode("ascii")}


def uncompressed(mask):
    """Written from the format's definition, one pixel after another."""
    counts, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


def instance(segmentation, height=100, width=100, file="a.png"):
    return Instance(file, width, height, 1, 2000.0, segmentation)


def cut_out(folder, instance):
    """The object as a dataset stores it."""
    return fitted(Coco(folder, minimum_area=0).read(instance))


def read_instances(folder):
    return Coco(folder, minimum_area=0).items()


def rectangle(top, left, bottom, right):
    return [left, top, right, top, right, bottom, left, bottom]


@pytest.fixture
def one_object(coco_folder):
    """Cuts the object of one annotation out of a photograph, or of `stored` in its place."""

    def cut(pixels, segmentation, file="a.png", stored=None):
        folder = coco_folder(
            {file: pixels}, [{"file": file, "category": "dog", "segmentation": segmentation}]
        )
        if stored:
            stored.save(folder / "train2017" / file)
        (found,) = read_instances(folder)["dog"]
        return cut_out(folder, found)

    return cut


# Which instances


def test_annotations_can_have_a_byte_order_mark(coco_folder, picture):
    folder = coco_folder({"a.png": picture(100, 100)}, [{"file": "a.png", "category": "dog"}])
    path = folder / "annotations" / "instances_train2017.json"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert [found.file for found in read_instances(folder)["dog"]] == ["a.png"]


def test_stop_sign_is_found_under_its_coco_name(coco_folder, picture):
    folder = coco_folder(
        {"a.png": picture(100, 100), "b.png": picture(100, 100)},
        [{"file": "a.png", "category": "stop_sign"}, {"file": "b.png", "category": "truck"}],
    )
    instances = read_instances(folder)
    assert [found.file for found in instances["stop_sign"]] == ["a.png"]
    assert [found.file for found in instances["truck"]] == ["b.png"]
    assert instances["dog"] == []


def test_underscored_category_is_missing(coco_folder):
    folder = coco_folder({}, [])
    path = folder / ANNOTATIONS
    path.write_text(path.read_text().replace("stop sign", "stop_sign"))
    with pytest.raises(BamError, match=r"no category stop sign$"):
        read_instances(folder)


def test_largest_non_crowd_instance_of_each_photograph_and_category(coco_folder):
    annotations = [
        {"file": "b.png", "category": "dog", "id": 1, "area": 1500},
        {"file": "b.png", "category": "dog", "id": 2, "area": 3000},
        {"file": "b.png", "category": "dog", "id": 3, "area": 2000},
        {"file": "b.png", "category": "dog", "id": 4, "area": 9000, "iscrowd": 1},
        {"file": "b.png", "category": "zebra", "id": 5, "area": 8000},
        {"file": "a.png", "category": "dog", "id": 6, "area": 100},
        {"file": "c.png", "category": "dog", "id": 7, "area": 100, "iscrowd": 1},
    ]
    instances = read_instances(coco_folder({"b.png": None, "a.png": None, "c.png": None}, annotations))
    assert [(found.file, found.annotation) for found in instances["dog"]] == [("a.png", 6), ("b.png", 2)]
    assert [found.annotation for found in instances["zebra"]] == [5]


# Wrong folders and files


def test_wrong_folder_says_what_was_expected(tmp_path):
    with pytest.raises(BamError, match=r"instances_train2017\.json.*`coco` must be a folder with.*train2017"):
        read_instances(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"3",
        b'"images"',
        b"{}",
        b'{"images": [], "categories": []}',
        b'{"images": 3, "categories": [], "annotations": []}',
        b'{"images": [4], "categories": [], "annotations": []}',
        b'{"images": [], "categories": [], "annotations": [{"id": 1, "image_id": 1}]}',
        b'{"images": [], "categories": [], "annotations": [3]}',
        b'{"images": [], "categories": [{"id": 1, "name": 5}], "annotations": []}',
    ],
)
def test_files_that_are_not_coco(tmp_path, content):
    path = tmp_path / ANNOTATIONS
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BamError, match="is not a COCO instance annotation file"):
        read_instances(tmp_path)


def test_every_missing_category_is_named(tmp_path):
    path = tmp_path / ANNOTATIONS
    path.parent.mkdir()
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": [{"id": 1, "name": "dog"}]}))
    with pytest.raises(BamError, match="no category backpack, bird, elephant, kite, pizza, stop sign"):
        read_instances(tmp_path)


# Masks


def test_polygon_mask():
    mask = mask_of(instance([rectangle(20, 30, 60, 90)]))
    expected = np.zeros((100, 100), bool)
    expected[20:60, 30:90] = True
    np.testing.assert_array_equal(mask, expected)


def test_several_polygons_are_united():
    mask = mask_of(
        instance([rectangle(10, 10, 30, 30), rectangle(20, 20, 40, 40), rectangle(60, 60, 70, 70)])
    )
    expected = np.zeros((100, 100), bool)
    expected[10:30, 10:30] = expected[20:40, 20:40] = expected[60:70, 60:70] = True
    np.testing.assert_array_equal(mask, expected)


def test_polygon_of_two_points_is_passed_over():
    mask = mask_of(instance([[5, 5, 9, 9], rectangle(20, 20, 40, 40)]))
    assert mask.sum() == 400
    assert mask[20:40, 20:40].all()


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_run_lengths_of_any_mask(mask):
    height, width = mask.shape
    for segmentation in (compressed(mask), uncompressed(mask)):
        np.testing.assert_array_equal(mask_of(instance(segmentation, height, width)), mask)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        5,
        "polygon",
        [],
        [[]],
        [[1, 2, 3, 4]],
        [5, 6, 7, 8, 9, 10],
        [["a", 1, 2, 3, 4, 5]],
        [[[1, 1], [9, 1], [9, 9]] * 3],
        [[1, 1, float("nan"), 1, 9, 9]],
        [[1, 1, 1e9, 1, 9, 9]],
        [[1, 1, float("inf"), 1, 9, 9]],
        {},
        {"size": [100, 100]},
        {"size": 100, "counts": [10000]},
        {"size": [100, 100], "counts": None},
        {"size": [100, 100], "counts": []},
        {"size": [100, 100], "counts": [1, 2]},
        {"size": [100, 100], "counts": [4000, 5999]},
        {"size": [100, 100], "counts": [4000, 6001]},
        {"size": [100, 100], "counts": [4000, -1, 6001]},
        {"size": [100, 100], "counts": [4000, 1e30]},
        {"size": [100, 100], "counts": ["many"]},
        {"size": [100, 100], "counts": ""},
        {"size": [100, 100], "counts": "what is this"},
        {"size": [50, 200], "counts": [4000, 6000]},
    ],
)
def test_malformed_masks_are_unusable(one_object, picture, segmentation):
    with pytest.raises(Unusable, match=r"segmentation cannot be read|mask .*grid"):
        mask_of(instance(segmentation))
    with pytest.raises(Unusable, match=r"segmentation cannot be read|mask .*grid"):
        one_object(picture(100, 100), segmentation)


def test_cut_short_run_lengths_are_unusable():
    whole = compressed(np.arange(10_000).reshape(100, 100) % 7 < 3)
    whole["counts"] = whole["counts"][:-20]
    with pytest.raises(Unusable, match="stops short"):
        mask_of(instance(whole))


# Pixels


def test_cutout_is_the_box_of_the_mask_with_alpha_from_the_mask(one_object, picture):
    pixels = picture(100, 100)
    cutout = one_object(pixels, [rectangle(20, 30, 60, 90)])
    np.testing.assert_array_equal(cutout[..., :3], pixels[20:60, 30:90])
    assert cutout.dtype == np.uint8
    assert (cutout[..., 3] == 255).all()


@pytest.mark.parametrize("size", [100, 400])
def test_black_object_stays_opaque(one_object, size):
    pixels = np.full((size, size, 3), 255, np.uint8)
    pixels[size // 4 : size // 2, size // 4 : size // 2] = 0
    quarter = rectangle(size // 4, size // 4, size // 2, size // 2)
    cutout = one_object(pixels, [quarter])
    assert (cutout == (0, 0, 0, 255)).all()


def test_hole_and_surroundings_are_transparent(one_object, picture):
    mask = np.zeros((100, 100), bool)
    mask[20:80, 20:80] = True
    mask[40:60, 45:55] = False
    mask[20:30, 20:30] = False
    for segmentation in (compressed(mask), uncompressed(mask)):
        cutout = one_object(picture(100, 100), segmentation)
        np.testing.assert_array_equal(cutout[..., 3], np.where(mask[20:80, 20:80], 255, 0))


@pytest.mark.parametrize(("height", "width", "expected"), [(300, 150, (128, 64)), (64, 320, (26, 128))])
def test_large_cutouts_are_made_smaller(one_object, picture, height, width, expected):
    cutout = one_object(picture(400, 400), [rectangle(10, 20, 10 + height, 20 + width)])
    assert cutout.shape == (*expected, 4)


def test_no_background_bleeds_into_a_smaller_cutout(one_object):
    pixels = np.full((400, 400, 3), 255, np.uint8)
    ground, triangle = pixels.copy(), np.tri(300, dtype=bool)
    ground[50:350, 50:350][triangle] = (10, 20, 30)
    mask = np.zeros((400, 400), bool)
    mask[50:350, 50:350] = triangle
    cutout = one_object(ground, compressed(mask))
    assert (np.abs(cutout[cutout[..., 3] >= 128][:, :3].astype(int) - (10, 20, 30)) <= 3).all()


def test_greyscale_and_cmyk_photographs(one_object, picture):
    grey = picture(100, 100)[..., 0]
    cutout = one_object(grey, [rectangle(20, 30, 60, 90)])
    np.testing.assert_array_equal(cutout[..., 1], grey[20:60, 30:90])
    cmyk = Image.new("CMYK", (100, 100), (255, 0, 0, 0))  # cyan ink
    cutout = one_object(np.zeros((100, 100, 3), np.uint8), [rectangle(20, 30, 60, 90)], "b.jpg", cmyk)
    assert (np.abs(cutout.astype(int) - (0, 255, 255, 255)) < 12).all()


def test_photographs_of_16_bits_and_with_alpha(one_object, picture):
    grey = picture(100, 100)[..., 0]
    cutout = one_object(grey.astype(np.uint16) * 257, [rectangle(20, 30, 60, 90)])
    np.testing.assert_array_equal(cutout[..., 1], grey[20:60, 30:90])
    hidden = Image.new("RGBA", (100, 100), (255, 0, 255, 0))  # transparent here, whatever the annotation says
    cutout = one_object(np.zeros((100, 100, 3), np.uint8), [rectangle(20, 30, 60, 90)], stored=hidden)
    assert (cutout == (128, 128, 128, 255)).all()


def test_rotated_photograph_is_cut_on_the_grid_of_its_mask(coco_folder, picture):
    pixels = picture(80, 120)
    folder = coco_folder(
        {"a.png": pixels},
        [{"file": "a.png", "category": "dog", "segmentation": [rectangle(20, 30, 60, 90)]}],
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(folder / "train2017" / "a.png", exif=exif)
    cutout = cut_out(folder, read_instances(folder)["dog"][0])
    np.testing.assert_array_equal(cutout[..., :3], pixels[20:60, 30:90])


@pytest.mark.parametrize("empty", [compressed(np.zeros((100, 100), bool)), [rectangle(200, 200, 240, 240)]])
def test_empty_mask(one_object, picture, empty):
    with pytest.raises(Unusable, match="mask is empty"):
        one_object(picture(100, 100), empty)


def test_size_mismatch_and_missing_file(coco_folder, picture):
    folder = coco_folder({"a.png": picture(100, 100)}, [{"file": "a.png", "category": "dog"}])
    (found,) = read_instances(folder)["dog"]
    Image.fromarray(picture(100, 90)).save(folder / "train2017" / "a.png")
    with pytest.raises(Unusable, match="size differs from its annotation: 90 x 100, not 100 x 100"):
        cut_out(folder, found)
    (folder / "train2017" / "a.png").unlink()
    with pytest.raises(Unusable, match="file is missing"):
        cut_out(folder, found)


def test_size_in_the_annotation_may_be_anything(coco_folder, picture):
    folder = coco_folder({"a.png": picture(100, 100)}, [{"file": "a.png", "category": "dog"}])
    for size in (10**7, -1, "wide", None):
        with pytest.raises(Unusable, match="size differs"):
            cut_out(folder, Instance("a.png", size, size, 1, 1.0, [rectangle(1, 1, 9, 9)]))


def test_too_thin_objects_are_unusable(one_object, picture):
    with pytest.raises(Unusable, match="too thin"):  # a slanting string
        one_object(picture(400, 400), [[10, 10, 12, 10, 390, 390, 388, 390]])
    strings = np.zeros((200, 200), bool)
    strings[20:148, 20] = strings[20:148, 100] = True
    with pytest.raises(Unusable, match="too thin"):  # enough pixels, but none left at the pasted size
        one_object(picture(200, 200), compressed(strings))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 128), st.integers(1, 128), st.integers(1, 9), st.integers(0, 8), st.integers(8, 128))
def test_accepted_objects_are_visible_at_every_size_they_are_pasted_in(
    tmp_path_factory, height, width, period, gap, side
):
    """Whatever is striped or thin: either it is left out, or no composite has an empty mask."""
    rows, columns = np.arange(height)[:, None], np.arange(width)
    mask = np.zeros((128, 128), bool)
    mask[:height, :width] = ((rows + columns // 40) % period >= gap) & ((columns % side) < side)
    folder = tmp_path_factory.mktemp("thin")
    (folder / "train2017").mkdir()
    Image.new("RGB", (128, 128)).save(folder / "train2017" / "a.png")
    try:
        cutout = cut_out(folder, instance(compressed(mask), 128, 128))
    except Unusable:
        return
    for longer in range(52, 90):
        size = [max(1, round(length * longer / max(cutout.shape[:2]))) for length in cutout.shape[:2]]
        assert resize_cutout(cutout, *size)[1].sum() >= 16


# Which photographs of a folder


def as_val2017(folder, copy=()):
    """Rename both parts to those of val2017; what is in `copy` stays too."""
    for part, other in (
        ("train2017", "val2017"),
        ("annotations/instances_train2017.json", "annotations/instances_val2017.json"),
    ):
        if part not in copy:
            (folder / part).rename(folder / other)
        elif (folder / part).is_dir():
            shutil.copytree(folder / part, folder / other)
        else:
            shutil.copy(folder / part, folder / other)


DOG = {"file": "a.png", "category": "dog"}


def test_val2017_is_read_where_train2017_is_not_there(coco_folder, picture):
    folder = coco_folder(
        {"a.png": picture(100, 100)}, [DOG, {"file": "a.png", "category": "dog", "image_id": 9}]
    )
    expected, before = cut_out(folder, read_instances(folder)["dog"][0]), Coco(folder).settings()
    as_val2017(folder)
    items = read_instances(folder)
    assert np.array_equal(cut_out(folder, items["dog"][0]), expected)
    assert items.left_out["dog"][0][0] == "annotations/instances_val2017.json"
    assert Coco(folder).settings() == before


def test_train2017_is_read_where_both_are_there(coco_folder, picture):
    folder = coco_folder({"a.png": picture(100, 100)}, [DOG])
    as_val2017(folder, copy=("train2017", "annotations/instances_train2017.json"))
    (folder / "val2017" / "a.png").unlink()
    (folder / "annotations/instances_val2017.json").write_text("{}")
    assert cut_out(folder, read_instances(folder)["dog"][0]).shape[2] == 4


def test_val2017_is_read_beside_annotations_of_train2017_without_photographs(coco_folder, picture):
    """As the unpacked archive of annotations lies beside val2017."""
    folder = coco_folder({"a.png": picture(100, 100)}, [DOG])
    as_val2017(folder, copy=("annotations/instances_train2017.json",))
    (folder / ANNOTATIONS).write_text("{}")
    assert cut_out(folder, read_instances(folder)["dog"][0]).shape[2] == 4


def test_half_of_val2017_says_what_is_missing(coco_folder):
    folder = coco_folder({}, [])
    as_val2017(folder)
    (folder / "val2017").rmdir()
    with pytest.raises(BamError, match="has annotations but no folder val2017 with the photographs"):
        read_instances(folder)
