"""Answers in place of networks, of a folder of three images that is written here."""

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.base.files import write_json
from bam.data_prep.written import FORMAT, MARKER, Asked, WrittenImages, write_manifest
from bam.models.predictions import Predicted, Predictions

IDS = ("dog-bedroom-0001", "bird-track-0002", "stop_sign-bedroom-0003")
HEADER = "view,image_id,object,scene,object_lowered"
LINES = (
    f"object_scene,{IDS[0]},dog,track,1.5",
    f"object_scene,{IDS[1]},bird,track,-2",
    f"object_scene,{IDS[2]},zebra,bedroom,0",
    f"scene_only,{IDS[0]},,bedroom,",
)


@pytest.fixture
def images(tmp_path):
    """A folder as `bam images` writes it, maps 6 x 4; the first image without its object too."""
    folder, lines = tmp_path / "for_maps", []
    for number, (view, image) in enumerate(
        [*(("object_scene", each) for each in IDS), ("scene_only", IDS[0])]
    ):
        paths = [f"{kind}/{view}/{image}.png" for kind in ("images", "masks")]
        pixels = np.random.default_rng(number).integers(0, 256, (12, 8, 3), dtype=np.uint8)
        mask = np.zeros((6, 4), np.uint8)
        mask[: number + 1] = 255
        for path, picture in zip(paths, (pixels, mask), strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / path)
        kind, scene, _ = image.split("-")
        present = int(view == "object_scene")
        lines.append(Asked(view, image, "test", kind, scene, number, 7, present, "object scene", *paths, ""))
    write_manifest(folder, lines)
    marker = {"format": FORMAT, "size": [6, 4], "seed": 3, "networks": {"object": "abc"}}
    write_json(folder / MARKER, marker | {"settings": {"source": "drawn"}})
    return WrittenImages(folder)


@pytest.fixture
def read(images, tmp_path):
    def make(*lines, header=HEADER):
        path = tmp_path / "predictions.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return Predictions.read(path, images)

    return make


def test_images_are_read_as_they_were_written(images):
    view = images.view("object_scene")
    batch = view[:]
    assert batch.ids == view.ids == list(IDS)
    assert batch.images.shape == (3, 12, 8, 3)
    np.testing.assert_array_equal(
        batch.images[1], np.random.default_rng(1).integers(0, 256, (12, 8, 3), dtype=np.uint8)
    )
    assert batch.masks.sum((1, 2)).tolist() == [4, 8, 12]
    assert batch.present.all()
    assert batch.object_labels.tolist() == [2, 1, 6]
    assert batch.scene_labels.tolist() == [1, 9, 1]
    assert view.sources.tolist()[1] == ["bird-1", "track-7"]
    assert view.subset(view.order(3)).ids == list(IDS)
    assert view.first(2).ids == list(IDS[:2])
    assert view.first(None)[1:2].ids == [IDS[1]]
    without = images.view("scene_only")
    assert not without[:].present.any()
    with pytest.raises(
        BamError, match=r"no images of the set rescaled \(test\), only of object_scene, scene_only"
    ):
        images.view("rescaled")
    with pytest.raises(BamError, match="no images of the set object_scene-without_object"):
        view.without_object()
    with pytest.raises(BamError, match="chosen with the seed 3, not 0: give `seed` 3"):
        view.order(0)


def test_the_fingerprint_holds_manifest_images_and_masks(images):
    folder, found = images.folder, [images.fingerprint]
    for path in (f"images/object_scene/{IDS[0]}.png", f"masks/scene_only/{IDS[0]}.png"):
        with Image.open(folder / path) as picture:
            changed = 255 - np.asarray(picture)
        Image.fromarray(changed).save(folder / path)
        found.append(WrittenImages(folder).fingerprint)
    write_manifest(folder, images.asked[::-1])
    found.append(WrittenImages(folder).fingerprint)
    assert len(set(found)) == 4
    assert WrittenImages(folder).fingerprint == found[-1]


def test_a_damaged_folder_is_one_line(images, tmp_path):
    with pytest.raises(BamError, match=r"nowhere holds no images that maps are asked for: `data` must name"):
        WrittenImages(tmp_path / "nowhere")
    mask = images.folder / f"masks/object_scene/{IDS[1]}.png"
    Image.new("L", (6, 6)).save(mask)
    with pytest.raises(BamError, match=r"bird-track-0002\.png is \(6, 6\), and maps are \(6, 4\)"):
        images.view("object_scene")[:]
    mask.write_bytes(b"")
    with pytest.raises(
        BamError, match=r"cannot be used \(masks/object_scene/bird-track-0002\.png: cannot identify"
    ):
        images.view("object_scene")[:]
    mask.unlink()
    with pytest.raises(BamError, match=r"1 of 8 files lack, such as masks/object_scene/bird-track-0002\.png"):
        WrittenImages(images.folder)
    (images.folder / "manifest.csv").write_text("view\nobject_scene\n")
    with pytest.raises(BamError, match=r"manifest\.csv has other columns"):
        WrittenImages(images.folder)


def test_the_answers_of_a_network(read):
    predictions = read(*LINES)
    network = predictions["object"]
    assert network.predicted("object_scene", IDS).tolist() == [2, 1, 9]
    assert network.predicted("object_scene", IDS[::-1]).tolist() == [9, 1, 2]
    assert network.lowered("object_scene", IDS).tolist() == [1.5, -2, 0]
    assert network.lowered("scene_only", IDS[:1]).tolist() == [np.inf]
    assert (network.labels, network.input_size, network.seed_digest) == ("object", (6, 4), "abc")
    scene = predictions["scene"]
    assert scene.predicted("scene_only", IDS[:1]).tolist() == [1]
    assert scene.lowered("object_scene", IDS).tolist() == [np.inf] * 3
    assert scene.seed_digest not in ("abc", None)
    assert (predictions.has("object"), predictions.has("other")) == (True, False)


def test_a_byte_order_mark_and_spaces_do_no_harm(read):
    network = read(*(line.replace(",", " , ") for line in LINES), header="\ufeff" + HEADER)["object"]
    assert network.predicted("object_scene", IDS).tolist() == [2, 1, 9]


def test_the_digest_is_of_the_answers_of_one_network(read):
    before, again = read(*LINES), read(*LINES[::-1])
    assert before["object"].digest == again["object"].digest != before["scene"].digest
    other = read(LINES[0].replace(",track", ",bedroom"), *LINES[1:])
    assert other["object"].digest == before["object"].digest
    assert other["scene"].digest != before["scene"].digest
    lowered = read(LINES[0].replace("1.5", "1.6"), *LINES[1:])
    assert lowered["object"].digest != before["object"].digest


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            (*LINES, LINES[1], LINES[1]),
            r"images a second time, such as 'bird-track-0002' of 'object_scene', in 2 of 6 lines, .*line 6",
        ),
        (
            (*LINES, "object_scene,dog-bedroom-0010,dog,,1"),
            "images that are not asked for, such as 'dog-bedroom-0010' of 'object_scene', in 1 of 5 lines, "
            "the first is line 6: did you mean 'dog-bedroom-0001'",
        ),
        ((*LINES, f"object_scenes,{IDS[0]},dog,,1"), "of 'object_scenes', .*did you mean 'object_scene'"),
        (
            (LINES[0].replace(",dog,", ",dgo,"), *LINES[1:]),
            "an unknown class in the column object, such as 'dgo', in 1 of 4 lines, .*: did you mean 'dog'",
        ),
        (
            (*LINES[:2], LINES[2].replace("bedroom,0", "1,0"), LINES[3].replace("bedroom,", "3,")),
            "a class index in the column scene, such as 1, in 2 of 4 lines, .*line 4: write the class's name",
        ),
        (
            (LINES[0].replace("1.5", "nan"), *LINES[1:]),
            "no finite number in the column object_lowered, such as 'nan', in 1 of 4 lines",
        ),
        ((LINES[0], f"object_scene,{IDS[1]}"), "more or fewer cells than columns in 1 of 2 lines"),
        ((LINES[0], LINES[1] + ",more"), "more or fewer cells than columns in 1 of 2 lines"),
    ],
)
def test_bad_lines_are_counted_and_named(read, lines, words):
    with pytest.raises(BamError, match=words) as caught:
        read(*lines)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            "image_id,object",
            r"has the columns image_id, object: it needs view, image_id, then object and scene",
        ),
        ("view,image_id", "has the columns view, image_id: it needs"),
        ("view,image_id,object,object", "has the columns view, image_id, object, object: it needs"),
        ("view,image_id,object,scenes", "has an unknown column 'scenes': did you mean 'scene'"),
        ("", "has the columns none"),
    ],
)
def test_bad_columns_are_one_line(read, header, words):
    with pytest.raises(BamError, match=words):
        read(header=header)


def test_a_file_that_cannot_be_read_is_one_line(images, tmp_path):
    with pytest.raises(BamError, match=r"`predictions`: there is no file .*nothing\.csv"):
        Predictions.read(tmp_path / "nothing.csv", images)
    (tmp_path / "latin.csv").write_bytes("view,image_id,object\nä,b,c\n".encode("latin-1"))
    with pytest.raises(BamError, match=r"latin\.csv cannot be read as CSV in UTF-8"):
        Predictions.read(tmp_path / "latin.csv", images)


def test_what_is_lacking_is_counted_and_named(read):
    predictions = read(LINES[0], LINES[1].replace("-2", ""), header=HEADER)
    with pytest.raises(
        BamError, match="lacks what object predicts of 1 of 3 images of object_scene, such as stop"
    ):
        predictions["object"].predicted("object_scene", IDS)
    with pytest.raises(BamError, match="lacks object_lowered of 1 of 2 images of object_scene, such as bird"):
        predictions["object"].check("object_scene", IDS[:2])
    with pytest.raises(BamError, match="has no column scene"):
        read("object_scene,dog-bedroom-0001,dog", header="view,image_id,object")["scene"]


@pytest.mark.parametrize("size", [(6, 4), (12, 8), (5, 9), (24, 16)])
def test_pictures_and_masks_are_resized_as_for_networks(size):
    from bam.models.network.resizing import resize

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 12, 8, 3), dtype=np.uint8)
    masks = rng.random((3, 12, 8)) < 0.5
    network = Predicted("object", size, {}, {}, "nowhere")
    prepared = network.prepare(images)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, resize(images, size).numpy(), atol=1e-3)
    assert network.prepare(prepared) is prepared
    expected = resize(masks[..., None].astype(np.float32), size).numpy()[..., 0] >= 0.5
    np.testing.assert_array_equal(network.prepare_masks(masks), expected)
