"""Robustness of maps of which it is known how they change."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from bam.attributions import METHODS, Method
from bam.attributions.choice import choose
from bam.attributions.removal.generative import Fills
from bam.base.seeds import image_seeds
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.judging.judge import judge
from bam.metrics.robustness.changes import SMALL, before_shift, shifted_back
from bam.metrics.robustness.robustness import LACKING, Robustness
from bam.metrics.scoring import evaluate

IMAGES = 8
FEW = METHODS["smoothgrad"].with_settings(samples=10)
CONTROLS = ("centre", "edges", "object_mask", "inverse_mask", "random", "constant")


def scored(run, **settings):
    run.asked["robustness"] = Robustness(**settings)
    return evaluate(METRICS["robustness"], run)


def brightness(classifier, images, targets):
    """It draws nothing."""
    return images.mean(-1)


@pytest.fixture(scope="module")
def score(run_in, tmp_path_factory):
    run = run_in(
        tmp_path_factory.mktemp("robustness"), (*CONTROLS, brightness, FEW), limit=IMAGES, batch_size=IMAGES
    )
    return scored(run, other_seeds=2, other_settings=("smoothgrad(samples=5)", "smoothgrad(noise=.3)"))


def test_maps_that_know_nothing_are_robust(score):
    """The warning that stands in the table."""
    centre, edges = score["centre"], score["edges"]
    for measure in ("ssim", "hog", "spearman"):
        assert centre.beside[f"jpeg_{measure}"].value == pytest.approx(1)
    assert edges.value > 0.8
    assert edges.beside["noise_spearman"].value > 0.8
    assert centre.value > 0.8  # all but the shift is 1


def test_nothing_is_ranked(score):
    assert not any(line.rank for line in score.lines.values())
    assert score.comparison.ranks == {}
    assert "rank set" not in score.table()
    assert not any("Not told apart" in note or "Worse than" in note for note in score.notes)
    assert score.comparison.tests  # differences can be read all the same


def test_known_answers_of_the_other_controls(score):
    oracle, random, constant = (score[name] for name in ("object_mask", "random", "constant"))
    assert oracle.value == pytest.approx(1)
    assert score["inverse_mask"].value == pytest.approx(1)
    # It draws afresh for every copy; 8 images, of 256 pixels.
    for key in ("seed_spearman", "relocated_spearman"):
        assert random.beside[key].value == pytest.approx(0, abs=0.1)
    assert random.value == pytest.approx(0, abs=0.1)
    assert (constant.n, constant.value) == (0, None)
    assert sum(constant.excluded.values()) == IMAGES
    assert constant.excluded["constant_map"] > 0
    assert constant.counts["undefined"] > IMAGES * 3
    assert all(found.value is None for found in constant.beside.values())
    assert "| constant (control) | - |" in score.table()


def test_what_cannot_be_compared_is_said_and_no_zero(score):
    for name, kind in [(name, kind) for name in ("brightness", "edges", "centre") for kind in LACKING]:
        line = score[name]
        for measure in ("ssim", "hog", "spearman"):
            assert f"{kind}_{measure}" not in line.beside
            assert line.counts[f"{kind}_{measure}"] == LACKING[kind]
    row = next(line for line in score.table().splitlines() if line.startswith("| brightness |"))
    assert row.count("draws nothing") == row.count("has no other") == 3
    assert "setting_ssim" in score[FEW.name].beside


def test_each_other_setting_is_in_the_file(score):
    found = score.details["other_settings"]
    assert set(found) == {FEW.name}
    assert set(found[FEW.name]) == {"samples=5", "noise=0.3"}
    line = score[FEW.name]
    for measure in ("ssim", "hog", "spearman"):
        values = [each[measure] for each in found[FEW.name].values()]
        assert line.beside[f"setting_{measure}"].value == pytest.approx(np.mean(values))


def explained(run, batch, explainer, view, seed=0, targets=None):
    classifier = run.classifier("object")
    pictures = batch.images.astype(np.float32)
    predicted = classifier.predictions(pictures)
    seeds = image_seeds(batch.ids, seed, view, classifier.seed_digest)
    targets = predicted if targets is None else targets
    return explainer.explain(classifier, pictures, targets, seed=seeds).sum(-1), predicted


def correlations(first, second):
    return np.array([spearmanr(a, b, axis=None).statistic for a, b in zip(first, second, strict=True)])


def test_pairs_are_compared_as_the_maps_themselves_are(score):
    """From the maps of the network, one image after another."""
    run = score.basis.run
    images = run.pictures(run.classifier("object"))
    batch = images[:IMAGES]
    smoothgrad = FEW
    first, predicted = explained(run, batch, smoothgrad, images.name)
    again = [explained(run, batch, smoothgrad, images.name, seed)[0] for seed in (1, 2)]
    line = score[FEW.name]
    expected = np.mean([correlations(first, other) for other in again])
    assert line.beside["seed_spearman"].value == pytest.approx(expected, abs=1e-3)
    noisier = METHODS["smoothgrad"].with_settings(samples=10, noise=0.3)
    other = correlations(first, explained(run, batch, noisier, images.name)[0]).mean()
    assert score.details["other_settings"][FEW.name]["noise=0.3"]["spearman"] == pytest.approx(
        other, abs=1e-3
    )
    changed = 0
    for name, change in SMALL.items():
        copies = replace(batch, images=change(batch.images, image_seeds(batch.ids, 0, name)))
        other, classes = explained(run, copies, smoothgrad, f"{images.name}-{name}", 0, predicted)
        pair = (before_shift(first), shifted_back(other)) if name == "shift" else (first, other)
        kept = classes == predicted
        changed += (~kept).sum()
        assert line.beside[f"{name}_spearman"].n == kept.sum() > 0
        expected = correlations(*pair)[kept].mean()
        assert line.beside[f"{name}_spearman"].value == pytest.approx(expected, abs=1e-3)
    assert line.counts["changed_class"] == changed


def test_a_map_that_does_not_move_with_the_object_shows_elsewhere(score):
    """The object's brightness moves with it; a bell in the middle does not."""
    moving, still = score["brightness"].beside, score["centre"].beside
    assert moving["relocated_spearman"].value > 0.5 > still["relocated_spearman"].value
    # Within the object's box the oracle is the object's shape.
    assert score["object_mask"].beside["relocated_spearman"].value > 0.5


def test_copies_in_which_another_class_is_seen_are_counted(run_for, region_classifier, tmp_path):
    """Its class is decided by whether a rectangle's red is above 100: 102 is darker than that by 3%."""
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for name, red in (("near", 102), ("far", 200)):
        image = rng.integers(0, 256, (12, 16, 3))
        image[region_classifier.region] = [red, 50, 50]
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / "photos" / f"{name}.png")
    run = run_for((brightness, "random"), images=tmp_path / "photos", model=region_classifier, batch_size=8)
    score = scored(run, other_seeds=1)
    line = score["brightness"]
    assert line.beside["darker_spearman"].n == 1
    assert line.beside["brighter_spearman"].n == 2
    assert line.counts["changed_class"] >= 1
    assert line.n == 2
    assert "relocated_spearman" not in line.beside
    assert "relocated" not in score.table().splitlines()[0]


def test_a_scene_network_is_not_asked_about_moved_objects(run_for):
    score = scored(run_for(("random", "edges"), model="scene", limit=3, batch_size=3), other_seeds=1)
    assert not any(key.startswith("relocated") for key in score["random"].beside)
    assert score["edges"].n > 0


def test_maps_with_nan_are_left_out(run_for):
    def broken(classifier, images, targets, *, seed):
        maps = images.mean(-1)
        maps[:, 3, 3] = np.nan
        return maps

    line = scored(run_for((broken,), limit=4, batch_size=4), other_seeds=1)["broken"]
    assert (line.n, line.value, line.excluded["nan_map"]) == (0, None, 4)
    assert line.counts["undefined"] == 0


def test_removal_methods_find_their_settings_by_name(run_for):
    """As soon as one of that name is there."""

    def lime(classifier, images, targets, *, segments: int = 50):
        return images.mean(-1) * np.cos(np.arange(16) * segments)

    def sliding_patch(classifier, images, targets, *, patch: int = 53):
        return images.mean(-1) + patch * np.arange(16)

    methods = Method("lime", lime), Method("sliding_patch", sliding_patch).with_settings(patch=60)
    score = scored(run_for(methods, limit=3, batch_size=3), other_seeds=1)
    assert set(score.details["other_settings"]["lime"]) == {"segments=150"}
    assert -1 <= score["lime"].beside["setting_spearman"].value < 0.99
    patches = score["sliding_patch(patch=60)"]
    found = score.details["other_settings"]["sliding_patch(patch=60)"]
    for group, sizes in (("setting", (48, 64)), ("patch", (5, 17, 29))):
        values = [found.pop(f"patch={size}")["spearman"] for size in sizes]
        assert patches.beside[f"{group}_spearman"].value == pytest.approx(np.mean(values))
    assert found == {}
    assert patches.beside["setting_spearman"].value > patches.beside["patch_spearman"].value
    table = score.table()
    assert "| other patch size, SSIM |" in table
    assert "Other settings: lime with segments=50 beside segments=150; sliding_patch(patch=60) with" in table
    assert "patch_ssim" not in score["lime"].counts


def test_copies_of_an_image_are_filled_as_the_image_is(dataset, suite_folder, tmp_path, monkeypatch):
    """Else robustness would measure how donors differ."""
    painted, pictures = {}, Fills.pictures

    def watched(fills):
        found = pictures(fills)
        for image, picture in zip(fills.ids, found, strict=True):
            painted.setdefault(image, []).append(picture)
        return found

    monkeypatch.setattr(Fills, "pictures", watched)
    asked = {"robustness": Robustness(other_seeds=1)}
    few = "lime_g(samples=6), sliding_patch_g(stride=100)"
    how = RunSettings(limit=2, batch_size=2)
    score = evaluate(
        METRICS["robustness"], make_run(asked, choose(few), dataset, suite_folder, tmp_path, how)
    )
    assert len(painted) == 2
    for found in painted.values():
        # For LIME: the image, another seed, another setting, five copies, and the moved object.
        assert len(found) > 2 * 9
        assert all(np.array_equal(each, found[0]) for each in found)
    assert score["sliding_patch_g(stride=100)"].counts["seed_ssim"] == LACKING["seed"]
    assert "seed_ssim" in score["lime_g(samples=6)"].beside


def test_what_warns_is_always_in_the_table(dataset, suite_folder, tmp_path):
    asked = {name: METRICS[name].settings() for name in ("robustness", "deletion")}
    for metrics, controls in (
        (asked, ["random", "edges", "centre"]),
        ({"deletion": None}, ["random", "edges"]),
    ):
        run = make_run(metrics, choose("grad_cam"), dataset, suite_folder, tmp_path, RunSettings())
        assert [each.name for each in run.explainers] == ["grad_cam", *controls]
    run = make_run(asked, choose("centre"), dataset, suite_folder, tmp_path, RunSettings())
    assert [each.name for each in run.explainers] == ["centre", "random", "edges"]


def test_the_page_names_the_command_for_other_seeds_at_both_numbers_of_superpixels():
    text = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if "--metric robustness" in line and "other_seeds" in line)
    words = shlex.split(line)
    found = [each for each in choose(words[words.index("--methods") + 1]) if not each.method.control]
    assert {(each.method.name, each.settings["segments"]) for each in found} == {
        (name, segments) for name in ("lime", "lime_g") for segments in (50, 150)
    }
    assert words[words.index("--other_seeds") + 1] == "4"  # and the first: five seeds


def test_each_seed_adds_to_the_mean(run_for):
    two = scored(run_for(("random",), limit=3, batch_size=3), other_seeds=2)["random"]
    one = scored(run_for(("random",), limit=3, batch_size=3), other_seeds=1)["random"]
    assert two.beside["seed_ssim"].value != one.beside["seed_ssim"].value
    assert two.value == one.value


def test_it_can_be_judged_but_has_no_oracle(score):
    verdict = judge(score, judge_both=False, judge_copies=0).metrics["robustness"]
    assert verdict.soundness is None
    assert verdict.separation.pooled.value > 0
