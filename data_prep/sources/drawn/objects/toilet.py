"""The toilet: from the front or from the side, its lid up or down."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade, spline
from bam.data_prep.sources.drawn.forms import chance, framed, mirrored, rounded


@framed(bulge=0.8)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A toilet with tank, seat and bowl, from the front or from the side, its lid up or down."""
    china = mix(hsv(rng.choice([0.1, 0.13]), rng.uniform(0, 0.16), 0.96), (205, 212, 222), rng.uniform(0, 1))
    seat = china
    if chance(rng, 0.3):
        seat = [(120, 76, 44), (52, 50, 54), (150, 165, 180)][rng.integers(3)]
    (_front if chance(rng, 0.5) else _side)(canvas, rng, china, seat)


def _front(canvas: Canvas, rng: np.random.Generator, china: Colour, seat: Colour) -> None:
    """A toilet from the front: tank above, bowl below."""
    wide, bowl = rng.uniform(0.24, 0.3), rng.uniform(0.19, 0.23)
    canvas.polygon(rounded(0.5 - wide, 0.08, 0.5 + wide, 0.46, 0.03), shade(china, 0.88))
    canvas.rectangle(0.5 + wide * 0.6, 0.12, 0.5 + wide, 0.43, shade(china, 0.76))
    canvas.polygon(rounded(0.48 - wide, 0.04, 0.52 + wide, 0.115, 0.02), shade(china, 1.05))
    canvas.line([(0.48 - wide, 0.12), (0.52 + wide, 0.12)], shade(china, 0.62), 0.014)
    if chance(rng, 0.6):
        canvas.line([(0.54 - wide, 0.18), (0.62 - wide, 0.19)], (140, 142, 148), 0.028)
    else:  # a button on the top
        canvas.polygon(rounded(0.46, 0.02, 0.54, 0.05, 0.01), (150, 152, 158))
    half = [(bowl * 0.95, 0.58), (bowl * 0.8, 0.75), (bowl * 0.5, 0.86), (bowl * 0.62, 0.96)]
    foot = mirrored(half)
    canvas.polygon(foot, shade(china, 0.86))
    canvas.polygon([(0.5 + bowl * 0.2, 0.6), (0.5 + bowl * 0.15, 0.96), *foot[3::-1]], shade(china, 0.72))
    deep = rng.uniform(0.13, 0.16)
    canvas.ellipse(0.5, 0.62, bowl + 0.01, deep + 0.02, shade(china, 0.6))
    if chance(rng, 0.7):  # lid up: it leans on the tank and shows the hole
        lid = [(bowl * 0.45, 0.19), (bowl * 0.95, 0.28), (bowl, 0.5), (bowl * 0.5, 0.55)]
        canvas.blob(mirrored(lid), shade(seat, 0.7))
        canvas.blob(mirrored([(dx * 0.92, y + 0.012) for dx, y in lid]), shade(seat, 0.95))
        canvas.ellipse(0.5, 0.6, bowl, deep, seat)
        canvas.ellipse(0.5, 0.605, bowl * 0.7, deep * 0.68, shade(china, 0.45))
        canvas.ellipse(0.5, 0.625, bowl * 0.58, deep * 0.48, mix(shade(china, 0.75), (110, 160, 190), 0.4))
    else:
        canvas.ellipse(0.5, 0.61, bowl + 0.008, deep + 0.006, shade(seat, 0.7))
        canvas.ellipse(0.5, 0.595, bowl, deep, shade(seat, 0.98))
        canvas.ellipse(0.48, 0.575, bowl * 0.6, deep * 0.5, shade(seat, 1.06))


def _side(canvas: Canvas, rng: np.random.Generator, china: Colour, seat: Colour) -> None:
    """A toilet in profile, the tank at the right."""
    top, rim = rng.uniform(0.1, 0.2), rng.uniform(0.5, 0.55)
    canvas.polygon(rounded(0.66, top, 0.92, rim + 0.04, 0.025), shade(china, 0.9))
    canvas.rectangle(0.83, top + 0.03, 0.92, rim + 0.02, shade(china, 0.76))
    canvas.polygon(rounded(0.64, top - 0.04, 0.94, top + 0.03, 0.02), shade(china, 1.05))
    canvas.line([(0.64, top + 0.037), (0.94, top + 0.037)], shade(china, 0.62), 0.014)
    canvas.line([(0.7, top + 0.09), (0.76, top + 0.1)], (140, 142, 148), 0.03)
    bowl = spline(
        [(0.14, rim), (0.17, rim + 0.14), (0.32, rim + 0.24), (0.4, 0.84), (0.36, 0.94)], closed=False
    )
    canvas.polygon(
        [*bowl, (0.36, 0.95), (0.8, 0.95), (0.78, 0.8), (0.88, rim + 0.03), (0.86, rim)], shade(china, 0.95)
    )
    under = spline([(0.17, rim + 0.14), (0.32, rim + 0.24), (0.4, 0.84), (0.36, 0.95)], closed=False)
    canvas.polygon([*under, (0.55, 0.95), (0.52, 0.8), (0.42, rim + 0.18)], shade(china, 0.72))
    canvas.stroke([(0.62, 0.9), (0.6, 0.78), (0.68, 0.72), (0.74, 0.8)], shade(china, 0.7), 0.026)
    if chance(rng, 0.65):  # lid up; the opening is seen as a narrow ellipse
        canvas.limb([(0.63, rim), (0.6, rim - 0.2), (0.61, rim - 0.38)], shade(seat, 0.85), 0.05, 0.04)
        tall = rng.uniform(0.045, 0.09)
        canvas.ellipse(0.39, rim, 0.26, tall + 0.01, shade(china, 0.6))
        canvas.ellipse(0.39, rim - 0.015, 0.26, tall, seat)
        canvas.ellipse(0.39, rim - 0.012, 0.18, tall * 0.58, shade(china, 0.42))
    else:
        canvas.polygon(rounded(0.12, rim - 0.01, 0.66, rim + 0.04, 0.02), shade(seat, 0.7))
        canvas.blob(
            [(0.12, rim), (0.2, rim - 0.05), (0.45, rim - 0.06), (0.65, rim - 0.05), (0.66, rim)], seat
        )
