import numpy as np
import pytest
from PIL import Image

from bam.metrics.results.plot import Plot
from bam.metrics.results.table import cell, csv_table, latex_table, markdown_table
from bam.metrics.statistics.estimate import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (np.float32(2), "2.000"),
        (3, "3"),
        (None, "-"),
        ((0.1, None), "0.100 ... -"),
        (Estimate(0.5, n=3), "0.500"),
        (Estimate(None), "-"),
        ((), ""),
        ("yes", "yes"),
    ],
)
def test_cells_hold_what_results_hold(value, text):
    assert cell(value) == text


def test_a_table_has_a_line_for_each_entry():
    assert markdown_table(["a", "b"], [["x", 0.5], ["y", None]]) == (
        "| a | b |\n|---|---|\n| x | 0.500 |\n| y | - |"
    )


def test_csv_quotes_what_it_must():
    lines = [["f(a=1, b='x')", 1 / 3, None], ['say "so"', True, 2]]
    assert csv_table(["method", "v", "n"], lines) == (
        'method,v,n\n"f(a=1, b=\'x\')",0.3333333333333333,\n"say ""so""",True,2\n'
    )


def test_latex_prints_every_letter_as_it_is():
    """A bracket or star at the start of a line would else be taken for an option of the line before."""
    lines = [["[a_b]", 0.5], ["*50% of #1 & {$x^~\\", None], ["", (0.1, None)]]
    assert latex_table(["method", "S ↑"], lines) == (
        r"""\begin{tabular}{lr}
\toprule
method & S $\uparrow$ \\
\midrule
{[}a\_b] & 0.500 \\
{*}50\% of \#1 \& \{\$x\textasciicircum{}\textasciitilde{}\textbackslash{} & - \\
 & 0.100 ... - \\
\bottomrule
\end{tabular}
"""
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
