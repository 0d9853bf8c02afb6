"""Tables as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from bam.metrics.statistics.estimate import Estimate

_LATEX = {letter: rf"\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    # At the start of a line they would be options of the line break before.
    "[": "{[}",
    "*": "{*}",
}


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """The lines of a table; what cells may be, `cell` says."""
    return "\n".join([_line(head), "|---" * len(head) + "|", *(_line(map(cell, line)) for line in lines)])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def csv_table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """The same with commas, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([head, *lines])
    return text.getvalue()


def latex_table(
    head: Sequence[str], lines: Sequence[Sequence[Any]], bold: Collection[tuple[int, int]] = ()
) -> str:
    """The same as a LaTeX tabular with the rules of booktabs.

    bold: the cells that are printed so, each by its line and its column.
    """

    def row(cells: Iterable[str], columns: Collection[int] = ()) -> str:
        texts = ("".join(_LATEX.get(letter, letter) for letter in text) for text in cells)
        shown = (rf"\textbf{{{text}}}" if place in columns else text for place, text in enumerate(texts))
        return " & ".join(shown) + r" \\"

    body = [
        row(map(cell, line), {column for at, column in bold if at == place})
        for place, line in enumerate(lines)
    ]
    begin, end = rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\end{tabular}"
    return "\n".join([begin, r"\toprule", row(head), r"\midrule", *body, r"\bottomrule", end]) + "\n"


def cell(value: Any) -> str:
    """A number, a text, a (low, high) pair, or an estimate, of which the value is shown; "-" for None."""
    if isinstance(value, Estimate):
        value = value.value
    if isinstance(value, (list, tuple)):
        if value and all(each is None for each in value):
            return "-"
        return " ... ".join(map(cell, value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.3f}"
    return "-" if value is None else str(value)
