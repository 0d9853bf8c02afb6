"""The ski slope: a groomed piste between firs, with skiers, gates, a chairlift and mountains."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.camera import (
    View,
    Weather,
    bars,
    blend,
    noise,
    paint_colour,
    pick,
    tint,
    weather,
)


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A groomed piste between firs: skiers, their tracks, slalom gates, a chairlift, mountains."""
    air = weather(rng)
    view = View(
        (0, rng.uniform(4, 8), 0),
        (rng.uniform(0.3, 0.7), rng.uniform(0.14, 0.36)),
        rng.uniform(0.8, 1.1),
        rng.uniform(-0.3, 0.3),
        rng.choice([-1, 1]) * rng.uniform(0.06, 0.3),
    )
    canvas.paint(_piste(rng, view, air))
    _mountains(canvas, rng, view, air)
    things = [("fir", side * rng.uniform(5, 20), z) for side in (-1, 1) for z in rng.uniform(8, 60, 11)]
    things += [("skier", *at) for at in zip(rng.uniform(-7, 7, 5), rng.uniform(6, 26, 5), strict=True)]
    gates = rng.uniform() < 0.6
    things += [
        ("gate", side * 2.5, 9 + 6 * place) for place, side in enumerate([-1, 1, -1, 1, -1, 1]) if gates
    ]
    for kind, x, z in sorted(things, key=lambda thing: -thing[2]):
        spot = view.spot((x, 0, z))
        if kind == "fir":
            _fir(canvas, rng, spot, air)
        elif kind == "skier":
            _skier(canvas, rng, spot)
        else:
            _gate(canvas, spot, pick(rng, (215, 30, 40), (30, 60, 200)))
    if rng.uniform() < 0.75:
        _chairlift(canvas, rng, view)
    tint(canvas, air.tint)


def _piste(rng: np.random.Generator, view: View, air: Weather) -> np.ndarray:
    """Sky and snow: combed lanes left by the groomer, winding ski tracks, bumps."""
    x, z, distance, ground = view.floor()
    snow = pick(rng, (244, 247, 252), (232, 240, 252), (250, 244, 238))
    shadow = mix(pick(rng, (120, 150, 210), (150, 160, 190), (150, 130, 190)), air.top, 0.2)
    combed = bars(x, 0.34, 0.15) * (bars(x - rng.uniform(0, 4), 4.5, 3.8) > 0.5)
    field = blend(snow, shadow, combed * rng.uniform(0.3, 0.6))
    field = blend(field, shadow, np.clip(noise(rng, 8, rng.uniform(0.4, 2)), 0, 0.6))
    for _ in range(rng.integers(4, 8)):
        sway = rng.uniform(1, 3) * np.sin(z / rng.uniform(1.5, 4) + rng.uniform(0, 6)) + rng.uniform(-8, 8)
        field = blend(field, shade(shadow, 0.8), bars(np.abs(x - sway) - 0.14, 1e4, 0.12) * 0.9)
    field = blend(field, snow, np.clip(distance / 150, 0, 0.8))
    return np.where(ground[..., None], field, air.sky(rng, view.centre[1]))


def _mountains(canvas: Canvas, rng: np.random.Generator, view: View, air: Weather) -> None:
    """A jagged range with snow on top of rock, beyond the slope."""
    for height, rock in ((rng.uniform(90, 200), 0.45), (rng.uniform(40, 90), 0.25)):
        x = np.linspace(-900, 900, 22)
        peaks = height * rng.uniform(0.3, 1.1, 22)
        peaks[::2] *= 0.55
        depth = np.full(22, 600.0)
        colour = mix((90, 100, 125), air.low, rock)
        ridge = list(zip(x, peaks, depth, strict=True))
        view.face(canvas, [*ridge, (900, -40, 600), (-900, -40, 600)], colour)
        for index in range(1, 21):
            cap = [
                np.array(ridge[index]) * (1 - share) + np.array(ridge[index + to]) * share
                for to, share in ((-1, 0.55), (-1, 0), (1, 0.3))
            ]
            middle = np.array(ridge[index]) - [10, peaks[index] * 0.3, 0]
            view.face(canvas, [*cap, middle], mix((250, 252, 255), air.low, rock * 0.5))


def _fir(canvas: Canvas, rng: np.random.Generator, spot: tuple[float, float, float], air: Weather) -> None:
    """A fir with snow on its tiers."""
    x, y, size = spot
    size *= rng.uniform(3.5, 6.5)
    green = mix(hsv(rng.uniform(0.35, 0.5), 0.5, rng.uniform(0.22, 0.4)), air.low, 0.1)
    canvas.rectangle(x - size * 0.03, y - size * 0.15, x + size * 0.03, y, (70, 50, 40))
    for tier in range(5):
        low, half, top = (
            y - size * (0.1 + 0.17 * tier),
            size * (0.26 - 0.045 * tier),
            y - size * (0.42 + 0.15 * tier),
        )
        canvas.polygon(
            [(x - half, low), (x, top), (x + half, low), (x, low - size * 0.04)],
            shade(green, 0.8 + 0.08 * tier),
        )
        canvas.polygon([(x - half, low), (x, top), (x - half * 0.1, low - size * 0.12)], (238, 243, 250))


def _skier(canvas: Canvas, rng: np.random.Generator, spot: tuple[float, float, float]) -> None:
    """A crouching skier with skis and poles, about twice as large as life to stay readable."""
    x, y, size = spot
    size *= rng.uniform(1.3, 2.0)
    lean = rng.choice([-1, 1]) * rng.uniform(0.6, 1.2)
    suit, legs = paint_colour(rng, (0.7, 1), (0.5, 0.95)), paint_colour(rng, (0.2, 0.9), (0.15, 0.5))

    def at(right: float, up: float) -> tuple[float, float]:
        return x + right * lean * size, y - up * size

    for shift in (0, 0.22):
        canvas.line(
            [at(-0.75, 0.28 + shift), at(0.7, -0.22 + shift), at(0.85, -0.2 + shift)],
            (30, 30, 40),
            size * 0.07,
        )
    for shift in (0, 0.2):
        canvas.line([at(-0.05, 0.05 + shift), at(0.22, 0.42 + shift / 2), at(-0.08, 0.75)], legs, size * 0.19)
    canvas.line([at(-0.08, 0.8), at(0.12, 1.2)], suit, size * 0.34)
    for hand in ((0.5, 0.95), (0.3, 0.8)):
        canvas.line([at(0.1, 1.22), hand_at := at(*hand)], shade(suit, 0.85), size * 0.13)
        canvas.line([hand_at, at(hand[0] - 0.85, hand[1] - 0.55)], (40, 40, 45), size * 0.04)
    canvas.ellipse(*at(0.2, 1.5), size * 0.17, size * 0.18, paint_colour(rng, (0, 0.9), (0.3, 0.95)))
    canvas.line([at(0.22, 1.47), at(0.36, 1.45)], (250, 180, 40), size * 0.1)


def _gate(canvas: Canvas, spot: tuple[float, float, float], colour: Colour) -> None:
    """A slalom gate: two poles with a flag between them."""
    x, y, size = spot
    canvas.polygon(
        [
            (x, y - size * 1.9),
            (x + size * 1.1, y - size * 1.9),
            (x + size * 1.1, y - size * 1.1),
            (x, y - size * 1.1),
        ],
        colour,
    )
    for side in (0, 1.1):
        canvas.line([(x + side * size, y), (x + side * size, y - size * 2)], shade(colour, 0.8), size * 0.1)


def _chairlift(canvas: Canvas, rng: np.random.Generator, view: View) -> None:
    """Pylons along one side, their cable, and chairs hanging from it."""
    x, height = rng.choice([-1, 1]) * rng.uniform(4, 9), rng.uniform(8, 11)
    dark = pick(rng, (50, 55, 65), (90, 95, 105), (40, 70, 60))
    for z in (75, 52, 30, 12):
        view.line(canvas, [(x, 0, z), (x, height, z)], dark, 0.5)
        view.line(canvas, [(x - 2.2, height, z), (x + 2.2, height, z)], dark, 0.35)
    for side in (-2, 2):
        view.line(canvas, [(x + side, height, 90), (x + side, height, 1)], dark, 0.06)
        for z in np.arange(60, 4, -8) + rng.uniform(-2, 2):
            at, seat = x + side, height - 2.4
            view.line(canvas, [(at, height, z), (at, seat, z)], dark, 0.12)
            view.box(canvas, (at - 1, seat - 0.9, z), (at + 1, seat, z + 0.2), dark)
            if rng.uniform() < 0.7:
                view.box(
                    canvas,
                    (at - 0.7, seat - 0.6, z - 0.2),
                    (at + 0.7, seat + 0.3, z),
                    paint_colour(rng, (0.6, 1)),
                )
