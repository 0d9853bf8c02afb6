"""Effect on a network whose effects are known: two branches that read disjoint pixels, and add up."""

import numpy as np
import pytest

from bam.attributions import METHODS
from bam.attributions.controls import random
from bam.attributions.registry import Method
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.effect.effect import Effect
from bam.metrics.evaluation.regions import positive_map, region_attribution
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.rank_correlation import correlation_estimates, rank_contributions
from bam.metrics.statistics.resampling import Resampling
from bam.models.known_answers.answers import KnownModels
from bam.models.known_answers.composites import BesideWindow

SIZE = 16


@pytest.fixture(scope="module")
def places(dataset):
    """The dataset, the networks, and the known effects on f_o as shares of the largest range, by image."""
    beside = BesideWindow(dataset.folder, 24)
    models = KnownModels("additive", beside, SIZE)
    effects = models.answers["object"].effects
    shares = (effects - effects.min() + 0.1) / (np.ptp(effects) + 0.2)
    return beside, models, dict(zip(beside.view("object_scene").ids, shares, strict=True))


def knowing(shares, sign):
    """A method that gives an object what it does, between 0 and 1, where its largest value is beside it."""

    def oracle(classifier, images, targets, *, masks, ids):
        maps = np.zeros(images.shape[:3], np.float32)
        for plane, mask, image in zip(maps, masks, ids, strict=True):
            if mask.any():
                plane[~mask] = np.linspace(0, 1, (~mask).sum()) ** 0.01
                plane[mask] = shares[image] if sign > 0 else 1 - shares[image]
        return maps

    return oracle


@pytest.fixture(scope="module")
def score(places, tmp_path_factory):
    dataset, models, shares = places
    methods = [Method("oracle", knowing(shares, 1)), Method("inverted", knowing(shares, -1))]
    explainers = [each.with_settings() for each in methods]
    explainers += [
        METHODS["integrated_gradients"].with_settings(samples=8),
        METHODS["random"].with_settings(),
    ]
    asked = {"effect": Effect("object", donors=2)}
    run = make_run(asked, explainers, dataset, models, tmp_path_factory.mktemp("effect"), RunSettings())
    return evaluate(METRICS["effect"], run)


def test_the_oracle_has_1_and_the_inverted_one_has_less_by_2(score):
    assert score["oracle"].value == 1
    assert score["inverted"].value == -1


def test_what_adds_up_to_the_logit_has_the_effect_itself(score):
    line = score["integrated_gradients(samples=8)"]
    assert line.beside["raw_change"].value == 1
    assert line.beside["completeness_error"].value == pytest.approx(0, abs=1e-3)


def test_random_maps_have_intervals_that_hold_0_in_most_of_100_seeds(places):
    dataset, models, shares = places
    view = dataset.view("object_scene")
    masks = models["object"].prepare_masks(view[:].masks)
    effects = np.array([shares[image] for image in view.ids])
    resampling, held = Resampling(view.sources, 0), 0
    pictures = np.zeros((len(view), SIZE, SIZE, 3), np.float32)
    for seed in range(100):
        with_object, without = (
            positive_map(random(None, pictures, None, seed=[[seed, place, n] for n in range(len(view))]))[0]
            for place in (0, 1)
        )
        change = region_attribution(with_object, masks) - region_attribution(without, masks)
        found = correlation_estimates({"random": rank_contributions(change, effects)}, resampling)["random"]
        held += found.ci_low <= 0 <= found.ci_high
    assert held >= 90  # 99 were found; 95 are to be expected, and chance is left room
