"""The pizza: whole or with a slice gone, with many toppings."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, shade
from bam.data_prep.sources.drawn.forms import TURN, arc, chance, framed, placed


@framed(bulge=0.35, stretch=0.0)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
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
