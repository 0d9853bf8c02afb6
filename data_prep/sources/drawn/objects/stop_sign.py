"""The stop sign, with or without its post."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade, spline
from bam.data_prep.sources.drawn.forms import TURN, WHITE, arc, chance, framed, placed


@framed(bulge=0.15, stretch=0.08)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A stop sign, with or without its post, new or weathered."""
    red = hsv(rng.uniform(-0.02, 0.015), rng.uniform(0.72, 0.95), rng.uniform(0.6, 0.88))
    white = mix(WHITE, (215, 205, 185), rng.uniform(0, 0.8))
    post = chance(rng, 0.5)
    x, y, radius = (0.5, 0.34, 0.33) if post else (0.5, 0.5, 0.48)
    if post:
        metal, wide = (
            [(140, 142, 146), (128, 92, 60), (90, 104, 84)][rng.integers(3)],
            rng.uniform(0.025, 0.045),
        )
        end = rng.uniform(0.86, 0.98)
        canvas.rectangle(x - wide, 0.3, x + wide, end, metal)
        canvas.rectangle(x + wide * 0.2, 0.3, x + wide, end, shade(metal, 0.7))
    angles = np.arange(8) * TURN / 8 + TURN / 16 + rng.uniform(-0.06, 0.06)
    octagon = np.stack([np.cos(angles), np.sin(angles)], 1)
    for scale, colour in ((1, shade(white, 0.75)), (0.985, white), (rng.uniform(0.87, 0.92), red)):
        canvas.polygon(octagon * radius * scale + (x, y), colour)
    for _ in range(rng.integers(0, 4)):  # scratches and rust
        angle = rng.uniform(0, TURN)
        spot = (x + radius * 0.72 * np.cos(angle), y + radius * 0.72 * np.sin(angle))
        canvas.ellipse(*spot, *rng.uniform(0.015, 0.05, 2), shade(red, rng.uniform(0.6, 0.85)), angle)
    lean = angles[0] - TURN / 16
    _word_stop(canvas, x, y, radius, lean, white, rng.uniform(0.11, 0.14))
    if chance(rng, 0.4):  # the upper left reflects the sky
        canvas.line((octagon[4:7] * 0.8) * radius + (x, y), mix(red, WHITE, 0.25), 0.03)
    for side in (-1, 1):
        canvas.ellipse(x, y + side * radius * 0.7, 0.015, 0.015, shade(white, 0.6))


def _word_stop(
    canvas: Canvas, x: float, y: float, radius: float, angle: float, colour: Colour, width: float
) -> None:
    """The letters S, T, O, P as strokes, each in a cell one unit high and half a unit wide."""
    s = [
        (0.2, -0.32),
        (0.05, -0.46),
        (-0.15, -0.42),
        (-0.2, -0.22),
        (0, 0),
        (0.2, 0.22),
        (0.15, 0.42),
        (-0.05, 0.46),
        (-0.2, 0.32),
    ]
    letters = [
        [spline(s, closed=False)],
        [[(-0.24, -0.45), (0.24, -0.45)], [(0, -0.45), (0, 0.46)]],
        [arc(0, 0, 0.2, 0.46, 0, TURN + 0.3)],
        [
            [(-0.17, 0.46), (-0.17, -0.45)],
            [(-0.17, -0.45), *arc(0.02, -0.22, 0.18, 0.23, -1.57, 1.57, 12), (-0.17, 0.01)],
        ],
    ]
    size = radius * 0.68
    for index, strokes in enumerate(letters):
        for stroke in strokes:
            cell = np.add(stroke, ((index - 1.5) * 0.585, 0))
            canvas.line(placed(cell, x, y, size, angle), colour, size * width)
