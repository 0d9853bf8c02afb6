import numpy as np
import pytest

from bam.metrics.statistics.step_down import adjusted_p, holm_p, rank_sets


def by_hand(statistics, deviations, level):
    """Which hypotheses are rejected, step by step as the papers write it: (2, pairs)."""
    both = np.concatenate([statistics, -statistics])
    signed = np.concatenate([deviations, -deviations], 1)
    open_ones = list(range(len(both)))
    while True:
        largest = np.sort(signed[:, open_ones].max(1))[::-1]
        allowed = int(level * (len(largest) + 1)) - 1  # as many resamples may be as large
        rejected = [place for place in open_ones if both[place] > largest[max(allowed, 0)]]
        if not rejected:
            return ~np.isin(np.arange(len(both)), open_ones).reshape(2, -1)
        open_ones = [place for place in open_ones if place not in rejected]


def test_what_is_rejected_is_what_the_steps_reject():
    rng = np.random.default_rng(0)
    for trial in range(20):
        statistics = rng.normal(0, 3, 6)
        deviations = rng.normal(size=(199, 6)) + rng.normal(size=(199, 1))
        expected = by_hand(statistics, deviations, 0.05)
        np.testing.assert_array_equal(
            adjusted_p(statistics, deviations) <= 0.05, expected, err_msg=str(trial)
        )


def test_one_pair_has_the_p_of_its_resamples():
    deviations = np.arange(-49.0, 50.0)[:, None]  # 99 of them
    p = adjusted_p(np.array([45.0]), deviations)
    assert p[0, 0] == pytest.approx((1 + 10) / 100)  # 45 and more, and -45 and less, count: both directions
    assert p[1, 0] > 0.9


def test_a_rejected_pair_makes_it_easier_for_the_others():
    rng = np.random.default_rng(1)
    deviations = rng.normal(size=(1999, 20))
    near = np.full(20, 2.9)
    alone = adjusted_p(near[:1], deviations[:, :1])[0, 0]
    among_ties = adjusted_p(np.array([2.9] + [0.0] * 19), deviations)[0, 0]
    among_found = adjusted_p(np.array([2.9] + [9.0] * 19), deviations)[0, 0]
    assert alone < among_found < among_ties


def test_rank_sets_by_hand():
    better = {("a", "b"): False, ("a", "c"): True, ("b", "c"): True, ("c", "a"): False}
    assert rank_sets("abc", better) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}
    assert rank_sets("ab", {}) == {"a": (1, 2), "b": (1, 2)}
    assert rank_sets("a", {}) == {"a": (1, 1)}


def test_holm_is_the_textbook_example():
    # Four tests, sorted .005 .01 .03 .04 times 4 3 2 1: .02 .03 .06 .04, and the last may not be below.
    assert holm_p(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_p(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]
    assert holm_p(np.array([])).tolist() == []
