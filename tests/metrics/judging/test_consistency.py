"""Spearman's correlations between metrics, beside scipy's."""

import numpy as np
import pytest
from scipy import stats

from bam.metrics.judging.consistency import consistency
from bam.metrics.judging.measures import Judged, agreement, reliability
from bam.metrics.statistics.resampling import Resampling

N, NAMES = 30, ("a", "b", "c", "d")
IDS = tuple(f"image-{number}" for number in range(N))


def metric(table, ids=IDS, copies=(), names=NAMES):
    resampling = Resampling(np.arange(len(table))[:, None], 0, 200)
    values = dict(zip(names, np.asarray(table, float).T, strict=True))
    return Judged("metric", "up", values, resampling, names, ids, copies)


@pytest.fixture
def tables():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(N, 4))
    return first, np.round(2 * first + 2 * rng.normal(size=(N, 4)))  # the second with ties


def mean_of(pairs):
    return np.nanmean([stats.spearmanr(a, b).statistic for a, b in pairs])


def test_it_is_the_mean_of_what_scipy_gives(tables):
    first, second = tables
    found = consistency(metric(first), metric(second))
    assert found.over_methods.value == pytest.approx(mean_of(zip(first, second, strict=True)))
    assert found.over_images.value == pytest.approx(mean_of(zip(first.T, second.T, strict=True)))
    for each in (found.over_methods, found.over_images):
        assert 0 < each.ci_low < each.value < each.ci_high
        assert each.n == N


def test_images_are_matched_by_their_ids(tables):
    first, second = tables
    order = np.random.default_rng(1).permutation(N)[:20]
    found = consistency(metric(first), metric(second[order], [IDS[place] for place in order]))
    assert found.over_methods.value == pytest.approx(mean_of(zip(first[order], second[order], strict=True)))
    assert found.over_methods.n == 20
    assert consistency(metric(first), metric(second, [f"other-{name}" for name in IDS])) is None
    assert consistency(metric(first), metric(second, None)) is None


def test_what_is_not_used_or_all_equal_is_left_out(tables):
    first, second = tables
    first[0, 2] = np.nan
    second[1] = 7  # in this image, and for this method, all are equal
    second[:, 3] = 7
    found = consistency(metric(first), metric(second))
    assert found.over_methods.n == N - 2
    assert found.over_images.value == pytest.approx(
        mean_of(zip(first[1:, :3].T, second[1:, :3].T, strict=True))
    )
    nothing = consistency(metric(first), metric(np.ones((N, 4))))
    assert nothing.over_methods.value is nothing.over_images.value is None
    assert consistency(metric(first), metric(np.full((N, 4), np.nan))).over_images.n == 0


def test_one_image_has_no_interval_and_few_methods_no_ranking(tables):
    first, second = tables
    found = consistency(metric(first[:1], IDS[:1]), metric(second[:1], IDS[:1]))
    assert found.over_methods.ci_low is None
    assert found.over_images.value is None
    two = [metric(table[:, :2], names=("a", "b")) for table in tables]
    assert consistency(*two).over_methods.value is None
    assert consistency(*two).over_images.value is not None


def test_near_copies_count_once(tables):
    """As if the later ones were not there."""
    first, second = (np.concatenate([table, table[:, :1]], 1) for table in tables)
    names, copies = (*NAMES, "copy"), [("a", "copy")]
    with_copy = [metric(table, copies=copies, names=names) for table in (first, second)]
    without = [metric(table) for table in tables]
    assert agreement(*with_copy) == agreement(*without)
    assert agreement(*with_copy).methods == 4
    assert consistency(*with_copy) == consistency(*without)
    assert reliability(with_copy[0]) == reliability(without[0])
    assert reliability(metric(first, names=names)) != reliability(without[0])
    # Where the first of them is not ranked, the other stands for it.
    assert with_copy[0].shared(["copy", "b"]) == ["b", "copy"]
