"""The track: the lanes of a stadium, with hurdles, runners and stands."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, shade
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

STADIUM_RADIUS, STADIUM_HALF, LANE = 36.5, 42.0, 1.22  # of a 400 m track, in metres


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lanes of an athletics track on the straight or in the bend: white lines, numbers, hurdles, stands."""
    air = weather(rng)
    lanes = int(rng.integers(6, 10))
    along = rng.uniform(-25, 75)
    middle = STADIUM_RADIUS + lanes * LANE * rng.uniform(0.3, 0.7)
    swing = max(0, along - STADIUM_HALF) / middle
    yaw = -swing + rng.uniform(-0.35, 0.12)
    eye_x, eye_z = (
        (middle, along) if swing == 0 else (middle * np.cos(swing), STADIUM_HALF + middle * np.sin(swing))
    )
    horizon = rng.uniform(0.1, 0.33)
    view = View(
        (eye_x, rng.uniform(1.4, 4.0), eye_z),
        (0.5, horizon),
        rng.uniform(0.75, 1.1),
        yaw,
        rng.normal(0, 0.05),
    )
    canvas.paint(_stadium_ground(rng, view, air, lanes))
    _stands(canvas, rng, view)
    white = (242, 242, 238)
    if swing == 0 and along < 25:
        start = along + rng.uniform(3, 6)
        for lane in range(lanes):
            corner = (STADIUM_RADIUS + LANE * lane + 0.35, start)
            view.digit(canvas, lane + 1, corner, (0.5, 1.6), white)
        if rng.uniform() < 0.6:
            _hurdles(canvas, rng, view, lanes, [start + gap for gap in (26, 17.5, 9, 4.5)])
    _runners(canvas, rng, view, lanes)
    tint(canvas, air.tint)


def _stadium_ground(rng: np.random.Generator, view: View, air: Weather, lanes: int) -> np.ndarray:
    """Sky, infield grass and the lanes around it, as distance from the stadium's axis."""
    x, z, distance, ground = view.floor()
    radius = np.hypot(x, np.clip(np.abs(z) - STADIUM_HALF, 0, None))
    red = hsv(rng.uniform(-0.02, 0.06), rng.uniform(0.5, 0.85), rng.uniform(0.45, 0.85))
    surface = pick(rng, red, red, red, red, hsv(rng.uniform(0.5, 0.65), 0.6, rng.uniform(0.45, 0.75)))
    grass = hsv(rng.uniform(0.22, 0.34), rng.uniform(0.4, 0.75), rng.uniform(0.35, 0.65))
    apron = pick(rng, surface, grass, (165, 160, 150), (190, 165, 120))
    field = blend(grass, shade(grass, 1.25), bars(z, 10, 5))
    edge = STADIUM_RADIUS + lanes * LANE
    field = np.where((radius > edge)[..., None], np.float32(apron), field)
    pale = blend(
        surface,
        shade(surface, rng.uniform(0.8, 1.15)),
        bars(radius - STADIUM_RADIUS - LANE / 2, 2 * LANE, LANE),
    )
    inside = between(radius, STADIUM_RADIUS, edge)
    field = blend(field, pale, inside) * (1 + 0.1 * noise(rng, 40, 1.5)[..., None])
    lines = bars(radius - STADIUM_RADIUS, LANE, 0.1) * (inside > 0)
    finish = bars(z - view.eye[2] - 3, 1e4, 0.12) * inside * (np.abs(z) < STADIUM_HALF)
    field = blend(
        field, (244, 244, 240), np.clip(lines * 1.5 + finish, 0, 1) * np.clip(1.3 - distance / 150, 0.3, 1)
    )
    return np.where(ground[..., None], field, air.sky(rng, view.centre[1]))


def _hurdles(canvas: Canvas, rng: np.random.Generator, view: View, lanes: int, places: list[float]) -> None:
    """Rows of hurdles across the straight at the given z, far ones first."""
    board = pick(rng, (245, 245, 245), (250, 215, 60), (240, 240, 240))
    stripe = paint_colour(rng, (0.7, 1), (0.2, 0.8))
    for z in places:
        for lane in range(lanes):
            x = STADIUM_RADIUS + LANE * lane
            for post in (x + 0.12, x + LANE - 0.12):
                view.line(canvas, [(post, 0, z - 0.5), (post, 0.05, z), (post, 1, z)], (70, 72, 80), 0.05)
            for left, right, colour in ((0.06, 1.16, board), (0.06, 0.3, stripe), (0.92, 1.16, stripe)):
                corners = [
                    (x + left, 0.85, z),
                    (x + right, 0.85, z),
                    (x + right, 1.05, z),
                    (x + left, 1.05, z),
                ]
                view.face(canvas, corners, colour)


def _runners(canvas: Canvas, rng: np.random.Generator, view: View, lanes: int) -> None:
    """Up to five athletes running in their lanes ahead of the viewer."""
    for gap in np.sort(rng.uniform(4, 16, rng.integers(0, 6)))[::-1]:
        x, z = view.eye[[0, 2]] + view.turn[2, [0, 2]] * gap
        radius = STADIUM_RADIUS + (rng.integers(lanes) + 0.5) * LANE
        bend = np.array([x, max(0.0, z - STADIUM_HALF)])
        x, z = bend / np.linalg.norm(bend) * radius + [0, min(z, STADIUM_HALF)]
        _runner(canvas, rng, view.spot((x, 0, z)))


def _runner(canvas: Canvas, rng: np.random.Generator, spot: tuple[float, float, float]) -> None:
    """One athlete in mid-stride, seen from behind."""
    x, y, size = spot
    size *= rng.uniform(1.0, 1.2) * rng.choice([-1, 1])
    skin = hsv(rng.uniform(0.04, 0.09), 0.5, rng.uniform(0.35, 0.9))
    vest, shorts = paint_colour(rng, (0.5, 1), (0.4, 0.95)), paint_colour(rng, (0, 0.9), (0.15, 0.9))

    def limb(points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        canvas.line([(x + a * size, y - b * abs(size)) for a, b in points], colour, width * abs(size))

    limb([(-0.09, 0.85), (-0.13, 0.45), (-0.1, 0.05), (-0.16, 0.02)], skin, 0.13)
    limb([(0.1, 0.85), (0.16, 0.5), (0.12, 0.62)], skin, 0.14)
    limb([(-0.22, 1.35), (-0.38, 1.1), (-0.24, 0.98)], skin, 0.1)
    limb([(0.22, 1.35), (0.38, 1.15), (0.3, 1.38)], skin, 0.1)
    limb([(-0.08, 0.88), (0.09, 0.86)], shorts, 0.3)
    limb([(0, 1.02), (0, 1.3)], vest, 0.38)
    limb([(0, 1.5), (0, 1.64)], skin, 0.16)
    limb([(0, 1.66), (0, 1.68)], shade(skin, 0.35), 0.22)


def _stands(canvas: Canvas, rng: np.random.Generator, view: View) -> None:
    """What rings the stadium: trees or a grandstand with spectators, and floodlight masts."""
    t = np.linspace(0, 2 * np.pi, 41)
    ring = np.stack([np.cos(t), np.sin(t)], 1)
    ring[:, 1] += np.sign(ring[:, 1]) * STADIUM_HALF / 62
    crowd = rng.uniform() < 0.65
    seats, roof = paint_colour(rng, (0.1, 0.6), (0.35, 0.8)), paint_colour(rng, (0, 0.3), (0.4, 0.9))
    for index in np.argsort([-view.camera([(x * 62, 0, z * 62)])[0, 2] for x, z in ring[:-1]]):
        pair = ring[[index, index + 1]]
        if not crowd:
            x, y, size = view.spot((pair[0, 0] * 64, 0, pair[0, 1] * 64))
            for _ in range(3 if size else 0):
                height = size * rng.uniform(3, 7)
                tone = hsv(rng.uniform(0.22, 0.38), 0.5, rng.uniform(0.25, 0.5))
                canvas.ellipse(x + size * rng.uniform(-5, 5), y - height * 0.6, size * 4, height * 0.7, tone)
            continue
        for tier in range(4):
            colour = shade(seats, 0.75 + 0.12 * tier)
            _panel(canvas, view, pair * (60 + 2.5 * tier), 1.2 + 1.8 * tier, 3 + 1.8 * tier, colour)
            _spectators(canvas, rng, view, pair * (60 + 2.5 * tier), 2.6 + 1.8 * tier)
        _panel(canvas, view, pair * 60, 0, 1.2, (235, 235, 235) if index % 3 else seats)
        _panel(canvas, view, pair * 70, 11, 12.5, roof)
    for x, z in ((-62, -70), (62, -70), (62, 70), (-62, 70)):
        view.line(canvas, [(x, 0, z), (x, 27, z)], (130, 135, 145), 0.7)
        view.box(canvas, (x - 4, 26, z - 0.5), (x + 4, 31, z + 0.5), (245, 245, 235))


def _panel(canvas: Canvas, view: View, pair: np.ndarray, low: float, high: float, colour: Colour) -> None:
    """An upright panel over the ground points `pair` from height `low` to `high`."""
    (ax, az), (bx, bz) = pair
    view.face(canvas, [(ax, low, az), (bx, low, bz), (bx, high, bz), (ax, high, az)], colour)


def _spectators(
    canvas: Canvas, rng: np.random.Generator, view: View, pair: np.ndarray, height: float
) -> None:
    """A few heads and shirts on the bench over `pair`."""
    for share in rng.uniform(0, 1, 4):
        x, z = pair[0] + (pair[1] - pair[0]) * share
        x, y, size = view.spot((x, height, z))
        if size and -0.05 < x < 1.05:
            canvas.ellipse(x, y, size * 0.45, size * 0.5, paint_colour(rng, (0.1, 0.9), (0.3, 0.95)))
