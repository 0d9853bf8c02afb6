from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bam import BamError
from bam.metrics.results.image_values import ImageValues, read_image_values
from bam.metrics.results.score import read_score


@pytest.fixture
def images():
    values = {"a": np.array([0.1, np.nan, 1 / 3]), 'odd, "name"': np.full(3, np.nan)}
    return ImageValues(("x", "y", "z"), np.array([["cut 1", "s,1"], ["2", "s"], ["3", "s"]]), values)


@given(arrays(float, st.tuples(st.integers(0, 5)), elements=st.floats(allow_infinity=False)))
def test_what_is_written_is_read_digit_for_digit(tmp_path_factory, numbers):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    ids = tuple(map(str, range(len(numbers))))
    ImageValues(ids, np.array(ids).reshape(-1, 1), {"a": numbers}).write(path)
    found = read_image_values(path)
    assert found.ids == ids
    assert found.sources[:, 0].tolist() == list(ids)
    np.testing.assert_array_equal(found.values["a"], numbers)


def test_names_and_sources_may_hold_any_letter(images, tmp_path):
    images.write(tmp_path / "table.csv")
    found = read_image_values(tmp_path / "table.csv")
    assert list(found.values) == ["a", 'odd, "name"']
    assert found.sources.tolist() == images.sources.tolist()
    assert (tmp_path / "table.csv").read_text().splitlines()[2] == "y,2,s,,"


def test_the_mean_is_that_of_the_images_used(images):
    assert images.means() == {"a": pytest.approx((0.1 + 1 / 3) / 2), 'odd, "name"': None}


@pytest.mark.parametrize("text", ["", "method,a\nx,1\n", "image,source 1,a\nx,1\n", "image,a\nx,one\n"])
def test_what_is_no_table_is_refused(text, tmp_path):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(BamError, match="is no table of images: make the score again"):
        read_image_values(tmp_path / "table.csv")


def test_they_are_kept_beside_the_score_and_never_those_of_another_run(score, tmp_path):
    mean = score["vanilla_gradient"].value
    names = {name: np.array([line.value or np.nan]) for name, line in score.lines.items()}
    table = ImageValues(("x",), np.array([["1", "2"]]), names)
    path = replace(score, images=table).write(tmp_path)
    assert read_score(path).images.values["vanilla_gradient"].tolist() == [mean]
    kept = (tmp_path / "iir.images.csv").read_text()
    score.write(tmp_path)
    assert read_score(path).images is None
    assert not (tmp_path / "iir.images.csv").exists()
    (tmp_path / "iir.images.csv").write_text(kept.replace(str(mean), str(mean + 0.1)))
    assert read_score(path).images is None
