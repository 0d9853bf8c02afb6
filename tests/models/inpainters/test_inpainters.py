"""Every inpainter passes the same battery."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bam.base.citations import PUBLICATIONS
from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS
from bam.models.inpainters import INPAINTERS, Inpainter, make_inpainter, prompt_of
from bam.models.inpainters import inpainter as register


@pytest.fixture(params=INPAINTERS)
def make(request, dataset):
    """Makes each registered inpainter; `checkpoint` is the one of a fixture."""
    fixture = {"stable-diffusion": "checkpoint", "deepfill": "deepfill_checkpoint"}.get(request.param)
    own = {"checkpoint": str(request.getfixturevalue(fixture))} if fixture else {}
    view = dataset.view("object_scene")
    return lambda **settings: make_inpainter(request.param, dataset, "object", view, **{**own, **settings})


@pytest.fixture
def inpainter(make):
    return make()


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
    # Without ids, since the dataset has one test source per class, but many composites to draw from.
    first = inpainter.fill(images, holes, prompts, seeds)
    others = (
        inpainter.fill(images, holes, prompts, np.uint64(2**64 - 1) - seeds),  # seeds have 64 bits
        inpainter.fill(images, holes, prompts[::-1], seeds),
    )
    for other in others:
        changed = (first != other).any((1, 2, 3))
        assert changed.sum() >= 6 if inpainter.targeted else not changed.any()


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (40, 24)])
def test_pictures_of_any_size(inpainter, size):
    rng = np.random.default_rng(1)
    images, holes = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8), rng.random((2, *size)) < 0.5
    holes[0] = True
    filled = inpainter.fill(images, holes, ["dog", "kite"], np.arange(2, dtype=np.uint64))
    assert filled.shape == images.shape
    assert np.array_equal(filled[~holes], images[~holes])


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
    assert filled.any() == (inpainter.name not in ("mean", "blur", "black"))


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


def test_what_the_registry_says_of_it(inpainter, make):
    assert INPAINTERS[inpainter.name] is type(inpainter)
    assert inpainter.summary().endswith(".")
    assert set(inpainter.cite) <= set(PUBLICATIONS)
    key = json.loads(json.dumps(inpainter.key))
    assert key["name"] == inpainter.name
    for name, default in inpainter.settings().items():
        assert name in key
        if isinstance(default, bool):
            assert make(**{name: not default}).key != inpainter.key
    with pytest.raises(BamError, match=rf"^{inpainter.name} has no setting `chekpoint`: it has "):
        make(chekpoint="somewhere")


def test_another_inpainter_is_a_class_and_its_registration(given, monkeypatch):
    monkeypatch.setitem(INPAINTERS, "flat", None)  # so that it is gone afterwards

    @register
    class Flat(Inpainter):
        """One shade of grey."""

        name = "flat"

        def __init__(self, view=None, shade: int = 128):
            self.view, self.shade = view, shade

        def _paint(self, images, holes, prompts, seeds, ids):
            return np.full_like(images, self.shade)

    made = make_inpainter("flat", "a dataset", "object", "a view", shade=3)
    assert made.view == "a view"
    assert made.key == {"name": "flat", "version": 1, "paste_back": True, "shade": 3}
    assert make_inpainter("flat").key["shade"] == 128
    assert (made.fill(*given)[given[1]] == 3).all()


def test_listing_them_starts_no_large_library():
    script = (
        "import bam.models.inpainters, sys\n"
        "print({'tensorflow', 'tf_keras', 'torch', 'diffusers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("library", ["diffusers", "transformers", "torch"])
def test_a_missing_library_is_named_with_the_way_to_install_it(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    hint = r"not installed .*: `pip install 'bam-benchmark\[stable-diffusion\]'`"
    with pytest.raises(BamError, match=hint):
        make_inpainter("stable-diffusion")


def test_classes_as_one_says_them():
    assert prompt_of("bamboo_forest") == "bamboo forest"
    assert prompt_of("dog") == "dog"


def test_unknown_names_and_settings_of_others_are_refused():
    with pytest.raises(BamError, match="did you mean 'stable-diffusion'"):
        make_inpainter("stable_diffusion")
    for settings in ({"checkpoint": "somewhere"}, {"paste_back": False}):
        with pytest.raises(BamError, match=rf"^mean has no setting `{next(iter(settings))}`: it has none$"):
            make_inpainter("mean", **settings)
