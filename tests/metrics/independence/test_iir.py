import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import bam.metrics.independence.store
from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.base.files import read_json, write_json
from bam.base.settings import checked
from bam.data_prep.classes import SCENES
from bam.metrics import METRICS
from bam.metrics.evaluation.regions import positive_map, region_attribution
from bam.metrics.independence.iir import Independence, finite_change, input_independence, relative_change
from bam.metrics.independence.scenes import DatasetScenes, FolderScenes
from bam.metrics.independence.store import Patched
from bam.metrics.judging.judge import judge
from bam.metrics.scoring import evaluate
from bam.models.network.description import network_digest
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
def iir_run(run_for, models):
    """A run of IIR with these settings of it, and others."""

    def make(methods=("constant",), out="results", seed=0, limit=None, images=None, model=None, **settings):
        return run_for(
            methods,
            out,
            models=models,
            seed=seed,
            limit=limit,
            images=images,
            model=model,
            asked={"iir": Independence(**settings)},
        )

    return make


@pytest.fixture
def score_of(iir_run):
    """The score of such a run."""

    def make(*given, **settings):
        return evaluate(METRICS["iir"], iir_run(*given, **settings))

    return make


@pytest.fixture
def classifier(iir_run):
    return iir_run().classifier("scene_on_scene_only")


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


def test_methods_that_ignore_the_image_have_iir_one(score_of, all_correct):
    score = score_of(("constant", "centre", "edges", brightness))
    for name in ("constant", "centre"):
        line = score[name]
        assert (line.value, line.beside["appendix_c"].value) == (1, 0)
        assert line.n == score.details["patches"]["projected"]["accepted"] > 5
        assert line.beside["random_region"].value == 1
    counts = score["constant"].counts
    assert (counts["zero_unchanged"], counts["zero_changed"]) == (line.n, 0)
    assert score["edges"].value < 0.5
    assert score["brightness"].value < 0.5
    assert score["brightness"].trial_sd is None  # ten images make no sample of a hundred


def test_the_score_is_what_the_stored_files_say(dataset, score_of, classifier, all_correct, tmp_path):
    score = score_of((brightness,), iir_threshold=0.4)
    scenes = DatasetScenes(dataset, classifier, seed=0)
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
    line, signed, changes = score["brightness"], np.array(changes), np.abs(changes)
    assert line.n == len(changes) > 5
    shares = [line.beside[key].value for key in ("raised", "lowered")]
    assert shares == [(signed >= 0.4).mean(), (signed <= -0.4).mean()]
    assert line.value == pytest.approx(np.mean(changes < 0.4))
    assert line.beside["appendix_c"].value == pytest.approx(np.mean(changes), rel=1e-4)
    assert score.details["median_change"]["brightness"] == pytest.approx(np.median(changes), rel=1e-4)
    assert 0 < line.value < 1


def test_what_is_left_out_is_counted(score_of, all_correct, monkeypatch):
    composed = DatasetScenes.__getitem__

    def with_a_tiny_dog(self, key):
        batch = composed(self, key)
        tiny = np.array([name.startswith("dog-runway") for name in batch.ids])
        return replace(batch, masks=batch.masks & ~tiny[:, None, None])

    monkeypatch.setattr(DatasetScenes, "__getitem__", with_a_tiny_dog)
    score = score_of((odd_ones,), patch_tolerance=0.05)
    line = score["odd_ones"]
    assert (line.n, line.value) == (7, 6 / 7)
    assert line.excluded == {
        "not_accepted": 0,
        "changed_class": 0,
        "misclassified": 0,
        "nan_map": 2,
        "empty_mask": 1,
    }
    assert (line.counts["zero_unchanged"], line.counts["zero_changed"]) == (0, 1)
    change = line.beside["appendix_c"]
    assert (change.n, change.value, score.details["median_change"]["odd_ones"]) == (6, 0, 0)
    assert line.ci_low is None  # there is one dog in the test split: nothing to resample
    assert not score.warnings()


def test_the_mask_is_no_oracle_here(score_of):
    verdict = judge(score_of(("centre", "object_mask"), patch_tolerance=0.05)).metrics["iir"]
    assert verdict.soundness is None


def test_patches_that_change_the_output_do_not_count(score_of, all_correct, tmp_path):
    score = score_of(("centre",), patch_tolerance=0.0)
    line = score["centre"]
    assert (line.value, line.n, line.excluded["not_accepted"]) == (None, 0, 10)
    unchecked = line.beside["without_check"]
    assert (unchecked.value, unchecked.n) == (1, 10)
    assert any("only 0 of 10 patches" in warning for warning in score.warnings())
    assert json.loads(score.write(tmp_path).read_text())["validity"]["passed"] is False


def test_misclassified_images_do_not_count(dataset, score_of, classifier):
    line = score_of()["constant"]
    scenes = DatasetScenes(dataset, classifier, seed=0)
    batch = scenes[:10]
    right = (classifier.predictions(batch.images.astype(np.float32)) == batch.scene_labels).sum()
    assert line.n <= right < 10
    assert line.n + sum(line.excluded.values()) == 10


def test_both_recipes_side_by_side(score_of, all_correct, tmp_path):
    score = score_of(("centre", "random"), limit=3, patch_recipe="both")
    content = json.loads(score.write(tmp_path / "results").read_text())
    patches = content["details"]["patches"]
    assert list(patches) == ["projected", "paper"]
    for known in patches.values():
        assert known["n"] == 3
        assert known["acceptance"] == known["accepted"] / 3
        assert {"ratio", "delta_norm", "moved", "iterations", "settings", "folder"} <= set(known)
    assert patches["paper"]["iterations"]["median"] == 300
    assert content["lines"]["centre"]["beside"]["paper_recipe_without_check"]["value"] == 1
    table = (tmp_path / "results" / "iir.md").read_text()
    assert "IIR ↑" in table
    assert "paper recipe" in table
    assert "recipe `paper`" in table
    for recipe in ("projected", "paper"):
        sheet = Image.open(tmp_path / "results" / f"iir-patches-{recipe}.png")
        assert len(np.unique(np.asarray(sheet))) > 50


def test_a_killed_run_ends_as_if_undisturbed(score_of, tmp_path, monkeypatch):
    score_of(out="whole")
    store, calls = Patched._store, []

    def killed_at_the_fourth(self, name, patch):
        calls.append(name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        store(self, name, patch)

    monkeypatch.setattr(Patched, "_store", killed_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        score_of(out="killed")
    folder, known = lines(tmp_path / "killed")
    assert len(known) == 3
    (folder / f"{next(iter(known))}.png").unlink()
    score_of(out="killed")
    assert len(calls) == 4 + 8  # seven that were missing, and the one that was lost
    folder, known = lines(tmp_path / "killed")
    whole, expected = lines(tmp_path / "whole")
    assert sorted(known) == sorted(expected)
    for name in known:
        images = [np.asarray(Image.open(place / f"{name}.png")).astype(int) for place in (folder, whole)]
        assert np.abs(images[0] - images[1]).max() <= 1
    score_of(out="killed")
    assert len(calls) == 12

    def asked(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(bam.metrics.independence.store, "optimise", asked)
    with pytest.raises(KeyboardInterrupt):  # other images stand side by side
        score_of(out="killed", seed=1)


def test_patches_are_those_of_all_settings(dataset, classifier, tmp_path):
    def fingerprint(recipe="projected", tolerance=0.01, seed=0):
        scenes = DatasetScenes(dataset, classifier, 0)
        return Patched(scenes, classifier, recipe, tolerance, seed, tmp_path).fingerprint

    assert fingerprint() == fingerprint()
    others = [fingerprint("paper"), fingerprint(tolerance=0.02), fingerprint(seed=1)]
    assert len({fingerprint(), *others}) == 4


def test_patches_are_made_in_float32(run_for, models, monkeypatch):
    made_with = []

    def make(self, count):
        made_with.append(self.classifier.precision)
        raise KeyboardInterrupt

    monkeypatch.setattr(Patched, "make", make)
    with pytest.raises(KeyboardInterrupt):
        evaluate(METRICS["iir"], run_for(models=models, precision="bfloat16", limit=2))
    assert made_with == ["float32"]


def test_a_damaged_patch_is_one_clear_error(iir_run, tmp_path):
    run = iir_run()
    evaluate(METRICS["iir"], run)
    folder, known = lines(tmp_path / "results")
    path = folder / f"{next(iter(known))}.png"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    with pytest.raises(BamError, match="is damaged or missing: remove"):
        evaluate(METRICS["iir"], replace(run, explainers=[METHODS["centre"].with_settings()]))


def test_another_network_explains_what_it_predicts(score_of):
    """A classifier of objects: nothing in a scene has a label for it."""
    score = score_of(("centre",), model="object")
    line = score["centre"]
    assert list(score.configuration.models) == ["object"]
    assert line.excluded["misclassified"] == 0
    assert line.n + line.excluded["changed_class"] + line.excluded["not_accepted"] == 10
    assert line.n > 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("iir_threshold", -0.1),
        ("iir_threshold", "nan"),
        ("patch_tolerance", float("inf")),
        ("patch_recipe", "own"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting, value):
    with pytest.raises(BamError, match=f"`{setting}` must be"):
        checked(Independence, {setting: value})


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


def test_any_folder_of_images(score_of, pictures, tmp_path):
    score = score_of((brightness, "constant"), images=pictures)
    line = score["constant"]
    assert (line.value, line.n + sum(line.excluded.values())) == (1, 3)
    _, known = lines(tmp_path / "results")
    assert sorted(known) == ["a.jpg", "a.png", "below/a.jpg"]
    content = json.loads(score.write(tmp_path / "results").read_text())
    assert list(content["configuration"]["images"]["left_out"]) == ["broken.JPEG"]
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
