"""How charts look: sizes, colours and letters, the same in every one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.25, 6.75  # inches: the width of a column of a paper, and of both
POINTS = 72.0  # to the inch
SIZE = 7.0  # of letters, in points: ten pixels and more where a column is 360 pixels wide
LEADING = 8.6  # from line to line
FONT = "DejaVu Sans"  # comes with matplotlib, so that letters are the same everywhere

# What is told apart by colour alone has one of Okabe and Ito's (2008), which the colour-blind can tell too.
INK, FAINT, GHOST, PAPER = "#1f2328", "#646c76", "#c3c8ce", "#ffffff"
ACCENT, CHANCE, TRUTH = "#0072b2", "#d55e00", "#009e73"
ORANGE, PURPLE, SKY = "#e69f00", "#cc79a7", "#56b4e9"
# Letters are darker, to be read at their size.
CHANCE_TEXT, TRUTH_TEXT = "#a84a00", "#00745a"
# What stands for chance and for the truth: the colours of its line and of its name, and its dashes.
REFERENCES = {"chance": (CHANCE, CHANCE_TEXT, (3, 1.5)), "truth": (TRUTH, TRUTH_TEXT, (5, 1.2, 1.2, 1.2))}

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": [FONT],
    "font.size": SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "text.hinting": "none",  # or letters would be wider in pictures than they are measured
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": SIZE,
    "axes.linewidth": 0.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "grid.color": GHOST,
    "grid.linewidth": 0.4,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "bam",
}
for _axis in ("xtick", "ytick"):
    _STYLE |= {f"{_axis}.color": FAINT, f"{_axis}.labelcolor": FAINT, f"{_axis}.labelsize": SIZE}
    _STYLE |= {f"{_axis}.major.size": 2.0, f"{_axis}.major.width": 0.5, f"{_axis}.major.pad": 2.0}


@contextmanager
def styled(**more: Any) -> Iterator[None]:
    """Within it charts look as they do here, whatever the user's own settings of matplotlib.

    more: further settings of matplotlib, with "_" for ".".
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE | {key.replace("_", "."): value for key, value in more.items()})
        yield


@lru_cache(1000)
def width_of(text: str) -> float:
    """How wide a line of text is, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=FONT, size=SIZE)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def ticks(low: float, high: float, most: int = 3) -> list[float]:
    """Round numbers between two, at most one more than `most`."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


def number(value: float) -> str:
    """A round number beside an axis."""
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def wrapped(text: str, width: float, behind: str = "_(,/") -> list[str]:
    """A text in lines that are at most so many points wide, parted at blanks and behind these letters, and
    elsewhere if it must be."""
    lines, ends = [""], rf"{re.escape(behind)}\s"
    for part in re.findall(f"[^{ends}]*[{ends}]*", text):
        if lines[-1] and width_of((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
        while width_of(lines[-1].rstrip()) > width and len(lines[-1]) > 1:
            end = next(
                end
                for end in range(len(lines[-1]) - 1, 0, -1)
                if end == 1 or width_of(lines[-1][:end]) <= width
            )
            lines[-1:] = [lines[-1][:end], lines[-1][end:]]
    return [line.rstrip() for line in lines]


class Sheet:
    """A figure that is laid out in points, from its upper left corner."""

    def __init__(self, width: float, height: float):
        from matplotlib.figure import Figure

        self.width, self.height = width * POINTS, height
        self.figure: Figure = Figure((width, height / POINTS))

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes of this size at this place."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(self, left: float, middle: float, text: str, **more: Any) -> None:
        """A line of text whose small letters are halfway up at this height."""
        # A line for itself, since those of one text would be set apart by the width that they have here.
        place = left / self.width, 1 - (middle + 0.27 * SIZE) / self.height
        self.figure.text(*place, text, **{"va": "baseline", **more})


def write_png(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG."""
    with styled(), replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})
