"""Choosing the sources of one class: as many as wanted, the others met named with their reason."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bam.data_prep.sources.coco import read_instances
from bam.data_prep.sources.gather import Sources, gather_objects, gather_scenes
from bam.data_prep.sources.miniplaces import list_scenes


@pytest.fixture
def gather_dogs(sources, tmp_path):
    """Gathers dogs of `sources`, or of changed ones; returns the description and the cutouts."""

    def gather(wanted=8, seed=0, workers=2, **changes):
        changed = replace(sources, **changes)
        how = {"wanted": wanted, "seed": seed, "workers": workers}
        part = gather_objects(changed, lambda: read_instances(changed.coco), "dog", tmp_path, **how)
        return part, np.load(tmp_path / "cutouts" / "dog.npy")

    return gather


@pytest.fixture
def own_sources(coco_folder, tmp_path):
    """Sources of the pictures and annotations given."""
    return lambda *content: Sources("coco/miniplaces", coco_folder(*content), tmp_path)


def test_cutouts_stand_in_the_upper_left_corner(gather_dogs, sources):
    part, cutouts = gather_dogs()
    assert cutouts.shape == (8, 128, 128, 4)
    assert len(part["sources"]) == 8
    known = {found.file: found.annotation for found in read_instances(sources.coco)["dog"]}
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
    areas = {found.file: found.area for found in read_instances(sources.coco)["dog"]}
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


def test_unusable_objects_are_named_with_their_reason(own_sources, tmp_path, picture):
    pictures = {f"{name}.png": picture(100, 100, seed) for seed, name in enumerate("abcdefg")}
    pictures["missing.png"] = None
    annotations = [{"file": file, "category": "dog"} for file in pictures]
    annotations[1]["segmentation"] = {"size": [100, 100], "counts": [5, 5]}
    annotations[2]["segmentation"] = {"size": [100, 100], "counts": [10_000]}
    annotations[3]["area"] = 1000
    sources = own_sources(pictures, annotations)
    whole = (sources.coco / "train2017" / "e.png").read_bytes()
    (sources.coco / "train2017" / "e.png").write_bytes(whole[:-200])
    Image.fromarray(picture(90, 100)).save(sources.coco / "train2017" / "f.png")
    how = {"wanted": 9, "seed": 0, "workers": 2}
    part = gather_objects(sources, lambda: read_instances(sources.coco), "dog", tmp_path, **how)
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


def test_the_same_picture_under_two_names_is_used_once(own_sources, tmp_path, picture):
    pictures = {"a.png": picture(100, 100), "b.png": picture(100, 100), "c.png": picture(100, 100, 1)}
    sources = own_sources(pictures, [{"file": file, "category": "dog"} for file in pictures])
    how = {"wanted": 3, "seed": 0, "workers": 1}
    part = gather_objects(sources, lambda: read_instances(sources.coco), "dog", tmp_path, **how)
    assert len(part["sources"]) == 2
    assert [entry["reason"] for entry in part["excluded"]] == ["duplicate of another picture"]


def test_scenes(sources, tmp_path):
    files = list_scenes(sources.miniplaces)["track"]
    named = frozenset(files[:2])
    part = gather_scenes(sources, files, named, "track", tmp_path, wanted=12, seed=0, workers=2)
    scenes = np.load(tmp_path / "scenes" / "track.npy")
    assert scenes.shape == (10, 128, 128, 3)
    assert {source["file"] for source in part["sources"]} == set(files[2:])
    assert {(e["file"], e["reason"]) for e in part["excluded"]} == {
        (file, "named in --exclude_scenes") for file in named
    }
    for source, scene in zip(part["sources"], scenes, strict=True):
        picture = Image.open(sources.miniplaces / "images" / "train" / source["file"])
        np.testing.assert_array_equal(scene, np.asarray(picture))
