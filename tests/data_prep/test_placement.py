"""Who is pasted where: size law, pairing, split by source, the two variants, the table."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bam.base.errors import BamError
from bam.base.seeds import generator
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.placement import (
    assign_splits,
    place,
    place_test_pair,
    read_placements,
    relocated,
    rescaled,
    scaled,
    write_placements,
)

sides = st.integers(1, 128)
seeds = st.integers(0, 2**31)


def all_placements(size, seed=0, members=20, images_per_pair=20):
    """Placements of `members` sources per class, two of them for validation and two for test."""
    splits = dict.fromkeys((*OBJECTS, *SCENES), ["test", "validation"] * 2 + ["train"] * (members - 4))
    return place({name: np.array([size] * members) for name in OBJECTS}, splits, images_per_pair, seed)


def inside(placement):
    return (
        0 <= placement.top <= 128 - placement.height
        and 0 <= placement.left <= 128 - placement.width
        and placement.height >= 1
        and placement.width >= 1
    )


@settings(max_examples=15, deadline=None)
@given(sides, sides, seeds)
def test_size_law(height, width, seed):
    for placement in all_placements((height, width), seed, images_per_pair=10):
        longer, shorter = max(placement.height, placement.width), min(placement.height, placement.width)
        assert 73 <= longer <= 89
        assert inside(placement)
        assert abs(shorter - longer * min(height, width) / max(height, width)) <= 0.5 or shorter == 1
        assert (height >= width) == (placement.height >= placement.width) or shorter == longer


def test_every_size_and_much_of_the_scene_is_used():
    placements = all_placements((100, 50))
    assert {placement.height for placement in placements} == set(range(73, 90))
    assert {0, 39} <= {placement.top for placement in placements}
    assert {0, 85} <= {placement.left for placement in placements}


def test_scaled_keeps_the_longer_side_exactly():
    for longer, side in itertools.product(range(1, 129), range(1, 129)):
        assert max(scaled((side, max(1, side // 3)), longer)) == longer


@settings(max_examples=10, deadline=None)
@given(sides, sides, seeds)
def test_rescaled_is_smaller_around_the_same_centre(height, width, seed):
    for placement in all_placements((height, width), seed, images_per_pair=10)[::7]:
        smaller = rescaled(placement, np.array([height, width]), seed)
        assert 52 <= max(smaller.height, smaller.width) <= 72
        assert inside(smaller)
        for start, length in (("top", "height"), ("left", "width")):
            centre = getattr(placement, start) + getattr(placement, length) / 2
            assert abs(getattr(smaller, start) + getattr(smaller, length) / 2 - centre) <= 0.5
        unchanged = {"top": 0, "left": 0, "height": 0, "width": 0}
        assert {**vars(placement), **unchanged} == {**vars(smaller), **unchanged}


@settings(max_examples=10, deadline=None)
@given(sides, sides, seeds)
def test_relocated_is_elsewhere(height, width, seed):
    for placement in all_placements((height, width), seed, images_per_pair=10)[::7]:
        moved = relocated(placement, seed)
        assert max(abs(moved.top - placement.top), abs(moved.left - placement.left)) >= 16
        assert inside(moved)
        assert {**vars(placement), "top": 0, "left": 0} == {**vars(moved), "top": 0, "left": 0}


def test_placements_are_those_of_the_seed():
    assert all_placements((90, 60), seed=5) == all_placements((90, 60), seed=5)
    assert all_placements((90, 60), seed=5) != all_placements((90, 60), seed=6)
    some = all_placements((90, 60))[3]
    assert relocated(some, 1) == relocated(some, 1) != relocated(some, 2)


def test_one_image_does_not_depend_on_the_others():
    """A class with other sizes and another number of sources leaves the other classes as they are."""
    splits = dict.fromkeys((*OBJECTS, *SCENES), ["test", "validation"] + ["train"] * 8)
    sizes = {name: np.array([(90, 60)] * 10) for name in OBJECTS}
    before = place(sizes, splits, 10, seed=0)
    sizes["bird"] = np.array([(40, 100)] * 30)
    after = place(sizes, {**splits, "bird": splits["dog"] * 3}, 10, seed=0)
    others = [(a, b) for a, b in zip(before, after, strict=True) if a.object != "bird"]
    assert len(others) == 900
    assert all(a == b for a, b in others)
    # The position is drawn from the image's own seed: in reverse order the same variants come out.
    forwards = [relocated(placement, 0) for placement in before[:50]]
    assert forwards == [relocated(placement, 0) for placement in before[:50][::-1]][::-1]


def test_pairing_is_complete_and_balanced():
    placements = all_placements((90, 60), members=14, images_per_pair=30)
    assert len({placement.image_id for placement in placements}) == len(placements) == 3000
    assert "dog-bamboo_forest-0017" in {placement.image_id for placement in placements}
    for kind, scene in itertools.product(OBJECTS, SCENES):
        pair = [p for p in placements if (p.object, p.scene) == (kind, scene)]
        assert Counter(p.split for p in pair) == {"train": 24, "validation": 3, "test": 3}
        for attribute in ("cutout", "scene_index"):
            for split, members in (("train", 10), ("validation", 2), ("test", 2)):
                used = Counter(getattr(p, attribute) for p in pair if p.split == split)
                assert len(used) == members
                assert max(used.values()) - min(used.values()) <= 1
    # Cutout and scene are paired anew in each pair of classes, not always the same with the same.
    couples = {(p.cutout, p.scene_index) for p in placements if p.object == "dog" and p.split == "train"}
    assert len(couples) > 60


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 120), st.integers(1, 120), seeds)
def test_the_test_pair_uses_all_sources_alike_and_no_couple_twice_too_soon(dogs, forests, seed):
    splits = {
        "dog": ["train", "validation"] + ["test"] * dogs,
        "bamboo_forest": ["test"] * forests + ["train"],
    }
    sizes = {"dog": np.array([(90, 60)] * (dogs + 2))}
    placements = place_test_pair("dog", "bamboo_forest", sizes, splits, seed)
    assert [p.image_id for p in placements] == [f"dog-bamboo_forest-test-{i:04d}" for i in range(100)]
    for attribute, members in (("cutout", range(2, dogs + 2)), ("scene_index", range(forests))):
        used = Counter(getattr(p, attribute) for p in placements)
        counts = [used[member] for member in members]
        assert sum(counts) == 100
        assert max(counts) - min(counts) <= 1
    couples = Counter((p.cutout, p.scene_index) for p in placements)
    assert len(couples) == min(100, dogs * forests)
    assert all(inside(p) and 73 <= p.height <= 89 for p in placements)


@settings(max_examples=50, deadline=None)
@given(st.integers(10, 200), seeds)
def test_a_tenth_of_a_class_is_for_test_and_a_tenth_for_validation(number, seed):
    files = {"dog": [f"{index}.jpg" for index in range(number)]}
    counts = Counter(assign_splits(files, seed)["dog"])
    assert counts["test"] == counts["validation"]
    assert abs(counts["test"] - number / 10) <= 0.5
    assert sum(counts.values()) == number


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 120), min_size=40), min_size=2, max_size=4), seeds)
def test_a_photograph_of_two_categories_stays_in_one_split(classes, seed):
    files = {str(name): [f"{index}.jpg" for index in sorted(members)] for name, members in enumerate(classes)}
    try:
        splits = assign_splits(files, seed)
    except BamError:  # nearly all photographs of a class may be shared with another one
        return
    found = {}
    for name, members in files.items():
        assert set(splits[name]) == {"train", "validation", "test"}
        for file, split in zip(members, splits[name], strict=True):
            assert found.setdefault(file, split) == split


def test_some_shared_photographs_leave_the_shares_as_they_are():
    files = {"dog": [f"{i}.jpg" for i in range(100)], "truck": [f"{i}.jpg" for i in range(80, 180)]}
    for seed in range(20):
        for split in assign_splits(files, seed).values():
            counts = Counter(split)
            assert counts == {"train": 80, "validation": 10, "test": 10}


def test_split_is_that_of_the_seed():
    files = {"dog": [f"{index}.jpg" for index in range(50)]}
    assert assign_splits(files, 1) == assign_splits(files, 1)
    assert assign_splits(files, 1) != assign_splits(files, 2)


def test_too_few_sources_to_split():
    with pytest.raises(BamError, match="dog: 2 sources are too few to divide into train, validation, test"):
        assign_splits({"dog": ["a.jpg", "b.jpg"]}, 0)


def test_generator_depends_on_seed_and_names_alone():
    first = generator(1, "a", "b").random(4)
    np.testing.assert_array_equal(first, generator(1, "a", "b").random(4))
    for other in (generator(2, "a", "b"), generator(1, "a", "c"), generator(1, "b", "a"), generator(1)):
        assert (other.random(4) != first).all()


def test_table_round_trip(tmp_path):
    placements = all_placements((90, 60), images_per_pair=10)
    write_placements(tmp_path / "placements.csv", placements)
    assert read_placements(tmp_path / "placements.csv") == placements
    lines = (tmp_path / "placements.csv").read_bytes().split(b"\n")
    assert lines[0] == b"image_id,object,scene,cutout,scene_index,top,left,height,width,split"
    assert lines[1].startswith(b"backpack-bamboo_forest-0000,backpack,bamboo_forest,")
