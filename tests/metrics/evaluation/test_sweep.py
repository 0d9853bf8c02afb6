from contextlib import closing
from copy import copy
from dataclasses import replace

import numpy as np
import pytest

import bam.base.progress
import bam.metrics.evaluation.sweep
from bam.attributions import METHODS, explain
from bam.attributions.custom import custom_method
from bam.base.errors import BamError
from bam.base.files import locked
from bam.base.seeds import image_seeds
from bam.metrics import METRICS
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.order import PatchGrid
from bam.metrics.evaluation.regions import positive_map, region_attribution, signed_attribution
from bam.metrics.evaluation.sweep import raw_maps, row_file_name
from bam.metrics.scoring import evaluate

NAMES = ("vanilla_gradient", "random", "object_mask")


@pytest.fixture
def view(dataset):
    return shuffled(dataset.view("object_scene"), seed=0).subset(np.arange(40))


@pytest.fixture
def collect(view, scene_classifier, run_for):
    """The rows of a run, of `view` and `scene_classifier`, in the folder `out`."""

    def make(out="results", images=view, methods=NAMES, **settings):
        return run_for(methods, out, **settings).collect(images, scene_classifier)

    return make


def numbers(rows):
    """All of the rows but the time they took."""
    return [
        (row.image_id, row.target, row.predicted, row.status, row.g_c, row.g_random)
        for method in NAMES
        for row in rows[method]
    ]


def test_images_come_in_one_order_for_all_views(dataset):
    first, other_seed = (shuffled(dataset.view("object_scene"), seed).ids for seed in (0, 1))
    assert first != other_seed
    assert sorted(first) == sorted(other_seed) == sorted(dataset.view("object_scene").ids)
    assert shuffled(dataset.view("scene_only"), 0).ids == first


def test_limits_are_prefixes_and_leave_no_trace(collect):
    whole = collect("whole")
    for limit in (3, 33, None):
        rows = collect("growing", limit=limit)
        assert numbers(rows) == numbers({name: whole[name][:limit] for name in NAMES})


def test_two_runs_do_not_write_the_same_rows(collect, run_for):
    with locked(run_for().keeping.folder / ".lock"), pytest.raises(BamError, match="another run is writing"):
        collect()


def test_rows_are_what_one_gets_image_by_image(view, scene_classifier, collect):
    rows = collect()
    for index in (0, 17, 39):
        batch = view[[index]]
        maps = explain(scene_classifier, batch.images, batch.scene_labels, "vanilla_gradient")
        regions = scene_classifier.prepare_masks(batch.masks)
        expected = region_attribution(positive_map(maps)[0], regions)[0]
        found = rows["vanilla_gradient"][index]
        assert found.g_c == pytest.approx(expected, rel=1e-3)
        signed = [found.signed, found.raw, found.total]
        expected = [values[0] for values in signed_attribution(maps, regions)]
        assert signed == pytest.approx(expected, rel=1e-2, abs=1e-2 * float(np.abs(maps).max()))
        assert (found.image_id, found.target) == (batch.ids[0], batch.scene_labels[0])
        assert found.predicted == scene_classifier.predictions(scene_classifier.prepare(batch.images))[0]
    assert all(row.g_c == 0 for row in rows["object_mask"])  # the oracle of a scene classifier


def test_killed_run_ends_as_if_undisturbed(collect, tmp_path, monkeypatch):
    whole = collect("whole")
    explain_batch, calls = bam.metrics.evaluation.sweep._explain_batch, []

    def killed_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return explain_batch(*arguments)

    monkeypatch.setattr(bam.metrics.evaluation.sweep, "_explain_batch", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        collect("killed")
    (path,) = (tmp_path / "killed" / "rows").glob("*random*")  # one file was written further than the others
    path.write_bytes(path.read_bytes()[:-200])
    assert numbers(collect("killed")) == numbers(whole)


def test_nothing_is_computed_twice_and_nothing_stale_is_used(scene_classifier, collect, monkeypatch):
    collect()
    computed = []

    def note(batch, view, classifier, explainers, seed):
        computed.append([explainer.name for explainer in explainers])
        raise KeyboardInterrupt

    monkeypatch.setattr(bam.metrics.evaluation.sweep, "_explain_batch", note)
    collect()
    assert computed == []
    with pytest.raises(KeyboardInterrupt):
        collect(seed=1)
    monkeypatch.setattr(scene_classifier, "digest", "other weights")
    with pytest.raises(KeyboardInterrupt):
        collect()
    assert computed == [list(NAMES)] * 2


def test_random_maps_differ_between_views_and_models(dataset, scene_classifier, collect, monkeypatch):
    def draws(name, digest, seed_digest):
        monkeypatch.setattr(scene_classifier, "digest", digest)
        monkeypatch.setattr(scene_classifier, "seed_digest", seed_digest)
        rows = collect(images=shuffled(dataset.view(name), 0), methods=["random"], limit=5)
        return np.array([row.g_c for row in rows["random"]])

    first, other_view = draws("object_scene", "a", "x"), draws("scene_only", "a", "x")
    assert not np.isclose(first, other_view).any()
    assert not np.isclose(first, draws("object_scene", "b", "y")).any()
    np.testing.assert_array_equal(first, draws("object_scene", "c", "x"))


def test_image_seeds_depend_on_the_image_alone():
    assert image_seeds(["a", "b"], 0, "x")[1] == image_seeds(["b"], 0, "x")[0]
    assert len({image_seeds(["a"], seed, name)[0] for seed in (0, 1) for name in "xy"}) == 4


def test_methods_of_ones_own_may_change_what_they_are_given(collect, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def mine(classifier, images, targets, *, seed, masks):\n"
        "    logits = classifier.logits(images)\n"
        "    logits[:] = 0\n"
        "    images /= 255\n"
        "    targets[:] = 0\n"
        "    masks[:] = False\n"
        "    seed[:] = 1\n"
        "    return classifier.gradient(images, targets)\n"
    )
    few = METHODS["smoothgrad"].with_settings(samples=3)
    others = ("vanilla_gradient", "gradient_x_input", "object_mask", few)
    plain = collect("plain", methods=others, limit=8)
    own = custom_method(f"{tmp_path / 'mine.py'}:mine")
    rows = collect("with_own", methods=(own, *others), limit=8)
    assert len(rows.pop("mine")) == 8
    for name, expected in plain.items():
        assert [row.g_c for row in rows[name]] == [row.g_c for row in expected], name


def test_rows_are_those_of_a_methods_version_and_of_all_its_settings(view, scene_classifier, monkeypatch):
    def file(method, **settings):
        return row_file_name(view, scene_classifier, method.with_settings(**settings), 0)

    smoothgrad = METHODS["smoothgrad"]
    plain = file(smoothgrad)
    assert plain == file(replace(smoothgrad)) == file(smoothgrad, noise="0.15", samples=50)
    changed = [file(smoothgrad, samples=51), file(replace(smoothgrad, version=2))]
    defaults = {"samples": 51, "noise": 0.15}
    monkeypatch.setattr(smoothgrad.function, "__kwdefaults__", defaults)
    smoothgrad = replace(smoothgrad)  # registered anew
    assert [file(smoothgrad), file(smoothgrad, samples=50)] == [changed[0], plain]
    monkeypatch.setitem(defaults, "noise", 0.2)
    changed.append(file(replace(smoothgrad)))
    assert len({plain, *changed}) == 4


def test_settings_of_one_method_stand_beside_each_other(collect, run_for):
    smoothgrad = METHODS["smoothgrad"]
    few = [smoothgrad.with_settings(samples=samples) for samples in (1, 2)]
    rows = collect(methods=few, limit=4)
    assert set(rows) == {"smoothgrad(samples=1)", "smoothgrad(samples=2)"}
    assert {row.method for row in rows["smoothgrad(samples=2)"]} == {"smoothgrad(samples=2)"}
    assert len(list(run_for().keeping.folder.glob("*-smoothgrad-*.csv"))) == 2


@pytest.mark.parametrize("change", [{"seed": 1}, {"batch_size": 4}, {"precision": "bfloat16"}])
def test_rows_are_those_of_the_run_s_settings(view, run_for, change):
    def files(**settings):
        run = run_for(limit=4, **settings)
        before = set(run.keeping.folder.glob("*.csv"))
        run.collect(view, run.classifier("scene"))
        return set(run.keeping.folder.glob("*.csv")) - before

    assert len(files()) == 1
    assert len(files(**change)) == 1
    assert files() == files(**change) == files(trials=3) == set()


def test_rows_are_those_of_a_metric_s_settings_and_version(run_for, monkeypatch):
    def files(**settings):
        run = run_for(("constant",), limit=2, batch_size=2, asked={"violation": PatchGrid(**settings)})
        before = set(run.keeping.folder.glob("*.csv"))
        evaluate(METRICS["violation"], run)
        return set(run.keeping.folder.glob("*.csv")) - before

    assert len(files()) == 1
    assert len(files(patch_grid=7)) == 1
    assert files(patch_grid=14) == files(patch_grid=7) == set()
    monkeypatch.setitem(METRICS, "violation", replace(METRICS["violation"], version=99))
    assert len(files()) == 1


def at_the_prompt(text):
    """What a function is that this text defines at Python's prompt."""
    names = {}
    exec(compile(text, "<stdin>", "exec"), names)
    return names["mine"]


def closure(power):
    def mine(classifier, images, targets, *, seed):
        return images.mean(-1) ** power

    return mine


PROMPT = "def mine(classifier, images, targets, *, seed):\n    return images.mean(-1)\n"
TRANSIENT = {
    "it has a closure": closure(2),
    "no file defines it": at_the_prompt(PROMPT),
    "it has no name": lambda classifier, images, targets, *, seed: images.mean(-1),
}


@pytest.mark.parametrize("reason", TRANSIENT)
def test_what_is_more_than_a_file_says_keeps_no_rows_and_the_notes_say_so(run_for, all_correct, reason):
    method = custom_method(TRANSIENT[reason], name="mine")
    run = run_for((method, "random"), limit=4, asked={"idr": Contrast(robustness=False, premise=False)})
    score = evaluate(METRICS["idr"], run)
    assert score["mine"].n == 4
    note = f"Rows of mine are not kept, since {reason}: name a version for them to be."
    assert note in score.notes
    kept = [path.name for path in run.keeping.folder.glob("*.csv")]
    assert len(kept) == 2  # with objects and without
    assert all("-random-" in name for name in kept)
    score = evaluate(METRICS["idr"], replace(run, explainers=[replace(method, transient="").with_settings()]))
    assert score["mine"].n == 4
    assert not any("not kept" in line for line in score.notes)
    assert len(list(run.keeping.folder.glob("*-mine-*.csv"))) == 2


def test_a_version_makes_rows_of_any_function_last(view, scene_classifier):
    def file(version):
        method = custom_method(closure(2), version=version)
        return row_file_name(view, scene_classifier, method.with_settings(), 0)

    assert file(None) is None
    assert file("1") == file("1") != file("2")


def test_names_of_classes_are_in_the_keys_of_methods_that_fill_by_them_alone(view, scene_classifier):
    renamed = copy(scene_classifier)
    renamed.class_names = tuple(name.upper() for name in scene_classifier.class_names)
    for name, differs in (("lime_g", True), ("lime", False), ("vanilla_gradient", False)):
        made = METHODS[name].with_settings()
        files = {row_file_name(view, each, made, 0) for each in (scene_classifier, renamed)}
        assert (len(files) == 2) == differs


def test_copies_of_an_image_and_other_seeds_have_the_same_fills(view, scene_classifier, dataset):
    """Whatever the set is called and the run's seed is for now, so that only the map's own draws differ."""
    made = METHODS["sliding_patch_g"].with_settings(patch=100, stride=50).with_given(dataset=dataset)
    batch = view[:3]

    def found(name, seed, explainer=made):
        with closing(raw_maps(batch, name, scene_classifier, [explainer], seed)) as computed:
            return next(computed).maps

    np.testing.assert_array_equal(found("object_scene", 0), found("object_scene-noise", 5))
    other = made.with_given(dataset=dataset, fill_seed=1)
    assert not np.array_equal(found("object_scene", 0), found("object_scene", 0, other))


def test_rows_of_a_function_in_a_file_are_those_of_its_content(collect, run_for, tmp_path):
    def files():
        method = custom_method(f"{tmp_path / 'mine.py'}:mine")
        before = set(run_for().keeping.folder.glob("*.csv"))
        collect(methods=[method], limit=4)
        return [path.name for path in set(run_for().keeping.folder.glob("*.csv")) - before]

    (tmp_path / "mine.py").write_text(PROMPT)
    (first,) = files()
    assert "-mine-" in first
    assert files() == []
    (tmp_path / "mine.py").write_text(PROMPT.replace("mean(-1)", "max(-1)"))
    assert len(files()) == 1
    (tmp_path / "mine.py").write_text(PROMPT)
    assert files() == []


def test_progress_names_every_method_of_every_batch(collect, shown, scene_classifier):
    size = scene_classifier.batch_size
    assert size == 32
    collect(limit=33)
    title = f"{scene_classifier.name} on object_scene"
    assert shown == [
        f"{title}: method {number} of 3 ({name}), images {images} of 33"
        for images in ("1-32", "33-33")
        for number, name in enumerate(NAMES, 1)
    ]


def test_progress_counts_what_is_still_to_be_computed(collect, shown, capsys, monkeypatch):
    collect(methods=NAMES[:2], limit=32)
    shown.clear()
    collect(limit=33)
    assert [line.split(": ")[1] for line in shown] == [
        "method 1 of 1 (object_mask), images 1-32 of 33",
        *(f"method {number} of 3 ({name}), images 33-33 of 33" for number, name in enumerate(NAMES, 1)),
    ]
    shown.clear()
    collect()
    assert shown == []


def test_progress_is_on_stderr_alone_and_silent_where_work_is_short(collect, capsys, monkeypatch):
    collect(limit=2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(bam.base.progress, "REPORTED", 0.0)
    collect(limit=2, seed=1)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ": method 2 of 3 (random), images 1-2 of 2, " in printed.err


def test_progress_of_curves_names_the_metric_too(run_for, shown):
    asked = {"deletion": METRICS["deletion"].settings(), "violation": PatchGrid()}
    evaluate(METRICS["deletion"], run_for(("constant", "random"), limit=2, batch_size=2, asked=asked))
    assert [line.split(": ")[1] for line in shown] == [
        "method 1 of 2 (constant, deletion), images 1-2 of 2",
        "method 1 of 2 (constant, violation), images 1-2 of 2",
        "method 2 of 2 (random, deletion), images 1-2 of 2",
        "method 2 of 2 (random, violation), images 1-2 of 2",
    ]
