"""The corn field: rows of maize that run to the horizon."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.camera import View, bars, blend, noise, tint, weather


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """Rows of maize with arching leaves, tassels and cobs, running to the horizon."""
    air = weather(rng)
    ripeness = rng.uniform(0, 1) ** 1.5
    green = hsv(rng.uniform(0.24, 0.34), rng.uniform(0.5, 0.8), rng.uniform(0.4, 0.7))
    leaf = mix(green, hsv(rng.uniform(0.1, 0.14), 0.5, 0.8), ripeness)
    soil = hsv(rng.uniform(0.04, 0.1), rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.5))
    spacing = rng.uniform(0.8, 1.15)
    view = View(
        (spacing * rng.uniform(0.35, 0.65), rng.uniform(1.6, 3.2), 0),
        (rng.uniform(0.25, 0.75), rng.uniform(0.1, 0.36)),
        rng.uniform(0.8, 1.1),
        rng.uniform(-0.35, 0.35),
    )
    x, _, distance, ground = view.floor()
    earth = blend(soil, shade(soil, 1.5), np.clip(noise(rng, 40), 0, 1))
    earth = blend(earth, shade(leaf, 0.7), np.clip(bars(x, spacing, spacing * 0.4) + distance / 30, 0, 0.9))
    sky = air.sky(rng, view.centre[1])
    canvas.paint(np.where(ground[..., None], earth, sky))
    step = rng.uniform(1.0, 1.25)
    for depth in np.arange(17, 1.2, -step):
        shadow = mix(shade(leaf, 0.68 + 0.35 * min(1, 4 / depth)), air.low, depth / 45)
        if depth > 7.5:
            _hedge(canvas, rng, view, depth, shadow)
            continue
        columns = np.arange(-np.ceil(depth * 0.9), np.ceil(depth * 0.9) + 1) * spacing
        for column in columns:
            base = view.spot((column + rng.normal(0, 0.06), 0, depth + rng.uniform(-0.3, 0.3)))
            if -0.25 < base[0] < 1.25 and base[2]:
                _maize(canvas, rng, base, shade(shadow, rng.uniform(0.75, 1.25)), depth < 4.5)
    tint(canvas, air.tint)


def _hedge(canvas: Canvas, rng: np.random.Generator, view: View, depth: float, colour: Colour) -> None:
    """A far row of maize as one ragged band with tassels on top."""
    xs = np.linspace(-0.05, 1.05, 40)
    size = view.focal / depth
    foot = view.centre[1] + view.eye[1] * size
    tops = foot - size * rng.uniform(1.5, 2.2, 40)
    canvas.polygon(
        [*zip(xs, tops, strict=True), (1.05, foot), (-0.05, foot)], shade(colour, rng.uniform(0.7, 1.1))
    )
    straw = mix(colour, (215, 190, 110), 0.6)
    for x, top in zip(xs[::2], tops[::2], strict=True):
        canvas.line([(x, top - size * 0.3), (x, top + size * 0.2)], straw, 0.004)


def _maize(
    canvas: Canvas, rng: np.random.Generator, base: tuple[float, float, float], colour: Colour, close: bool
) -> None:
    """One maize plant standing at canvas point `base` (x, y, metre): stalk, leaves, cob and tassel."""
    x, y, size = base
    height = size * rng.uniform(1.7, 2.2)
    canvas.line([(x, y), (x, y - height)], shade(colour, 0.75), size * 0.05)
    sides = rng.choice([-1, 1]) * np.array([1, -1, 1, -1, 1, -1])
    for level, side in zip(np.linspace(0.12, 0.88, 6 if close else 4), sides, strict=False):
        reach = size * rng.uniform(0.4, 0.65) * side
        rise, drop = size * rng.uniform(0.3, 0.5), size * rng.uniform(-0.05, 0.3)
        curve = [(0, 0), (reach * 0.22, -rise * 0.75), (reach * 0.5, -rise), (reach, -rise + drop)]
        root, middle, bend, tip = np.add(curve, (x, y - height * level))
        tone = shade(colour, rng.uniform(0.75, 1.3))
        thick = np.array([0, size * 0.055])
        canvas.polygon([root, middle - thick, bend - thick, tip, bend + thick, middle + thick], tone)
        if close:
            canvas.line([root, middle, bend, tip], shade(tone, 1.3), size * 0.012)
    for _ in range(2 if close else 1):
        side = rng.choice([-1, 1])
        cob = np.array([x + side * size * 0.07, y - height * rng.uniform(0.4, 0.65)])
        canvas.ellipse(*cob, size * 0.065, size * 0.17, (245, 200, 50), side * 0.25)
        husk = cob + np.array([(-0.08, 0), (0, 0.05), (0.08, 0), (0, 0.26)]) * size
        canvas.polygon(husk, shade(colour, 1.3))
    for angle in np.linspace(-0.5, 0.5, 4 if close else 3):
        top = (x + np.sin(angle) * size * 0.35, y - height - np.cos(angle) * size * 0.35)
        canvas.line([(x, y - height), top], (225, 195, 120), size * 0.022)
