"""Randomisation of maps of which it is known how they change."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from bam.attributions import METHODS
from bam.base.seeds import image_seeds
from bam.metrics import METRICS
from bam.metrics.evaluation.untrained import adapting_images, weight_seed
from bam.metrics.randomisation.randomisation import Randomisation
from bam.metrics.scoring import evaluate
from bam.models.untrained import randomised, weighted_layers

IMAGES = 3
STILL = ("edges", "object_mask")


@pytest.fixture(scope="module")
def score(run_in, tmp_path_factory):
    run = run_in(
        tmp_path_factory.mktemp("randomisation"),
        (*STILL, "random", "constant", "vanilla_gradient"),
        limit=IMAGES,
        batch_size=IMAGES,
    )
    run.asked["randomisation"] = Randomisation(weight_draws=2)
    return evaluate(METRICS["randomisation"], run)


def maps_of(run, network, batch, view, targets):
    seeds = image_seeds(batch.ids, 0, view, network.seed_digest)
    images = batch.images.astype(np.float32)
    return METHODS["vanilla_gradient"].with_settings().explain(network, images, targets, seed=seeds).sum(-1)


def test_what_knows_nothing_of_the_weights_stays(score):
    for name in STILL:
        line = score[name]
        assert line.value == pytest.approx(1)
        for key in ("ssim", "hog", "absolute", "cascading_1", "independent"):
            assert line.beside[key].value == pytest.approx(1)
        assert line.curves["cascading_ssim"] == pytest.approx([1, 1])
    assert score["random"].value == pytest.approx(0, abs=0.15)  # two draws of 3 images, of 256 pixels
    assert score["vanilla_gradient"].value < 0.9


def test_maps_without_differences_are_counted(score):
    line = score["constant"]
    assert (line.n, line.value, line.excluded) == (0, None, {"nan_map": 0, "constant_map": IMAGES})
    assert line.counts["undefined"] == 3 * 2 * IMAGES  # the first layer alone is the first stage
    assert all(found.value is None for found in line.beside.values())


def test_pairs_are_those_of_the_networks_themselves(score):
    """From the maps of each network, one image after another."""
    run = score.basis.run
    network = run.classifier("object")
    images, layers = run.pictures(network), weighted_layers(network)
    batch = images[:IMAGES]
    targets = network.predictions(batch.images.astype(np.float32))
    before = maps_of(run, network, batch, images.name, targets)
    pixels = network.prepare(adapting_images(run, network)[:8].images)  # which no layer of these looks at
    found = {}
    for stage, chosen in {"1": layers[:1], "all": layers, "alone": layers[1:]}.items():
        draws = []
        for draw in (1, 2):
            seed = weight_seed(run, f"object_randomised_{draw}")
            after = maps_of(
                run, randomised(network, chosen, pixels, seed, "other"), batch, images.name, targets
            )
            draws.append([spearmanr(a, b, axis=None).statistic for a, b in zip(before, after, strict=True)])
        found[stage] = np.mean(draws, 0)
    line = score["vanilla_gradient"]
    values = score.basis.measured.values["vanilla_gradient"]
    np.testing.assert_allclose(values, found["all"], atol=1e-3)
    assert line.beside["cascading_1"].value == pytest.approx(found["1"].mean(), abs=1e-3)
    alone = (found["1"] + found["alone"]) / 2
    assert line.beside["independent"].value == pytest.approx(alone.mean(), abs=1e-3)
    expected = [found["1"].mean(), found["all"].mean()], [found["1"].mean(), found["alone"].mean()]
    assert line.curves["cascading_correlation"] == pytest.approx(expected[0], abs=1e-3)
    assert line.curves["independent_correlation"] == pytest.approx(expected[1], abs=1e-3)
    assert np.mean(score.details["draws"]["vanilla_gradient"]) == pytest.approx(line.value)
    assert np.ptp(score.details["draws"]["vanilla_gradient"]) > 0


def test_what_the_table_says(score):
    assert score.chart.x == (0.5, 1)
    assert score.details["layers"] == weighted_layers(score.basis.run.classifier("object"))
    head = score.table().splitlines()[0]
    assert head.startswith("| method | randomisation ↓ |")
    assert "| SSIM | HOG | absolute | 1 of 2 | independent | undefined |" in head
    assert score.comparison.ranks == {}
    assert not any(line.rank for line in score.lines.values())


def test_a_method_whose_maps_are_no_numbers_under_fresh_weights(run_for):
    def broken(classifier, images, targets, *, seed):
        maps = images.mean(-1)
        maps[:, 0, 0] = np.nan if "randomised" in classifier.name else 0
        return maps

    run = run_for((broken,), limit=2, batch_size=2)
    run.asked["randomisation"] = Randomisation(weight_draws=1, cascade_stages=1, independent=False)
    line = evaluate(METRICS["randomisation"], run)["broken"]
    assert (line.n, line.value, line.excluded["nan_map"]) == (0, None, 2)
    assert "independent" not in line.beside
