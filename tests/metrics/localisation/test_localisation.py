"""Localisation in composites and in a user's own images."""

import json

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.order import relevance
from bam.metrics.judging.judge import judge
from bam.metrics.localisation.localisation import Localisation
from bam.metrics.localisation.measures import LEAST_IOU, THRESHOLDS, box_ious, rank_accuracy
from bam.metrics.localisation.rows import Located
from bam.metrics.scoring import evaluate

TRAINING = 12
CONTROLS = ("object_mask", "inverse_mask", "random", "constant", "centre")


def scored(run, **settings):
    run.asked["localisation"] = Localisation(**settings)
    return evaluate(METRICS["localisation"], run)


@pytest.fixture(scope="module")
def recognised():
    """As if the untrained models recognised every image."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Located, "correct", property(lambda row: True))
        yield


@pytest.fixture(scope="module")
def score(run_in, tmp_path_factory, recognised):
    run = run_in(tmp_path_factory.mktemp("localisation"), (*CONTROLS, "vanilla_gradient"))
    return scored(run, threshold_images=TRAINING)


def composites(score, split="test"):
    """The images that were scored, and the logits of their classes with their objects and without."""
    run = score.basis.run
    classifier = run.classifier("object")
    view = shuffled(run.dataset.view("object_scene", split), run.settings.seed)
    labels, places = view.object_labels, np.arange(len(view))

    def logits(view):
        pictures = np.rint(classifier.prepare(view[:].images)).astype(np.uint8)
        return classifier.logits(pictures.astype(np.float32))[places, labels]

    batch = view[:]
    return batch, classifier.prepare_masks(batch.masks), logits(view), logits(view.without_object())


def test_known_answers(score):
    right, wrong, random, constant = (score[name] for name in CONTROLS[:4])
    assert 10 < right.n < 90  # of an untrained network
    for line, value, error in ((right, 1, 0), (wrong, 0, 1)):
        assert line.value == line.beside["mass"].value == line.beside["auc"].value == value
        assert line.beside["pointing"].value == value
        assert line.beside["box_error"].value == error
    used = ~np.isnan(score.basis.measured.values["constant"])
    area = composites(score)[1].mean((1, 2))[used].mean()
    assert constant.value == pytest.approx(area)
    assert constant.beside["mass"].value == constant.beside["pointing"].value == pytest.approx(area)
    assert constant.beside["auc"].value == 0.5
    assert constant.counts["constant_maps"] == constant.n
    assert random.ci_low <= area <= random.ci_high
    assert random.beside["auc"].value == pytest.approx(0.5, abs=0.03)
    # The oracle of a network of scenes is what is no object.
    for key in ("rank", "mass", "pointing", "auc"):
        assert right.beside[f"{key}.scene"].value == 0
    assert score.oracle


def test_only_images_count_in_which_removing_the_object_lowers_the_logit(score):
    _, _, with_object, without = composites(score)
    lowered = with_object > without + 1e-4
    for values in score.basis.measured.values.values():
        np.testing.assert_array_equal(~np.isnan(values), lowered)
    line = score["vanilla_gradient"]
    assert line.excluded["object_not_used"] == 100 - line.n == (~lowered).sum()
    assert f"lowers the logit of the class explained in {lowered.sum()} of 100 images" in score.table()


def test_the_threshold_is_the_best_on_the_training_split(score):
    """From the maps themselves."""
    run = score.basis.run
    explainer = next(each for each in run.explainers if each.name == "vanilla_gradient")
    classifier, ious = run.classifier("object"), {}
    for split in ("train", "test"):
        batch, masks, with_object, without = composites(score, split)
        pictures = np.rint(classifier.prepare(batch.images))
        maps = explainer.explain(classifier, pictures, batch.object_labels)
        found = box_ious(relevance(maps)[0], masks)
        first = slice(TRAINING if split == "train" else None)
        ious[split] = found[first][(with_object > without)[first]]
    errors = (ious["train"] < LEAST_IOU).sum(0)
    best = max(
        (place for place in range(9) if errors[place] == errors.min()), key=lambda p: ious["train"].mean(0)[p]
    )
    line = score["vanilla_gradient"]
    assert line.counts["threshold"] == f"{THRESHOLDS[best]:.2f}"
    assert line.beside["box_error"].value == pytest.approx((ious["test"][:, best] < LEAST_IOU).mean())
    assert line.beside["box_iou"].value == pytest.approx(ious["test"][:, best].mean(), abs=1e-3)
    assert line.curves["box_error_curve"] == pytest.approx((ious["test"] < LEAST_IOU).mean(0))
    assert score.axes["box_error_curve"] == THRESHOLDS
    assert f"{TRAINING} images of the training split, of which {len(ious['train'])} count" in score.table()


def halves(classifier, images, targets, *, seed):
    """Most relevant is the left for an object classifier, the right for a scene classifier; no ties."""
    ramp = np.arange(images[0, ..., 0].size, dtype=np.float32).reshape(images.shape[1:3]) + 1
    return np.repeat((ramp.max() + 1 - ramp if classifier.labels == "object" else ramp)[None], len(images), 0)


def test_the_network_of_scenes_stands_beside(run_for, recognised):
    run = run_for((halves,), limit=20)
    line = scored(run, threshold_images=2)["halves"]
    masks = shuffled(run.dataset.view("object_scene"), 0)[:20].masks
    masks = run.classifier("object").prepare_masks(masks)
    used = ~np.isnan(scored(run, threshold_images=2).basis.measured.values["halves"])
    for name, value in (("object", line.value), ("scene", line.beside["rank.scene"].value)):
        planes = halves(run.classifier(name), np.zeros((20, 16, 16, 3)), None, seed=None)
        assert value == pytest.approx(rank_accuracy(planes, masks)[used].mean())
    assert line.beside["rank.scene"].n == line.n == used.sum() > 0


def test_without_a_network_of_scenes_there_is_no_such_column(run_for, suite_folder, tmp_path, recognised):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "object").symlink_to(suite_folder / "object")
    score = scored(run_for(models=tmp_path / "models", limit=4), threshold_images=2)
    assert "of f_s" not in score.table()
    assert score["random"].n > 0


def test_a_network_of_scenes_is_refused(run_for):
    with pytest.raises(BamError, match="asks where a network sees objects, and scene names scenes"):
        scored(run_for(model="scene", limit=2))
    with pytest.raises(BamError, match="`masks` are of your own images"):
        scored(run_for(limit=2), masks="masks")


def test_what_is_not_recognised_is_left_out(run_for, monkeypatch):
    monkeypatch.setattr(Located, "correct", property(lambda row: row.target == row.predicted))
    line = scored(run_for(limit=30), threshold_images=2)["random"]
    assert line.n + sum(line.excluded.values()) == 30
    assert line.excluded["misclassified"] > 10


def test_that_no_image_counts_is_said(run_for, monkeypatch):
    monkeypatch.setattr(Located, "correct", property(lambda row: False))
    score = scored(run_for(limit=4), threshold_images=2)
    assert score["random"].value is None
    assert score.validity.passed is False
    assert "no image counts for any method" in score.markdown()


@pytest.mark.parametrize("kind", ["nan", "zero"])
def test_maps_that_say_nothing(run_for, recognised, kind):
    def broken(classifier, images, targets):
        maps = np.full(images.shape[:3], -1.0, np.float32)
        if kind == "nan":
            maps[:, 2, 3] = np.nan
        return maps

    score = scored(run_for((broken, "constant"), limit=10), threshold_images=4)
    line, constant = score["broken"], score["constant"]
    if kind == "nan":
        assert (line.n, line.value) == (0, None)
        assert line.excluded["nan_map"] == 10 > constant.n > 0
        assert line.beside["box_error"].value is None
        assert line.counts["threshold"] == "-"
    else:
        assert line.value == pytest.approx(constant.value)
        assert line.beside["box_iou"].value == 0
        assert line.counts["constant_maps"] == line.n == constant.n


@pytest.fixture
def own(tmp_path, region_classifier):
    """A folder of images with the rectangle that the network looks at: bright, dark, and one without mask."""
    rng = np.random.default_rng(0)
    region = region_classifier.region
    for folder in ("photos", "masks"):
        (tmp_path / folder).mkdir()
    for name in ("bright", "brighter", "dark", "lost"):
        image = rng.integers(60, 80, (12, 16, 3))
        image[region] = {"bright": 200, "brighter": 240}.get(name, 20)
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / "photos" / f"{name}.png")
        if name != "lost":
            Image.fromarray(region).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def test_images_of_ones_own(own, run_in, region_classifier):
    methods = (*CONTROLS, "gradient_x_input")
    run = run_in(own / "out", methods, images=own / "photos", model=region_classifier, batch_size=8)
    score = scored(run, masks=str(own / "masks"))
    right, wrong = score["object_mask"], score["inverse_mask"]
    # The logit of dark rectangles is 0 whatever is there.
    assert (right.n, right.excluded["object_not_used"]) == (2, 1)
    assert (right.value, wrong.value) == (1, 0)
    assert right.beside["box_error"].value == 0
    assert score["gradient_x_input"].value == 1  # there is no gradient elsewhere
    share = region_classifier.region.mean()
    assert score["constant"].value == score["constant"].beside["mass"].value == pytest.approx(share)
    assert "lost.png (no mask: there is no lost.png)" in score.table()
    assert "best on the other images of the folder" in score.table()
    assert score.configuration.images["left_out"] == {"lost.png": "no mask: there is no lost.png"}
    assert json.loads(json.dumps(score.to_json()))["configuration"]["metric"]["masks"] == str(own / "masks")
    assert score.validity.problems == ()


def test_one_image_of_ones_own_has_no_threshold(own, run_in, region_classifier):
    run = run_in(own / "out", images=own / "photos", model=region_classifier, batch_size=1, limit=1)
    line = scored(run, masks=str(own / "masks"))["random"]
    assert line.n == 1
    assert line.beside["box_error"].value is None
    assert line.counts["threshold"] == "-"


def test_masks_are_asked_for(own, run_in, region_classifier):
    run = run_in(own / "out", images=own / "photos", model=region_classifier)
    with pytest.raises(BamError, match="needs to know where the objects are: give `masks`"):
        scored(run)


def test_it_can_be_judged(run_for, recognised):
    score = scored(run_for(("vanilla_gradient", "random", "centre")), threshold_images=2)
    verdicts = judge(score, judge_inverted=False, judge_copies=0).metrics
    assert set(verdicts) == {
        "localisation",
        *(f"localisation:{key}" for key in ("mass", "pointing", "auc", "box_error")),
    }
    assert verdicts["localisation:box_error"].direction == "down"
    for name in ("localisation", "localisation:mass", "localisation:auc"):
        assert verdicts[name].soundness.passes
