"""What all metrics of the family have in common, by some of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

import bam.metrics.perturbation.family
import bam.metrics.perturbation.masking
from bam.attributions.controls import degraded_oracle
from bam.attributions.registry import Method
from bam.metrics import METRICS
from bam.metrics.evaluation.order import PatchGrid
from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.substitutes import black
from bam.metrics.scoring import evaluate

TWO = {"deletion": NoSettings(), "black_deletion": NoSettings()}


def broken(classifier, images, targets, *, seed):
    """NaN for every other image, by its seed."""
    maps = np.random.default_rng(0).random(images.shape[:3])
    maps[seed % 2 == 0] = np.nan
    return maps


@pytest.fixture
def small_run(run_for):
    """A run whose results are kept in a folder of the given name; batches of eight."""

    def make(folder="results", methods=("vanilla_gradient", "random", "constant"), limit=20, asked=TWO):
        return run_for(methods, folder, asked=asked, limit=limit, batch_size=8)

    return make


def scored(name, run):
    return evaluate(METRICS[name], run)


def rows(run):
    """All that is kept but the time it took."""
    return {
        path.name: [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
        for path in run.keeping.folder.glob("*.csv")
    }


def test_score_files_hold_what_the_design_asks(small_run):
    run = small_run()
    score = scored("black_deletion", run)
    content = json.loads(score.write(run.out).read_text())
    assert (content["metric"], content["direction"]) == ("black_deletion", "down")
    line = content["lines"]["vanilla_gradient"]
    assert line["estimate"].keys() == {"value", "ci_low", "ci_high", "n"}
    assert {"excluded", "seconds", "rank", "version", "settings"} <= set(line)
    curves, value = line["curves"], line["estimate"]["value"]
    assert len(curves["curve"]) == len(curves["least_relevant_first_curve"]) == 11
    assert curves["curve"][0] == 1
    lows, highs = line["curve_intervals"]["curve"]
    assert all(low <= mean <= high for low, mean, high in zip(lows, curves["curve"], highs, strict=True))
    assert content["oracle"] is True
    assert value == pytest.approx(np.trapezoid(curves["curve"], dx=0.1))
    assert line["beside"]["least_relevant_first"]["value"] == pytest.approx(
        np.trapezoid(curves["least_relevant_first_curve"], dx=0.1)
    )
    assert content["axes"]["curve"] == pytest.approx(np.arange(11) / 10)
    assert content["lines"]["constant"]["counts"]["constant_maps"] == 20
    assert "black deletion ↓" in score.table()
    assert "least relevant first ↑" in score.table()
    assert (run.out / "black_deletion.png").stat().st_size > 1000
    values = score.basis.measured.values["vanilla_gradient"]
    assert values.shape == (20,)
    assert values.mean() == pytest.approx(value)
    beside = score.basis.measured.beside["least_relevant_first"]
    assert beside.direction == "up"
    assert beside.values["vanilla_gradient"].mean() == pytest.approx(
        line["beside"]["least_relevant_first"]["value"]
    )


def test_one_sweep_serves_all_metrics(small_run, monkeypatch):
    scored("deletion", small_run())
    monkeypatch.setattr(bam.metrics.perturbation.family, "_measure_batch", None)
    score = scored("black_deletion", small_run())
    assert score["random"].n == 20
    with pytest.raises(TypeError):
        scored("insertion", small_run())


def test_nothing_depends_on_what_else_is_asked_for(small_run):
    together, alone = small_run("together"), small_run("alone", methods=("constant",), asked={})
    scored("deletion", together)
    scored("deletion", alone)
    (kept,) = rows(alone).items()
    assert rows(together)[kept[0]] == kept[1]


@pytest.mark.parametrize("limit", [1, 3, 11])
def test_limits_are_prefixes(limit, small_run):
    for some in (limit, 20):  # in the same folder
        score = scored("deletion", small_run("growing", limit=some))
        assert score["random"].n == some
    scored("deletion", small_run("whole"))
    assert rows(small_run("growing")) == rows(small_run("whole"))


def test_killed_run_ends_as_if_undisturbed(small_run, monkeypatch):
    scored("deletion", small_run("whole"))
    measure_batch, calls = bam.metrics.perturbation.family._measure_batch, []

    def killed_in_the_second(*given):
        calls.append(1)
        for part in measure_batch(*given):
            yield part
            if len(calls) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(bam.metrics.perturbation.family, "_measure_batch", killed_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        scored("deletion", small_run("killed"))
    assert sorted(map(len, rows(small_run("killed")).values())) == [9] * 5 + [17]
    scored("deletion", small_run("killed"))
    assert rows(small_run("killed")) == rows(small_run("whole"))


def test_nan_maps_are_counted_and_left_out(small_run):
    score = scored("deletion", small_run(methods=(Method("broken", broken), "random")))
    line, values = score["broken"], score.basis.measured.values["broken"]
    assert 0 < line.n < 20
    assert line.excluded == {"nan_map": 20 - line.n}
    assert np.isnan(values).sum() == 20 - line.n
    assert line.value == pytest.approx(np.nanmean(values))
    assert np.isfinite(line.curves["curve"]).all()


def test_all_maps_nan(small_run, tmp_path):
    def hopeless(classifier, images, targets, *, seed):
        return np.full(images.shape[:3], np.nan)

    score = scored("black_deletion", small_run(methods=(Method("hopeless", hopeless), "random"), limit=8))
    line = score["hopeless"]
    assert (line.value, line.n, line.curves["curve"]) == (None, 0, None)
    score.write(tmp_path)


def test_constant_maps_are_in_random_order(region_classifier, explained):
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 16, 3))
    ranks = explained(region_classifier, images, np.ones((4, 12, 16))).ranks
    assert sorted(ranks[0].ravel()) == list(range(192))
    assert (ranks[0] != ranks[1]).any()
    assert (ranks[0].ravel() != np.arange(192)).any()
    again = explained(region_classifier, images[:1], np.zeros((1, 12, 16))).ranks
    np.testing.assert_array_equal(again, ranks[:1])


def test_settings_of_a_metric_make_rows_of_their_own(small_run):
    run = small_run(asked={"violation": PatchGrid()}, limit=8)
    scored("violation", run)
    scored("violation", replace(run, asked={"violation": PatchGrid(2)}))
    assert len(rows(run)) == 6


def test_composites_of_any_number_are_whole(region_classifier, explained):
    """Batches of 8 are filled across 3 images and 5 steps, and the last is padded."""
    images = np.random.default_rng(1).integers(0, 256, (3, 12, 16, 3))
    maps = np.random.default_rng(2).random((3, 12, 16))
    found = explained(region_classifier, images, maps).replaced(
        black, [0, 5, 0, 192, 7], [0, 9, 192, 192, 150]
    )
    ranks = explained(region_classifier, images, maps).ranks
    for k, (low, high) in enumerate([(0, 0), (5, 9), (0, 192), (192, 192), (7, 150)]):
        shown = np.where(((ranks >= low) & (ranks < high))[..., None], 0, images).astype(np.float32)
        before = region_classifier.predictions(images.astype(np.float32))
        expected = region_classifier.softmax(shown)[np.arange(3), before]
        np.testing.assert_allclose(found.probability[:, k], expected, rtol=1e-5)
        assert found.same[:, k].tolist() == (region_classifier.predictions(shown) == before).tolist()


def test_equal_pixels_come_in_an_order_that_no_map_is_drawn_by(small_run, monkeypatch):
    """Those of the object that noise has left in place come neither first nor last among the relevant."""
    seen = []

    class Noting(bam.metrics.perturbation.masking.Explained):
        def __init__(self, originals, maps, orders):
            seen.extend(zip(maps, orders, strict=True))
            super().__init__(originals, maps, orders)

    monkeypatch.setattr(bam.metrics.perturbation.masking, "Explained", Noting)
    run = small_run(methods=[degraded_oracle(0.6)], limit=None, asked={"deletion": NoSettings()})
    scored("deletion", run)
    masks = run.pictures(run.explained("object"))[0 : len(seen)].masks
    shares = []
    for (plane, order), mask in zip(seen, masks, strict=True):
        relevant = mask.ravel()[order[: int(plane.sum())]]
        if len(relevant) > 10:
            shares.append((relevant[: len(relevant) // 2].mean(), relevant.mean()))
    first, all_of_them = np.mean(shares, 0)
    assert len(shares) > 20
    assert abs(first - all_of_them) < 0.05
