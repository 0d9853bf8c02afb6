"""The things of the drawn sample: backpack and toilet here, the others in `flat_things` and `vehicles`."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade, spline
from bam.data_prep.sources.drawn.flat_things import draw_kite, draw_pizza, draw_stop_sign
from bam.data_prep.sources.drawn.forms import WHITE, arc, chance, framed, mirrored, rounded
from bam.data_prep.sources.drawn.vehicles import draw_truck


def _any_colour(rng: np.random.Generator) -> Colour:
    """Any hue, from pale to strong."""
    return hsv(rng.random(), rng.uniform(0.3, 0.85), rng.uniform(0.35, 0.9))


# ---------------------------------------------------------------------------------------- backpack


@framed(bulge=0.7, stretch=0.12)
def draw_backpack(canvas: Canvas, rng: np.random.Generator) -> None:
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


# ------------------------------------------------------------------------------------------ toilet


@framed(bulge=0.8)
def draw_toilet(canvas: Canvas, rng: np.random.Generator) -> None:
    """A toilet with tank, seat and bowl, from the front or from the side, its lid up or down."""
    china = mix(hsv(rng.choice([0.1, 0.13]), rng.uniform(0, 0.16), 0.96), (205, 212, 222), rng.uniform(0, 1))
    seat = china
    if chance(rng, 0.3):
        seat = [(120, 76, 44), (52, 50, 54), (150, 165, 180)][rng.integers(3)]
    (_toilet_front if chance(rng, 0.5) else _toilet_side)(canvas, rng, china, seat)


def _toilet_front(canvas: Canvas, rng: np.random.Generator, china: Colour, seat: Colour) -> None:
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


def _toilet_side(canvas: Canvas, rng: np.random.Generator, china: Colour, seat: Colour) -> None:
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


THINGS = {
    "backpack": draw_backpack,
    "kite": draw_kite,
    "pizza": draw_pizza,
    "stop_sign": draw_stop_sign,
    "toilet": draw_toilet,
    "truck": draw_truck,
}
