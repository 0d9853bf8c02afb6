import numpy as np
import pytest
import tensorflow as tf

from bam.attributions import METHODS, explain
from bam.attributions.removal.generative import Fills, the_inpainter
from bam.attributions.removal.lime import coefficients
from bam.attributions.removal.superpixels import superpixels
from bam.base.errors import BamError
from bam.base.seeds import image_seeds
from bam.data_prep.classes import SCENES
from bam.models.inpainters import INPAINTERS, Inpainter, make_inpainter
from bam.models.inpainters.simple import blurred
from bam.models.inpainters.store import FillStore


class Counting(Inpainter):
    """A colour that depends on what is left and on how large the hole is, whatever is named."""

    name = "counting"
    calls = 0

    def _paint(self, images, holes, prompts, seeds, ids):
        Counting.calls += len(images)
        means = [
            image[~hole].mean(0) if not hole.all() else 128 for image, hole in zip(images, holes, strict=True)
        ]
        shares = holes.mean((1, 2))[:, None]
        colours = (
            np.array([np.broadcast_to(mean, 3) for mean in means]) * (1 - shares) + 255 * shares
        ).astype(np.uint8)
        return np.broadcast_to(colours[:, None, None], images.shape)


@pytest.fixture
def counting(monkeypatch):
    monkeypatch.setitem(INPAINTERS, "counting", Counting)
    monkeypatch.setattr(Counting, "calls", 0)
    return Counting


def painted(image, hole):
    if not hole.any():
        return image
    whole = np.rint(image).astype(np.uint8)[None]
    return np.where(
        hole[..., None], Counting().fill(whole, hole[None], [""], np.zeros(1, np.uint64))[0], image
    )


def test_sliding_patch_g_paints_every_hole(classifier, pair, counting):
    images, targets = pair
    found = explain(classifier, images, targets, "sliding_patch_g", inpainter="counting", patch=93, stride=60)
    for image, target, plane in zip(images, targets, found, strict=True):
        whole, drops = classifier.softmax(image[None])[0, target], []
        for top in range(0, 8, 3):
            for left in range(0, 16, 3):
                hole = np.zeros((12, 20), bool)
                hole[top : top + 5, left : left + 5] = True
                drops.append(whole - classifier.softmax(painted(image, hole)[None])[0, target])
        grid = np.array(drops, np.float32).reshape(1, 3, 6, 1)
        np.testing.assert_allclose(plane, classifier.at_input_size(grid)[0, ..., 0], atol=1e-6)


@pytest.mark.parametrize("samples", [8, 13])
def test_lime_g_paints_the_last_samples_too(classifier, pair, counting, samples):
    """Of which there are fewer than a batch of 8."""
    images, targets = pair
    found = explain(
        classifier, images, targets, "lime_g", [5, 6], inpainter="counting", samples=samples, segments=8
    )
    planes = superpixels(images, 8, 30.0, 3)
    for place, (image, plane, target) in enumerate(zip(images, planes, targets, strict=True)):
        rows = np.random.default_rng(5 + place).integers(0, 2, (samples, plane.max() + 1)).astype(bool)
        rows[0] = True
        pictures = np.stack([painted(image, ~row[plane]) for row in rows]).astype(np.float32)
        answers = classifier.softmax(pictures)[:, target].astype(float)
        np.testing.assert_allclose(found[place], coefficients(rows, answers)[plane], atol=1e-6)


@pytest.mark.parametrize(("name", "plain"), [("sliding_patch_g", "sliding_patch"), ("lime_g", "lime")])
def test_with_a_plain_inpainter_they_are_the_plain_methods(classifier, pair, small, name, plain):
    generative = explain(classifier, *pair, name, 3, inpainter="blur", **small(name))
    np.testing.assert_array_equal(
        generative, explain(classifier, *pair, plain, 3, fill="blur", **small(name))
    )
    without = explain(classifier, *pair, name, 3, **small(name))
    np.testing.assert_array_equal(generative, without)  # the default where there is no dataset


def test_meaningful_perturbation_g_binarises_and_derives_as_if_it_did_not(classifier, pair):
    """Written out with Adam as in Kingma & Ba 2015."""
    images, targets = pair
    settings = {"iterations": 4, "cells": 5, "jitter": 0, "smoothness": 0.1, "sparsity": 0.01}
    found = explain(
        classifier, images, targets, "meaningful_perturbation_g", [5, 6], inpainter="blur", **settings
    )
    nulls = blurred(np.rint(images).astype(np.uint8)).astype(np.float32)
    rows, columns = np.arange(12) * 5 // 12, np.arange(20) * 5 // 20
    for place in range(2):
        mask = np.random.default_rng(5 + place).random((5, 5), np.float32)
        first = second = 0.0
        for number in range(1, 5):
            kept = mask[rows][:, columns]
            hard = tf.Variable((kept >= max(0.5, (kept.max() + kept.min()) / 2)).astype(np.float32))
            with tf.GradientTape() as tape:
                picture = nulls[place] + hard[..., None] * (images[place] - nulls[place])
                probability = tf.nn.softmax(classifier.model(picture[None]))[0, targets[place]]
            gradient = np.zeros((5, 5))
            np.add.at(gradient, (rows[:, None], columns[None]), tape.gradient(probability, hard).numpy())
            gradient -= 0.01
            for axis in (0, 1):
                change = np.diff(mask, axis=axis)
                slope = 0.1 * 3 * change**2 * np.sign(change)
                pad = [(0, 0), (0, 0)]
                pad[axis] = (1, 0)
                gradient += np.pad(slope, pad)
                pad[axis] = (0, 1)
                gradient -= np.pad(slope, pad)
            first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
            step = first / (1 - 0.9**number) / (np.sqrt(second / (1 - 0.999**number)) + 1e-8)
            mask = np.clip(mask - 0.1 * step, 0, 1).astype(np.float32)
        np.testing.assert_allclose(found[place], 1 - mask[rows][:, columns], atol=1e-3)


def test_meaningful_perturbation_g_asks_slow_inpainters_only_if_told_to(classifier, pair, counting):
    few = {"inpainter": "counting", "iterations": 3, "cells": 5}
    assert not METHODS["meaningful_perturbation_g"].takes("fill_store")
    with pytest.raises(BamError, match=r"ask counting for 3 fills of every image: give `yes`.*: donor, mean"):
        explain(classifier, *pair, "meaningful_perturbation_g", **few)
    assert not counting.calls
    few |= {"yes": True, "jitter": 60}
    found = explain(classifier, *pair, "meaningful_perturbation_g", [5, 6], **few)
    assert counting.calls == 6
    images, targets = pair[0][1:], pair[1][1:]
    alone = explain(classifier, images, targets, "meaningful_perturbation_g", [6], **few)
    np.testing.assert_allclose(alone[0], found[1], atol=1e-4)


def test_a_fill_is_made_once(classifier, pair, counting, tmp_path):
    """For an image, a hole and a seed; by whatever method, and in whatever run."""
    few = {"inpainter": "counting", "samples": 12, "segments": 3, "seed": [5, 6]}
    first = explain(classifier, *pair, "lime_g", fill_store=FillStore(tmp_path), **few)
    planes = superpixels(pair[0], 3, 30.0, 3)
    holes = 0
    for seed, plane in zip((5, 6), planes, strict=True):
        rows = np.random.default_rng(seed).integers(0, 2, (12, plane.max() + 1)).astype(bool)
        holes += len({tuple(row) for row in rows[1:]} - {(True,) * rows.shape[1]})
    assert counting.calls == holes < 22
    again = explain(classifier, *pair, "lime_g", fill_store=FillStore(tmp_path), **few)
    np.testing.assert_array_equal(first, again)
    assert counting.calls == holes
    explain(classifier, *pair, "lime_g", fill_store=FillStore(tmp_path), fill_seed=1, **few)
    assert counting.calls == 2 * holes


def test_donors_show_neither_the_classes_nor_the_place(scene_classifier, dataset):
    """Unlike a donor that is aligned with the image, which agrees with it wherever the object is not."""
    view = dataset.view("object_scene")
    batch = view[np.arange(0, 100, 7)]
    images = scene_classifier.prepare(batch.images)
    masks = scene_classifier.prepare_masks(batch.masks)
    seeds = image_seeds(batch.ids, 3, "fills")
    inpainter = the_inpainter(None, dataset, None)
    assert inpainter.name == "donor"
    assert the_inpainter(None, dataset, None) is inpainter

    def pictures(pixels):
        targets = batch.scene_labels
        return Fills("lime_g", inpainter, scene_classifier, pixels, targets, 3, batch.ids).pictures()

    found = pictures(images)
    np.testing.assert_array_equal(found, pictures(images[..., ::-1].copy()))  # the pixels do not matter
    shown = scene_classifier.prepare(view[:].images)
    for image, fill, mask, name in zip(images, found, masks, batch.ids, strict=True):
        same = np.flatnonzero([abs(fill - np.rint(each)).max() == 0 for each in shown])
        assert len(same) == 1
        assert not set(name.split("-")[:2]) & set(view.ids[same[0]].split("-")[:2])
        alike = (abs(fill - image) < 1).all(-1)
        assert alike[mask].mean() < 0.1
        assert alike[~mask].mean() < 0.1
    aligned = make_inpainter("donor", dataset, "scene", view)
    whole = np.ones(images.shape[:3], bool)
    prompts = ["bedroom" if label != 1 else "track" for label in batch.scene_labels]
    tell = aligned.fill(np.rint(images).astype(np.uint8), whole, prompts, seeds, batch.ids)
    alike = (abs(tell - images) < 1).all(-1)
    assert alike[masks].mean() > 0.8
    assert alike[~masks].mean() < 0.2


def test_fills_do_not_depend_on_where_the_object_is(scene_classifier, dataset):
    """The same composite with its object elsewhere, or without it, is filled alike."""
    view = dataset.view("object_scene")[:4]
    for other in (dataset.view("object_scene").without_object()[:4].images, view.images[:, :, ::-1]):
        both = [
            Fills(
                "lime_g",
                the_inpainter("donor", dataset, None),
                scene_classifier,
                scene_classifier.prepare(images),
                view.scene_labels,
                3,
                view.ids,
            ).pictures()
            for images in (view.images, other)
        ]
        np.testing.assert_array_equal(*both)


def test_a_painted_hole_has_the_prompt_of_another_class(classifier, pair):
    images, targets = pair
    seen = []

    class Told(Counting):
        def _paint(self, images, holes, prompts, seeds, ids):
            seen.append((prompts, seeds.tolist(), ids))
            return super()._paint(images, holes, prompts, seeds, ids)

    fills = Fills("lime_g", Told(), classifier, images, targets, 3, ["x", "y"])
    hole = np.ones((3, 12, 20), bool)
    fills.painter()(np.array([0, 1, 1]), hole)
    (prompts, seeds, ids) = seen[0]
    assert prompts[0] in "bc"
    assert prompts[1] == prompts[2] in "ab"
    assert seeds == image_seeds(["x", "y", "y"], 3, "fills").tolist()
    assert ids == [None] * 3


def test_fills_are_drawn_from_the_id_and_their_own_seed_alone(scene_classifier, dataset, small):
    """So that a copy of an image, another seed and another target of the image's own classes change none."""
    batch = dataset.view("object_scene")[[3, 40]]
    given = {"dataset": dataset, "ids": batch.ids}

    def found(seed=0, ids=batch.ids, **more):
        more = {**given, "ids": ids, **small("sliding_patch_g"), **more}
        return explain(scene_classifier, batch.images, batch.scene_labels, "sliding_patch_g", seed, **more)

    first = found()
    np.testing.assert_array_equal(first, found(seed=9, view="object_scene-noise"))
    assert not np.allclose(first, found(fill_seed=1))

    def pictures(images, targets, ids=batch.ids):
        inpainter = the_inpainter("donor", dataset, None)
        return Fills("lime_g", inpainter, scene_classifier, images, targets, 0, ids).pictures()

    images = scene_classifier.prepare(batch.images)
    whole = pictures(images, batch.scene_labels)
    np.testing.assert_array_equal(whole, pictures(0.97 * images, batch.scene_labels))
    kept = [(pictures(images, [other, other]) == whole).all((1, 2, 3)) for other in range(len(SCENES))]
    assert np.mean(kept) > 0.7  # only where the first composite shows that class too


def test_without_ids_fills_are_drawn_from_the_pixels(classifier, pair, counting):
    images, targets = pair
    seeds = [
        Fills("lime_g", Counting(), classifier, each, targets, 0, None).seeds.tolist()
        for each in (images, images[::-1].copy(), 0.97 * images)
    ]
    assert seeds[0] == seeds[1][::-1]
    assert not set(seeds[0]) & set(seeds[2])


@pytest.mark.parametrize("name", ["sliding_patch_g", "lime_g", "meaningful_perturbation_g"])
def test_donor_is_refused_where_it_is_not_known_what_images_show(name, scene_classifier, dataset):
    batch = dataset.view("object_scene")[:2]
    with pytest.raises(BamError, match=rf"{name} fills holes by donor.*: give `ids`.* as blur"):
        explain(scene_classifier, batch.images, batch.scene_labels, name, dataset=dataset)


@pytest.mark.parametrize("name", ["sliding_patch_g", "lime_g", "meaningful_perturbation_g"])
def test_one_class_is_refused_before_a_prompt_is_drawn(name, single_class, pair, counting):
    more = {"yes": True} if METHODS[name].takes("yes") else {}
    with pytest.raises(BamError, match=f"{name} cannot explain single: the network has one class"):
        explain(single_class, pair[0], [0, 0], name, inpainter="counting", **more)


def test_what_they_depend_on_is_in_their_keys(dataset):
    plain = METHODS["lime_g"].with_settings()
    own, other = (
        plain.with_given(dataset=dataset, view="x"),
        METHODS["lime_g"].with_settings(inpainter="mean"),
    )
    assert own.given == {"dataset": dataset}
    assert plain.key[3] == {"name": "blur", "version": 1, "paste_back": True}
    assert own.key[3]["name"] == "donor"
    assert own.key[4:] == [0]
    assert own.with_given(dataset=dataset, fill_seed=7).key[4:] == [7]
    assert own.key[3]["dataset"] == dataset.fingerprint
    assert other.with_given(dataset=dataset).key[3]["name"] == "mean"
    assert own.name == plain.name == "lime_g"
    size = (64, 80)
    assert plain.at_size(size) == {"sigma": 1, "blur": 2.86}  # its default without a dataset
    assert own.at_size(size) == other.at_size(size) == {"sigma": 1}
    assert METHODS["rise"].with_settings(fill="blur").at_size(size) == {"blur": 2.86}
    assert len(METHODS["lime"].with_settings().with_given(dataset=dataset).key) == 3


def test_donor_without_a_dataset_and_unknown_inpainters_are_refused(classifier, pair):
    for name in ("sliding_patch_g", "lime_g", "meaningful_perturbation_g"):
        with pytest.raises(BamError, match="donor fills holes from a dataset"):
            explain(classifier, *pair, name, inpainter="donor")
        with pytest.raises(BamError, match="unknown inpainter 'blurr': did you mean 'blur'"):
            explain(classifier, *pair, name, inpainter="blurr")
        with pytest.raises(BamError, match="blur has no setting `checkpoint`"):
            explain(classifier, *pair, name, inpainter="blur", checkpoint="x")
