"""Maps as one picture: a line for each image, a column for each method."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bam.base.errors import BamError
from bam.base.files import replacing
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.reporting.colours import coloured
from bam.metrics.reporting.layout import CELL, LARGE, LEGEND, MARGIN, PLAIN, SMALL, Layout, height
from bam.metrics.reporting.lettering import wrapped
from bam.metrics.reporting.maps import Maps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".png", ".svg")
OUTLINE = "#4fd5ff"  # no colour of the scale
OVERLAID = {CONSTANT: ("constant", "white"), NAN: ("not finite", "black")}


def draw(maps: Maps) -> Figure:
    """The picture of maps, as large as it takes: a figure of Matplotlib, which is shown by no window.

    >>> import bam
    >>> figure = draw(bam.show("grad_cam,random", limit=2).maps)
    >>> round(float(figure.get_figwidth()), 2)
    6.55
    """
    from matplotlib.figure import Figure

    layout = Layout(maps)
    figure = Figure((layout.width, layout.height), facecolor="white")
    figure.suppressComposite = True  # or they would be one picture, of few pixels in a PDF
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    axes.axis("off")
    page = _Page(axes)
    page.lines(MARGIN, MARGIN, layout.title, LARGE)
    _draw_heads(page, layout)
    for place in range(len(maps)):
        _draw_image(page, layout, place)
    _draw_legend(page, layout)
    return figure


def png(maps: Maps, dpi: int = 110) -> bytes:
    """The picture as a PNG file."""
    with io.BytesIO() as file:
        _save(draw(maps), file, "png", dpi)
        return file.getvalue()


def write(maps: Maps, path: Path) -> None:
    """Write the picture as what the suffix says, whole or not at all. Raises `BamError` for another one."""
    kind = check_suffix(path).suffix.lower().removeprefix(".")
    with replacing(path) as temporary:
        _save(draw(maps), temporary, kind, 200)


def check_suffix(path: str | Path) -> Path:
    """The path. Raises `BamError` if no picture can be written to a file of such a name."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise BamError(
            f"{path} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, for what it is to be"
        )
    return Path(path)


def _save(figure: Figure, file: Path | io.BytesIO, kind: str, dpi: int) -> None:
    import matplotlib

    # Without the time, so that the same maps are the same file.
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]
    with matplotlib.rc_context({"svg.hashsalt": "bam"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box stands in its place
        figure.savefig(file, format=kind, dpi=dpi, metadata=undated)


class _Page:
    """What is drawn with."""

    def __init__(self, axes: Axes):
        self._axes = axes

    def lines(self, x: float, y: float, texts: Sequence[str], size: float, **how: str) -> None:
        """Lines of text below each other, the first with its upper edge at y."""
        for place, text in enumerate(texts):
            self.text(x, y + height(place, size), text, size, **{"va": "top", **how})

    def text(self, x: float, y: float, text: str, size: float, **how: str) -> None:
        """One line."""
        self._axes.text(x, y, text, fontsize=size, parse_math=False, **how)

    def picture(self, x: float, y: float, high: float, picture: np.ndarray, sharp: bool = True) -> None:
        """A picture uint8 (H, W, 3), as large as fits into a cell `high` inches high, at its upper edge."""
        left, right, lower = self._frame(x, y, high, picture.shape)
        # So that programs that smooth what they show leave the pixels of a map as they are.
        times = math.ceil(256 / min(picture.shape[:2])) if sharp else 1
        self._axes.imshow(
            picture.repeat(times, 0).repeat(times, 1),
            extent=(left, right, lower, y),
            interpolation="nearest" if sharp else "antialiased",
            aspect="auto",
        )

    def bar(self, x: float, y: float, long: float, picture: np.ndarray) -> None:
        """The scale of colours, uint8 (1, n, 3)."""
        self._axes.imshow(picture, extent=(x, x + long, y + 0.12, y), aspect="auto")

    def outline(self, x: float, y: float, high: float, mask: np.ndarray, dashed: bool) -> None:
        """The border of a mask, bool (H, W), where a picture of this shape is."""
        left, right, lower = self._frame(x, y, high, mask.shape)
        # Of pixels, in the middle of each; and of the edges, where what is cut off ends.
        down, across = ((np.arange(size + 2) - 0.5).clip(0, size) / size for size in mask.shape)
        self._axes.contour(
            left + (right - left) * across,
            y + (lower - y) * down,
            np.pad(mask, 1).astype(float),
            levels=[0.5],
            colors=[OUTLINE],
            linewidths=0.6,
            linestyles=[(0, (2, 1.5)) if dashed else "solid"],
        )

    @staticmethod
    def _frame(x: float, y: float, high: float, shape: Sequence[int]) -> tuple[float, float, float]:
        """The left, right and lower edge of a picture in the cell whose upper left corner is x, y."""
        scale = min(CELL / shape[1], high / shape[0])
        left = x + (CELL - scale * shape[1]) / 2
        return left, left + scale * shape[1], y + scale * shape[0]


def _draw_heads(page: _Page, layout: Layout) -> None:
    maps, base = layout.maps, layout.heads_top + layout.heads_high
    known = [("image", layout.image_left)] + ([("mask", layout.mask_left)] if layout.has_masks else [])
    for name, left in known:
        page.lines(left + CELL / 2, base - height(1, PLAIN), [name], PLAIN, ha="center")
    blocks = range(len(maps.networks)) if layout.beside else [0]
    for block in blocks:
        for column, name in enumerate(maps.methods):
            middle, lines = layout.column(block, column) + CELL / 2, layout.heads[name]
            top = base - height(len(lines), PLAIN)
            page.lines(middle, top, lines, PLAIN, ha="center")
        if layout.named:
            left, right = layout.column(block, 0), layout.column(block, len(maps.methods) - 1) + CELL
            name = maps.networks[block]
            (name,) = wrapped(name, right - left, PLAIN, lines=1, bold=True)
            page.text((left + right) / 2, layout.heads_top, name, PLAIN, va="top", ha="center", weight="bold")


def _draw_image(page: _Page, layout: Layout, place: int) -> None:
    maps, tops, high = layout.maps, layout.tops[place], layout.cell
    for top, words in zip(tops, layout.words(place), strict=True):
        for line, (text, how) in enumerate(words):
            page.lines(MARGIN, top + height(line, SMALL), [text], SMALL, **how)
    mask = maps.masks[place]
    page.picture(layout.image_left, tops[0], high, maps.images[place], sharp=False)
    if layout.has_masks:
        shown = np.where(mask[..., None], np.uint8(235), np.uint8(45)).repeat(3, -1)
        page.picture(layout.mask_left, tops[0], high, shown)
    for row, network in enumerate(maps.networks):
        top = tops[0] if layout.beside else tops[row]
        for column, method in enumerate(maps.methods):
            if (network, method) not in maps.maps:
                continue
            found, left = maps.maps[network, method], layout.column(row, column)
            page.picture(left, top, high, coloured(found.positive[place]))
            if found.status[place] not in OVERLAID and mask.any():
                page.outline(left, top, high, mask, dashed=not maps.present[place])
            elif found.status[place] in OVERLAID:
                text, colour = OVERLAID[found.status[place]]
                page.text(
                    left + CELL / 2, top + high / 2, text, PLAIN, va="center", ha="center", color=colour
                )
            value = found.g_c[place]
            number = f"{value:.3f}" if np.isfinite(value) else "-"
            page.text(left + CELL / 2, top + high + 0.03, number, SMALL, va="top", ha="center")


def _draw_legend(page: _Page, layout: Layout) -> None:
    top, left = layout.legend_top, MARGIN
    length = 2 * CELL
    bar = coloured(np.linspace(0, 1, 256)[None])
    page.bar(left, top, length, bar)
    for value in (0, 0.5, 1):
        page.text(left + value * length, top + 0.15, f"{value:g}", SMALL, va="top", ha="center")
    page.lines(left, top + LEGEND, layout.legend, SMALL, color="0.2")
