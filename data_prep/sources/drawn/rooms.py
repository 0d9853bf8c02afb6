"""Surfaces shared by the drawn interiors: floors, wallpapers, and putting them on the walls of a box."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.camera import GRID, View, bars, blend, noise, paint_colour, pick

# Numbers that `View.room` gives to the walls of a box.
LEFT, RIGHT, FLOOR, CEILING, REAR, FAR = range(6)
UP = np.array([0.0, 1.0, 0.0])


def panelled(walls: np.ndarray, surfaces: dict[int, np.ndarray | Colour]) -> np.ndarray:
    """The picture of a room from the wall seen at each pixel and the colours of each wall."""
    picture = np.zeros((GRID, GRID, 3), np.float32)
    for wall, colours in surfaces.items():
        seen = walls == wall
        picture[seen] = np.broadcast_to(np.asarray(colours, np.float32), picture.shape)[seen]
    return picture


def flooring(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, *kinds: str) -> np.ndarray:
    """A floor over the points (x, z), one of `kinds`: planks, tiles, checks or carpet."""
    kind = pick(rng, *kinds)
    if kind == "planks":
        wood = hsv(rng.uniform(0.04, 0.11), rng.uniform(0.25, 0.65), rng.uniform(0.35, 0.8))
        board = np.sin(np.floor(x / 0.16) * 12.9) * 0.5
        ends = bars(z + board * 3, 1.3, 0.02)
        colours = blend(wood, shade(wood, 0.5), np.clip(bars(x, 0.16, 0.018) + ends, 0, 1))
        return colours * (1 + 0.22 * board[..., None] + 0.08 * noise(rng, 30)[..., None])
    first = paint_colour(rng, (0, 0.45), (0.5, 0.92))
    if kind == "carpet":
        return blend(first, shade(first, 0.7), np.clip(noise(rng, 60) * 1.2, 0, 1))
    size = rng.uniform(0.35, 0.6)
    if kind == "checks":
        second = pick(rng, shade(first, 0.45), paint_colour(rng, (0, 0.6), (0.2, 0.6)))
        odd = (np.floor(x / size) + np.floor(z / size)) % 2
        return blend(first, second, odd)
    joints = np.clip(bars(x, size, 0.025) + bars(z, size, 0.025), 0, 1)
    tone = np.sin(np.floor(x / size) * 7.1 + np.floor(z / size) * 3.7) * 0.1 + 1
    return blend(first, shade(first, 0.55), joints) * tone[..., None]


def wallpaper(rng: np.random.Generator, along: np.ndarray, height: np.ndarray) -> np.ndarray:
    """A papered, panelled or tiled wall over the points (along, height)."""
    base = paint_colour(rng, (0.05, 0.5), (0.55, 0.95))
    ink = mix(base, pick(rng, (255, 255, 255), shade(base, 0.6), paint_colour(rng)), rng.uniform(0.4, 0.8))
    pitch = rng.uniform(0.16, 0.36)
    style = rng.integers(5)
    if style == 0:
        pattern = bars(along, pitch, pitch * 0.4)
    elif style == 1:
        row = np.floor(height / pitch)
        pattern = bars(along + row * pitch / 2, pitch, pitch * 0.35) * bars(height, pitch, pitch * 0.35)
    elif style == 2:
        pattern = bars(along, pitch / 2, 0.025) * np.where(height < 1, 1, 0.45) + bars(height - 1, 9, 0.06)
    elif style == 3:
        row = np.floor(height / 0.12)
        pattern = np.clip(bars(along + row * 0.15, 0.3, 0.015) + bars(height, 0.12, 0.015), 0, 1)
    else:
        pattern = noise(rng, 16) * 1.6
    return blend(base, ink, np.clip(pattern, 0, 1))


def sheet(view: View, canvas: Canvas, origin: np.ndarray, across: np.ndarray, up: np.ndarray, *parts) -> None:
    """Draw rectangles on a plane: each part is (left, low, right, high, colour) along `across` and `up`."""
    for left, low, right, high, colour in parts:
        corners = [(left, low), (right, low), (right, high), (left, high)]
        view.face(canvas, [origin + across * a + up * b for a, b in corners], colour)


def cushion(centre: np.ndarray, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The outline of a cushion around `centre`, bulging rectangle with the half sides `across` and `up`."""
    t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    cos, sin = np.cos(t), np.sin(t)
    right, high = (np.sign(part) * np.abs(part) ** 0.5 for part in (cos, sin))
    return centre + right[:, None] * across + high[:, None] * up
