"""Inverted maps, and whether metrics find them worse."""

import numpy as np
import pytest

from bam.attributions.registry import METHODS, Method
from bam.metrics.evaluation.order import orders, relevance
from bam.metrics.judging.inversion import inversion, inverted, inverted_name
from bam.metrics.judging.measures import Judged
from bam.metrics.statistics.resampling import Resampling

N = 40
SOURCES = np.arange(N)[:, None]


def maps_of(maps, inverse):
    explainer = Method("mine", lambda classifier, images, targets: maps).with_settings()
    return inverted(explainer, inverse).method.function(None, None, None)


def test_the_order_of_what_counts_is_reversed():
    """Where positive parts count, those of all channels together."""
    rng = np.random.default_rng(0)
    plane = np.stack([rng.permutation(24).reshape(4, 6) for _ in range(2)]).astype(np.float32)
    maps = np.stack([plane, -plane], -1)
    found = maps_of(maps, "maximum")
    np.testing.assert_array_equal(found, 23 - plane)
    seeds = np.arange(2, dtype=np.uint64)
    before, after = (orders(relevance(each)[0], seeds) for each in (maps, found))
    np.testing.assert_array_equal(before[:, ::-1], after)
    np.testing.assert_array_equal(maps_of(maps, "minus"), -maps)


def test_constant_maps_and_those_with_nan():
    maps = np.ones((2, 3, 5), np.float32)
    maps[1, 0, 0] = np.nan
    found = maps_of(maps, "maximum")
    assert (found[0] == 0).all()
    assert np.isnan(found[1]).all()
    assert np.isnan(maps_of(maps, "minus")[1, 0, 0])


def test_an_inverted_method_is_another_one_with_the_same_settings():
    explainer = METHODS["smoothgrad"].with_settings(samples=3)
    for inverse in ("minus", "maximum"):
        found = inverted(explainer, inverse)
        assert found.name == inverted_name(explainer.name, inverse)
        assert found.settings == explainer.settings
        assert found.key != explainer.key
        assert found.method.takes("seed")


def metric(values):
    real = [name for name in values if name != "random"]
    return Judged("metric", "up", values, Resampling(SOURCES, 0, 500), real)


def test_methods_whose_inverted_map_is_not_worse_are_named():
    rng = np.random.default_rng(0)
    base = {name: rng.normal(size=N) for name in ("falls", "chance", "rises", "same", "nan", "random")}
    noise = rng.normal(size=N)
    change = {
        "falls": -1 + noise / 3,
        "rises": 1 + noise / 3,
        "chance": noise - noise.mean() - 0.01,
        "same": 1e-12,
    }
    other = {inverted_name(name, "minus"): base[name] + by for name, by in change.items()}
    other[inverted_name("nan", "minus")] = np.full(N, np.nan)
    found = inversion(metric(base), metric(other), "minus")
    assert set(found.falls) == set(change)
    assert found.falls["falls"].value == pytest.approx(1 - noise.mean() / 3)
    assert found.falls["falls"].ci_low > 0
    assert found.not_worse == ("rises", "same")
    assert (found.shown_worse, found.shown_better) == (("falls",), ("rises",))


def test_without_methods_there_is_nothing_to_say():
    values = {"random": np.ones(N)}
    assert inversion(metric(values), metric(values), "minus") is None
    one = inversion(metric({"a": np.ones(N)}), metric({inverted_name("a", "minus"): np.zeros(N)}), "minus")
    assert one.not_worse == ()
