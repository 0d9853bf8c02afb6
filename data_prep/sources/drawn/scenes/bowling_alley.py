"""The bowling alley: lanes, balls, and racks of pins below painted panels."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.camera import View, bars, blend, paint_colour, pick, tint
from bam.data_prep.sources.drawn.rooms import CEILING, FAR, FLOOR, LEFT, RIGHT, UP, panelled, sheet, wallpaper

PITCH, BED = 1.5, 1.05  # from lane to lane, and the width of a lane's boards, in metres
PIN = [(0.09, 0), (0.15, 0.28), (0.11, 0.5), (0.06, 0.66), (0.085, 0.84), (0.05, 0.97)]


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lanes with gutters, arrows and balls running to racks of pins below painted panels."""
    end = rng.uniform(6.0, 9.5)
    half = rng.uniform(3.2, 5.5)
    view = View(
        (rng.uniform(-1.2, 1.2), rng.uniform(1.3, 2.4), 0),
        (rng.uniform(0.3, 0.7), rng.uniform(0.26, 0.44)),
        rng.uniform(0.85, 1.15),
        rng.uniform(-0.22, 0.22),
        rng.normal(0, 0.03),
    )
    neon = rng.uniform() < 0.4
    glow = paint_colour(rng, (0.6, 0.95), (0.8, 1))
    canvas.paint(_alley(rng, view, half, end, neon, glow))
    lanes = np.arange(-np.ceil(half / PITCH), np.ceil(half / PITCH) + 1)
    lanes = [lane * PITCH for lane in lanes if abs(lane * PITCH) < half]
    _panels(canvas, rng, view, lanes, end - 1.4, neon)
    for lane in lanes:
        for row in range(3, -1, -1):
            for place in np.arange(row + 1) - row / 2:
                _pin(canvas, view, (lane + place * 0.27, 0, end - 2.4 + row * 0.27))
    ink = pick(rng, (60, 35, 20), (150, 30, 30), (30, 60, 110)) if not neon else (235, 235, 240)
    for lane in lanes:
        for across in np.linspace(-0.42, 0.42, 7):
            z = 3.6 - abs(across) * 1.4
            tip, left, right = (
                (lane + across, 0, z + 0.22),
                (lane + across - 0.05, 0, z),
                (lane + across + 0.05, 0, z),
            )
            view.face(canvas, [tip, left, right], ink)
        for across in np.linspace(-0.4, 0.4, 5):
            view.disc(canvas, (lane + across, 0, 2.3), (0.025, 0, 0), (0, 0, 0.05), ink)
    for _ in range(rng.integers(2, 6)):
        place = (pick(rng, *lanes) + rng.uniform(-0.3, 0.3), 0.16, rng.uniform(2.4, end - 2.5))
        _ball(canvas, view, place, paint_colour(rng, (0.6, 1), (0.3, 0.9)))
    _ball_return(canvas, rng, view, min(lanes, key=lambda lane: abs(lane - view.eye[0] - 0.75)) - PITCH / 2)
    tint(canvas, pick(rng, (255, 255, 255), (255, 240, 220), (235, 230, 250)))


def _alley(
    rng: np.random.Generator, view: View, half: float, end: float, neon: bool, glow: Colour
) -> np.ndarray:
    """Floor with lanes and gutters, ceiling with lamps, side walls."""
    walls, points = view.room((-half, 0, -1), (half, 2.7, end))
    x, y, z = np.moveaxis(points, -1, 0)
    wood = hsv(rng.uniform(0.05, 0.12), rng.uniform(0.3, 0.6), rng.uniform(0.65, 0.92))
    if neon:
        wood = mix(hsv(rng.uniform(0.6, 0.9), 0.5, 0.45), wood, rng.uniform(0, 0.5))
    tone = np.sin(np.floor(x / 0.075) * 12.9) * 0.09 + 1
    boards = np.float32(wood) * tone[..., None]
    boards = blend(boards, (255, 250, 235), np.exp(-(((x - view.eye[0]) / 0.35) ** 2)) * 0.3)
    approach = blend(shade(wood, rng.uniform(0.7, 1.0)), shade(wood, 0.6), bars(x, 0.075, 0.012))
    gutter = bars(x - PITCH / 2, PITCH, PITCH - BED)
    divider = bars(x - PITCH / 2, PITCH, 0.14)
    cap = glow if neon else pick(rng, shade(wood, 0.75), (190, 190, 195), (70, 60, 60))
    floor = blend(blend(boards, (38, 38, 46), gutter), cap, divider)
    floor = np.where((z > 1.7)[..., None], floor, approach)
    floor = blend(floor, (30, 28, 32), bars(z - 1.7, 99, 0.08))
    dark = paint_colour(rng, (0.1, 0.5), (0.12, 0.3)) if neon else paint_colour(rng, (0, 0.3), (0.5, 0.85))
    ceiling = blend(dark, shade(dark, 0.75), bars(x, 0.6, 0.03))
    ceiling = blend(ceiling, glow if neon else (255, 252, 235), bars(z, 1.4, 0.22) * (np.abs(x) < half - 0.6))
    side = blend(wallpaper(rng, z, y), glow, bars(y - 1.3, 9, 0.25)) * (0.5 if neon else 0.9)
    far = (25, 24, 30)
    return panelled(walls, {LEFT: side, RIGHT: side, FLOOR: floor, CEILING: ceiling, FAR: far})


def _panels(
    canvas: Canvas, rng: np.random.Generator, view: View, lanes: list[float], z: float, neon: bool
) -> None:
    """The painted panels above the pins: a coloured field per lane with a pin and a ball; score screens."""
    base = paint_colour(rng, (0.4, 0.9), (0.3, 0.8))
    other = paint_colour(rng, (0.4, 0.9), (0.5, 0.95))
    style = rng.integers(3)
    for index, lane in enumerate(lanes):
        origin, right = np.array([lane, 0, z]), np.array([1.0, 0, 0])
        colour = base if index % 2 or style == 0 else other
        sheet(view, canvas, origin, right, UP, (-PITCH / 2, 0.95, PITCH / 2, 2.1, colour))
        if style == 1:
            view.face(
                canvas, [(lane - 0.7, 0.95, z), (lane, 2.1, z), (lane + 0.7, 0.95, z)], shade(colour, 1.35)
            )
        elif style == 2:
            for low in (1.1, 1.4, 1.7):
                band = [(lane - 0.75, low, z), (lane + 0.75, low + 0.3, z), (lane + 0.75, low + 0.42, z)]
                view.face(canvas, [*band, (lane - 0.75, low + 0.12, z)], shade(other, 1.2))
        _pin(canvas, view, (lane - 0.2, 1.05, z - 0.02), 2.1)
        _ball(canvas, view, (lane + 0.25, 1.35, z - 0.02), shade(other, 0.7), 0.26)
        sheet(
            view, canvas, origin, right, UP,
            (-PITCH / 2, 0.8, PITCH / 2, 0.95, (240, 240, 240) if neon else shade(base, 0.5)),
            (-PITCH / 2 - 0.06, 0, -PITCH / 2 + 0.06, 0.95, shade(base, 0.4)),
        )  # fmt: skip
        rows = [(-0.36, 2.06 + 0.1 * row, 0.36 - 0.1 * (row % 3), 2.12 + 0.1 * row) for row in range(4)]
        scores = [(*row, (90, 190, 230)) for row in rows]
        sheet(view, canvas, origin - [0, 0, 2], right, UP, (-0.42, 2.0, 0.42, 2.5, (20, 20, 26)), *scores)


def _pin(canvas: Canvas, view: View, foot: tuple[float, float, float], scale: float = 1.0) -> None:
    """A white pin with red bands round its neck, standing at a world point."""
    x, y, size = view.spot(foot)
    size *= 0.46 * scale
    outline = [(side * a, b) for side, path in ((1, PIN), (-1, PIN[::-1])) for a, b in path]
    canvas.polygon([(x + a * size, y - b * size) for a, b in outline], (246, 244, 238))
    shadow = [(a, b) for a, b in PIN] + [(a * 0.3, b) for a, b in PIN[::-1]]
    canvas.polygon([(x + a * size, y - b * size) for a, b in shadow], (205, 203, 205))
    canvas.line(
        [(x - 0.07 * size, y - 0.64 * size), (x + 0.07 * size, y - 0.64 * size)], (205, 30, 40), size * 0.1
    )


def _ball(
    canvas: Canvas, view: View, centre: tuple[float, float, float], colour: Colour, radius: float = 0.16
) -> None:
    """A bowling ball with three finger holes and a highlight."""
    x, y, size = view.spot(centre)
    size *= radius
    canvas.ellipse(x, y + size * 0.8, size * 1.1, size * 0.35, (35, 30, 32))
    canvas.ellipse(x, y, size, size, shade(colour, 0.7))
    canvas.ellipse(x - size * 0.1, y - size * 0.12, size * 0.82, size * 0.82, colour)
    canvas.ellipse(x - size * 0.4, y - size * 0.45, size * 0.2, size * 0.16, (250, 250, 250))
    for a, b in ((0.2, -0.35), (0.45, -0.2), (0.2, 0.02)):
        canvas.ellipse(x + a * size, y + b * size, size * 0.11, size * 0.11, (20, 20, 24))


def _ball_return(canvas: Canvas, rng: np.random.Generator, view: View, x: float) -> None:
    """A rack of balls on the approach, between two lanes."""
    body = paint_colour(rng, (0, 0.5), (0.2, 0.6))
    view.box(canvas, (x - 0.22, 0, 1.5), (x + 0.22, 0.5, 2.6), body)
    for z in (2.45, 2.15, 1.85):
        _ball(canvas, view, (x, 0.64, z), paint_colour(rng, (0.5, 1), (0.4, 0.95)), 0.15)
