"""The inside of a bus: seats along an aisle, windows, grab poles and straps."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, mix, shade
from bam.data_prep.sources.drawn.camera import View, bars, blend, noise, paint_colour, pick, tint, weather
from bam.data_prep.sources.drawn.rooms import CEILING, FAR, FLOOR, LEFT, RIGHT, UP, cushion, panelled, sheet

HALF, HEIGHT = 1.2, 2.15  # of a bus, in metres


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """The aisle of a bus: seats on both sides, windows, grab poles, straps, the windscreen or rear window."""
    length, forward = rng.uniform(5.5, 9), rng.uniform() < 0.5
    view = View(
        (rng.uniform(-0.3, 0.3), rng.uniform(1.4, 1.85), 0),
        (rng.uniform(0.35, 0.65), rng.uniform(0.32, 0.5)),
        rng.uniform(0.6, 0.85),
        rng.uniform(-0.2, 0.2),
        rng.normal(0, 0.04),
    )
    canvas.paint(_shell(rng, view, length))
    if forward:
        _driver(canvas, rng, view, length)
    pole = pick(rng, (240, 200, 40), (215, 60, 50), (205, 208, 212), (90, 160, 80), (240, 130, 40))
    cloth, ink = paint_colour(rng, (0.3, 0.9), (0.3, 0.8)), paint_colour(rng, (0.4, 1), (0.4, 0.95))
    pitch = rng.uniform(0.8, 1.0)
    for z in np.arange(length - 0.9, 0.65, -pitch):
        for side in (-1, 1):
            if z < length - 1.6 or not forward:
                _seat(canvas, view, side, z, forward, cloth, ink)
            if rng.uniform() < 0.45:
                view.line(canvas, [(side * 0.36, 0.3, z), (side * 0.36, HEIGHT, z)], pole, 0.045)
    _straps(canvas, rng, view, length, pole)
    tint(canvas, pick(rng, (255, 255, 255), (255, 238, 215), (222, 228, 245), (200, 195, 228)))


def _shell(rng: np.random.Generator, view: View, length: float) -> np.ndarray:
    """Walls with big windows on the street, ribbed floor, ceiling with lamps."""
    walls, points = view.room((-HALF, 0, -1), (HALF, HEIGHT, length))
    x, y, z = np.moveaxis(points, -1, 0)
    air = weather(rng)
    lining = paint_colour(rng, (0, 0.3), (0.6, 0.92))
    along = np.where(walls == FAR, x * 2, z)
    roofs = 1.15 + 0.45 * np.sin(np.floor(along * 1.7 + rng.uniform(0, 9)) * 5.3)
    street = blend(blend(air.top, air.low, np.clip(y - 0.9, 0, 1)), shade(air.low, 0.55), (y < roofs) * 0.7)
    panes = (bars(along, 0.22, 0.1) > 0.5) & (bars(y, 0.2, 0.09) > 0.5) & (y < roofs)
    street = np.where(panes[..., None], shade(air.low, 0.85), street)
    street = blend(street, (70, 110, 60), (y < 0.95 + 0.1 * noise(rng, 20)) * 0.8)
    frame = np.clip(bars(z - 0.4, 1.45, 0.16) + bars(y - 0.85, 9, 0.07) + bars(y - 1.84, 9, 0.06), 0, 1)
    pane = (y > 0.85) & (y < 1.84)
    side = blend(np.where(pane[..., None], street, lining), shade(lining, 0.45), frame * pane)
    side = blend(side, shade(lining, 0.75), bars(y, 0.17, 0.03) * (y < 0.85))
    grey = paint_colour(rng, (0, 0.25), (0.25, 0.6))
    floor = blend(grey, shade(grey, 1.4), bars(x, 0.09, 0.03)) * (1 + 0.1 * noise(rng, 50)[..., None])
    roof = blend(lining, shade(lining, 0.7), bars(z, 0.7, 0.05) + bars(np.abs(x) - 0.95, 9, 0.05))
    roof = blend(roof, (255, 255, 240), bars(np.abs(x) - 0.62, 9, 0.2) * (bars(z, 1.5, 1.2) > 0.5))
    back = (y > 0.8) & (y < 1.85) & (np.abs(x) < HALF - 0.12)
    far = np.where(back[..., None], street, lining)
    return panelled(walls, {LEFT: side, RIGHT: side * 0.95, FLOOR: floor, CEILING: roof, FAR: far})


def _driver(canvas: Canvas, rng: np.random.Generator, view: View, length: float) -> None:
    """The front of the bus: dashboard, steering wheel, driver's seat and partition."""
    dark, side = (45, 47, 54), rng.choice([-1, 1])
    view.box(canvas, (-HALF, 0, length - 0.4), (HALF, 0.85, length), dark)
    x, y, size = view.spot((side * 0.65, 0.95, length - 0.5))
    wheel = np.linspace(0, 2 * np.pi, 25)
    ring = np.stack([x + 0.26 * size * np.cos(wheel), y + 0.2 * size * np.sin(wheel)], 1)
    canvas.line(ring, (20, 20, 22), size * 0.05)
    view.box(
        canvas,
        (side * 0.65 - 0.25, 0.3, length - 1.0),
        (side * 0.65 + 0.25, 1.25, length - 0.85),
        shade(dark, 1.5),
    )
    view.line(canvas, [(0, 1.85, length - 0.02), (0, 0.85, length - 0.02)], dark, 0.07)


def _seat(canvas: Canvas, view: View, side: int, z: float, forward: bool, cloth: Colour, ink: Colour) -> None:
    """A double seat at one side, seen from behind (`forward`) or from the front."""
    inner, outer = sorted((side * 0.38, side * 1.14))
    back = z if forward else z + 0.45
    shell = shade(cloth, 0.55)
    if not forward:
        for low, high in ((inner, (inner + outer) / 2 - 0.01), ((inner + outer) / 2 + 0.01, outer)):
            _backrest(canvas, view, (low, high), back, cloth, ink)
    view.box(canvas, (inner, 0.36, back - 0.45 * (not forward)), (outer, 0.5, back + 0.45 * forward), cloth)
    view.box(canvas, (inner + 0.1, 0, back - 0.2), (inner + 0.2, 0.36, back), (60, 62, 66))
    if forward:
        for low, high in ((inner, (inner + outer) / 2 - 0.01), ((inner + outer) / 2 + 0.01, outer)):
            _backrest(canvas, view, (low, high), back, mix(shell, cloth, 0.5), ink)
    grip = side * 0.4
    view.line(
        canvas,
        [(grip, 1.0, back), (grip, 1.22, back), (grip + side * 0.25, 1.22, back)],
        (225, 205, 60),
        0.04,
    )


def _backrest(
    canvas: Canvas, view: View, edges: tuple[float, float], z: float, cloth: Colour, ink: Colour
) -> None:
    """One upright seat back: a rounded cushion with a striped middle and a headrest."""
    low, high = edges
    view.box(canvas, (low, 0.42, z), (high, 1.0, z + 0.1), shade(cloth, 0.8))
    middle, right = np.array([(low + high) / 2, 0.76, z - 0.01]), np.array([(high - low) / 2, 0, 0])
    view.face(canvas, cushion(middle, right * 1.02, UP * 0.38), shade(cloth, 0.6))
    view.face(canvas, cushion(middle, right * 0.88, UP * 0.34), cloth)
    for stripe in (-0.36, 0.0, 0.36):
        sheet(view, canvas, middle, right, UP, (stripe - 0.1, -0.3, stripe + 0.1, 0.24, ink))
    view.face(canvas, cushion(middle + UP * 0.42, right * 0.62, UP * 0.12), shade(ink, 0.75))
    view.face(canvas, cushion(middle + UP * 0.43, right * 0.5, UP * 0.08), ink)


def _straps(canvas: Canvas, rng: np.random.Generator, view: View, length: float, pole: Colour) -> None:
    """Rails under the ceiling with hanging hand straps."""
    grip = pick(rng, (30, 30, 34), (235, 235, 230), pole)
    for side in (-0.36, 0.36):
        view.line(canvas, [(side, 1.95, length), (side, 1.95, 2), (side, 1.95, 0.3)], pole, 0.035)
        for z in np.arange(length - 1, 0.7, -0.55):
            x, y, size = view.spot((side, 1.95, z))
            swing = rng.normal(0, 0.03) * size
            canvas.line([(x, y), (x + swing, y + size * 0.16)], grip, size * 0.03)
            ring = [(0, 0.15), (-0.07, 0.28), (0.07, 0.28), (0, 0.15)]
            canvas.line([(x + swing + a * size, y + b * size) for a, b in ring], grip, size * 0.025)
