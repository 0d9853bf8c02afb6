from dataclasses import replace

import numpy as np
import pytest

from bam.metrics.concepts.significance import Difference, contrast
from bam.metrics.concepts.trainings import lines_of, mean_difference
from bam.metrics.statistics.estimate import Estimate

SOURCES = np.arange(40).astype(str)[:, None]


@pytest.fixture
def contrasts(sensitivity, rng):
    correct = rng.random(40) < 0.9
    sides = [(f"object@{place}", f"scene@{place}") for place in range(3)]
    return [
        contrast(
            *(
                sensitivity(name, [share], correct, rng)
                for name, share in zip(names, (0.9, 0.5), strict=True)
            ),
            SOURCES,
        )
        for names in sides
    ]


def test_of_one_training_it_is_its_own(contrasts):
    found = mean_difference([contrasts[0].concept], SOURCES)
    own = contrasts[0].concept.estimate
    assert (found.value, found.n) == (pytest.approx(own.value), own.n)
    assert (found.ci_low, found.ci_high) == pytest.approx((own.ci_low, own.ci_high))
    assert lines_of(contrasts[:1], SOURCES) == contrasts[0].lines()


def test_trainings_that_differ_widen_the_interval(contrasts):
    same = mean_difference([contrasts[0].concept] * 3, SOURCES)
    own = contrasts[0].concept.estimate
    assert (same.value, same.ci_low) == pytest.approx((own.value, own.ci_low))
    moved = [
        Difference(Estimate(own.value + shift), table=contrasts[0].concept.table + shift, common=0.1)
        for shift in (-0.3, 0, 0.3)
    ]
    found = mean_difference(moved, SOURCES)
    assert found.value == pytest.approx(own.value)
    assert found.ci_high - found.ci_low > 2 * (own.ci_high - own.ci_low)


def test_a_training_that_recognises_nothing_does_not_count(contrasts):
    nothing = Difference(Estimate(None))
    found = mean_difference([contrasts[0].concept, nothing], SOURCES)
    assert found.value == pytest.approx(contrasts[0].concept.estimate.value)
    assert mean_difference([nothing, nothing], SOURCES) == Estimate(None)


def test_it_keeps_its_place_among_the_means(contrasts):
    nothing = replace(contrasts[1], concept=Difference(Estimate(None)))
    line = lines_of([contrasts[0], nothing, contrasts[2]], SOURCES)["tcav"]
    first, last = (contrasts[place].concept.estimate for place in (0, 2))
    assert line.trainings.means == (pytest.approx(first.value), None, pytest.approx(last.value))
    assert line.trainings.n == (first.n, 0, last.n)
    assert line.trainings.sd == pytest.approx(abs(first.value - last.value) / np.sqrt(2))
    assert lines_of([nothing, nothing], SOURCES)["tcav"].trainings.means == (None, None)


def test_lines_of_several(contrasts):
    line = lines_of(contrasts, SOURCES)["tcav"]
    each = [found.concept for found in contrasts]
    assert line.trainings.means == pytest.approx([found.estimate.value for found in each])
    assert line.beside["first"].value == pytest.approx(np.mean([found.first for found in each]))
    assert line.excluded["misclassified"] == sum(found.misclassified for found in contrasts)
    assert line.seconds == 6
    assert line.beside["all_layers"] == mean_difference([found.everywhere for found in contrasts], SOURCES)
