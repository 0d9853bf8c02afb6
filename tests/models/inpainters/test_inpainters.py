"""Every inpainter passes the same battery."""

import json
import sys

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS
from bam.models.inpainters import INPAINTERS, make_inpainter, prompt_of

TARGETED = ("donor", "stable-diffusion")


def make(name, dataset, request, **settings):
    if name == "stable-diffusion":
        settings["checkpoint"] = str(request.getfixturevalue("checkpoint"))
    return make_inpainter(name, dataset=dataset, kind="object", view=dataset.view("object_scene"), **settings)


@pytest.fixture(params=INPAINTERS)
def inpainter(request, dataset):
    return make(request.param, dataset, request)


@pytest.fixture
def given(dataset):
    """Eight pictures of noise that are not square, holes, prompts, seeds, and ids of test images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 36, 52, 3), dtype=np.uint8)
    holes = np.zeros((8, 36, 52), bool)
    for number, hole in enumerate(holes):
        hole[4 + number : 25, 6 : 30 + number] = True
    prompts = [prompt_of(name) for name in OBJECTS[:8]]
    return images, holes, prompts, np.arange(8, dtype=np.uint64), dataset.view("object_scene").ids[:8]


def test_only_the_holes_are_painted(inpainter, given):
    images, holes = given[:2]
    filled = inpainter.fill(*given)
    assert filled.dtype == np.uint8
    assert filled.shape == images.shape
    assert np.array_equal(filled[~holes], images[~holes])
    for before, after, hole in zip(images, filled, holes, strict=True):
        assert (before[hole] != after[hole]).any(-1).mean() > 0.9


def test_batch_of_one_equals_batch_of_eight(inpainter, given):
    whole = inpainter.fill(*given)
    for i in (0, 5):
        assert np.array_equal(inpainter.fill(*(part[i : i + 1] for part in given))[0], whole[i])


def test_more_pictures_than_fit_a_batch(inpainter, given, monkeypatch):
    whole = inpainter.fill(*given)
    monkeypatch.setattr(inpainter, "batch_size", 3)
    assert np.array_equal(inpainter.fill(*given), whole)


def test_what_is_given_decides_and_is_not_changed(inpainter, given):
    before = [part.copy() for part in given]
    first, again = inpainter.fill(*given), inpainter.fill(*given)
    assert np.array_equal(first, again)
    assert not np.shares_memory(first, given[0])
    for old, new in zip(before, given, strict=True):
        assert np.array_equal(old, new)


def test_seeds_and_prompts_matter_to_the_targeted_ones_alone(inpainter, given):
    images, holes, prompts, seeds, _ = given
    assert inpainter.targeted == (inpainter.name in TARGETED)
    # Without ids, since the dataset has one test source per class, but many composites to draw from.
    first = inpainter.fill(images, holes, prompts, seeds)
    others = (
        inpainter.fill(images, holes, prompts, np.uint64(2**64 - 1) - seeds),  # seeds have 64 bits
        inpainter.fill(images, holes, prompts[::-1], seeds),
    )
    for other in others:
        changed = (first != other).any((1, 2, 3))
        assert changed.sum() >= 6 if inpainter.targeted else not changed.any()


def test_an_empty_hole_returns_the_picture(inpainter, given, monkeypatch):
    images, holes, *others = given
    holes[[1, 6]] = False
    filled = inpainter.fill(images, holes, *others)
    assert np.array_equal(filled[[1, 6]], images[[1, 6]])
    assert (filled[0] != images[0]).any()
    # Nor is anything painted for it.
    monkeypatch.setattr(inpainter, "_paint", None)
    assert np.array_equal(inpainter.fill(images, np.zeros_like(holes), *others), images)


def test_all_of_a_picture_can_be_painted(inpainter, given):
    images, _, *others = given
    holes = np.ones(images.shape[:3], bool)
    assert (inpainter.fill(images, holes, *others) != images).any(-1).mean() > 0.9
    black = np.zeros_like(images)  # as when classes are checked for what the inpainter can draw
    filled = inpainter.fill(black, holes, *others[:2])
    assert filled.any() == inpainter.targeted


def test_wrong_arguments_are_refused_in_one_line(inpainter, given):
    images, holes, prompts, seeds, ids = given
    wrong = {
        "images to inpaint must be uint8": [
            (images.astype(np.float32), holes, prompts, seeds, ids),
            (images[..., :1], holes, prompts, seeds, ids),
            (images[0], holes, prompts, seeds, ids),
            (images.tolist(), holes, prompts, seeds, ids),
            (images[:0], holes[:0], [], seeds[:0], []),
        ],
        r"holes must be bool \(8, 36, 52\)": [
            (images, holes.astype(np.uint8), prompts, seeds, ids),
            (images, holes[:, :-1], prompts, seeds, ids),
            (images, holes[..., None], prompts, seeds, ids),
            (images, holes[:7], prompts, seeds, ids),
        ],
        "prompts must be 8 texts": [
            (images, holes, prompts[:7], seeds, ids),
            (images, holes, "8letters", seeds, ids),
            (images, holes, None, seeds, ids),
            (images, holes, list(range(8)), seeds, ids),
        ],
        r"seeds must be uint64 \(8,\)": [
            (images, holes, prompts, seeds.astype(np.int64), ids),
            (images, holes, prompts, seeds[:7], ids),
            (images, holes, prompts, 0, ids),
        ],
        "ids must be 8 names": [
            (images, holes, prompts, seeds, ids[:7]),
            (images, holes, prompts, seeds, "8letters"),
        ],
    }
    for message, cases in wrong.items():
        for case in cases:
            with pytest.raises(BamError, match=message) as caught:
                inpainter.fill(*case)
            assert "\n" not in str(caught.value)


def test_keys_tell_inpainters_apart(dataset):
    made = [make_inpainter(name, dataset=dataset) for name in ("donor", "mean", "blur", "black")]
    views = [dataset.view(name) for name in ("object_scene", "scene_only")]
    made += [make_inpainter("donor", dataset=dataset, view=view) for view in views]
    keys = [json.dumps(inpainter.key, sort_keys=True) for inpainter in made]
    assert len(set(keys)) == len(keys)


def test_names_are_those_of_the_registry(inpainter, request):
    assert inpainter.name == request.node.callspec.params["inpainter"]
    assert json.loads(json.dumps(inpainter.key))["name"] == inpainter.name


@pytest.mark.parametrize("library", ["diffusers", "transformers", "torch"])
def test_a_missing_library_is_named_with_the_way_to_install_it(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(BamError, match=r'not installed .*: `pip install -e "\.\[stable-diffusion\]"`'):
        make_inpainter("stable-diffusion")


def test_classes_as_one_says_them():
    assert prompt_of("bamboo_forest") == "bamboo forest"
    assert prompt_of("dog") == "dog"


def test_unknown_names_and_settings_of_others_are_refused():
    with pytest.raises(BamError, match="did you mean 'stable-diffusion'"):
        make_inpainter("stable_diffusion")
    for settings in ({"checkpoint": "somewhere"}, {"paste_back": False}):
        with pytest.raises(BamError, match="are for stable-diffusion, not for mean"):
            make_inpainter("mean", **settings)
