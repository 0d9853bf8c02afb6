"""Which settings a grid names, and what the ranks under them come to."""

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.metrics.judging.grid import grid_of, read_grid
from bam.metrics.judging.measures import Judged
from bam.metrics.statistics.resampling import Resampling


def test_settings_are_combined():
    texts = ["violation.patch_grid=7,14", "inpainting.levels=[10,20],[30]", "inpainting.fills=1", "2"]
    found = read_grid(texts, ["violation", "inpainting"])
    assert found["violation"] == [{"patch_grid": 7}, {"patch_grid": 14}]
    levels = [{"levels": levels, "fills": fills} for levels in ((10, 20), (30,)) for fills in (1, 2)]
    assert [{**each, "levels": tuple(each["levels"])} for each in found["inpainting"]] == levels
    assert read_grid((), ["violation"]) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("violations.patch_grid=7,14", "did you mean 'violation'"),
        ("patch_grid=7,14", "unknown metric that is judged ''"),
        ("violation.grid=7,14", "unknown setting of violation 'grid'"),
        ("violation.patch_grid=7", "gives violation.patch_grid one value"),
        ("violation.patch_grid=7,-1", "`patch_grid` must be greater than or equal to 0"),
        ("7,14", "takes METRIC.SETTING=VALUE,VALUE, not '7'"),
        ("deletion.steps=10,20", "unknown setting of deletion 'steps'"),
    ],
)
def test_what_cannot_be_is_refused(text, words):
    with pytest.raises(BamError, match=words):
        read_grid([text], ["violation", "deletion"])


def metric(*means, names="abc", copies=()):
    values = {name: np.array([mean, mean, np.nan]) for name, mean in zip(names, means, strict=True)}
    return Judged("metric", "up", values, Resampling(np.arange(3)[:, None], 0), tuple(names), None, copies)


def test_ranks_and_their_agreement():
    grid = grid_of([{"x": 1}, {"x": 2}], [metric(3, 2, 1), metric(3, 1, 1 + 1e-12)])
    assert grid.ranks == {"a": (1, 1), "b": (2, 2.5), "c": (3, 2.5)}
    # Sums of ranks 2, 4.5, 5.5: S = 6.5; W = 12 S / (4 * 24 - 2 * 6) with one tie of two.
    assert grid.w == pytest.approx(12 * 6.5 / 84)
    assert grid_of([{}] * 2, [metric(1, 1, 1)] * 2).w is None
    one = grid_of([{}] * 2, [metric(1, names="a")] * 2)
    assert (one.ranks, one.w) == ({"a": (1, 1)}, None)


def test_methods_that_some_settings_lack_and_near_copies_have_no_ranks():
    grid = grid_of([{}, {}], [metric(3, 2, 1, copies=["ac"]), metric(3, 2, names="ab")])
    assert grid.ranks == {"a": (1, 1), "b": (2, 2)}
