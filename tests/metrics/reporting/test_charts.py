"""Charts show the numbers of the score's file, read from the figures."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from bam.base.errors import BamError
from bam.metrics.reporting.charts import DROP, available, bars, curves, series
from bam.metrics.results import style
from bam.metrics.results.score import read_score
from bam.metrics.results.table import cell
from bam.metrics.statistics.estimate import Estimate

WIDTHS = pytest.mark.parametrize("width", [style.COLUMN, style.PAGE])


def texts(figure):
    return [text.get_text() for text in figure.texts]


def of_line(figure, label):
    """x and y of what is drawn under a label."""
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == label]
    return np.array(line.get_xdata(), float), np.array(line.get_ydata(), float)


def test_bars_are_the_numbers_of_the_file_in_the_order_of_the_table(score, tmp_path):
    content = read_score(replace(score, chart=None).write(tmp_path))
    figure = bars(content)
    order = content.in_order()
    methods = [name for name in order if not content[name].control]
    controls = order[len(methods) :]
    for label, names in (("methods", methods), ("controls", controls)):
        values, heights = of_line(figure, label)
        assert values.tolist() == [content[name].value for name in names]
        assert (np.diff(heights) > 0).all()
        (intervals,) = [
            found for found in figure.axes[0].collections if found.get_label() == f"{label}, intervals"
        ]
        ends = [(left[0], right[0]) for left, right in intervals.get_segments()]
        assert ends == [(content[name].ci_low, content[name].ci_high) for name in names]
        np.testing.assert_array_equal([left[1] for left, _ in intervals.get_segments()], heights)
    rows = [text for text in bars(content, style.PAGE).texts if text.get_ha() == "right"]
    assert [text.get_text() for text in rows[::2]] == order
    assert (np.diff([text.get_position()[1] for text in rows[::2]]) < 0).all()
    shown = [
        text for text in figure.texts if text.get_text() in {cell(content[name].value) for name in order}
    ]
    assert [text.get_text() for text in shown] == [cell(content[name].value) for name in order]
    assert "IDR ↑ (more is better), with 95% intervals" in texts(figure)


def test_bars_have_the_further_scores_as_open_marks(score):
    figure = bars(score)
    for column in score.columns:
        values, _ = of_line(figure, column.title)
        assert values.tolist() == [score[name].beside[column.key].value for name in score.in_order()]
        (line,) = [line for line in figure.axes[0].lines if line.get_label() == column.title]
        assert line.get_markerfacecolor() == "none"
        assert column.title in texts(figure)
    forms = {line.get_marker() for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"}
    assert len(forms) == 3
    other = replace(score, columns=score.columns[:1])
    assert "rescaled" not in texts(bars(other))


def test_bars_have_lines_for_chance_and_where_there_is_one_for_the_oracle(score):
    figure = bars(score)
    for name, colour in (("random", style.CHANCE), ("object_mask", style.TRUTH)):
        assert of_line(figure, name)[0].tolist() == [score[name].value] * 2
        (line,) = [line for line in figure.axes[0].lines if line.get_label() == name]
        assert to_hex(line.get_color()) == colour
        assert texts(figure).count(name) == 2  # in its row, and above
    figure = bars(replace(score, oracle=False))
    assert texts(figure).count("object_mask") == 1
    assert "object_mask" not in [line.get_label() for line in figure.axes[0].lines]


def test_what_has_no_value_has_a_row_and_no_dot(score):
    line = replace(score["fullgrad"], estimate=Estimate(None), beside={})
    alone = replace(score["random"], estimate=Estimate(0.5, None, None, 1))
    figure = bars(replace(score, lines={**score.lines, "fullgrad": line, "random": alone}))
    assert len(of_line(figure, "methods")[0]) == 11
    assert "fullgrad" in texts(figure)
    assert "-" in texts(figure)
    assert np.isnan(of_line(figure, "rescaled")[0]).sum() == 1
    (intervals,) = [found for found in figure.axes[0].collections if "controls" in found.get_label()]
    assert len(intervals.get_segments()) == 4


def test_bars_of_one_method_of_controls_alone_and_of_nothing(score, legible):
    for names in (["grad_cam"], ["random", "edges"], []):
        figure = bars(replace(score, lines={name: score[name] for name in names}))
        legible(figure)
        assert "rule" not in [line.get_label() for line in figure.axes[0].lines]
        assert len(of_line(figure, "methods")[0]) == ("grad_cam" in names)


def test_where_less_is_better_it_is_said(score):
    figure = bars(replace(score, direction="down", title="deletion"))
    assert "deletion ↓ (less is better), with 95% intervals" in texts(figure)
    values = of_line(figure, "methods")[0]
    assert (np.diff(values) >= 0).all()


@WIDTHS
def test_nothing_that_is_written_overlaps_or_is_cut(score, series_score, width, legible):
    long = replace(score, title="share of flips to the second class, which is no short title")
    for figure in (bars(score, width), bars(long, width), bars(series_score, width), curves(score, width)):
        legible(figure)
        assert figure.get_figwidth() == width
    legible(series(series_score, width))


def test_curves_are_those_of_the_file(small_score, tmp_path):
    content = read_score(replace(small_score, oracle=False).write(tmp_path))
    figure = curves(content)
    order = [name for name in content.in_order() if name != "random"]
    assert [axes.get_label() for axes in figure.axes] == order * 2
    for place, axes in enumerate(figure.axes):
        key, name = ("curve", "other")[place >= len(order)], axes.get_label()
        shown = {line.get_label(): line for line in axes.lines}
        for other, line in shown.items():
            assert line.get_xdata().tolist() == list(content.chart.x)
            assert line.get_ydata().tolist() == list(content[other].curves[key])
        corners = axes.collections[0].get_paths()[0].vertices
        for ends in content[name].curve_intervals[key]:
            assert set(zip(content.chart.x, ends, strict=True)) <= set(map(tuple, corners.tolist()))
    assert [axes.get_label() for axes in curves(content, panel="other").axes] == order


def test_the_picture_beside_the_score_is_that_of_its_curves(small_score, tmp_path):
    small_score.write(tmp_path / "by_score")
    style.write_png(curves(small_score), tmp_path / "idr.png")
    assert (tmp_path / "idr.png").read_bytes() == (tmp_path / "by_score" / "idr.png").read_bytes()


def test_a_series_is_that_of_the_file(series_score, tmp_path):
    content = read_score(series_score.write(tmp_path))
    figure = series(content)
    methods = [name for name in content.in_order() if not content[name].control]
    assert [axes.get_label() for axes in figure.axes] == methods
    for axes in figure.axes:
        shown = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
        assert set(shown) == {*methods, "random", DROP}
        assert shown.pop(DROP) == content.details["accuracy_drop"]
        for name, values in shown.items():
            np.testing.assert_array_equal(values, np.array(content.details["mcs"][name], float))
        assert not axes.collections  # no interval is known
    assert f"r = {cell(content['grad_cam'].value)}" in texts(figure)


def test_a_series_of_several_trainings_has_intervals(series_score):
    known = [{"value": 0.1 * k, "ci_low": 0.1 * k - 0.3, "ci_high": 0.1 * k + 0.2, "n": 3} for k in range(9)]
    unknown = {"value": None, "ci_low": None, "ci_high": None, "n": 0}
    found = {"grad_cam": [*known, unknown], "fullgrad": [unknown] * 10}
    details = {**series_score.details, "with_intervals": found}
    figure = series(replace(series_score, details=details))
    assert "the method, with 95% intervals point by point" in texts(figure)
    none = series(replace(series_score, details={**details, "with_intervals": {"fullgrad": [unknown] * 10}}))
    assert "the method" in texts(none)
    (shown,) = [axes for axes in figure.axes if axes.collections]
    assert shown.get_label() == "grad_cam"
    corners = np.concatenate([path.vertices for path in shown.collections[0].get_paths()])
    assert corners[:, 1].min() == pytest.approx(-0.3)
    assert corners[:, 1].max() == pytest.approx(1.0)
    assert corners[:, 0].max() == pytest.approx(0.9)  # at 1.0 it is not known


def test_what_a_score_has_no_chart_of_is_refused(score, series_score):
    assert available(score) == [bars, curves]
    assert available(series_score) == [bars, series]
    with pytest.raises(BamError, match="the metric rmcs has no curves"):
        curves(series_score)
    with pytest.raises(BamError, match="the score of idr holds no series along k: `rmcs` has one"):
        series(score)
