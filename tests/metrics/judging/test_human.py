import numpy as np
import pytest
from scipy import stats

from bam.base.errors import BamError
from bam.metrics.judging.human import read_ranking
from bam.metrics.statistics.correlation import kendall, kendall_p

METHODS = ("grad_cam", "smoothgrad", "vanilla_gradient", "gradient_x_input")


def test_kendall_is_what_scipy_gives():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=(2, 50, 7)), rng.integers(0, 4, (2, 50, 7))):  # without and with ties
        found = kendall(*values)
        expected = [stats.kendalltau(a, b).statistic for a, b in zip(*values, strict=True)]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_kendall_by_hand():
    # Of three pairs two are ordered alike.
    assert kendall(np.array([1, 2, 3]), np.array([1, 3, 2])) == pytest.approx(1 / 3)
    assert kendall(np.array([1, 2, 3]), np.array([9, 5, 1])) == -1


def test_a_side_that_orders_nothing_has_no_tau():
    assert np.isnan(kendall(np.ones(4), np.arange(4)))
    assert kendall_p(np.ones(4), np.arange(4)) is None


def test_the_p_value_is_exact_for_few_methods():
    """All of 4! orders are as likely: two of them agree or disagree wholly."""
    assert kendall_p(np.arange(4), np.arange(4)) == pytest.approx(2 / 24)


@pytest.fixture
def ranking(tmp_path):
    def make(text):
        path = tmp_path / "human.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def test_a_ranking_is_read(ranking):
    path = ranking(
        "\ufeffmethod,rank,remark\ngrad_cam,1,clear\nsmoothgrad, 2.5,\nvanilla_gradient,2.5,noisy\n"
    )
    assert read_ranking(path, METHODS) == {"grad_cam": 1, "smoothgrad": 2.5, "vanilla_gradient": 2.5}


def test_raters_are_averaged(ranking):
    lines = [f"{name},{rank},{rater}" for rater in "ab" for rank, name in enumerate(METHODS[:3], start=1)]
    lines[-1] = "vanilla_gradient,5,b"
    path = ranking("\n".join(["method,rank,rater", *lines]))
    assert read_ranking(path, METHODS) == {"grad_cam": 1, "smoothgrad": 2, "vanilla_gradient": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,rank\ngrad_cam,1\n", "no columns method and rank"),
        ("", "no columns method and rank"),
        ("method,rank\ngradcam,1\n", "line 2: unknown scored method 'gradcam': did you mean 'grad_cam'"),
        ("method,rank\ngrad_cam,1\ngrad_cam,2\n", "line 3: grad_cam is ranked twice"),
        ("method,rank\ngrad_cam,best\n", "line 2: rank must be a number, not 'best'"),
        ("method,rank\ngrad_cam\n", "line 2: rank must be a number, not None"),
        ("method,rank\ngrad_cam,nan\n", "line 2: rank must be a number"),
        ("method,rank\ngrad_cam,1\nsmoothgrad,2\n", "ranks 2 methods: at least 3"),
        ("method,rank,rater\ngrad_cam,1,a\nsmoothgrad,2,a\ngrad_cam,1,b\n", "b does not rank smoothgrad"),
        (b"method,rank\n\xff\xfe,1\n", "is no CSV file"),
    ],
)
def test_a_ranking_that_does_not_fit_is_refused(ranking, text, message):
    with pytest.raises(BamError, match=message):
        read_ranking(ranking(text), METHODS)


def test_a_ranking_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BamError, match="there is no human ranking"):
        read_ranking(tmp_path / "none.csv", METHODS)
