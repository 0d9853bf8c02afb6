"""The flat things of the drawn sample: kite, pizza, stop sign."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade, spline
from bam.data_prep.sources.drawn.forms import WHITE, arc, chance, framed, placed

TURN = 2 * np.pi


# -------------------------------------------------------------------------------------------- kite


@framed(bulge=0.3, stretch=0.1)
def draw_kite(canvas: Canvas, rng: np.random.Generator) -> None:
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


# ------------------------------------------------------------------------------------------- pizza


@framed(bulge=0.35, stretch=0.0)
def draw_pizza(canvas: Canvas, rng: np.random.Generator) -> None:
    """A pizza from above or aslant, whole or with a slice gone, one to three toppings."""
    flat = 1 if chance(rng, 0.6) else rng.uniform(0.62, 0.9)
    start = rng.uniform(0, TURN)
    gap = 0 if chance(rng, 0.4) else rng.choice([TURN / 8, TURN / 6, TURN / 4])
    crust = hsv(rng.uniform(0.075, 0.1), rng.uniform(0.5, 0.75), rng.uniform(0.68, 0.88))
    sauce = hsv(rng.uniform(0.0, 0.04), 0.8, rng.uniform(0.6, 0.8))
    cheese = hsv(rng.uniform(0.1, 0.14), rng.uniform(0.35, 0.7), rng.uniform(0.88, 1))
    ripple = 1 + rng.normal(0, 0.012, 48)

    def sector(radius: float, lift: float = 0) -> np.ndarray:
        angles = start + gap / 2 + np.linspace(0, TURN - gap, 48)
        rim = np.stack(
            [0.5 + radius * ripple * np.cos(angles), 0.5 + lift + flat * radius * ripple * np.sin(angles)], 1
        )
        return np.concatenate([rim, [(0.5, 0.5 + lift)]]) if gap else rim

    thick = 0.02 + 0.06 * (1 - flat)
    canvas.polygon(sector(0.46, thick), shade(crust, 0.6))
    canvas.polygon(sector(0.46), crust)
    for angle in rng.uniform(start + gap / 2 + 0.2, start + TURN - gap / 2 - 0.2, 9):
        spot = (0.5 + 0.43 * np.cos(angle), 0.5 + 0.43 * flat * np.sin(angle))
        canvas.ellipse(*spot, 0.035, 0.018, shade(crust, rng.choice([0.75, 1.15])), angle + np.pi / 2)
    canvas.polygon(sector(0.395), sauce)
    canvas.polygon(sector(0.37), cheese)
    _toppings(canvas, rng, cheese, (start + gap / 2, start + TURN - gap / 2), flat)
    for angle in start + gap / 2 + np.linspace(0, TURN - gap, 7)[1:-1] if chance(rng, 0.45) else ():
        canvas.line(
            [(0.5, 0.5), (0.5 + 0.45 * np.cos(angle), 0.5 + 0.45 * flat * np.sin(angle))],
            shade(crust, 0.65),
            0.012,
        )


def _toppings(
    canvas: Canvas, rng: np.random.Generator, cheese: Colour, reach: tuple[float, float], flat: float
) -> None:
    """Spread one to three kinds of topping between the angles `reach`."""
    for _ in range(10):
        angle, radius = rng.uniform(*reach), 0.34 * np.sqrt(rng.random())
        canvas.ellipse(
            0.5 + radius * np.cos(angle),
            0.5 + flat * radius * np.sin(angle),
            0.04,
            0.03,
            shade(cheese, rng.choice([0.88, 1.1])),
        )
    kinds = [_salami, _mushroom, _olive, _leaf, _pepper, _tomato]
    chosen = rng.permutation(6)[: rng.integers(1, 4)]
    rings = [(0.27, 8), (0.12, 3)] if len(chosen) < 3 else [(0.29, 10), (0.17, 6), (0.04, 1)]
    margin = 0.25
    for radius, count in rings:
        angles = np.linspace(reach[0] + margin, reach[1] - margin, count) + rng.uniform(-0.08, 0.08, count)
        for index, angle in enumerate(angles):
            x, y = 0.5 + radius * np.cos(angle), 0.5 + flat * radius * np.sin(angle)
            kinds[chosen[index % len(chosen)]](canvas, rng, x, y, flat)


def _salami(canvas: Canvas, rng: np.random.Generator, x: float, y: float, flat: float) -> None:
    """A slice of salami."""
    colour = hsv(rng.uniform(-0.02, 0.02), 0.75, rng.uniform(0.6, 0.75))
    canvas.ellipse(x, y + 0.006, 0.068, 0.068 * flat, shade(colour, 0.65))
    canvas.ellipse(x, y, 0.062, 0.062 * flat, colour)
    for dx, dy in rng.uniform(-0.035, 0.035, (3, 2)):
        canvas.ellipse(x + dx, y + dy * flat, 0.012, 0.012, shade(colour, 1.3))


def _mushroom(canvas: Canvas, rng: np.random.Generator, x: float, y: float, flat: float) -> None:
    """A slice of mushroom."""
    cap = [
        (-0.06, 0.005),
        (-0.045, -0.04),
        (0, -0.055),
        (0.045, -0.04),
        (0.06, 0.005),
        (0.018, 0.01),
        (0.02, 0.05),
        (-0.02, 0.05),
        (-0.018, 0.01),
    ]
    angle = rng.uniform(0, TURN)
    canvas.polygon(placed(cap, x, y, 1.15, angle), (128, 100, 74))
    canvas.polygon(placed(cap, x, y, 0.85, angle), (232, 216, 190))


def _olive(canvas: Canvas, rng: np.random.Generator, x: float, y: float, flat: float) -> None:
    """A ring of olive, black or green."""
    colour = (40, 36, 40) if chance(rng, 0.6) else (104, 112, 44)
    canvas.ellipse(x, y, 0.042, 0.042 * flat, colour)
    canvas.ellipse(x, y, 0.018, 0.018 * flat, (236, 196, 120))


def _leaf(canvas: Canvas, rng: np.random.Generator, x: float, y: float, flat: float) -> None:
    """A basil leaf."""
    green, angle = hsv(rng.uniform(0.27, 0.35), 0.75, rng.uniform(0.35, 0.55)), rng.uniform(0, TURN)
    canvas.blob(
        placed(
            [(-0.075, 0), (-0.02, -0.035), (0.04, -0.028), (0.08, 0), (0.04, 0.028), (-0.02, 0.035)],
            x,
            y,
            1,
            angle,
        ),
        green,
    )
    canvas.line(placed([(-0.06, 0), (0.06, 0)], x, y, 1, angle), shade(green, 1.4), 0.012)


def _pepper(canvas: Canvas, rng: np.random.Generator, x: float, y: float, flat: float) -> None:
    """An open ring of pepper."""
    colour, turn = hsv(rng.choice([0.3, 0.13, 0.0]), 0.8, rng.uniform(0.55, 0.85)), rng.uniform(0, TURN)
    canvas.line(arc(x, y, 0.05, 0.05 * flat, turn, turn + 4.2, 12), colour, 0.026)


def _tomato(canvas: Canvas, rng: np.random.Generator, x: float, y: float, flat: float) -> None:
    """A slice of tomato."""
    canvas.ellipse(x, y, 0.06, 0.06 * flat, (196, 40, 30))
    for angle in rng.uniform(0, 1) + np.arange(3) * TURN / 3:
        canvas.ellipse(
            x + 0.028 * np.cos(angle), y + 0.028 * flat * np.sin(angle), 0.02, 0.018, (240, 130, 80)
        )


# --------------------------------------------------------------------------------------- stop sign


@framed(bulge=0.15, stretch=0.08)
def draw_stop_sign(canvas: Canvas, rng: np.random.Generator) -> None:
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
