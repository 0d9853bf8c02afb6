"""Scores made by hand, for tables and files."""

import pytest

from bam.metrics.results.schema import Configuration, Environment, Line, Network, Validity
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import Comparison
from bam.metrics.statistics.estimate import Estimate

KNOWN = Line(Estimate(0.5, 0.25, 0.75, 7), excluded={"misclassified": 3, "nan_map": 0})
UNKNOWN = Line(Estimate(None))
HIGH = Line(Estimate(0.9, 0.25, 0.75, 7), control=True, excluded={"misclassified": 3, "nan_map": 0})


@pytest.fixture
def known():
    """A line of a method: 0.5 (0.25 ... 0.75) of seven images."""
    return KNOWN


@pytest.fixture
def unknown():
    """A line of a method that has no value."""
    return UNKNOWN


@pytest.fixture
def score():
    """A score of two methods, one without a value, and a control that stands above both."""
    return Score(
        metric="iir",
        version=1,
        title="IIR",
        direction="up",
        source="section 4.4",
        lines={"random": HIGH, "grad_cam": UNKNOWN, "vanilla_gradient": KNOWN},
        columns=(),
        comparison=Comparison("none"),
        validity=Validity(None),
        configuration=Configuration(
            {"seed": 0}, {}, "0a1b", {"scene": Network("1c", "2d", {"labels": "scene"})}, "float32"
        ),
        environment=Environment("3.12.1", "Linux", ("/device:CPU:0",), {"numpy": "2.0"}, None),
    )
