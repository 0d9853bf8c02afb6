"""Choosing the sources of one class: as many as wanted, the others met named with their reason."""

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.data_prep.sources.coco import Coco
from bam.data_prep.sources.gather import gather
from bam.data_prep.sources.miniplaces import MiniPlaces


@pytest.fixture
def gather_dogs(sources, tmp_path):
    """Gathers dogs of `sources`, or with other settings; returns the description and the cutouts."""

    def gather_dogs(wanted=8, seed=0, workers=2, **settings):
        coco = Coco(sources.objects.folder, **settings)
        part = gather(coco, coco.items, "dog", tmp_path, wanted=wanted, seed=seed, workers=workers)
        return part, np.load(tmp_path / "cutouts" / "dog.npy")

    return gather_dogs


def test_cutouts_stand_in_the_upper_left_corner(gather_dogs, sources):
    part, cutouts = gather_dogs()
    assert cutouts.shape == (8, 128, 128, 4)
    assert len(part["sources"]) == 8
    known = {found.file: found.annotation for found in sources.objects.items()["dog"]}
    for source, cutout in zip(part["sources"], cutouts, strict=True):
        assert known[source["file"]] == source["annotation"]
        height, width = source["height"], source["width"]
        assert cutout[:height, :width, 3].any(0).all()
        assert cutout[:height, :width, 3].any(1).all()
        assert not cutout[height:].any()
        assert not cutout[:, width:].any()


def test_choice_is_that_of_the_seed_whatever_the_workers(gather_dogs):
    part, cutouts = gather_dogs(workers=1)
    for workers in (2, 5):
        same, same_cutouts = gather_dogs(workers=workers)
        assert same == part
        np.testing.assert_array_equal(same_cutouts, cutouts)
    other, _ = gather_dogs(seed=1)
    assert [s["file"] for s in other["sources"]] != [s["file"] for s in part["sources"]]


def test_digest_is_of_the_pixels(gather_dogs):
    assert gather_dogs()[0]["digest"] == gather_dogs()[0]["digest"]
    assert gather_dogs()[0]["digest"] != gather_dogs(wanted=7)[0]["digest"]


def test_no_more_are_looked_at_than_needed(gather_dogs):
    part, _ = gather_dogs(wanted=3)
    assert len(part["sources"]) == 3
    assert part["excluded"] == []


def test_minimum_area(gather_dogs, sources):
    areas = {found.file: found.area for found in sources.objects.items()["dog"]}
    limit = sorted(areas.values())[6]
    part, _ = gather_dogs(wanted=12, minimum_area=limit)
    assert {s["file"] for s in part["sources"]} == {file for file, area in areas.items() if area >= limit}
    assert {(e["file"], e["reason"]) for e in part["excluded"]} == {
        (file, f"object too small: {area} px") for file, area in areas.items() if area < limit
    }


def test_nothing_usable(gather_dogs):
    part, cutouts = gather_dogs(minimum_area=1e9)
    assert part["sources"] == []
    assert len(part["excluded"]) == 12
    assert cutouts.shape == (0, 128, 128, 4)


def test_unusable_objects_are_named_with_their_reason(coco_folder, tmp_path, picture):
    pictures = {f"{name}.png": picture(100, 100, seed) for seed, name in enumerate("abcdefg")}
    pictures["missing.png"] = None
    annotations = [{"file": file, "category": "dog"} for file in pictures]
    annotations[1]["segmentation"] = {"size": [100, 100], "counts": [5, 5]}
    annotations[2]["segmentation"] = {"size": [100, 100], "counts": [10_000]}
    annotations[3]["area"] = 1000
    coco = Coco(coco_folder(pictures, annotations))
    whole = (coco.folder / "train2017" / "e.png").read_bytes()
    (coco.folder / "train2017" / "e.png").write_bytes(whole[:-200])
    Image.fromarray(picture(90, 100)).save(coco.folder / "train2017" / "f.png")
    part = gather(coco, coco.items, "dog", tmp_path, wanted=9, seed=0, workers=2)
    assert sorted(source["file"] for source in part["sources"]) == ["a.png", "g.png"]
    reasons = {entry["file"]: entry["reason"].split(":")[0] for entry in part["excluded"]}
    assert reasons == {
        "b.png": "mask stops short of its grid",
        "c.png": "mask is empty",
        "d.png": "object too small",
        "e.png": "cannot be read",
        "f.png": "size differs from its annotation",
        "missing.png": "file is missing",
    }


def test_the_same_picture_under_two_names_is_used_once(coco_folder, tmp_path, picture):
    pictures = {"a.png": picture(100, 100), "b.png": picture(100, 100), "c.png": picture(100, 100, 1)}
    coco = Coco(coco_folder(pictures, [{"file": file, "category": "dog"} for file in pictures]))
    part = gather(coco, coco.items, "dog", tmp_path, wanted=3, seed=0, workers=1)
    assert len(part["sources"]) == 2
    assert [entry["reason"] for entry in part["excluded"]] == ["duplicate of another picture"]


def test_scenes(sources, tmp_path):
    files = [scene.file for scene in sources.scenes.items()["track"]]
    exclusions = tmp_path / "exclude.txt"
    exclusions.write_text("\n".join(files[:2]))
    miniplaces = MiniPlaces(sources.scenes.folder, exclusions)
    part = gather(miniplaces, miniplaces.items, "track", tmp_path, wanted=12, seed=0, workers=2)
    scenes = np.load(tmp_path / "scenes" / "track.npy")
    assert scenes.shape == (10, 128, 128, 3)
    assert {source["file"] for source in part["sources"]} == set(files[2:])
    assert {(e["file"], e["reason"]) for e in part["excluded"]} == {
        (file, "named in `exclude_scenes`") for file in files[:2]
    }
    for source, scene in zip(part["sources"], scenes, strict=True):
        picture = Image.open(miniplaces.folder / "images" / "train" / source["file"])
        np.testing.assert_array_equal(scene, np.asarray(picture))


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 4)), np.zeros((9, 9), np.uint8)]
)
def test_a_source_that_reads_something_else_is_named(sources, tmp_path, monkeypatch, pixels):
    for source, name in ((sources.objects, "dog"), (sources.scenes, "track")):
        monkeypatch.setattr(type(source), "read", lambda *_: pixels)
        with pytest.raises(
            BamError, match=rf"^the source {source.name} reads .*{source.kind}s must be uint8"
        ):
            gather(source, source.items, name, tmp_path, wanted=1, seed=0, workers=1)
