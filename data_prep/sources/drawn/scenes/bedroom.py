"""The bedroom: a made bed between bedside lamps, curtains, pictures, a wardrobe, a rug."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.camera import View, paint_colour, pick, tint
from bam.data_prep.sources.drawn.rooms import (
    CEILING,
    FAR,
    FLOOR,
    LEFT,
    RIGHT,
    UP,
    cushion,
    flooring,
    panelled,
    sheet,
    wallpaper,
)

Frame = tuple[np.ndarray, np.ndarray, np.ndarray]  # where furniture stands, its sideways, its forward
LIGHTS = (255, 255, 255), (255, 235, 205), (225, 225, 240), (190, 185, 225), (255, 215, 190)


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A made bed with pillows between bedside lamps, under pictures or beside a curtained window."""
    half, depth = rng.uniform(1.9, 2.5), rng.uniform(3.0, 4.0)
    turn = pick(rng, 0, 0, 1, -1)
    width = rng.uniform(0.55, 0.95)
    if turn == 0:
        frame = np.array([rng.uniform(-0.4, 0.4), 0, depth]), np.array([1, 0, 0]), np.array([0, 0, -1])
    else:
        frame = np.array([turn * half, 0, depth - width - 0.65]), np.array([0, 0, 1]), np.array([-turn, 0, 0])
    eye = np.array([rng.uniform(-0.7, 0.7) - turn * 0.5, rng.uniform(1.4, 2.0), 0.2 - 0.5 * abs(turn)])
    aim = frame[0] + frame[2] * 0.9 - eye
    view = View(
        eye,
        (0.5, rng.uniform(0.18, 0.38)),
        rng.uniform(0.8, 1.05),
        np.arctan2(aim[0], aim[2]) + rng.uniform(-0.2, 0.2),
        rng.normal(0, 0.02),
    )
    low, high = (-half, 0, -2), (half, 2.6, depth)
    walls, points = view.room(low, high)
    x, y, z = np.moveaxis(points, -1, 0)
    paper = wallpaper(rng, np.where(walls == FAR, x, z), y)
    floor = flooring(rng, x, z, "planks", "planks", "carpet", "tiles")
    surfaces = {LEFT: paper * 0.82, RIGHT: paper * 0.9, FLOOR: floor, CEILING: (232, 230, 224), FAR: paper}
    canvas.paint(panelled(walls, surfaces))
    _decorate(canvas, rng, view, half, depth, turn)
    _rug(canvas, rng, view, frame, width)
    for side in (1, -1):
        if side == 1 or turn == 0:
            _bedside(canvas, rng, view, frame, side * (width + 0.35))
    _bed(canvas, rng, view, frame, width)
    tint(canvas, pick(rng, *LIGHTS))


def _block(
    canvas: Canvas, view: View, frame: Frame, across: tuple, up: tuple, along: tuple, colour: Colour
) -> None:
    """A box given by its extents across, above and along a piece of furniture's own `frame`."""
    origin, sideways, forward = frame
    ends = [origin + sideways * across[i] + UP * up[i] + forward * along[i] for i in (0, 1)]
    view.box(canvas, np.minimum(*ends), np.maximum(*ends), colour)


def _bed(canvas: Canvas, rng: np.random.Generator, view: View, frame: Frame, half: float) -> None:
    """Headboard, mattress, pillows, and a patterned cover that is turned down at the top."""
    origin, sideways, forward = frame
    wood = pick(rng, hsv(rng.uniform(0.05, 0.1), 0.55, rng.uniform(0.25, 0.7)), paint_colour(rng, (0, 0.5)))
    cover = paint_colour(rng, (0.15, 0.8), (0.35, 0.95))
    linen = mix((250, 248, 244), cover, rng.uniform(0, 0.2))
    _block(canvas, view, frame, (-half - 0.06, half + 0.06), (0, rng.uniform(0.95, 1.35)), (0, 0.08), wood)
    _block(canvas, view, frame, (-half, half), (0.08, 0.3), (0.08, 2.05), shade(wood, 0.8))
    _block(canvas, view, frame, (-half, half), (0.3, 0.56), (0.08, 2.0), linen)
    for row, (along, size) in enumerate([(0.14, 1.0), (0.42, 0.62)][: rng.integers(1, 3)]):
        colour = linen if row == 0 else paint_colour(rng, (0.2, 0.9))
        for place in (-0.5, 0.5) if half > 0.65 else (0,):
            spread = half * (0.46 if half > 0.65 else 0.75) * size
            centre = origin + sideways * place * half * (1.02 if row == 0 else 0.7)
            centre = centre + UP * (0.76 - 0.04 * row) + forward * (along + 0.12)
            lean = (UP * 0.19 - forward * 0.13) * (1 if row == 0 else 0.85)
            for grow, drop, tone in ((1.06, 0.02, 0.68), (1, 0, 0.93), (0.7, -0.02, 1.05)):
                ring = cushion(centre - UP * drop, sideways * spread * grow, lean * grow)
                view.face(canvas, ring, shade(colour, tone))
    _block(canvas, view, frame, (-half - 0.05, half + 0.05), (0.16, 0.6), (0.85, 2.1), cover)
    _block(canvas, view, frame, (-half - 0.05, half + 0.05), (0.3, 0.63), (0.68, 0.95), shade(linen, 0.96))
    ink = mix(cover, pick(rng, (255, 255, 255), shade(cover, 0.5), paint_colour(rng, (0.3, 0.9))), 0.7)
    style = rng.integers(4)
    top = origin + UP * 0.605
    for share in np.linspace(-0.85, 0.85, 7) if style in (0, 1) else ():
        band = (share * half - 0.04, 0.96, share * half + 0.04, 2.1, ink)
        sheet(view, canvas, top, sideways, forward, band)
        sheet(view, canvas, origin + forward * 2.105, sideways, UP, (band[0], 0.16, band[2], 0.605, ink))
    for along in np.linspace(1.1, 2.0, 5) if style in (1, 2) else ():
        sheet(view, canvas, top, sideways, forward, (-half - 0.05, along, half + 0.05, along + 0.07, ink))
    for along, across in rng.uniform((1.0, -half), (2.05, half), (26, 2)) if style == 3 else ():
        view.disc(canvas, top + forward * along + sideways * across, sideways * 0.07, forward * 0.07, ink)


def _bedside(canvas: Canvas, rng: np.random.Generator, view: View, frame: Frame, across: float) -> None:
    """A small chest of drawers with a shaded lamp."""
    wood = hsv(rng.uniform(0.04, 0.12), rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.85))
    origin, sideways, forward = frame
    _block(canvas, view, frame, (across - 0.24, across + 0.24), (0, 0.55), (0.02, 0.45), wood)
    for level in (0.08, 0.32):
        sheet(
            view, canvas, origin + forward * 0.455, sideways, UP,
            (across - 0.2, level, across + 0.2, level + 0.2, shade(wood, 1.2)),
            (across - 0.04, level + 0.09, across + 0.04, level + 0.12, shade(wood, 0.4)),
        )  # fmt: skip
    x, y, size = view.spot(origin + sideways * across + forward * 0.22 + UP * 0.55)
    if not size:
        return
    glow = pick(rng, (255, 236, 170), (255, 222, 150), (240, 235, 225))
    canvas.ellipse(x, y, size * 0.09, size * 0.03, shade(wood, 0.5))
    canvas.line([(x, y), (x, y - size * 0.3)], shade(wood, 0.5), size * 0.05)
    corners = [(-0.19, -0.26), (-0.11, -0.52), (0.11, -0.52), (0.19, -0.26)]
    canvas.polygon([(x + a * size, y + b * size) for a, b in corners], glow)


def _rug(canvas: Canvas, rng: np.random.Generator, view: View, frame: Frame, half: float) -> None:
    """A bordered rug that reaches out from under the bed."""
    origin, sideways, forward = frame
    colour = paint_colour(rng, (0.1, 0.7), (0.3, 0.9))
    for inset, tone in ((0, 0.7), (0.1, 1.15), (0.16, 0.9), (0.3, 1.1)):
        edges = (-half - 0.6 + inset, 0.9 + inset, half + 0.6 - inset, 2.9 - inset)
        sheet(view, canvas, origin + UP * 0.005, sideways, forward, (*edges, shade(colour, tone)))


def _decorate(
    canvas: Canvas, rng: np.random.Generator, view: View, half: float, depth: float, turn: int
) -> None:
    """A curtained window on one wall, pictures on the others, a wardrobe, a hanging lamp."""
    right, deep = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    far, left_wall, right_wall = (np.array(at) for at in ((0, 0, depth), (-half, 0, depth), (half, 0, depth)))
    if turn:
        _window(canvas, rng, view, far, right, rng.uniform(-0.6, 0.3) - turn * 0.6)
    else:
        side = rng.choice([-1, 1])
        _window(canvas, rng, view, left_wall if side < 0 else right_wall, -deep, rng.uniform(0.9, 1.5))
        _pictures(canvas, rng, view, far, right, rng.uniform(-0.4, 0.4))
    wood = hsv(rng.uniform(0.03, 0.12), rng.uniform(0.05, 0.55), rng.uniform(0.3, 0.9))
    side = rng.choice([-1, 1]) if turn == 0 else -turn
    edges = sorted((side * half, side * (half - 0.55)))
    view.box(canvas, (edges[0], 0, depth - 1.3), (edges[1], 2.1, depth - 0.3 * (turn != 0)), wood)
    front = np.array([side * (half - 0.56), 0, depth])
    for door in (0.4, 0.86):
        sheet(view, canvas, front, -deep, UP, (door, 0.12, door + 0.38, 2.0, shade(wood, 1.12)))
    if turn:
        _pictures(canvas, rng, view, right_wall if turn > 0 else left_wall, -deep, 1.5)
    x, y, size = view.spot((0, 2.6, depth - 1.4))
    canvas.line([(x, y), (x, y + size * 0.3)], (60, 60, 60), 0.006)
    canvas.ellipse(x, y + size * 0.36, size * 0.2, size * 0.13, (255, 240, 200))


def _window(
    canvas: Canvas, rng: np.random.Generator, view: View, wall: np.ndarray, across: np.ndarray, centre: float
) -> None:
    """A window with crossbars and a curtain on either side."""
    sky = pick(rng, (150, 200, 240), (250, 190, 150), (40, 50, 90), (205, 212, 218))
    cloth = paint_colour(rng, (0.1, 0.8), (0.4, 0.95))
    wall = wall + across * centre
    sheet(
        view, canvas, wall, across, UP,
        (-0.62, 0.85, 0.62, 2.25, (240, 238, 232)), (-0.55, 0.92, 0.55, 2.18, sky),
        (-0.55, 0.92, 0.55, 1.25, mix(sky, (70, 110, 70), 0.6)),
        (-0.03, 0.92, 0.03, 2.18, (240, 238, 232)), (-0.55, 1.52, 0.55, 1.58, (240, 238, 232)),
    )  # fmt: skip
    for side in (-1, 1):
        for fold in range(5):
            edge = side * (0.4 + 0.09 * fold)
            tone = shade(cloth, 1.1 if fold % 2 else 0.8)
            sheet(view, canvas, wall, across, UP, (edge, 0.55, edge + side * 0.09, 2.38, tone))
    sheet(view, canvas, wall, across, UP, (-0.95, 2.36, 0.95, 2.41, (90, 75, 60)))


def _pictures(
    canvas: Canvas, rng: np.random.Generator, view: View, wall: np.ndarray, across: np.ndarray, centre: float
) -> None:
    """One to three framed pictures in a row."""
    count = rng.integers(1, 4)
    for place in (np.arange(count) - (count - 1) / 2) * 0.62 + centre:
        low, width = rng.uniform(1.5, 1.6), 0.24 if count > 1 else 0.45
        art, ink = paint_colour(rng), paint_colour(rng, (0.2, 0.9), (0.3, 0.9))
        sheet(
            view, canvas, wall, across, UP,
            (place - width, low, place + width, low + 0.6, pick(rng, (50, 40, 35), (235, 232, 225))),
            (place - width + 0.05, low + 0.05, place + width - 0.05, low + 0.55, art),
            (place - width + 0.05, low + 0.05, place + width - 0.05, low + 0.25, ink),
        )  # fmt: skip
