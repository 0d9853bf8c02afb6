"""The runway: a painted strip between grass, the airport on the horizon, often an airliner."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, hsv, shade
from bam.data_prep.sources.drawn.camera import (
    View,
    Weather,
    bars,
    between,
    blend,
    noise,
    paint_colour,
    pick,
    tint,
    weather,
)


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A runway with threshold bars, number, centre line and edge lights; often an airliner."""
    air = weather(rng)
    view = View(
        (rng.uniform(-16, 16), rng.uniform(9, 30), 0),
        (rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.4)),
        rng.uniform(0.8, 1.2),
        0,
        rng.normal(0, 0.04),
    )
    start = view.eye[1] * rng.uniform(0.3, 1.3)
    canvas.paint(_airfield(rng, view, air, start))
    _airport(canvas, rng, view)
    white = pick(rng, (240, 240, 235), (215, 215, 205), (245, 225, 130))
    for offset, digit in zip((-6.5, 1.5), divmod(int(rng.integers(1, 37)), 10), strict=True):
        view.digit(canvas, digit, (offset, start + 42), (5, 16), white)
    glow = pick(rng, (255, 245, 200), (255, 200, 90), (170, 220, 255))
    for z in np.arange(420, 4, -15):
        for side in (-26, 26):
            x, y, size = view.spot((side, 0.4, z))
            if size:
                canvas.ellipse(x, y, max(size * 0.5, 0.003), max(size * 0.5, 0.003), glow)
    if rng.uniform() < 0.8:
        place = pick(
            rng, (0, 1.5, start + rng.uniform(75, 140)), (rng.uniform(-8, 8), rng.uniform(12, 20), start + 90)
        )
        _airliner(canvas, rng, view, place)
    tint(canvas, air.tint)


def _airfield(rng: np.random.Generator, view: View, air: Weather, start: float) -> np.ndarray:
    """Sky, grass and the painted tarmac of a runway whose threshold lies at z = `start`."""
    x, z, distance, ground = view.floor()
    verge = pick(rng, hsv(rng.uniform(0.2, 0.32), 0.5, 0.55), hsv(0.1, 0.4, 0.75), hsv(0.58, 0.06, 0.9))
    tarmac = hsv(rng.uniform(0.55, 0.7), rng.uniform(0, 0.12), rng.uniform(0.25, 0.6))
    white = np.array((240, 240, 235))
    grass = blend(verge, shade(verge, 0.75), bars(x + 8, rng.uniform(18, 30), 10))
    grass = grass * (1 + 0.12 * noise(rng, 24, 2.5)[..., None])
    surface = blend(tarmac, shade(tarmac, 0.8), bars(z, 12, 0.6) * 0.7)
    rubber = np.exp(-((np.abs(x) - 4) ** 2) / 6) * np.clip((z - start - 20) / 60, 0, 1)
    surface = blend(surface, shade(tarmac, 0.55), rubber * 0.6) * (1 + 0.08 * noise(rng, 20, 2.0)[..., None])
    keys = (
        bars(x - 1.8, 3.6, 1.8) * (np.abs(x) < 20.5) * (np.abs(x) > 1.8) * between(z, start + 6, start + 36)
    )
    centre = bars(x, 1e4, 1.1) * bars(z - start, 50, 28) * (z > start + 62)
    edges = bars(np.abs(x) - 21.8, 1e4, 1.0) * (z > start)
    aim = bars(np.abs(x) - 10, 1e4, 6) * between(z, start + 110, start + 150)
    zone = (
        bars(np.abs(x) - 11, 3.4, 1.7) * (np.abs(np.abs(x) - 11) < 4.5) * between(z, start + 75, start + 95)
    )
    bar = between(z, start, start + 1.8) * (np.abs(x) < 22)
    paint = np.clip(keys + centre + edges + aim + zone + bar, 0, 1)
    surface = blend(surface, white, paint * 0.93)
    field = blend(grass, surface, np.clip((24 - np.abs(x)) * 2 / np.clip(distance / 60, 1, None) + 0.5, 0, 1))
    field = blend(field, air.low, np.clip(distance / 2500, 0, 0.7))
    return np.where(ground[..., None], field, air.sky(rng, view.centre[1]))


def _airport(canvas: Canvas, rng: np.random.Generator, view: View) -> None:
    """Hills, hangars and a control tower along the horizon."""
    x = np.linspace(-900, 900, 30)
    crest = np.abs(rng.normal(0, 1, 30)).cumsum() % 9 * rng.uniform(1, 4) + 8
    ridge = [*zip(x, crest, np.full(30, 800.0), strict=True), (900, -2, 800), (-900, -2, 800)]
    view.face(canvas, ridge, hsv(rng.uniform(0.25, 0.65), 0.25, rng.uniform(0.4, 0.65)))
    for _ in range(rng.integers(2, 6)):
        left, width = rng.choice([-1, 1]) * rng.uniform(60, 260), rng.uniform(25, 70)
        wall = paint_colour(rng, (0, 0.25), (0.5, 0.9))
        view.box(canvas, (left, 0, 420), (left + width, rng.uniform(9, 20), 450), wall)
        view.box(canvas, (left + 3, 3, 419), (left + width - 3, 6, 420), (60, 80, 100))
    left = rng.choice([-1, 1]) * rng.uniform(50, 130)
    view.box(canvas, (left - 3, 0, 400), (left + 3, 34, 406), (205, 205, 205))
    view.box(canvas, (left - 7, 34, 396), (left + 7, 42, 410), (50, 80, 105))
    view.box(canvas, (left - 8, 42, 395), (left + 8, 44, 411), (225, 225, 225))


def _airliner(
    canvas: Canvas, rng: np.random.Generator, view: View, place: tuple[float, float, float]
) -> None:
    """A jet seen head-on, its fuselage centred on the world point `place`."""
    x, y, size = view.spot(place)
    size *= rng.uniform(1.2, 2.6)
    body, trim = pick(rng, (245, 245, 248), (205, 210, 218)), paint_colour(rng, (0.6, 0.95), (0.4, 0.85))
    for side in (-1, 1):
        wing = [(0, 0.8), (15, -1.2), (15, -1.6), (0, -0.6)]
        canvas.polygon([(x + side * a * size, y + b * size) for a, b in wing], shade(body, 0.62))
        tail = [(0, -1.4), (6, -2.2), (6, -2.5), (0, -2.1)]
        canvas.polygon([(x + side * a * size, y + b * size) for a, b in tail], shade(body, 0.6))
        canvas.ellipse(x + side * 5.2 * size, y + 1.1 * size, 1.2 * size, 1.2 * size, body)
        canvas.ellipse(x + side * 5.2 * size, y + 1.1 * size, 0.9 * size, 0.9 * size, (40, 42, 50))
        canvas.line(
            [(x + side * 2 * size, y), (x + side * 2 * size, y + 3.3 * size)], (40, 40, 45), 0.6 * size
        )
    canvas.line([(x, y), (x, y + 3.3 * size)], (40, 40, 45), 0.5 * size)
    canvas.polygon([(x - 0.3 * size, y), (x, y - 7 * size), (x + 0.3 * size, y)], trim)
    canvas.ellipse(x, y, 2 * size, 2.1 * size, body)
    canvas.ellipse(x, y + 0.9 * size, 1.6 * size, 1.1 * size, shade(body, 0.8))
    canvas.polygon(
        [(x + a * size, y + b * size) for a, b in [(-1, -0.6), (-0.7, -1.2), (0.7, -1.2), (1, -0.6)]],
        (30, 40, 55),
    )
