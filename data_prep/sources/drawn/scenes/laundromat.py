"""The laundromat: rows of front-loading machines, baskets of washing."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, shade
from bam.data_prep.sources.drawn.camera import View, bars, blend, paint_colour, pick, tint
from bam.data_prep.sources.drawn.rooms import (
    CEILING,
    FAR,
    FLOOR,
    LEFT,
    RIGHT,
    UP,
    flooring,
    panelled,
    sheet,
    wallpaper,
)


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """Rows of front-loading machines along the walls, stacked or single; baskets of washing."""
    half, depth, height = rng.uniform(1.5, 2.4), rng.uniform(2.8, 5.0), rng.uniform(2.4, 2.9)
    view = View(
        (rng.uniform(-0.5, 0.5), rng.uniform(1.2, 1.7), 0.0),
        (rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.48)),
        rng.uniform(0.7, 0.95),
        rng.uniform(-0.55, 0.55),
        rng.normal(0, 0.02),
    )
    walls, points = view.room((-half, 0, -2), (half, height, depth))
    x, y, z = np.moveaxis(points, -1, 0)
    paper = wallpaper(rng, np.where(walls == FAR, x, z), y)
    floor = flooring(rng, x, z, "checks", "checks", "tiles")
    roof = blend((225, 227, 226), (175, 178, 180), np.clip(bars(x, 0.6, 0.04) + bars(z, 0.6, 0.04), 0, 1))
    roof = blend(roof, (255, 255, 250), (bars(x - 0.6, 1.2, 0.5) > 0.5) * bars(z, 1.6, 0.9))
    canvas.paint(
        panelled(walls, {LEFT: paper * 0.85, RIGHT: paper * 0.92, FLOOR: floor, CEILING: roof, FAR: paper})
    )
    _notices(canvas, rng, view, half, depth)
    _rows(canvas, rng, view, half, depth)
    for _ in range(rng.integers(1, 4)):
        _basket(canvas, rng, view, (rng.uniform(-0.6, 0.6), rng.uniform(1.3, depth - 0.9)))
    tint(canvas, pick(rng, (255, 255, 255), (255, 242, 222), (222, 236, 250), (205, 205, 230)))


def _notices(canvas: Canvas, rng: np.random.Generator, view: View, half: float, depth: float) -> None:
    """Price lists and posters on the walls above the machines."""
    right, deep = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    for wall, across in (
        ((0, 0, depth), right),
        ((-half, 0, depth - 1.5), deep),
        ((half, 0, depth - 1.5), deep),
    ):
        for place in rng.uniform(-0.9, -0.6) + np.arange(3) * rng.uniform(0.7, 0.9):
            width, low = rng.uniform(0.18, 0.3), rng.uniform(1.3, 1.5)
            ground = paint_colour(rng, (0, 0.8), (0.4, 0.98))
            left, ends = place - width * 0.8, place + width * rng.uniform(0.2, 0.8, 5)
            bases = low + 0.08 + 0.1 * np.arange(5)
            ink = shade(ground, 0.4)
            lines = [(left, base, end, base + 0.04, ink) for base, end in zip(bases, ends, strict=True)]
            board = (place - width, low, place + width, low + 0.62, ground)
            sheet(view, canvas, np.array(wall), across, UP, board, *lines)


def _rows(canvas: Canvas, rng: np.random.Generator, view: View, half: float, depth: float) -> None:
    """Machines on the far wall and both side walls, far ones first; some rows have dryers on top."""
    width, tall = rng.uniform(0.6, 0.75), rng.uniform(0.95, 1.15)
    body = pick(rng, (240, 240, 240), (190, 194, 198), paint_colour(rng, (0.15, 0.7), (0.5, 0.9)))
    trim = pick(rng, (45, 48, 56), paint_colour(rng, (0.4, 0.9), (0.3, 0.8)))
    deep = 0.55
    machines = [(x, depth - deep, 0) for x in np.arange(-half + deep, half - deep - width / 2, width)]
    for side in (-1, 1):
        machines += [(side * (half - deep), z, side) for z in np.arange(depth - deep - width, -1, -width)]
    stacked = [rng.uniform() < 0.75 for _ in range(3)]
    for x, z, side in sorted(machines, key=lambda at: -at[1] + abs(at[2]) * 0.01):
        if side == 0:
            origin, across, out = np.array([x, 0, z]), np.array([width, 0, 0]), np.array([0, 0, -1.0])
        else:
            origin, across, out = np.array([x, 0, z]), np.array([0, 0, width]), np.array([-side, 0, 0.0])
        if view.camera([origin + across])[0, 2] < 0:
            continue
        for level in range(1 + stacked[side]):
            base = origin + UP * tall * level
            _machine(canvas, rng, view, (base, across, out * deep), tall, (body, trim))


def _machine(
    canvas: Canvas,
    rng: np.random.Generator,
    view: View,
    frame: tuple[np.ndarray, np.ndarray, np.ndarray],
    tall: float,
    colours: tuple[Colour, Colour],
) -> None:
    """One machine whose front's lower left corner is frame[0]: door, panel, knob, coin slot."""
    origin, across, out = frame
    body, trim = colours
    corners = np.array([origin + across * 0.02, origin + across * 0.98 + UP * tall * 0.985 - out])
    view.box(canvas, corners.min(0), corners.max(0), body)
    front = origin + out * 0.01
    light = hsv(rng.uniform(0, 0.45), 0.8, 1)
    sheet(
        view, canvas, front, across, UP * tall,
        (0.06, 0.8, 0.94, 0.95, trim), (0.1, 0.83, 0.36, 0.92, shade(body, 0.8)),
        (0.44, 0.85, 0.62, 0.91, light), (0.05, 0.04, 0.95, 0.06, shade(body, 0.6)),
    )  # fmt: skip
    middle = front + across * 0.5 + UP * tall * 0.44
    wide = across * (0.36 * tall / max(np.abs(across).max(), tall))
    up = UP * np.abs(wide).max()
    view.disc(canvas, front + across * 0.8 + UP * tall * 0.875, across * 0.06, UP * 0.04, (235, 235, 235))
    view.disc(canvas, middle, wide * 1.12, up * 1.12, shade(body, 0.55))
    view.disc(canvas, middle, wide, up, (215, 218, 222))
    view.disc(canvas, middle, wide * 0.76, up * 0.76, (40, 48, 60))
    if rng.uniform() < 0.75:
        for shift in (-0.3, 0.25, 0.0):
            cloth = paint_colour(rng, (0.1, 0.9), (0.4, 0.95))
            view.disc(
                canvas, middle + wide * shift - up * (0.34 - 0.2 * (shift == 0)), wide * 0.36, up * 0.3, cloth
            )
    glint = middle - wide * 0.3 + up * 0.38
    view.disc(canvas, glint, wide * 0.2, up * 0.1, (190, 205, 220))


def _basket(canvas: Canvas, rng: np.random.Generator, view: View, place: tuple[float, float]) -> None:
    """A basket on the floor heaped with washing."""
    x, z = place
    body = paint_colour(rng, (0.2, 0.9), (0.5, 0.95))
    view.box(canvas, (x - 0.25, 0.02, z - 0.18), (x + 0.25, 0.32, z + 0.18), body)
    for slot in np.linspace(-0.2, 0.16, 5):
        sheet(
            view,
            canvas,
            np.array([x, 0, z - 0.185]),
            np.array([1.0, 0, 0]),
            UP,
            (slot, 0.08, slot + 0.04, 0.25, shade(body, 0.5)),
        )
    for shift in (-0.14, 0.13, 0):
        cloth = paint_colour(rng, (0.1, 0.8), (0.5, 0.98))
        across, up = np.array([0.15, 0, 0]), UP * rng.uniform(0.08, 0.13)
        view.disc(canvas, (x + shift, 0.36, z - 0.05), across, up, cloth)
