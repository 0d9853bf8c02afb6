from dataclasses import replace

import numpy as np
import pytest

import bam.metrics.evaluation.sweep
from bam.attributions import METHODS
from bam.attributions.custom import own_method
from bam.base.errors import BamError
from bam.base.files import locked
from bam.base.seeds import image_seeds
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect, shuffled

NAMES = ("vanilla_gradient", "random", "object_mask")


@pytest.fixture
def request_in(dataset, tmp_path):
    """A request whose rows are kept in a folder of the given name."""

    def make(folder="results", seed=0, limit=None, names=NAMES, **settings):
        methods = [METHODS[name] for name in names]
        return Request(dataset, tmp_path, methods, limit, 10, seed, tmp_path / folder, **settings)

    return make


@pytest.fixture
def view(dataset):
    return shuffled(dataset.view("object_scene"), seed=0).subset(np.arange(40))


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


def test_limits_are_prefixes_and_leave_no_trace(view, scene_classifier, request_in):
    whole = collect(view, scene_classifier, request_in("whole"))
    for limit in (3, 33, None):
        rows = collect(view, scene_classifier, request_in("growing", limit=limit))
        assert numbers(rows) == numbers({name: whole[name][:limit] for name in NAMES})


def test_two_runs_do_not_write_the_same_rows(view, scene_classifier, request_in):
    with locked(request_in().row_folder / ".lock"), pytest.raises(BamError, match="another run is writing"):
        collect(view, scene_classifier, request_in())


def test_rows_are_what_one_gets_image_by_image(view, scene_classifier, request_in):
    from bam.attributions import explain
    from bam.metrics.evaluation.regions import positive_map, region_attribution

    rows = collect(view, scene_classifier, request_in())
    for index in (0, 17, 39):
        batch = view[[index]]
        maps = explain(scene_classifier, batch.images, batch.scene_labels, "vanilla_gradient")
        regions = scene_classifier.prepare_masks(batch.masks)
        expected = region_attribution(positive_map(maps)[0], regions)[0]
        found = rows["vanilla_gradient"][index]
        assert found.g_c == pytest.approx(expected, rel=1e-3)
        assert (found.image_id, found.target) == (batch.ids[0], batch.scene_labels[0])
        assert found.predicted == scene_classifier.predictions(scene_classifier.prepare(batch.images))[0]
    assert all(row.g_c == 0 for row in rows["object_mask"])  # the oracle of a scene classifier


def test_killed_run_ends_as_if_undisturbed(view, scene_classifier, request_in, tmp_path, monkeypatch):
    whole = collect(view, scene_classifier, request_in("whole"))
    explain_batch, calls = bam.metrics.evaluation.sweep._explain_batch, []

    def killed_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return explain_batch(*arguments)

    monkeypatch.setattr(bam.metrics.evaluation.sweep, "_explain_batch", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        collect(view, scene_classifier, request_in("killed"))
    for path in (tmp_path / "killed" / "rows").glob(
        "*random*"
    ):  # one file was written further than the others
        path.write_bytes(path.read_bytes()[:-200])
    resumed = collect(view, scene_classifier, request_in("killed"))
    assert numbers(resumed) == numbers(whole)


def test_nothing_is_computed_twice_and_nothing_stale_is_used(view, scene_classifier, request_in, monkeypatch):
    collect(view, scene_classifier, request_in())
    computed = []

    def note(batch, view, classifier, methods, request):
        computed.append([method.name for method in methods])
        raise KeyboardInterrupt

    monkeypatch.setattr(bam.metrics.evaluation.sweep, "_explain_batch", note)
    collect(view, scene_classifier, request_in())
    assert computed == []
    with pytest.raises(KeyboardInterrupt):
        collect(view, scene_classifier, request_in(seed=1))
    monkeypatch.setattr(scene_classifier, "digest", "other weights")
    with pytest.raises(KeyboardInterrupt):
        collect(view, scene_classifier, request_in())
    assert computed == [list(NAMES)] * 2


def test_random_maps_differ_between_views_and_models(dataset, scene_classifier, request_in, monkeypatch):
    def draws(name, digest):
        monkeypatch.setattr(scene_classifier, "digest", digest)
        view = shuffled(dataset.view(name), 0)
        rows = collect(view, scene_classifier, request_in(limit=5, names=["random"]))
        return np.array([row.g_c for row in rows["random"]])

    first, other_view, other_model = (
        draws("object_scene", "a"),
        draws("scene_only", "a"),
        draws("object_scene", "b"),
    )
    assert not np.isclose(first, other_view).any()
    assert not np.isclose(first, other_model).any()


def test_image_seeds_depend_on_the_image_alone():
    assert image_seeds(["a", "b"], 0, "x")[1] == image_seeds(["b"], 0, "x")[0]
    assert len({image_seeds(["a"], seed, name)[0] for seed in (0, 1) for name in "xy"}) == 4


def test_methods_of_ones_own_may_change_what_they_are_given(view, scene_classifier, request_in, tmp_path):
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
    names = ("vanilla_gradient", "gradient_x_input", "object_mask", "smoothgrad")
    plain = collect(view, scene_classifier, request_in("plain", names=names, limit=8))
    request = request_in("with_own", names=names, limit=8)
    own = own_method(f"{tmp_path / 'mine.py'}:mine")
    rows = collect(view, scene_classifier, replace(request, methods=[own, *request.methods]))
    assert len(rows.pop("mine")) == 8
    for name, expected in plain.items():
        assert [row.g_c for row in rows[name]] == [row.g_c for row in expected], name
