"""Values of methods with their intervals, one above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.metrics.results import style
from bam.metrics.results.panels import Role
from bam.metrics.results.style import (
    ACCENT,
    FAINT,
    GHOST,
    INK,
    LEADING,
    ORANGE,
    PURPLE,
    REFERENCES,
    SKY,
    Sheet,
    styled,
)
from bam.metrics.results.table import cell
from bam.metrics.statistics.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGE, APART, BETWEEN = 2.0, 5.0, 3.6  # points: around all, above the controls, between two rows
ABOVE = 2.8  # points: from a value up to the dots of its trainings
# Told apart by form as well.
_MARKS = (("^", ORANGE), ("s", PURPLE), ("D", SKY))


@dataclass(frozen=True)
class Bar:
    """A row. further: numbers beside its value, by the titles of their columns. trainings: the values of
    single trainings of the networks, as dots above it."""

    name: str
    estimate: Estimate
    role: Role = "method"
    further: Mapping[str, float | None] = field(default_factory=dict)
    trainings: Sequence[float | None] = ()


def bar_chart(bars: Sequence[Bar], label: str, width: float) -> Figure:
    """Rows in the order given, controls below a line, in so many inches. label: that of the x axis."""
    with styled():
        return _Layout(bars, label, width).drawn()


class _Layout:
    """Where everything stands, in points."""

    def __init__(self, bars: Sequence[Bar], label: str, width: float):
        self.inches = width
        self.bars = sorted(bars, key=lambda bar: bar.role != "method")
        points = width * style.POINTS
        self.names = [style.wrapped(bar.name, 0.36 * points) for bar in self.bars]
        longest = max((style.width_of(line) for lines in self.names for line in lines), default=0)
        self.values = [cell(bar.estimate.value) for bar in self.bars]
        self.left = EDGE + longest + 6
        self.right = max(map(style.width_of, self.values), default=0) + EDGE + 6
        self.room = points - self.left - self.right
        self.marks = list(dict.fromkeys(title for bar in self.bars for title in bar.further))
        self.references = {
            bar.name: bar for bar in self.bars if bar.role in REFERENCES and bar.estimate.value is not None
        }
        self.ends = self._ends()
        self.above = self._above()
        self.caption = style.wrapped(label, points - 2 * EDGE, behind="")
        self.places, self.rule, self.height = self._rows()

    def _rows(self) -> tuple[list[float], float | None, float]:
        """The middle of each row below the top of the axes, the line above the controls, and their end."""
        places, rule, top = [], None, BETWEEN / 2
        for place, (bar, lines) in enumerate(zip(self.bars, self.names, strict=True)):
            if bar.role != "method" and place and self.bars[place - 1].role == "method":
                rule = top + APART / 2 - BETWEEN / 2
                top += APART
            height = LEADING * len(lines)
            places.append(top + height / 2)
            top += height + BETWEEN
        return places, rule, max(top, LEADING) - BETWEEN / 2

    def drawn(self) -> Figure:
        """The figure."""
        top = EDGE + LEADING * len({row for _, row in self.above.values()}) + 2
        keys = self._keys()
        bottom = LEADING * (1 + len(self.caption)) + 9 + (LEADING + 1) * len(keys)
        self.sheet = Sheet(self.inches, top + self.height + bottom + EDGE)
        axes = self.sheet.axes(self.left, top, self.room, self.height)
        axes.set_ylim(self.height, 0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        self._draw_axis(axes)
        self._draw_rows(axes, top)
        self._draw_references(axes)
        below = top + self.height + LEADING + 5
        for line, text in enumerate(self.caption):
            middle = self._within(self.left + self.room / 2, text)
            self.sheet.text(middle, below + LEADING * (line + 0.5), text, ha="center", color=INK)
        self._draw_keys(keys, below + LEADING * len(self.caption) + 3)
        return self.sheet.figure

    def _draw_axis(self, axes: Axes) -> None:
        axes.set_xlim(*self.ends)
        ticks = style.ticks(*self.ends, most=max(2, int(self.room // 28)))
        axes.set_xticks(ticks, [style.number(tick) for tick in ticks])
        axes.grid(axis="x")

    def _ends(self) -> tuple[float, float]:
        """Those of the axis: all that is drawn is within."""
        found = [bar.estimate for bar in self.bars]
        numbers = [end for each in found for end in (each.value, each.ci_low, each.ci_high)]
        numbers += [value for bar in self.bars for value in (*bar.further.values(), *bar.trainings)]
        known = [number for number in numbers if number is not None]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        margin = 0.04 * (high - low) or 0.5
        return low - margin, high + margin

    def _within(self, middle: float, text: str) -> float:
        """Where the middle of a line of text must be for the text to stay on the sheet."""
        half = style.width_of(text) / 2
        return min(max(middle, EDGE + half), self.inches * style.POINTS - EDGE - half)

    def _above(self) -> dict[str, tuple[float, int]]:
        """For each reference where its name stands: its middle, and in which row from below."""
        low, high = self.ends
        found: dict[str, tuple[float, int]] = {}
        for name, bar in self.references.items():
            share = (bar.estimate.value - low) / (high - low)
            middle = self._within(self.left + self.room * share, name)
            near = [
                other
                for other, (place, _) in found.items()
                if abs(place - middle) < (style.width_of(name) + style.width_of(other)) / 2 + 6
            ]
            found[name] = middle, len(near)
        return found

    def _draw_rows(self, axes: Axes, top: float) -> None:
        heights = np.array(self.places, float)
        # Marks stand a little below, for what is close to stay apart.
        off = 2.2 if self.marks else 0.0
        # And the dots of trainings a little above, where the line of the interval does not cover them.
        dots = [
            (value, height - off - ABOVE)
            for bar, height in zip(self.bars, heights, strict=True)
            for value in bar.trainings
            if value is not None
        ]
        if dots:
            ghosts = {"color": GHOST, "ms": 2.6, "mew": 0, "zorder": 2.5, "clip_on": False}
            axes.plot(*zip(*dots, strict=True), "o", **ghosts, label="trainings")
        for methods, colour in ((True, ACCENT), (False, FAINT)):
            rows = [
                (bar.estimate, height - off)
                for bar, height in zip(self.bars, heights, strict=True)
                if (bar.role == "method") == methods and bar.estimate.value is not None
            ]
            sure = [
                (found.ci_low, found.ci_high, height) for found, height in rows if found.ci_low is not None
            ]
            label = "methods" if methods else "controls"
            if sure:
                lows, highs, at = zip(*sure, strict=True)
                axes.hlines(at, lows, highs, color=colour, lw=1.3, zorder=3, label=f"{label}, intervals")
            values, at = [found.value for found, _ in rows], [height for _, height in rows]
            axes.plot(values, at, "o", color=colour, ms=4, mew=0, zorder=4, label=label)
        for title, (form, colour) in zip(self.marks, _MARKS, strict=False):
            values = [bar.further.get(title) for bar in self.bars]
            how: dict[str, Any] = {"mec": colour, "mfc": "none", "ms": 3.4, "mew": 0.9, "ls": "none"}
            axes.plot(np.array(values, float), heights + off, marker=form, **how, zorder=5, label=title)
        for bar, lines, value, height in zip(self.bars, self.names, self.values, heights, strict=True):
            colour = INK if bar.role == "method" else FAINT
            for line, text in enumerate(lines):
                middle = top + height + (line - (len(lines) - 1) / 2) * LEADING
                self.sheet.text(self.left - 6, middle, text, ha="right", color=colour)
            self.sheet.text(self.sheet.width - EDGE, top + height, value, ha="right", color=colour)
        if self.rule is not None:
            axes.axhline(self.rule, color=FAINT, lw=0.5, label="rule")

    def _draw_references(self, axes: Axes) -> None:
        """The lines of chance and of the truth, and their names above."""
        rows = len({row for _, row in self.above.values()})
        for name, (middle, row) in self.above.items():
            bar = self.references[name]
            colour, ink, dashes = REFERENCES[bar.role]
            axes.axvline(bar.estimate.value, color=colour, lw=0.9, dashes=dashes, zorder=2, label=name)
            self.sheet.text(middle, EDGE + (rows - row - 0.5) * LEADING, name, ha="center", color=ink)

    def _keys(self) -> list[list[tuple[str, str, str]]]:
        """Rows of (form, colour, text)."""
        marks = [(form, colour, title) for title, (form, colour) in zip(self.marks, _MARKS, strict=False)]
        rows: list[list[tuple[str, str, str]]] = []
        used = np.inf
        for mark in marks:
            wide = style.width_of(mark[2]) + 20
            if used + wide > self.inches * style.POINTS:
                rows.append([])
                used = 0
            rows[-1].append(mark)
            used += wide
        return rows

    def _draw_keys(self, rows: Sequence[Sequence[tuple[str, str, str]]], top: float) -> None:
        from matplotlib.lines import Line2D

        sheet = self.sheet
        for place, row in enumerate(rows):
            middle = top + (place + 0.5) * (LEADING + 1)
            left = EDGE + 4
            for form, colour, text in row:
                at = [left / sheet.width], [1 - middle / sheet.height]
                mark = Line2D(*at, marker=form, mec=colour, mfc="none", ms=3.4, mew=0.9, ls="none")
                sheet.figure.add_artist(mark)
                sheet.text(left + 6, middle, text, color=FAINT)
                left += style.width_of(text) + 20
