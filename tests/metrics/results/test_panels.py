"""Small multiples, read from the figure."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from bam.base.errors import BamError
from bam.metrics.results import style
from bam.metrics.results.curves import curve_sections, role_of
from bam.metrics.results.panels import Curve, Section, small_multiples
from bam.metrics.results.schema import Chart

X = (0, 0.5, 1)
BAND = ((0.8, 0.3, 0.0), (1.0, 0.7, 0.2))
CURVES = {
    "a": Curve((0.9, 0.5, 0.1), BAND),
    "b": Curve((1.0, None, 0.2), remark="r = 0.5"),
    "edges": Curve((1.0, 0.6, 0.6), role="control"),
    "random": Curve((1.0, 0.8, 0.1), role="chance"),
    "object_mask": Curve((1.0, 0.2, 0.1), role="truth"),
}


def drawn(*sections, width=style.PAGE, **more):
    figure = small_multiples(sections, width, **more)
    figure.draw_without_rendering()
    return figure


def lines(axes):
    return {line.get_label(): (line.get_ydata().tolist(), to_hex(line.get_color())) for line in axes.lines}


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_each_has_a_panel_in_which_it_stands_before_the_others():
    figure = drawn(Section("y", "x", X, CURVES))
    assert [axes.get_label() for axes in figure.axes] == ["a", "b", "edges"]
    first, second, third = map(lines, figure.axes)
    assert first["a"] == ([0.9, 0.5, 0.1], style.ACCENT)
    assert first["b"][1] == second["a"][1] == style.GHOST
    assert (first["random"], first["object_mask"]) == (
        ([1.0, 0.8, 0.1], style.CHANCE),
        ([1.0, 0.2, 0.1], style.TRUTH),
    )
    assert set(first) == set(second) == {"a", "b", "random", "object_mask"}  # controls are no background
    assert third["edges"][1] == style.ACCENT
    np.testing.assert_array_equal(second["b"][0], [1.0, np.nan, 0.2])
    order = {line.get_label(): line.get_zorder() for line in figure.axes[0].lines}
    assert max(order, key=order.get) == "a"


def test_the_band_is_that_of_the_panels_own_curve():
    figure = drawn(Section("y", "x", X, CURVES))
    (band,), *others = [axes.collections for axes in figure.axes]
    corners = {tuple(map(float, corner)) for corner in band.get_paths()[0].vertices}
    assert {(x, y) for ends in BAND for x, y in zip(X, ends, strict=True)} <= corners
    assert not any(map(len, others))
    assert "the method, with 95% intervals point by point" in texts(figure)
    bare = {name: Curve(curve.values) for name, curve in CURVES.items()}
    assert "the metric" in texts(drawn(Section("y", "x", X, bare), noun="metric"))


def test_all_panels_of_a_section_have_one_scale_that_holds_all():
    figure = drawn(Section("y", "x", X, CURVES), Section("z", "x", X, {"a": Curve((5, 7, 9))}))
    *first, second = [axes.get_ylim() for axes in figure.axes]
    assert len(set(first)) == 1
    assert first[0][0] < 0
    assert first[0][1] > 1
    assert (second[0] < 5, second[1] > 9) == (True, True)
    assert {"y", "z", "x", "edges (control)", "r = 0.5"} <= set(texts(figure))


@pytest.mark.parametrize("width", [style.COLUMN, style.PAGE])
def test_nothing_that_is_written_overlaps_or_is_cut(width, legible):
    names = ["smoothgrad(noise=0.2, samples=20)", "integrated_gradients_smoothgrad", "x" * 60, "grad_cam"]
    curves = {name: Curve((1, -0.25, 0)) for name in names}
    curves |= {name: CURVES[name] for name in ("random", "object_mask")}
    legible(drawn(Section("share of images whose class stays", "share of pixels", X, curves), width=width))
    title, percent = "score, from that of noise (0) to the one of the oracle (1)", (0, 50, 100)
    legible(drawn(Section(title, "noise, %", percent, {"a": CURVES["a"], "b": CURVES["b"]}), width=width))


def test_panels_are_as_many_in_a_row_as_there_is_room():
    section = Section("y", "x", X, {f"m{place}": Curve((1, 2, 3)) for place in range(6)})
    rows = [
        len({axes.get_position().y0 for axes in drawn(section, width=width).axes})
        for width in (2, 3.25, 6.75)
    ]
    assert rows[0] > rows[1] > rows[2]


def test_the_look_does_not_depend_on_the_users_settings():
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True}):
        other = drawn(Section("y", "x", X, CURVES))
    figure = drawn(Section("y", "x", X, CURVES))
    assert other.get_size_inches().tolist() == figure.get_size_inches().tolist()
    assert {text.get_fontsize() for text in other.texts} == {style.SIZE}


def test_no_section_and_no_curve_are_drawn_too(tmp_path):
    assert "no curve" in texts(drawn(Section("y", "x", X)))
    assert drawn().axes == []
    style.write_png(drawn(Section("y", "x", X, CURVES)), tmp_path / "deep" / "a.png")
    assert Image.open(tmp_path / "deep" / "a.png").width > 1000
    assert len(list((tmp_path / "deep").iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["smoothgrad(noise=0.2, samples=20)", "x" * 60, "integrated_gradients_smoothgrad", ""]
)
def test_names_are_parted_without_loss(name):
    found = style.wrapped(name, 70)
    assert "".join(found).replace(" ", "") == name.replace(" ", "")
    assert all(style.width_of(line) <= 70 for line in found)
    assert style.wrapped("grad_cam", 70) == ["grad_cam"]
    assert style.wrapped("more (is better)", 40, behind="") == ["more (is", "better)"]


def test_controls_are_references_where_they_know_something(known):
    line = known.__class__(known.estimate, control=True)
    assert role_of("random", line, False) == "chance"
    assert role_of("object_mask", line, True) == "truth"
    assert role_of("object_mask", line, False) == role_of("edges", line, True) == "control"
    assert role_of("random", known, True) == "method"


def test_sections_are_the_panels_of_the_chart(known):
    def line(control=False):
        curves = {"curve": (1.0, 0.0), "other": (0.5, 0.5), "short": (1.0,)}
        bands = {"curve": ((0.9, 0.0), (1.0, 0.1)), "other": None}
        return known.__class__(known.estimate, control, curves=curves, curve_intervals=bands)

    chart = Chart("t", "x", (0.0, 1.0), {"probability": "curve", "share": "other"})
    lines = {"a": line(), "none": known, "random": line(True)}
    first, second = curve_sections(chart, lines, oracle=True)
    assert first == Section(
        "probability",
        "x",
        (0.0, 1.0),
        {
            "a": Curve((1.0, 0.0), ((0.9, 0.0), (1.0, 0.1))),
            "random": Curve((1.0, 0.0), ((0.9, 0.0), (1.0, 0.1)), "chance"),
        },
    )
    assert curve_sections(chart, lines, True, "other") == [second]
    assert second.curves["a"].band is None
    alone = curve_sections(chart, {"random": line(True)}, True, "curve")[0]
    assert list(alone.own) == ["random"]
    with pytest.raises(BamError, match="unknown panel of this chart 'curv': did you mean 'curve'"):
        curve_sections(chart, lines, True, "curv")
