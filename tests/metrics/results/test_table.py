import numpy as np
import pytest

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


def test_latex_prints_cells_bold():
    text = latex_table(["method", "S"], [["a_b", 0.5], ["c", 0.25]], {(0, 1), (1, 0)})
    assert text.splitlines()[4:6] == [r"a\_b & \textbf{0.500} \\", r"\textbf{c} & 0.250 \\"]


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
