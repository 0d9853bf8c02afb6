"""The kite: a diamond or a delta, with tails."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, shade
from bam.data_prep.sources.drawn.forms import WHITE, chance, framed, placed


@framed(bulge=0.3, stretch=0.1)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A kite with spars and a tail of bows or ribbons: a diamond or a delta."""
    hue, step = rng.random(), rng.choice([0.08, 0.33, 0.5])
    colours = [hsv(hue + step * index, rng.uniform(0.6, 0.95), rng.uniform(0.65, 1)) for index in range(4)]
    if chance(rng, 0.25):
        colours[rng.integers(4)] = WHITE
    (_diamond if chance(rng, 0.65) else _delta)(canvas, rng, colours, rng.uniform(-0.5, 0.5))


def _tail(
    canvas: Canvas, rng: np.random.Generator, start: np.ndarray, colours: list[Colour], bows: bool
) -> None:
    """A wavy tail that hangs from `start`, with bows on it or broad like a ribbon."""
    sway, length = rng.uniform(0.04, 0.08) * rng.choice([-1, 1]), rng.uniform(0.24, 0.32)
    t = np.linspace(0, 1, 7)
    path = np.stack([start[0] + sway * np.sin(t * 7) * (0.4 + t), start[1] + length * t], 1)
    canvas.stroke(path, shade(colours[0], 0.75), 0.024 if bows else 0.045)
    if not bows:
        return
    for index, (x, y) in enumerate(path[1::2]):
        turn = rng.uniform(-0.4, 0.4)
        for side in (-1, 1):
            canvas.polygon(
                placed([(0, 0), (side * 0.075, -0.04), (side * 0.075, 0.04)], x, y, 1, turn),
                colours[index % 4],
            )


def _diamond(canvas: Canvas, rng: np.random.Generator, colours: list[Colour], angle: float) -> None:
    """A diamond of four panels, of two colours, or of nested diamonds."""
    half, cross = rng.uniform(0.2, 0.27), rng.uniform(0.18, 0.25)
    corners = placed([(0, -0.3), (half, -0.3 + cross), (0, 0.3), (-half, -0.3 + cross)], 0.5, 0.34, 1, angle)
    middle = placed([(0, -0.3 + cross)], 0.5, 0.34, 1, angle)[0]
    _tail(canvas, rng, corners[2], colours, chance(rng, 0.75))
    style = rng.integers(3)
    for index in range(4):
        colour = colours[index if style == 0 else index % 2 if style == 1 else 0]
        canvas.polygon(
            [corners[index], corners[(index + 1) % 4], middle], shade(colour, (1.08, 0.95, 0.82, 1)[index])
        )
    if style == 2:  # nested diamonds
        for scale, colour in ((0.66, colours[1]), (0.33, colours[2])):
            canvas.polygon(middle + (corners - middle) * scale, colour)
    spar = shade(colours[0], 0.35)
    canvas.line([corners[0], corners[2]], spar, 0.02)
    canvas.line([corners[3], corners[1]], spar, 0.02)


def _delta(canvas: Canvas, rng: np.random.Generator, colours: list[Colour], angle: float) -> None:
    """A swept-back delta with one or two ribbons."""
    drop, keel = rng.uniform(0.3, 0.42), rng.uniform(0.2, 0.3)

    def local(points: list[tuple[float, float]]) -> np.ndarray:
        return placed(points, 0.5, 0.2, 1, angle * 0.7)

    tails = [(0, keel)] if chance(rng, 0.5) else [(-0.16, keel + 0.03), (0.16, keel + 0.03)]
    for start in local(tails):
        _tail(canvas, rng, start, colours, False)
    for side, factor in ((-1, 1.05), (1, 0.85)):
        tip, inner = (side * 0.44, drop), (side * 0.2, keel + 0.06)
        canvas.polygon(local([(0, -0.12), tip, inner, (0, keel)]), shade(colours[0], factor))
        canvas.polygon(local([(side * 0.22, drop / 2 - 0.06), tip, inner]), shade(colours[1], factor))
        canvas.polygon(
            local([(0, -0.12), (side * 0.15, drop * 0.34 - 0.08), (0, keel)]), shade(colours[2], factor)
        )
        canvas.line(local([(0, -0.12), tip]), shade(colours[0], 0.4), 0.022)
    canvas.line(local([(0, -0.12), (0, keel)]), shade(colours[0], 0.4), 0.022)
