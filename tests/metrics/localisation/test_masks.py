"""Masks that users have, as files: which are read, and what is said of the others."""

import json
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.metrics.localisation.images import MaskedPictures
from bam.metrics.localisation.masks import find_masks

SIZE = (12, 16)


@pytest.fixture
def photos(tmp_path):
    """Five photographs of 24 x 32 pixels, one of them in a folder below."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "b.png", "below/c.jpg", "d.png", "e.png"):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)).save(folder / name)
    return folder


def outline(top, left, bottom, right):
    mask = np.zeros((24, 32), bool)
    mask[top:bottom, left:right] = True
    return mask


MASK = outline(4, 8, 20, 24)


def save(folder, name, image):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def opened(photos, masks, limit=None):
    return MaskedPictures(photos, find_masks(masks), SIZE, 0, limit)


def test_png_masks_of_any_kind_are_read(photos, tmp_path):
    masks = tmp_path / "masks"
    grey = Image.fromarray(np.where(MASK, 255, 0).astype(np.uint8))
    palette = Image.fromarray(np.where(MASK, 3, 0).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 9, 9, 9, 8, 8, 8, 0, 0, 0])  # the colour of the object is black too
    save(masks, "a.png", grey)
    save(masks, "b.png", grey.convert("1"))
    save(masks, "below/c.png", Image.merge("RGB", [grey.point(lambda value: value // 255)] * 3))
    save(masks, "d.png", palette)
    save(masks, "e.png", Image.fromarray(np.where(MASK, 700, 0).astype(np.uint16)))
    pictures = opened(photos, masks)
    batch = pictures[: len(pictures)]
    assert (len(batch.ids), pictures.left_out) == (5, {})
    assert batch.present.all()
    for mask in batch.masks:
        np.testing.assert_array_equal(mask, MASK[::2, ::2])
    assert batch.labels(None) is None


def test_images_without_a_mask_are_counted_and_named(photos, tmp_path):
    masks = tmp_path / "masks"
    white = Image.new("L", (32, 24), 255)
    save(masks, "a.png", Image.fromarray(MASK))
    save(masks, "b.png", Image.new("L", (32, 24)))
    save(masks, "below/c.png", white)
    save(masks, "d.png", white.resize((31, 24)))
    pictures = opened(photos, masks)
    assert pictures.ids == ["a.jpg"]
    assert pictures.left_out == {
        "b.png": "its mask is empty at the input size",
        "below/c.jpg": "its mask is the whole image",
        "d.png": "size differs from its annotation: 32 x 24, not 31 x 24",
        "e.png": "no mask: there is no e.png",
    }
    save(masks, "a.png", Image.new("RGBA", (32, 24)))
    with pytest.raises(BamError, match="no image that can be used"):
        opened(photos, masks)
    (masks / "a.png").write_bytes(b"no picture")
    with pytest.raises(BamError, match="no image that can be used"):
        opened(photos, masks)


def test_masks_turn_with_the_photograph(tmp_path):
    """Cameras store pictures lying down; a mask may be of either grid."""
    (tmp_path / "photos").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    rng = np.random.default_rng(0)
    lying = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)
    for name in ("lying", "upright"):
        Image.fromarray(lying).save(tmp_path / "photos" / f"{name}.png", exif=exif)
        lying = 255 - lying  # not the same picture twice
    standing = np.rot90(MASK, -1)
    save(tmp_path / "masks", "lying.png", Image.fromarray(MASK))
    save(tmp_path / "masks", "upright.png", Image.fromarray(standing.copy()))
    pictures = MaskedPictures(tmp_path / "photos", find_masks(tmp_path / "masks"), (16, 16), 0)
    assert pictures.left_out == {}
    batch = pictures[:2]
    for name, grid in (("lying", MASK), ("upright", standing)):
        mask = batch.masks[batch.ids.index(f"{name}.png")]
        rows, columns = np.nonzero(mask)
        assert np.ptp(rows) == np.ptp(columns)
        # Of the square in the middle of either grid.
        assert mask.mean() == pytest.approx(grid.sum() / 24**2, abs=0.06)


def annotations(photos, tmp_path, *entries, sizes=MappingProxyType({})):
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.*"))
    images = [
        {"id": number, "file_name": name, "width": 32, "height": 24, **sizes.get(name, {})}
        for number, name in enumerate(names)
    ]
    content = {"images": images, "annotations": list(entries), "categories": [{"id": 1, "name": "thing"}]}
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content))
    return path


def of(image, **shape):
    return {"id": 10 + image, "image_id": image, "category_id": 1, **shape}


POLYGON = {"segmentation": [[8, 4, 24, 4, 24, 20, 8, 20]]}


def test_annotations_of_coco_are_united(photos, tmp_path):
    runs = MASK.ravel(order="F")
    borders = np.flatnonzero(np.diff(runs.astype(int))) + 1
    counts = np.diff([0, *borders, runs.size]).tolist()
    path = annotations(
        photos,
        tmp_path,
        of(0, **POLYGON),
        of(1, segmentation={"size": [24, 32], "counts": counts}),
        of(2, segmentation=[], bbox=[8, 4, 16, 16]),
        of(3, bbox=[8, 4, 16, 8]),
        of(3, bbox=[7.6, 12, 16, 8.4]),
    )
    pictures = opened(photos, path)
    assert pictures.left_out == {"e.png": "no mask: nothing is annotated in it"}
    batch = pictures[:4]
    assert sorted(batch.ids) == ["a.jpg", "b.png", "below/c.jpg", "d.png"]
    for mask in batch.masks:
        np.testing.assert_array_equal(mask, MASK[::2, ::2])


def test_annotations_that_cannot_be_used_are_named(photos, tmp_path):
    path = annotations(
        photos,
        tmp_path,
        of(0, **POLYGON),
        of(1),
        of(2, **POLYGON),
        of(3, bbox=[1, 2]),
        of(4, bbox=[40, 40, 5, 5]),
        sizes={"below/c.jpg": {"width": 99}},
    )
    neither = "mask cannot be read: an annotation has neither outline nor box"
    assert opened(photos, path).left_out == {
        "b.png": neither,
        "below/c.jpg": "size differs from its annotation: 32 x 24, not 99 x 24",
        "d.png": neither,
        "e.png": "its mask is empty at the input size",
    }


def test_what_is_no_place_of_masks_is_one_line(photos, tmp_path):
    with pytest.raises(BamError, match="names neither a folder of PNG files nor a JSON file"):
        find_masks(tmp_path / "nowhere")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(BamError, match="is not a COCO instance annotation file"):
        find_masks(tmp_path / "other.json")


def test_another_mask_makes_other_images(photos, tmp_path):
    """Or rows of the old one would be used."""
    for name in ("a.png", "b.png"):
        save(tmp_path / "masks", name, Image.fromarray(MASK))
    prints = [opened(photos, tmp_path / "masks", limit).fingerprint for limit in (None, 1)]
    assert prints[0] == prints[1]
    save(tmp_path / "masks", "b.png", Image.fromarray(~MASK))
    assert opened(photos, tmp_path / "masks").fingerprint != prints[0]


def test_a_mask_is_cut_and_resized_as_its_image_is(tmp_path):
    """A bright object on black, so that the picture shows where the mask is to be."""
    wide = np.zeros((40, 90), bool)
    wide[10:31, 33:60] = True
    shown = np.where(wide, 255, 0).astype(np.uint8)
    save(tmp_path / "photos", "a.png", Image.merge("RGB", [Image.fromarray(shown)] * 3))
    save(tmp_path / "masks", "a.png", Image.fromarray(shown))
    pictures = opened(tmp_path / "photos", tmp_path / "masks")
    batch = pictures[:1]
    np.testing.assert_array_equal(batch.masks[0], batch.images[0, ..., 0] >= 128)
    without = pictures.without_objects(batch)
    np.testing.assert_array_equal(without[~batch.masks], batch.images[~batch.masks])
    assert without[batch.masks].mean() < 250
