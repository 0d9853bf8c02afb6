"""The laws that every registered metric keeps, and one that is registered here: the example of the docs."""

import json
import math
import re
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

import bam.metrics.concepts.sensitivity
from bam.attributions.registry import Method
from bam.base.settings import checked, parameters
from bam.metrics import METRICS
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.localisation.rows import Located
from bam.metrics.metric import Measured, find_metric
from bam.metrics.results.score import read_score, score_schema
from bam.metrics.scoring import evaluate

# What a writer does not know would be written all the same, with a warning.
pytestmark = pytest.mark.filterwarnings("error:Pydantic serializer warnings")

OWN = "distraction"
NAMES = (*METRICS, OWN)
PER_IMAGE = [name for name in NAMES if name == OWN or METRICS[name].per_image]
ANY_IMAGES = [name for name in NAMES if name != OWN and METRICS[name].images == "any"]
# Other settings than by default, of every metric that has some: for less work, and to see that they count.
SETTINGS = {
    "mcs": {"robustness": False, "premise": False},
    "idr": {"robustness": False, "premise": False},
    "effect": {"networks": "object", "donors": 2, "regions": True},
    # Nearly all patches of the untrained network are out of reach otherwise.
    "iir": {"patch_tolerance": 0.5, "iir_threshold": 0.2},
    "tcav": {"tcav_runs": 2, "tcav_images": 4},
    # What a donor paints, the untrained network does not recognise.
    "inpainting": {"inpainter": "mean", "levels": (20, 60), "fills": 1, "patch_grid": 4},
    "localisation": {"threshold_images": 6},
    "robustness": {"other_seeds": 1},
    "randomisation": {"weight_draws": 1, "cascade_stages": 1, "independent": False},
    "violation": {"patch_grid": 4},
    OWN: {"times": 1.5},
}
# What the controls get from the metrics that know the truth; the interval of `random` holds it.
KNOWN = {
    "mcs": {"object_mask": 1, "constant": 0, "random": 0},
    "idr": {"object_mask": 1, "constant": 0, "random": 0.5},
}
LIMIT, FEW, BATCH = 10, 5, 8


class Fuse:
    """Of the method `mortal`: how often it was called in this run, and how often it may be."""

    calls, most = 0, math.inf


# Of each run that was finished, by metric and folder.
CALLS = {}


def mortal(classifier, images, targets, *, seed, channels=(0, 1, 2)):
    """The image itself, unless the process is killed."""
    Fuse.calls += 1
    if Fuse.calls > Fuse.most:
        raise KeyboardInterrupt
    return images[..., channels].mean(-1)


def broken(classifier, images, targets, *, seed):
    """The gradient, but NaN for every third image or so."""
    maps = classifier.gradient(images, targets).copy()
    maps[seed % 3 == 0, 0] = np.nan
    return maps


METHODS = (
    "object_mask",
    "constant",
    "random",
    "attention_rollout",
    "vanilla_gradient",
    Method("broken", broken),
    Method("mortal", mortal),
)


@pytest.fixture(scope="module", autouse=True)
def own_metric(tmp_path_factory):
    """The metric of docs/extending.md, among the others as long as these tests run."""
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("own") / f"{OWN}.py"
    path.write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, OWN, None)
        yield find_metric(f"{path}:{OWN}")


@pytest.fixture(scope="module", autouse=True)
def everything_recognised():
    """As if the untrained networks recognised every image."""
    measure = bam.metrics.concepts.sensitivity.measure

    def all_correct(*given):
        found = measure(*given)
        return replace(found, correct=np.ones_like(found.correct))

    with pytest.MonkeyPatch.context() as patch:
        for kind in (Row, Located):
            patch.setattr(kind, "correct", property(lambda row: True))
        patch.setattr(bam.metrics.concepts.sensitivity, "measure", all_correct)
        yield


@pytest.fixture(scope="module")
def score_of(run_in, tmp_path_factory):
    """From a metric's name and what is asked for to its score; each is computed once.

    folder: of the results, shared by all that names the same.
    """
    root = tmp_path_factory.mktemp("scores")

    def make(name, folder="fresh", methods=METHODS, limit=LIMIT, batch_size=BATCH):
        settings = checked(METRICS[name].settings, SETTINGS.get(name, {}))
        more = {"asked": {name: settings}, "limit": limit, "batch_size": batch_size}
        Fuse.calls = 0
        score = evaluate(METRICS[name], run_in(root / name / folder, methods, **more))
        CALLS[name, folder] = Fuse.calls
        return score

    return cache(make)


@pytest.fixture(scope="module")
def resumed(score_of):
    """From a metric's name to its score in a folder where a run was killed in the middle of its maps.

    A metric that needs no maps is run a second time.
    """

    @cache
    def make(name):
        score_of(name)
        if calls := CALLS[name, "fresh"]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Fuse, "most", calls // 2)
                with pytest.raises(KeyboardInterrupt):
                    score_of(name, "killed")
        return score_of(name, "killed")

    return make


def kept(folder):
    """All rows that are kept, but for the time they took."""
    found = {}
    for path in folder.rglob("*.csv"):
        head, *lines = path.read_text().splitlines()
        timed = head.endswith(",seconds")
        found[path.name] = sorted(line.rsplit(",", 1)[0] if timed else line for line in lines)
    return found


def text_of(score):
    """That of its file, but for the seconds and the environment."""
    content = score.to_json()
    del content["environment"]
    for line in content["lines"].values():
        del line["seconds"]
    return json.dumps(content)


def numbers(line):
    """What was found of a method itself: all but the time and its place among the others."""
    return asdict(replace(line, seconds=None, rank=None))


@pytest.mark.parametrize("name", NAMES)
def test_the_file_keeps_to_the_schema_and_reads_back_equal(name, score_of, tmp_path):
    score = score_of(name)
    path = score.write(tmp_path)
    jsonschema.Draft202012Validator(score_schema()).validate(json.loads(path.read_text()))
    found = read_score(path)
    assert found == score
    assert found.markdown() == path.with_suffix(".md").read_text()
    assert path.with_suffix(".png").exists() == (score.chart is not None)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_run_ends_as_one_undisturbed(name, score_of, resumed):
    """In another folder: the same seed gives the same rows and the same file."""
    fresh, again = score_of(name), resumed(name)
    assert (CALLS[name, "fresh"] > 1) == bool(kept(fresh.basis.run.out))
    assert kept(again.basis.run.out) == kept(fresh.basis.run.out)
    assert text_of(again) == text_of(fresh)


@pytest.mark.parametrize("name", PER_IMAGE)
def test_a_limit_takes_the_first_images(name, score_of):
    whole, few = (score.basis.measured for score in (score_of(name), score_of(name, "few", limit=FEW)))
    np.testing.assert_array_equal(few.sources, whole.sources[:FEW])
    for method, values in whole.values.items():
        assert len(values) == LIMIT
        np.testing.assert_array_equal(few.values[method], values[:FEW])
    for key, beside in whole.beside.items():
        for method, values in beside.values.items():
            np.testing.assert_array_equal(few.beside[key].values[method], values[:FEW])


@pytest.mark.parametrize("name", NAMES)
def test_other_methods_beside_change_nothing(name, score_of):
    # Two of them draw, since numbers of one method alone may be added up in another order.
    few = score_of(name, "reversed", methods=("vanilla_gradient", METHODS[5], "random"))
    whole = score_of(name)
    assert set(few.lines) <= set(whole.lines)
    for method, line in few.lines.items():
        assert numbers(line) == numbers(whole[method])


@pytest.mark.parametrize("name", NAMES)
def test_the_batch_size_changes_numbers_by_rounding(name, score_of):
    whole = score_of(name)
    cut = score_of(name, "cut", methods=("object_mask", "random", "vanilla_gradient"), batch_size=7)
    for method, line in cut.lines.items():
        assert line.value == pytest.approx(whole[method].value, abs=1e-4)
        assert line.excluded == whole[method].excluded


@pytest.mark.parametrize("name", KNOWN)
def test_the_controls_get_what_is_known(name, score_of):
    score = score_of(name)
    sign = 1 if score.direction == "up" else -1
    best = max(sign * line.value for line in score.lines.values())
    assert sign * score["object_mask"].value == best
    known = KNOWN[name]
    assert score["object_mask"].value == known["object_mask"]
    assert score["constant"].value == known["constant"]
    assert score["random"].ci_low <= known["random"] <= score["random"].ci_high
    assert all(score[method].control and score[method].rank is None for method in known)


@pytest.mark.parametrize("name", NAMES)
def test_maps_that_are_no_numbers_are_counted_and_never_averaged(name, score_of):
    score = score_of(name)
    if "broken" in score.lines:
        assert score["broken"].excluded["nan_map"] > 0
        assert score["broken"].n > 0
        assert score["broken"].excluded.keys() >= score["vanilla_gradient"].excluded.keys()
    if name in PER_IMAGE:
        for method, values in score.basis.measured.values.items():
            line = score[method]
            assert line.n == np.isfinite(values).sum() == LIMIT - sum(line.excluded.values())
            if line.n:
                assert line.value == pytest.approx(np.nanmean(values))
        constant = score["constant"]
        if name in ("robustness", "randomisation"):  # nothing is like them
            assert constant.n == 0 < constant.excluded["constant_map"]
        else:
            assert constant.counts["constant_maps"] == constant.n > 0


@pytest.mark.parametrize("name", NAMES)
def test_one_image_is_enough(name, score_of):
    score = score_of(name, "few", limit=1)
    jsonschema.Draft202012Validator(score_schema()).validate(json.loads(json.dumps(score.to_json())))
    assert score.markdown()
    if name in PER_IMAGE:
        for line in score.lines.values():
            assert line.n + sum(line.excluded.values()) == 1
            for found in (line.estimate, *line.beside.values()):
                assert found.ci_low is found.ci_high is None or found.ci_low == found.ci_high
        assert not any(test.is_significant for test in score.comparison.tests)


@pytest.mark.parametrize("name", ANY_IMAGES)
def test_networks_and_images_need_not_be_square(name, run_in, region_classifier, tmp_path):
    (tmp_path / "images").mkdir()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 40, 3)).astype(np.uint8)
    for number, picture in enumerate((*pictures[:2], pictures[2].swapaxes(0, 1))):
        Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(np.indices(picture.shape[:2]).sum(0) < 25).save(tmp_path / f"{number}.png")
    masks = {"masks": str(tmp_path)} if name == "localisation" else {}
    settings = checked(METRICS[name].settings, SETTINGS.get(name, {}) | masks)
    own = {"images": tmp_path / "images", "model": region_classifier, "asked": {name: settings}}
    run = run_in(tmp_path / "results", ("vanilla_gradient", "random"), **own, batch_size=8)
    score = evaluate(METRICS[name], run)
    assert read_score(score.write(run.out)) == score
    images = score.configuration.images
    assert images == {**images, "n": 3, "left_out": {}}
    assert len(images["fingerprint"]) >= 64
    for line in score.lines.values():
        assert line.n + sum(line.excluded.values()) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_method_that_does_not_suit_the_network_is_named(name, score_of):
    score = score_of(name)
    assert score.unsuited == {"attention_rollout": "the network has no attention"}
    assert "Not for these networks: attention_rollout (the network has no attention)." in score.notes
    assert "attention_rollout" not in score.lines


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_described_and_recorded(name, score_of):
    kind = METRICS[name].settings
    assert bool(fields(kind)) == (name in SETTINGS)
    assert all(parameter.description for parameter in parameters(kind))
    names = {field.name for field in fields(kind)}
    assert not names & {field.name for field in fields(RunSettings)}
    configuration = json.loads(json.dumps(score_of(name).to_json()))["configuration"]
    assert configuration["metric"].keys() == names
    for key, value in SETTINGS.get(name, {}).items():
        changed = json.loads(json.dumps(value))
        assert configuration["metric"][key] == changed != getattr(kind(), key)
    assert configuration["run"] == asdict(RunSettings(limit=LIMIT, batch_size=BATCH))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_declared_is_said(name, score_of):
    """The same in the file as in the registry; a metric has values of images if it says so."""
    score, metric = score_of(name), METRICS[name]
    assert (score.metric, score.version, score.direction) == (name, metric.version, metric.direction)
    assert score.source == metric.source != ""
    assert isinstance(score.basis.measured, Measured) == metric.per_image
