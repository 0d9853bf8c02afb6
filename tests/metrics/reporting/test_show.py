"""`bam.show`: the maps, beside the rows that scores are made of."""

import numpy as np
import pytest
from PIL import Image

import bam
from bam.attributions import METHODS, Method
from bam.base.errors import BamError
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.regions import positive_map
from bam.metrics.reporting.selection import Selection, settled

NAMES = ["grad_cam", "smoothgrad(samples=3)", "random", "object_mask"]


@pytest.fixture
def show(dataset, suite_folder):
    """`bam.show` of the dataset and the tiny untrained models."""

    def make(methods=("random",), model="scene", **more):
        return bam.show(methods, model, **{"data": dataset.folder, "models": suite_folder, **more})

    return make


@pytest.fixture
def rows(dataset, run_for):
    """The rows of a network for the first images of a view, by method."""

    def make(network, view="object_scene", methods=NAMES, **settings):
        explainers = bam.attributions.choice.choose(methods, always=())
        run = run_for(explainers, **settings)
        return run.collect(shuffled(dataset.view(view), 0), run.classifier(network))

    return make


def test_under_a_map_is_what_its_row_says(show, rows):
    maps = show(NAMES, "object,scene", limit=4, batch_size=4).maps
    for network in ("object", "scene"):
        for method, expected in rows(network, limit=4, batch_size=4).items():
            found = maps.maps[network, method]
            assert found.g_c.tolist() == [row.g_c for row in expected]
            assert found.status == tuple(row.status for row in expected)
            assert maps.ids == tuple(row.image_id for row in expected)


def test_so_it_is_but_for_the_last_digits_in_batches_of_others(show, rows):
    found = show(NAMES, limit=3).maps.maps
    for method, expected in rows("scene", limit=3).items():
        np.testing.assert_allclose(
            found["scene", method].g_c, [row.g_c for row in expected], rtol=1e-4, atol=1e-6
        )


def test_the_maps_are_positive_relevance(show, dataset, suite_folder):
    maps = show(["vanilla_gradient"], limit=2).maps
    batch = shuffled(dataset.view("object_scene"), 0)[:2]
    classifier = bam.load_classifier(suite_folder / "scene")
    raw = bam.explain(classifier, batch.images, batch.scene_labels)
    found = maps.maps["scene", "vanilla_gradient"]
    assert found.positive.dtype == np.float32
    np.testing.assert_allclose(found.positive, positive_map(raw)[0], atol=1e-5)
    np.testing.assert_array_equal(maps.images, batch.images)
    np.testing.assert_array_equal(maps.masks, batch.masks)
    assert maps.explained["scene"] == maps.true["scene"]
    assert [f"-{name}-" in image for name, image in zip(maps.true["scene"], maps.ids, strict=True)] == [
        True
    ] * 2


def test_fills_of_slow_inpainters_are_kept_where_it_is_asked_for(show, tmp_path, monkeypatch):
    """And as much as is asked for; maps alone write nothing."""
    given, made = [], bam.metrics.reporting.show.make_run

    def watched(*args):
        given.append(made(*args).explainers[0].given["fill_store"])
        return made(*args)

    monkeypatch.setattr(bam.metrics.reporting.show, "make_run", watched)
    entry = "sliding_patch_g(patch=150, stride=100, inpainter=blur)"
    show([entry], limit=1, out=tmp_path / "mine", fills_gb=0.25)
    assert [(each._folder, each._most) for each in given] == [(tmp_path / "mine" / "fills", 0.25e9)]
    assert not (tmp_path / "mine").exists()


def test_pairs_stand_next_to_each_other(show, rows):
    maps = show(NAMES, "object,scene", limit=2, batch_size=2, pair=True).maps
    assert maps.views == ("object_scene", "scene_only") * 2
    assert maps.ids[0] == maps.ids[1] != maps.ids[2]
    assert maps.present.tolist() == [True, False] * 2
    assert (maps.images[0] != maps.images[1]).any()
    for place, view in enumerate(maps.views[:2]):
        for method, expected in rows("scene", view, limit=2, batch_size=2).items():
            found = maps.maps["scene", method].g_c[place::2]
            assert found.tolist() == [row.g_c for row in expected]
    # An object that is not there is no true class, and is explained all the same.
    assert [name is None for name in maps.true["object"]] == [False, True] * 2
    assert maps.explained["object"][0] == maps.explained["object"][1]
    assert show(view="relocated", limit=1, pair=True).maps.views == ("relocated", "relocated-without_object")


def test_images_are_named_or_the_first(show, dataset):
    order = shuffled(dataset.view("rescaled"), 3).ids
    assert show(view="rescaled", seed=3, images=2).maps.ids == tuple(order[:2])
    assert show(view="rescaled", seed=3).maps.ids == tuple(order[:6])
    assert show(view="rescaled", ids=[order[7], order[2], order[7]]).maps.ids == (order[7], order[2])
    with pytest.raises(BamError, match=r"object_scene has no image 'dgo.*did you mean 'dog"):
        show(ids=["dgo-track-0091"])


def test_methods_that_do_not_suit_are_named(show):
    shown = show("random,attention_rollout", limit=1)
    assert shown.maps.methods == ("random",)
    assert "suit scene: attention_rollout (the network has no attention)." in shown.maps.notes[0]
    with pytest.raises(BamError, match="none of the methods suits the network"):
        show("attention_rollout")


def test_maps_that_cannot_be_shown_are_marked(show):
    def nothing(classifier, images, targets):
        return np.full(images.shape[:3], np.nan)

    maps = show([Method("nothing", nothing), "constant"], limit=2).maps
    assert maps.maps["scene", "nothing"].status == ("nan_map",) * 2
    assert np.isnan(maps.maps["scene", "nothing"].positive).all()
    assert maps.maps["scene", "constant"].status == ("constant_map",) * 2


def test_photographs_and_a_network_of_ones_own(show, suite_folder, tmp_path):
    (tmp_path / "own").mkdir()
    for shade in (30, 90, 150):
        Image.new("RGB", (80, 70), (shade, 99, 200 - shade)).save(tmp_path / "own" / f"{shade}.png")
    (tmp_path / "own" / "broken.png").write_text("no picture")
    names = [f"class {n}" for n in range(10)]
    model = ["object", suite_folder / "scene" / "model.keras"]
    own = {"images": tmp_path / "own", "class_names": names, "data": tmp_path / "none"}
    maps = show("random", model, **own).maps
    assert maps.networks == ("object", "model")
    assert sorted(maps.ids) == ["150.png", "30.png", "90.png"]
    assert maps.images.shape == (3, 16, 16, 3)
    assert not maps.masks.any()
    assert np.isnan(maps.maps["model", "random"].g_c).all()
    assert set(maps.predicted["model"]) <= set(names)
    assert maps.explained == maps.predicted
    assert list(maps.left_out) == ["broken.png"]
    assert show("random", ids=["90.png"], images=tmp_path / "own").maps.ids == ("90.png",)
    with pytest.raises(BamError, match=r"did you mean '90.png'\? 4 are there"):
        show("random", ids=["90.pgn"], images=tmp_path / "own")
    with pytest.raises(BamError, match="`class_names` is for a"):
        show("random", "scene", class_names=names)


def test_a_few_classes_are_shown_as_they_are_predicted(show, dataset, suite_folder):
    classifier = bam.load_classifier(suite_folder / "object")
    classifier.labels, classifier.name = None, "few"
    classifier.description["config"]["classes"] = ["bird", "dog"]
    classifier.class_names = ("bird", "dog", *"345678910")
    classifier.remarks = ("The last softmax of few is left out, since logits are explained.",)
    maps = show("random", [classifier, "scene"], limit=4).maps
    assert set(maps.true["few"]) <= {"bird", "dog"}
    assert maps.explained["few"] == maps.predicted["few"]
    assert maps.explained["scene"] == maps.true["scene"]
    assert maps.notes == list(classifier.remarks)
    everything = shuffled(dataset.view("object_scene"), 0).ids
    assert not set(maps.ids) <= set(everything[:4])


def test_a_notebook_shows_the_picture(show, tmp_path):
    shown = show(limit=1)
    assert shown._repr_png_().startswith(b"\x89PNG")
    assert repr(shown) == "<Maps of 1 images, networks scene, methods random>"
    assert shown.save(tmp_path / "maps.svg").read_bytes().startswith(b"<?xml")


def test_two_networks_need_two_names(show, suite_folder):
    classifier = bam.load_classifier(suite_folder / "object")
    classifier.name = "scene"
    with pytest.raises(BamError, match="two networks are called scene"):
        show("random", [classifier, "scene"])


@pytest.mark.parametrize(
    ("given", "images", "words"),
    [
        ({"limit": 3}, 4, "`images` 4 and `limit` 3 both say"),
        ({}, 0, "a number from 1, not 0"),
        ({"ids": ("a",), "limit": 1}, None, "leave it out"),
        ({"view": "scene_only", "pair": True}, None, "`view` scene_only has no objects"),
        ({"pair": True}, "photos", "`pair` is for images of the dataset"),
        ({"view": "object_scene"}, "photos", "`view` is for images of the dataset"),
    ],
)
def test_what_excludes_each_other(given, images, words):
    with pytest.raises(BamError, match=words):
        settled(Selection(**given), images)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limmit": 3}, "did you mean 'limit'"),
        ({"view": "commonality"}, "unknown view 'commonality'"),
        ({"model": []}, "`model` names no network"),
        ({"limit": 80, "pair": True}, "give a smaller `limit`"),
        ({"methods": "grad_camm"}, "did you mean 'grad_cam'"),
        ({"images": "nowhere"}, "`images` names no folder: nowhere"),
    ],
)
def test_what_cannot_be_shown(show, given, words):
    with pytest.raises(BamError, match=words):
        show(**given)


def test_a_folder_may_be_called_by_a_number(tmp_path, monkeypatch):
    (tmp_path / "7").mkdir()
    monkeypatch.chdir(tmp_path)
    assert settled(Selection(), "7") == (Selection(), (tmp_path / "7").relative_to(tmp_path))
    assert settled(Selection(), "8") == (Selection(limit=8), None)


def test_no_control_is_added():
    assert [each.name for each in bam.attributions.choice.choose("grad_cam", always=())] == ["grad_cam"]
    assert "random" in METHODS
