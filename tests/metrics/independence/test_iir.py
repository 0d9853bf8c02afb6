import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bam.attributions import METHODS, Method
from bam.base.errors import BamError
from bam.base.files import read_json, write_json
from bam.data_prep.classes import SCENES
from bam.metrics.evaluation.folder import FolderScenes
from bam.metrics.evaluation.regions import positive_map, region_attribution
from bam.metrics.evaluation.run import Request
from bam.metrics.independence import iir
from bam.metrics.independence import store as patched
from bam.metrics.independence.iir import finite_change, input_independence, relative_change
from bam.metrics.independence.scenes import DatasetScenes
from bam.models.classifier import network_digest
from bam.models.stored import load_classifier


def brightness(classifier, images, targets, *, seed):
    """A map that shows the image itself."""
    return images.mean(-1)


def odd_ones(classifier, images, targets, *, seed, ids, view):
    """The same map for all images but three: two are NaN, one is 0 without patch."""
    maps = np.ones(images.shape[:3]) * np.linspace(0.5, 1, images.shape[2])
    for plane, name in zip(maps, ids, strict=True):
        if name.startswith(("dog-bedroom", "dog-track")):
            plane[0] = np.nan
        if name.startswith("dog-cockpit") and view == "iir-scene":
            plane[:] = 0
    return maps


@pytest.fixture(scope="module")
def models(suite_folder, tmp_path_factory):
    """Two of the models with an offset of the logits, without which most patches would be out of reach."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("scene_on_scene_only", "object"):
        model = load_classifier(suite_folder / name).model
        *weights, offset = model.get_weights()
        model.set_weights([*weights, offset + np.linspace(2, 0, len(offset))])
        (folder / name).mkdir()
        model.save(folder / name / "model.keras")
        description = read_json(suite_folder / name / "model.json")
        write_json(folder / name / "model.json", {**description, "digest": network_digest(model)})
    return folder


@pytest.fixture
def request_for(dataset, models, tmp_path):
    def make(methods=("constant",), limit=None, out="results", seed=0, **options):
        chosen = [
            METHODS[method] if isinstance(method, str) else Method(method.__name__, method)
            for method in methods
        ]
        return Request(dataset, models, chosen, limit, 10, seed, tmp_path / out, options=options)

    return make


@pytest.fixture
def classifier(request_for):
    return request_for().classifier("scene_on_scene_only")


def lines(folder):
    """patches.csv of the only patch folder there, by image id."""
    (path,) = folder.glob("patches/*/patches.csv")
    with open(path, newline="", encoding="utf-8") as file:
        return path.parent, {line["image_id"]: line for line in csv.DictReader(file)}


def test_the_equation_and_what_it_means_at_zero():
    before, after = [1.0, 1.0, 1.0, 0.5, 0.0, 0.0, np.nan], [1.09, 1.25, 0.75, 0.5, 0.0, 0.3, 1.0]
    expected = [0.09, 0.25, 0.25, 0, 0, np.inf, np.nan]
    np.testing.assert_allclose(relative_change(before, after), expected)
    assert input_independence(before, after).tolist() == [True, False, False, True, True, False, False]
    assert input_independence([1.0], [1.25], threshold=0.25).tolist() == [False]  # strictly less
    np.testing.assert_allclose(finite_change(before, after), [*expected[:5], np.nan, np.nan])


def test_methods_that_ignore_the_image_have_iir_one(request_for, all_correct):
    score = iir.evaluate(request_for(("constant", "centre", "edges", brightness)))
    for name in ("constant", "centre"):
        entry = score.methods[name]
        assert (entry["value"], entry["appendix_c"]["value"]) == (1, 0)
        assert entry["n"] == score.content()["patches"]["projected"]["accepted"] > 5
        assert entry["random_region"]["value"] == 1
    assert score.methods["constant"]["zero_attribution"] == {"unchanged": entry["n"], "changed": 0}
    assert score.methods["edges"]["value"] < 0.5
    assert score.methods["brightness"]["value"] < 0.5
    assert score.methods["brightness"]["trial_sd"] is None  # ten images make no sample of a hundred


def test_the_score_is_what_the_stored_files_say(request_for, classifier, all_correct, tmp_path):
    score = iir.evaluate(request_for((brightness,), iir_threshold=0.4))
    scenes = DatasetScenes(score.request.dataset, classifier, seed=0)
    folder, known = lines(tmp_path / "results")
    assert sorted(known) == sorted(scenes.ids)
    changes = []
    for index, name in enumerate(scenes.ids):
        batch = scenes[index : index + 1]
        with_patch = np.asarray(Image.open(folder / f"{name}.png"))[None]
        logits = [classifier.logits(images.astype(np.float32))[0] for images in (batch.images, with_patch)]
        ratio = np.linalg.norm(logits[1] - logits[0]) / np.linalg.norm(logits[0])
        assert float(known[name]["ratio"]) == pytest.approx(ratio, abs=1e-6)
        assert (known[name]["status"] == "accepted") == (ratio < 0.01)
        outside = ~batch.masks[0]
        np.testing.assert_array_equal(with_patch[0][outside], batch.images[0][outside])
        maps = positive_map(np.stack([batch.images[0], with_patch[0]]).mean(-1))[0]
        before, after = region_attribution(maps, np.repeat(batch.masks, 2, 0))
        if ratio < 0.01:
            changes.append((after - before) / before)
    entry, signed, changes = score.methods["brightness"], np.array(changes), np.abs(changes)
    assert entry["n"] == len(changes) > 5
    assert (entry["raised"], entry["lowered"]) == ((signed >= 0.4).mean(), (signed <= -0.4).mean())
    assert entry["value"] == pytest.approx(np.mean(changes < 0.4))
    assert entry["appendix_c"]["value"] == pytest.approx(np.mean(changes), rel=1e-4)
    assert entry["appendix_c"]["median"] == pytest.approx(np.median(changes), rel=1e-4)
    assert 0 < entry["value"] < 1


def test_what_is_left_out_is_counted(request_for, all_correct, monkeypatch):
    composed = DatasetScenes.__getitem__

    def with_a_tiny_dog(self, key):
        batch = composed(self, key)
        tiny = np.array([name.startswith("dog-runway") for name in batch.ids])
        return replace(batch, masks=batch.masks & ~tiny[:, None, None])

    monkeypatch.setattr(DatasetScenes, "__getitem__", with_a_tiny_dog)
    score = iir.evaluate(request_for((odd_ones,), patch_tolerance=0.05))
    entry = score.methods["odd_ones"]
    assert (entry["n"], entry["value"]) == (7, 6 / 7)
    assert entry["excluded"] == {
        "not_accepted": 0,
        "changed_class": 0,
        "misclassified": 0,
        "nan_map": 2,
        "empty_mask": 1,
    }
    assert entry["zero_attribution"] == {"unchanged": 0, "changed": 1}
    change = entry["appendix_c"]
    assert (change["n"], change["value"], change["median"]) == (6, 0, 0)
    assert entry["ci_low"] is None  # there is one dog in the test split: nothing to resample
    assert not score.warnings()


def test_patches_that_change_the_output_do_not_count(request_for, all_correct):
    score = iir.evaluate(request_for(("centre",), patch_tolerance=0.0))
    entry = score.methods["centre"]
    assert (entry["value"], entry["n"], entry["excluded"]["not_accepted"]) == (None, 0, 10)
    assert (entry["without_check"]["value"], entry["without_check"]["n"]) == (1, 10)
    assert any("only 0 of 10 patches" in line for line in score.warnings())
    assert json.loads(score.write().read_text())["validity"]["passed"] is False


def test_misclassified_images_do_not_count(request_for, classifier):
    entry = iir.evaluate(request_for()).methods["constant"]
    scenes = DatasetScenes(request_for().dataset, classifier, seed=0)
    batch = scenes[:10]
    right = (classifier.predictions(batch.images.astype(np.float32)) == batch.scene_labels).sum()
    assert entry["n"] <= right < 10
    assert entry["n"] + sum(entry["excluded"].values()) == 10


def test_both_recipes_side_by_side(request_for, all_correct, tmp_path):
    score = iir.evaluate(request_for(("centre", "random"), limit=3, patch_recipe="both"))
    content = json.loads(score.write().read_text())
    assert list(content["patches"]) == ["projected", "paper"]
    for known in content["patches"].values():
        assert known["n"] == 3
        assert known["acceptance"] == known["accepted"] / 3
        assert {"ratio", "delta_norm", "moved", "iterations", "settings", "folder"} <= set(known)
    assert content["patches"]["paper"]["iterations"]["median"] == 300
    assert content["methods"]["centre"]["paper_recipe"]["without_check"]["value"] == 1
    table = (tmp_path / "results" / "iir.md").read_text()
    assert "IIR ↑" in table
    assert "paper recipe" in table
    assert "recipe `paper`" in table
    for recipe in ("projected", "paper"):
        sheet = Image.open(tmp_path / "results" / f"iir-patches-{recipe}.png")
        assert len(np.unique(np.asarray(sheet))) > 50


def test_a_killed_run_ends_as_if_undisturbed(request_for, tmp_path, monkeypatch):
    iir.evaluate(request_for(out="whole"))
    store, calls = patched.Patched._store, []

    def killed_at_the_fourth(self, name, patch):
        calls.append(name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        store(self, name, patch)

    monkeypatch.setattr(patched.Patched, "_store", killed_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        iir.evaluate(request_for(out="killed"))
    folder, known = lines(tmp_path / "killed")
    assert len(known) == 3
    (folder / f"{next(iter(known))}.png").unlink()
    iir.evaluate(request_for(out="killed"))
    assert len(calls) == 4 + 8  # seven that were missing, and the one that was lost
    folder, known = lines(tmp_path / "killed")
    whole, expected = lines(tmp_path / "whole")
    assert sorted(known) == sorted(expected)
    for name in known:
        images = [np.asarray(Image.open(place / f"{name}.png")).astype(int) for place in (folder, whole)]
        assert np.abs(images[0] - images[1]).max() <= 1
    iir.evaluate(request_for(out="killed"))
    assert len(calls) == 12

    def asked(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(patched, "optimise", asked)
    with pytest.raises(KeyboardInterrupt):  # other images stand side by side
        iir.evaluate(request_for(out="killed", seed=1))


def test_a_damaged_patch_is_one_clear_error(request_for, tmp_path):
    request = request_for()
    iir.evaluate(request)
    folder, known = lines(tmp_path / "results")
    path = folder / f"{next(iter(known))}.png"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    with pytest.raises(BamError, match="is damaged or missing: remove"):
        iir.evaluate(replace(request, methods=[METHODS["centre"]]))


def test_another_network_explains_what_it_predicts(request_for):
    """A classifier of objects: nothing in a scene has a label for it."""
    score = iir.evaluate(request_for(("centre",), model="object"))
    entry = score.methods["centre"]
    assert list(score.models) == ["object"]
    assert entry["excluded"]["misclassified"] == 0
    assert entry["n"] + entry["excluded"]["changed_class"] + entry["excluded"]["not_accepted"] == 10
    assert entry["n"] > 0


@pytest.fixture
def pictures(tmp_path):
    """A folder as users have it: two images of one stem, one below, grey, and one truncated."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    (folder / "below").mkdir(parents=True)
    for name, shape in {"a.jpg": (40, 60, 3), "a.png": (33, 20, 3), "below/a.jpg": (30, 30)}.items():
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(folder / name)
    (folder / "broken.JPEG").write_bytes((folder / "a.jpg").read_bytes()[:400])
    (folder / "notes.txt").write_text("no image")
    return folder


def test_any_folder_of_images(request_for, pictures, tmp_path):
    score = iir.evaluate(request_for((brightness, "constant"), images=str(pictures)))
    entry = score.methods["constant"]
    assert (entry["value"], entry["n"] + sum(entry["excluded"].values())) == (1, 3)
    _, known = lines(tmp_path / "results")
    assert sorted(known) == ["a.jpg", "a.png", "below/a.jpg"]
    content = json.loads(score.write().read_text())
    assert list(content["images"]["left_out"]) == ["broken.JPEG"]
    assert "broken.JPEG (cannot be read" in (tmp_path / "results" / "iir.md").read_text()


def test_folders_are_read_in_one_order_and_cut_after_it(dataset, classifier, pictures):
    whole = FolderScenes(pictures, dataset, classifier, seed=0)
    first = FolderScenes(pictures, dataset, classifier, seed=0, limit=1)
    assert first.ids == whole.ids[:1]
    assert first.fingerprint == whole.fingerprint
    np.testing.assert_array_equal(first.pasted(slice(0, 1)), whole.pasted(slice(0, 1)))
    batch = whole[:3]
    assert batch.images.shape == (3, 16, 16, 3)
    assert batch.masks.any((1, 2)).all()
    assert batch.labels("scene") is None
    changed = (whole.pasted(slice(0, 3)) != batch.images).any(-1)
    assert (changed <= batch.masks).all()
    (pictures / "a.png").write_bytes((pictures / "a.jpg").read_bytes())
    assert FolderScenes(pictures, dataset, classifier, seed=0).fingerprint != whole.fingerprint


def test_folders_without_images_are_one_clear_error(dataset, classifier, tmp_path):
    with pytest.raises(BamError, match="names no folder"):
        FolderScenes(tmp_path / "nowhere", dataset, classifier, seed=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BamError, match="no image that can be used"):
        FolderScenes(tmp_path / "empty", dataset, classifier, seed=0)


def test_scenes_have_the_dog_of_the_same_place(dataset, classifier):
    scenes = DatasetScenes(dataset, classifier, seed=0)
    assert all(name.startswith("dog-") for name in scenes.ids)
    assert len(scenes) == len(SCENES)  # one test image of each pair
    batch, pasted = scenes[:10], scenes.pasted(slice(0, 10))
    assert batch.images.dtype == pasted.dtype == np.uint8
    assert not batch.present.any()
    differs = (batch.images != pasted).any(-1)
    assert differs[batch.masks].mean() > 0.95
    assert differs[~batch.masks].mean() < 0.2  # edges, half covered
