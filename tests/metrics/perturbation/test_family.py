"""What all metrics of the family have in common, by some of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

import bam.metrics.perturbation.deletion
import bam.metrics.perturbation.family
from bam.attributions import METHODS
from bam.attributions.controls import degraded_oracle
from bam.attributions.registry import Method
from bam.metrics.evaluation.images import pictures
from bam.metrics.evaluation.run import Request
from bam.metrics.perturbation.family import evaluate

TWO = ("deletion", "black_deletion")


def broken(classifier, images, targets, *, seed):
    """NaN for every other image, by its seed."""
    maps = np.random.default_rng(0).random(images.shape[:3])
    maps[seed % 2 == 0] = np.nan
    return maps


@pytest.fixture
def request_for(dataset, suite_folder, tmp_path):
    """A request whose results are kept in a folder of the given name; batches of eight."""

    def make(folder="results", methods=("vanilla_gradient", "random", "constant"), limit=20, **settings):
        chosen = [METHODS[name] if isinstance(name, str) else name for name in methods]
        settings = {"metrics": TWO, "batch_size": 8, **settings}
        return Request(dataset, suite_folder, chosen, limit, 10, 0, tmp_path / folder, **settings)

    return make


def rows(request):
    """All that is kept but the time it took."""
    return {
        path.name: [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
        for path in request.row_folder.glob("*.csv")
    }


def test_score_files_hold_what_the_design_asks(request_for):
    request = request_for()
    score = evaluate("black_deletion", request)
    content = json.loads(score.write().read_text())
    assert (content["metric"], content["direction"]) == ("black_deletion", "down")
    entry = content["methods"]["vanilla_gradient"]
    assert {"value", "ci_low", "ci_high", "n", "excluded", "constant_maps", "seconds", "rank"} <= set(entry)
    assert len(entry["curve"]) == len(entry["least_relevant_first_curve"]) == 11
    assert entry["curve"][0] == 1
    assert entry["value"] == pytest.approx(np.trapezoid(entry["curve"], dx=0.1))
    assert entry["least_relevant_first"]["value"] == pytest.approx(
        np.trapezoid(entry["least_relevant_first_curve"], dx=0.1)
    )
    assert content["axes"]["curve"] == pytest.approx(np.arange(11) / 10)
    assert content["methods"]["constant"]["constant_maps"] == 20
    assert "black deletion ↓" in score.table()
    assert "least relevant first ↑" in score.table()
    assert (request.out / "black_deletion.png").stat().st_size > 1000
    values = score.per_image["vanilla_gradient"]
    assert values.shape == (20,)
    assert values.mean() == pytest.approx(entry["value"])
    direction, beside = score.further["black_deletion:least_relevant_first"]
    assert direction == "up"
    assert beside["vanilla_gradient"].mean() == pytest.approx(entry["least_relevant_first"]["value"])


def test_one_sweep_serves_all_metrics(request_for, monkeypatch):
    evaluate("deletion", request_for())
    monkeypatch.setattr(bam.metrics.perturbation.family, "_measure_batch", None)
    score = evaluate("black_deletion", request_for())
    assert score.methods["random"]["n"] == 20
    with pytest.raises(TypeError):
        evaluate("insertion", request_for())


def test_nothing_depends_on_what_else_is_asked_for(request_for):
    together, alone = request_for("together"), request_for("alone", methods=("constant",), metrics=())
    evaluate("deletion", together)
    evaluate("deletion", alone)
    (kept,) = rows(alone).items()
    assert rows(together)[kept[0]] == kept[1]


@pytest.mark.parametrize("limit", [1, 3, 11])
def test_limits_are_prefixes(limit, request_for):
    for some in (limit, 20):  # in the same folder
        score = evaluate("deletion", request_for("growing", limit=some))
        assert score.methods["random"]["n"] == some
    evaluate("deletion", request_for("whole"))
    assert rows(request_for("growing")) == rows(request_for("whole"))


def test_killed_run_ends_as_if_undisturbed(request_for, monkeypatch):
    evaluate("deletion", request_for("whole"))
    measure_batch, calls = bam.metrics.perturbation.family._measure_batch, []

    def killed_in_the_second(*given):
        calls.append(1)
        for part in measure_batch(*given):
            yield part
            if len(calls) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(bam.metrics.perturbation.family, "_measure_batch", killed_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        evaluate("deletion", request_for("killed"))
    assert sorted(map(len, rows(request_for("killed")).values())) == [9] * 5 + [17]
    evaluate("deletion", request_for("killed"))
    assert rows(request_for("killed")) == rows(request_for("whole"))


def test_nan_maps_are_counted_and_left_out(request_for):
    score = evaluate("deletion", request_for(methods=(Method("broken", broken), "random")))
    entry = score.methods["broken"]
    assert 0 < entry["n"] < 20
    assert entry["excluded"] == {"nan_map": 20 - entry["n"]}
    assert np.isnan(score.per_image["broken"]).sum() == 20 - entry["n"]
    assert entry["value"] == pytest.approx(np.nanmean(score.per_image["broken"]))
    assert np.isfinite(entry["curve"]).all()


def test_all_maps_nan(request_for):
    def hopeless(classifier, images, targets, *, seed):
        return np.full(images.shape[:3], np.nan)

    score = evaluate("black_deletion", request_for(methods=(Method("hopeless", hopeless), "random"), limit=8))
    entry = score.methods["hopeless"]
    assert (entry["value"], entry["n"], entry["curve"]) == (None, 0, None)
    score.write()


def test_constant_maps_are_in_random_order(region_classifier, explained):
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 16, 3))
    ranks = explained(region_classifier, images, np.ones((4, 12, 16))).ranks
    assert sorted(ranks[0].ravel()) == list(range(192))
    assert (ranks[0] != ranks[1]).any()
    assert (ranks[0].ravel() != np.arange(192)).any()
    again = explained(region_classifier, images[:1], np.zeros((1, 12, 16))).ranks
    np.testing.assert_array_equal(again, ranks[:1])


def test_options_of_a_metric_make_rows_of_their_own(request_for):
    request = request_for(metrics=("violation",), limit=8)
    evaluate("violation", request)
    evaluate("violation", replace(request, options={"patch_grid": 2}))
    assert len(rows(request)) == 6


def test_composites_of_any_number_are_whole(region_classifier, explained):
    """Batches of 8 are filled across 3 images and 5 steps, and the last is padded."""
    images = np.random.default_rng(1).integers(0, 256, (3, 12, 16, 3))
    maps = np.random.default_rng(2).random((3, 12, 16))
    found = explained(region_classifier, images, maps).replaced(
        bam.metrics.perturbation.deletion.black, [0, 5, 0, 192, 7], [0, 9, 192, 192, 150]
    )
    ranks = explained(region_classifier, images, maps).ranks
    for k, (low, high) in enumerate([(0, 0), (5, 9), (0, 192), (192, 192), (7, 150)]):
        shown = np.where(((ranks >= low) & (ranks < high))[..., None], 0, images).astype(np.float32)
        before = region_classifier.predictions(images.astype(np.float32))
        expected = region_classifier.softmax(shown)[np.arange(3), before]
        np.testing.assert_allclose(found.probability[:, k], expected, rtol=1e-5)
        assert found.same[:, k].tolist() == (region_classifier.predictions(shown) == before).tolist()


def test_equal_pixels_come_in_an_order_that_no_map_is_drawn_by(request_for, monkeypatch):
    """Those of the object that noise has left in place come neither first nor last among the relevant."""
    seen = []

    class Noting(bam.metrics.perturbation.family.Explained):
        def __init__(self, originals, maps, orders):
            seen.extend(zip(maps, orders, strict=True))
            super().__init__(originals, maps, orders)

    monkeypatch.setattr(bam.metrics.perturbation.family, "Explained", Noting)
    request = request_for(methods=[degraded_oracle(0.6)], limit=None, metrics=("deletion",))
    evaluate("deletion", request)
    masks = pictures(request, request.chosen("object"))[0 : len(seen)].masks
    shares = []
    for (plane, order), mask in zip(seen, masks, strict=True):
        relevant = mask.ravel()[order[: int(plane.sum())]]
        if len(relevant) > 10:
            shares.append((relevant[: len(relevant) // 2].mean(), relevant.mean()))
    first, all_of_them = np.mean(shares, 0)
    assert len(shares) > 20
    assert abs(first - all_of_them) < 0.05
