"""Curves as small multiples: each in a panel of its own, before all the others in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from bam.metrics.results import style
from bam.metrics.results.style import ACCENT, FAINT, GHOST, INK, LEADING, REFERENCES, Sheet, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_WIDTH, HEIGHT, GAP = 66.0, 58.0, 14.0  # of a panel, and between two, in points
EDGE = 2.0

Role = Literal["method", "control", "chance", "truth"]


@dataclass(frozen=True)
class Curve:
    """One curve. values: None where a point has none. band: the lower and the upper ends of its intervals.

    role: methods and controls have panels, and methods are grey in those of others; what stands for chance or
    for the truth is a named line in every panel. remark: stands below the name.
    """

    values: Sequence[float | None]
    band: tuple[Sequence[float | None], Sequence[float | None]] | None = None
    role: Role = "method"
    remark: str = ""


@dataclass(frozen=True)
class Section:
    """Panels with the same axes, in the order of `curves`."""

    y_label: str
    x_label: str
    x: Sequence[float]
    curves: Mapping[str, Curve] = field(default_factory=dict)

    @property
    def own(self) -> dict[str, Curve]:
        """The curves that have a panel."""
        return {name: curve for name, curve in self.curves.items() if curve.role in ("method", "control")}

    @property
    def references(self) -> dict[str, Curve]:
        """The curves that are in every panel."""
        return {name: curve for name, curve in self.curves.items() if name not in self.own}


def small_multiples(sections: Sequence[Section], width: float, noun: str = "method") -> Figure:
    """The sections one below the other, with a key above, in so many inches.

    noun: what a curve is of, for the key.
    """
    with styled():
        return _Layout(sections, width, noun).drawn()


def _title(name: str, curve: Curve, width: float) -> list[tuple[str, str]]:
    """The lines above a panel, and their colours."""
    colour = INK if curve.role == "method" else FAINT
    shown = name if curve.role == "method" else f"{name} (control)"
    lines = [(line, colour) for line in style.wrapped(shown, width)]
    return [*lines, *([(curve.remark, FAINT)] if curve.remark else [])]


class _Layout:
    """Where everything stands, in points."""

    def __init__(self, sections: Sequence[Section], width: float, noun: str):
        self.sections, self.inches, self.noun = sections, width, noun
        names = {name for section in sections for name in section.references}
        self.right = max((style.width_of(name) for name in names), default=0) + (6 if names else 8)
        self.ticks = [style.ticks(*_limits(section)) for section in sections]
        numbers = [style.number(tick) for ticks in self.ticks for tick in ticks]
        self.left = max(map(style.width_of, numbers), default=0) + 9
        room = width * style.POINTS - self.left - self.right + GAP
        self.columns = max(1, int(room // (LEAST_WIDTH + GAP)))
        self.panel = room / self.columns - GAP
        self.keys = self._keys()

    def _rows(self, section: Section) -> list[list[str]]:
        names = list(section.own)
        return [names[start : start + self.columns] for start in range(0, len(names), self.columns)]

    def _heading(self, section: Section) -> list[str]:
        # Bold letters are about an eighth wider.
        return style.wrapped(section.y_label, 0.87 * (self.inches * style.POINTS - 2 * EDGE), behind="")

    def _head(self, section: Section, row: Sequence[str]) -> float:
        """How high the titles of a row are."""
        titles = [_title(name, section.curves[name], self.panel + GAP / 2) for name in row]
        return LEADING * max(map(len, titles)) + 3

    def _height(self, section: Section) -> float:
        """Of the heading, the rows, the ticks and the label of the x axis."""
        rows = sum(self._head(section, row) + HEIGHT + 7 for row in self._rows(section))
        return LEADING * len(self._heading(section)) + 2 + rows + 2 * LEADING + 4

    def drawn(self) -> Figure:
        """The figure."""
        top = LEADING * len(self.keys) + 5
        self.sheet = Sheet(self.inches, top + sum(map(self._height, self.sections)) + EDGE)
        self._draw_keys()
        for section, ticks in zip(self.sections, self.ticks, strict=True):
            self._draw(section, ticks, top)
            top += self._height(section)
        return self.sheet.figure

    def _draw(self, section: Section, ticks: Sequence[float], top: float) -> None:
        for line in self._heading(section):
            self.sheet.text(EDGE, top + LEADING / 2, line, color=INK, weight="bold")
            top += LEADING
        top += 2
        ends = _limits(section)
        rows = self._rows(section)
        if not rows:
            self.sheet.text(EDGE, top + LEADING, "no curve", color=FAINT)
            return
        for place, row in enumerate(rows):
            head = self._head(section, row)
            for column, name in enumerate(row):
                left = self.left + column * (self.panel + GAP)
                title = _title(name, section.curves[name], self.panel + GAP / 2)
                for line, (text, colour) in enumerate(reversed(title)):
                    self.sheet.text(left, top + head - 3 - (line + 0.5) * LEADING, text, color=colour)
                axes = self.sheet.axes(left, top + head, self.panel, HEIGHT)
                axes.set_label(name)
                _draw_panel(axes, section, name)
                axes.set_ylim(ends)
                axes.set_yticks(ticks, [style.number(tick) for tick in ticks])
                lowest = place == len(rows) - 1 or column >= len(rows[place + 1])
                axes.tick_params(labelleft=column == 0, labelbottom=lowest)
            self._name_references(section, left + self.panel + 3, top + head, ends)
            top += head + HEIGHT + 7
        middle = self.left + (self.panel * self.columns + GAP * (self.columns - 1)) / 2
        self.sheet.text(middle, top + LEADING + 1, section.x_label, ha="center", color=INK)

    def _name_references(self, section: Section, left: float, top: float, ends: tuple[float, float]) -> None:
        """Names at the ends of the lines; where these are close, one above the other."""
        low, high = ends
        places = []
        for name, curve in section.references.items():
            known = [value for value in curve.values if value is not None]
            if known:
                places.append((top + HEIGHT * (high - known[-1]) / (high - low), -np.mean(known), name))
        # Of lines that end together the one that was higher is named first.
        places.sort()
        heights = np.array([height for height, *_ in places])
        for _ in range(len(places)):  # each pass sets one more apart
            for first, second in pairwise(range(len(places))):
                lacking = LEADING - (heights[second] - heights[first])
                if lacking > 0:
                    heights[first] -= lacking / 2
                    heights[second] += lacking / 2
        if len(heights):
            # Below the panel are the ticks' numbers, not those of the next one.
            heights += min(0, top + HEIGHT - LEADING / 2 + 3 - heights.max())
        for (*_, name), height in zip(places, heights, strict=True):
            self.sheet.text(left, height, name, color=REFERENCES[section.curves[name].role][1])

    def _keys(self) -> list[list[tuple[str, str]]]:
        """Rows of what lines mean, each by its colour."""
        curves = [curve for section in self.sections for curve in section.curves.values()]
        banded = any(curve.band for curve in curves if curve.role in ("method", "control"))
        texts = [(ACCENT, f"the {self.noun}" + (", with 95% intervals point by point" if banded else ""))]
        if any(
            len([curve for curve in section.own.values() if curve.role == "method"]) > 1
            for section in self.sections
        ):
            texts.append((GHOST, f"other {self.noun}s"))
        rows: list[list[tuple[str, str]]] = [[]]
        for text in texts:
            used = sum(style.width_of(shown) + 24 for _, shown in rows[-1])
            if rows[-1] and used + style.width_of(text[1]) + 16 > self.inches * style.POINTS:
                rows.append([])
            rows[-1].append(text)
        return rows

    def _draw_keys(self) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Rectangle

        sheet = self.sheet
        for place, row in enumerate(self.keys):
            left, middle = EDGE, LEADING * (place + 0.5) + 1
            for colour, text in row:
                height = 1 - middle / sheet.height
                if "95%" in text:
                    corner = left / sheet.width, height - 3 / sheet.height
                    size = 11 / sheet.width, 6 / sheet.height
                    sheet.figure.add_artist(Rectangle(corner, *size, color=colour, alpha=0.2, lw=0))
                ends = [left / sheet.width, (left + 11) / sheet.width]
                line = Line2D(ends, [height] * 2, color=colour, lw=1.3 if colour == ACCENT else 0.8)
                sheet.figure.add_artist(line)
                sheet.text(left + 14, middle, text, color=FAINT)
                left += style.width_of(text) + 24


def _limits(section: Section) -> tuple[float, float]:
    """The ends of the y axis: all that is drawn is within."""
    found = [np.array(curve.values, float) for curve in section.curves.values()]
    found += [np.array(band, float).ravel() for curve in section.own.values() if (band := curve.band)]
    known = np.concatenate([*found, np.zeros(0)])
    known = known[~np.isnan(known)]
    low, high = (known.min(), known.max()) if len(known) else (0, 1)
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _draw_panel(axes: Axes, section: Section, name: str) -> None:
    x, curve = np.asarray(section.x, float), section.curves[name]

    def draw(shown: str, **how: object) -> None:
        axes.plot(x, np.array(section.curves[shown].values, float), label=shown, **how)

    for other, drawn in section.own.items():
        if other != name and drawn.role == "method":
            draw(other, color=GHOST, lw=0.6, zorder=1)
    for other, drawn in section.references.items():
        colour, _, dashes = REFERENCES[drawn.role]
        draw(other, color=colour, lw=0.9, dashes=dashes, zorder=3)
    if curve.band:
        axes.fill_between(
            x, *np.array(curve.band, float), color=ACCENT, alpha=0.2, lw=0, zorder=2, label=name
        )
    draw(name, color=ACCENT, lw=1.3, zorder=4)
    ticks = style.ticks(*axes.get_xlim())
    axes.set_xticks(ticks, [style.number(tick) for tick in ticks])
    axes.grid(axis="y")
