"""The backpack: a school bag, a hiker's pack, or a bag from its straps' side."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.forms import WHITE, arc, chance, framed, mirrored, rounded


def _any_colour(rng: np.random.Generator) -> Colour:
    """Any hue, from pale to strong."""
    return hsv(rng.random(), rng.uniform(0.3, 0.85), rng.uniform(0.35, 0.9))


@framed(bulge=0.7, stretch=0.12)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A school bag with a zip or a hiker's pack with a lid, or a bag seen from its straps' side."""
    main = _any_colour(rng) if chance(rng, 0.8) else hsv(rng.random(), 0.1, rng.uniform(0.15, 0.45))
    trim = [shade(main, 0.55), shade(main, 1.5), _any_colour(rng), (60, 58, 62)][rng.integers(4)]
    strap = shade(main, 0.45) if chance(rng, 0.5) else (52, 50, 54)
    canvas.line(arc(0.5, 0.13, 0.09, 0.09, np.pi * 0.95, np.pi * 2.05), strap, 0.04)
    wide = rng.uniform(0.26, 0.32)
    for side in (-1, 1):  # the shoulder straps bulge out behind the bag
        reach = wide + rng.uniform(0.1, 0.15)
        loop = [(0.5 + side * wide * 0.6, 0.16), (0.5 + side * reach, 0.36), (0.5 + side * reach, 0.62)]
        canvas.stroke([*loop, (0.5 + side * wide * 0.8, 0.84)], strap, 0.06)
    kind = rng.choice(3, p=[0.48, 0.32, 0.2])
    (_school_bag, _hiking_pack, _bag_from_behind)[kind](canvas, rng, wide, main, trim)


def _side_pockets(canvas: Canvas, rng: np.random.Generator, wide: float, colour: Colour) -> None:
    """A pocket at either side, sometimes with a bottle in it."""
    for side in (-1, 1):
        x = 0.5 + side * wide
        if chance(rng, 0.35):  # a bottle sticks out
            canvas.polygon(rounded(x - 0.045, 0.44, x + 0.045, 0.7, 0.03), hsv(rng.random(), 0.5, 0.85))
            canvas.rectangle(x - 0.025, 0.4, x + 0.025, 0.46, (235, 235, 235))
        canvas.polygon(rounded(x - 0.07, 0.58, x + 0.07, 0.88, 0.04), colour)


def _school_bag(canvas: Canvas, rng: np.random.Generator, wide: float, main: Colour, trim: Colour) -> None:
    """A round-topped bag with a zip and a front pocket."""
    _side_pockets(canvas, rng, wide, shade(main, 0.7))
    top = rng.uniform(0.1, 0.14)
    left, right = 0.5 - wide, 0.5 + wide
    half = [(wide * 0.4, top), (wide - 0.06, 0.2), (wide, 0.4), (wide + 0.01, 0.7), (wide - 0.03, 0.93)]
    canvas.blob(mirrored(half), main)
    flank = [(wide * 0.55, 0.2), (wide - 0.02, 0.4), (wide, 0.7), (wide - 0.04, 0.91), (wide - 0.1, 0.6)]
    canvas.blob(np.add(flank, (0.5, 0)), shade(main, 0.75))
    zip_path = mirrored([(wide - 0.045, 0.5), (wide - 0.08, 0.27), (wide * 0.25, top + 0.075)])
    canvas.stroke(np.roll(zip_path, 3, axis=0), trim, 0.026)
    pocket = rng.uniform(0.52, 0.6)
    inner = wide * rng.uniform(0.72, 0.85)
    canvas.polygon(
        rounded(0.5 - inner - 0.012, pocket - 0.012, 0.5 + inner + 0.012, 0.912, 0.08), shade(main, 0.55)
    )
    face = trim if chance(rng, 0.4) else shade(main, 1.12)
    canvas.polygon(rounded(0.5 - inner, pocket, 0.5 + inner, 0.9, 0.075), face)
    canvas.line(
        [(0.5 - inner + 0.05, pocket + 0.07), (0.5 + inner - 0.05, pocket + 0.07)], shade(face, 0.5), 0.024
    )
    canvas.line(
        [(0.5 + inner - 0.07, pocket + 0.07), (0.5 + inner - 0.07, pocket + 0.13)], (220, 220, 215), 0.022
    )
    mark = rng.integers(4)
    if mark == 0:
        canvas.polygon(rounded(0.43, 0.3, 0.57, 0.41, 0.02), shade(trim, 1.2))
    elif mark == 1:
        for y in (0.32, 0.4):
            canvas.line([(left + 0.08, y), (right - 0.08, y)], trim, 0.03)
    elif mark == 2:
        for x, y in rng.uniform((left + 0.1, 0.27), (right - 0.1, pocket - 0.06), (8, 2)):
            canvas.ellipse(x, y, 0.022, 0.022, mix(trim, WHITE, 0.4))


def _hiking_pack(canvas: Canvas, rng: np.random.Generator, wide: float, main: Colour, trim: Colour) -> None:
    """A pack with a lid held by two buckled straps, sometimes with a rolled mat."""
    wide *= 0.9
    left, right = 0.5 - wide, 0.5 + wide
    if chance(rng, 0.5):  # a rolled mat below or above
        mat = _any_colour(rng)
        canvas.limb([(left - 0.06, 0.92), (right + 0.06, 0.92)], mat, 0.11, 0.11)
        for x in (left - 0.07, right + 0.07):
            canvas.ellipse(x, 0.92, 0.035, 0.055, shade(mat, 0.7))
            canvas.ellipse(x, 0.92, 0.016, 0.025, shade(mat, 1.2))
    _side_pockets(canvas, rng, wide, shade(main, 0.72))
    canvas.polygon(rounded(left, 0.22, right, 0.9, 0.09), main)
    canvas.polygon(rounded(right - 0.1, 0.26, right, 0.88, 0.05), shade(main, 0.78))
    pocket = rng.uniform(0.58, 0.64)
    canvas.polygon(rounded(left + 0.07, pocket, right - 0.07, 0.87, 0.05), shade(main, 0.62))
    canvas.polygon(rounded(left + 0.08, pocket, right - 0.08, 0.855, 0.05), shade(main, 1.15))
    lid = mirrored([(wide * 0.5, 0.11), (wide, 0.2), (wide + 0.02, 0.38), (wide * 0.4, 0.45)])
    canvas.blob(np.add(lid, (0, 0.02)), shade(main, 0.5))
    canvas.blob(lid, trim if chance(rng, 0.5) else shade(main, 0.9))
    for side in (-1, 1):
        x = 0.5 + side * wide * 0.5
        canvas.line([(x, 0.2), (x, pocket + 0.1)], (60, 56, 54), 0.034)
        canvas.rectangle(x - 0.03, 0.5, x + 0.03, 0.56, (205, 200, 190))


def _bag_from_behind(
    canvas: Canvas, rng: np.random.Generator, wide: float, main: Colour, trim: Colour
) -> None:
    """The padded back of a bag with both shoulder straps."""
    _side_pockets(canvas, rng, wide, shade(main, 0.7))
    left, right = 0.5 - wide, 0.5 + wide
    canvas.polygon(rounded(left, 0.12, right, 0.94, 0.13), main)
    canvas.polygon(rounded(left + 0.05, 0.2, right - 0.05, 0.9, 0.09), shade(main, 0.72))
    for y in (0.56, 0.66, 0.76):
        canvas.line([(left + 0.12, y), (right - 0.12, y)], shade(main, 0.9), 0.04)
    pad = trim if chance(rng, 0.6) else shade(main, 1.2)
    spread = rng.uniform(0.9, 1.05)
    for side in (-1, 1):
        strap = [
            (0.5 + side * wide * share * spread, y)
            for share, y in ((0.3, 0.19), (0.62, 0.32), (0.8, 0.5), (0.72, 0.66))
        ]
        canvas.stroke([*strap[2:], (0.5 + side * wide * 0.9, 0.88)], (50, 48, 52), 0.045)
        canvas.stroke(strap, shade(pad, 0.6), 0.12)
        canvas.stroke(strap, pad, 0.09)
        canvas.line([(strap[2][0] - 0.05, 0.52), (strap[2][0] + 0.05, 0.52)], (215, 212, 205), 0.026)
    canvas.line([(0.5 - wide * 0.55, 0.4), (0.5 + wide * 0.55, 0.4)], (50, 48, 52), 0.03)
