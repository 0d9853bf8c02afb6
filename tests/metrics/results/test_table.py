import numpy as np
import pytest
from PIL import Image

from bam.metrics.results.plot import Plot
from bam.metrics.results.table import cell, look_up, markdown_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (np.float32(2), "2.000"),
        (3, "3"),
        (None, "-"),
        ((0.1, None), "0.100 ... -"),
        ({"value": 0.5, "n": 3}, "0.500"),
        ("yes", "yes"),
    ],
)
def test_cells_hold_what_results_hold(value, text):
    assert cell(value) == text


def test_entries_are_looked_up_by_their_path():
    assert look_up({"a": {"b": 1}}, "a.b") == 1
    assert look_up({"a": 1}, "a.b") is None
    assert look_up({}, "a") is None


def test_a_table_has_a_line_for_each_entry():
    assert markdown_table(["a", "b"], [["x", 0.5], ["y", None]]) == (
        "| a | b |\n|---|---|\n| x | 0.500 |\n| y | - |"
    )


def test_every_panel_and_method_is_drawn(tmp_path):
    """A curve at the top of one panel, none in the other: the picture is no longer even where it goes."""
    x = [0, 1, 2]
    both = {"first": {"a": [0, 1, 0.5], "b": [1, 0, 0.2]}, "second": {"a": [0.1, 0.2, 0.3]}}
    Plot("title", "x", x, both).write(tmp_path / "both.png", ["b"])
    Plot("title", "x", x, {"first": both["first"]}).write(tmp_path / "one.png")
    widths = [Image.open(tmp_path / name).width for name in ("both.png", "one.png")]
    assert widths[0] > widths[1] > 300
    assert not list(tmp_path.glob(".partial*"))


def test_a_plot_without_curves_is_an_empty_picture(tmp_path):
    Plot("title", "x", [0, 1], {"y": {}}).write(tmp_path / "empty.png")
    assert Image.open(tmp_path / "empty.png").width > 300
