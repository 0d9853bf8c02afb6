import numpy as np
import pytest

import metrics.collect
from metrics.collect import chosen_images, collect, image_seeds

METHODS = ("vanilla_gradient", "random", "object_mask")


@pytest.fixture
def view(dataset):
    return chosen_images(dataset.view("object_scene"), 40, seed=0)


def numbers(rows):
    """All of the rows but the time they took."""
    return [
        (row.image_id, row.target, row.predicted, row.status, row.g_c, row.g_random)
        for method in METHODS
        for row in rows[method]
    ]


def test_chosen_images_are_a_prefix_of_one_order(dataset):
    view = dataset.view("object_scene")
    ten, twenty, other = (chosen_images(view, n, s).ids for n, s in ((10, 0), (20, 0), (20, 1)))
    assert ten == twenty[:10]
    assert twenty != other
    assert chosen_images(dataset.view("scene_only"), 20, 0).ids == twenty
    assert len(chosen_images(view, None, 0)) == len(view)


def test_rows_are_what_one_gets_image_by_image(view, scene_classifier, tmp_path):
    from attributions import explain
    from metrics.regions import positive_map, region_attribution

    rows = collect(view, scene_classifier, METHODS, 0, tmp_path)
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


def test_killed_run_ends_as_if_undisturbed(view, scene_classifier, tmp_path, monkeypatch):
    whole = collect(view, scene_classifier, METHODS, 0, tmp_path / "whole")
    explain_batch, calls = metrics.collect._explain_batch, []

    def killed_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return explain_batch(*arguments)

    monkeypatch.setattr(metrics.collect, "_explain_batch", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        collect(view, scene_classifier, METHODS, 0, tmp_path / "killed")
    for path in (tmp_path / "killed").glob("*random*"):  # one file was written further than the others
        path.write_bytes(path.read_bytes()[:-200])
    resumed = collect(view, scene_classifier, METHODS, 0, tmp_path / "killed")
    assert numbers(resumed) == numbers(whole)


def test_nothing_is_computed_twice_and_nothing_stale_is_used(view, scene_classifier, tmp_path, monkeypatch):
    collect(view, scene_classifier, METHODS, 0, tmp_path)
    computed = []

    def note(batch, view, classifier, methods, seed):
        computed.append(methods)
        raise KeyboardInterrupt

    monkeypatch.setattr(metrics.collect, "_explain_batch", note)
    collect(view, scene_classifier, METHODS, 0, tmp_path)
    assert computed == []
    with pytest.raises(KeyboardInterrupt):
        collect(view, scene_classifier, METHODS, 1, tmp_path)
    monkeypatch.setattr(scene_classifier, "digest", "other weights")
    with pytest.raises(KeyboardInterrupt):
        collect(view, scene_classifier, METHODS, 0, tmp_path)
    assert computed == [list(METHODS)] * 2


def test_random_maps_differ_between_views_and_models(dataset, scene_classifier, tmp_path, monkeypatch):
    def draws(name, digest):
        monkeypatch.setattr(scene_classifier, "digest", digest)
        rows = collect(chosen_images(dataset.view(name), 5, 0), scene_classifier, ["random"], 0, tmp_path)
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
