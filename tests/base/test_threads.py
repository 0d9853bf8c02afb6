"""Work in threads: in order, a few at a time, errors passed on."""

import threading
import time

import pytest

from bam.base.threads import cores, in_order


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_are_in_order(workers):
    def late(item):
        time.sleep(0.002 * (item % 3 == 0))
        return item * item

    assert list(in_order(late, range(60), workers)) == [item * item for item in range(60)]
    assert list(in_order(late, [], workers)) == []


def test_as_many_at_a_time_as_there_are_workers():
    together = threading.Barrier(3, timeout=10)  # breaks, and raises, if fewer than three meet
    assert len(list(in_order(lambda _: together.wait(), range(9), 3))) == 9


@pytest.mark.parametrize("workers", [1, 3])
def test_stopping_early_wastes_few_items(workers):
    begun = []
    results = in_order(begun.append, range(1000), workers)
    for _ in range(5):
        next(results)
    results.close()
    assert 5 <= len(begun) <= 5 + 4 * workers


def test_errors_come_where_their_item_stands():
    def fail_at_three(item):
        if item == 3:
            raise ValueError("three")
        return item

    results = in_order(fail_at_three, range(100), 4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_there_is_a_core():
    assert cores() >= 1
