"""Shapes that the drawn objects share: placed outlines, tubes (limbs, bodies), rounding light, framing."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from bam.data_prep.sources.drawn.brush import Canvas, Colour, Drawing, Points, product, shade, spline

BLACK, WHITE = (24, 22, 24), (246, 244, 238)
GROUND = 0.93  # the height at which animals stand
TURN = 2 * np.pi


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def placed(points: Points, x: float, y: float, scale: float = 1, angle: float = 0) -> np.ndarray:
    """`points`, given around their own origin, scaled, turned by `angle` radians and moved to (x, y)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return product(np.asarray(points, float), np.array([[cos, sin], [-sin, cos]])) * scale + (x, y)


def mirrored(points: Points, x: float = 0.5) -> np.ndarray:
    """The outline symmetric about the upright line at `x` whose right half runs through `points` (dx, y)."""
    half = np.asarray(points, float)
    return np.add(np.concatenate([half, half[::-1] * (-1, 1)]), (x, 0))


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, steps: int = 24) -> np.ndarray:
    """Points of an ellipse's arc from angle `start` to `end` (radians, clockwise from the right)."""
    t = np.linspace(start, end, steps)
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], 1)


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> np.ndarray:
    """The outline of an upright rectangle with round corners."""
    turn = np.pi / 2
    corners = [(right, top, -1), (right, bottom, 0), (left, bottom, 1), (left, top, 2)]
    inset = [(radius, -radius)[x == right] for x, _, _ in corners]
    rise = [(radius, -radius)[y == bottom] for _, y, _ in corners]
    quarters = [
        arc(x + dx, y + dy, radius, radius, quarter * turn, (quarter + 1) * turn, 7)
        for (x, y, quarter), dx, dy in zip(corners, inset, rise, strict=True)
    ]
    return np.concatenate(quarters)


class Tube:
    """A smooth body part along a path: `s` (0..1) runs along it, `r` (-1..1) across it.

    On a path that runs to the right, r = 1 is the lower side.
    """

    def __init__(self, points: Points, widths: list[float]):
        self.path = spline(points, closed=False)
        self.half = spline([(width, width) for width in widths], closed=False)[:, 0] / 2
        direction = np.gradient(self.path, axis=0)
        normal = np.stack([-direction[:, 1], direction[:, 0]], 1)
        self.across = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9) * self.half[:, None]

    def at(self, s: np.ndarray | float, r: np.ndarray | float) -> np.ndarray:
        """The points (n, 2) at the places `s` along and `r` across."""
        index = np.clip(np.atleast_1d(s), 0, 1) * (len(self.path) - 1)
        lower = np.minimum(index.astype(int), len(self.path) - 2)
        share = (index - lower)[:, None]
        middle = self.path[lower] * (1 - share) + self.path[lower + 1] * share
        across = self.across[lower] * (1 - share) + self.across[lower + 1] * share
        return middle + across * np.reshape(r, (-1, 1))

    def draw(self, canvas: Canvas, colour: Colour, shadow: float = 1, side: float = 1) -> None:
        """Fill the tube with round ends; with `shadow` != 1 tint a strip along its r = `side` edge."""
        for end in (0, -1):
            canvas.ellipse(*self.path[end], self.half[end], self.half[end], colour)
        canvas.polygon(self.patch(0, 1, -1, 1), colour)
        if shadow != 1:
            canvas.polygon(self.patch(0.04, 0.98, 0.45 * side, side), shade(colour, shadow))

    def patch(self, start: float, end: float, near: float, far: float) -> np.ndarray:
        """The outline of the part from `start` to `end` along and from `near` to `far` across."""
        s = np.linspace(start, end, 24)
        return self.at(np.concatenate([s, s[::-1]]), np.repeat([near, far], len(s)))

    def band(self, s: float, width: float, slant: float = 0, near: float = -1, far: float = 1) -> np.ndarray:
        """The outline of a stripe across the tube at `s`, leaning by `slant`, thinning out towards `far`."""
        r = np.linspace(near, far, 9)
        middle, half = s + slant * r, width / 2 * np.linspace(1, 0.55, 9)
        return self.at(np.concatenate([middle - half, (middle + half)[::-1]]), np.concatenate([r, r[::-1]]))


def stand(
    canvas: Canvas,
    hips: list[tuple[float, float]],
    width: tuple[float, float],
    colour: Colour,
    strides: np.ndarray,
    knee: float,
) -> list[Tube]:
    """Draw one leg from each hip to the ground, its foot `stride` ahead; return the legs.

    `knee` > 0 bends the leg backwards half-way, as hind legs do.
    """
    legs = []
    for (x, y), stride in zip(hips, strides, strict=True):
        middle, lift = (y + GROUND) / 2, max(0, abs(stride) - 0.05) * 0.3
        path = [(x, y), (x - stride * 0.4 + knee, middle), (x - stride, GROUND - 0.02 - lift)]
        leg = Tube(path, [width[0], (width[0] + width[1]) / 2 * 0.85, width[1]])
        leg.draw(canvas, colour, 0.8, -1)
        legs.append(leg)
    return legs


def round_off(canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    """Let light fall from above on the drawing as if it bulged: bright upper rim, dark lower rim."""
    alpha = canvas.image.getchannel("A")
    coarse = alpha.resize((60, 60), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(3))
    rise_y, rise_x = np.gradient(np.asarray(coarse, float))
    angle = rng.uniform(-0.8, 0.8)
    slope = rise_y * np.cos(angle) + rise_x * np.sin(angle)
    cover = np.clip(np.abs(slope) * 6 * strength, 0, 110).astype(np.uint8)
    tone = np.where(slope > 0, 255, 0).astype(np.uint8)
    size, smooth = canvas.image.size, Image.Resampling.BILINEAR
    veil = ImageChops.multiply(Image.fromarray(cover).resize(size, smooth), alpha)
    tone = Image.fromarray(tone).resize(size, smooth)
    canvas.image.alpha_composite(Image.merge("RGBA", (tone, tone, tone, veil)))


class _Inset(Canvas):
    """A canvas with a margin around the unit square, for drawings that reach a little beyond it."""

    SHARE = 0.82

    def _pixels(self, points: Points) -> list[tuple[float, float]]:
        return super()._pixels(np.asarray(points, float) * self.SHARE + (1 - self.SHARE) / 2)

    def _length(self, length: float) -> int:
        return super()._length(length * self.SHARE)


def frame(drawing: Canvas, canvas: Canvas, rng: np.random.Generator, stretch: float) -> None:
    """Lay the drawing on the canvas's middle, its longer side filling most of it."""
    box = drawing.image.getbbox()
    width, height = box[2] - box[0], (box[3] - box[1]) * rng.uniform(1 - stretch, 1 + stretch)
    scale = rng.uniform(0.88, 0.97) * canvas.image.width / max(width, height)
    size = round(width * scale), round(height * scale)
    # The surface is enlarged and shrunk at the end, so the nearest pixel is good enough, and quick.
    fitted = drawing.image.resize(size, Image.Resampling.NEAREST, box)
    corner = (canvas.image.width - size[0]) // 2, (canvas.image.height - size[1]) // 2
    canvas.image.alpha_composite(fitted, corner)


def framed(bulge: float, stretch: float = 0.06) -> Callable[[Drawing], Drawing]:
    """Finish a drawing function: light as on a body that bulges by `bulge`, then fill the canvas."""

    def decorate(draw: Drawing) -> Drawing:
        @functools.wraps(draw)
        def finished(canvas: Canvas, rng: np.random.Generator) -> None:
            drawing = _Inset(canvas.width, canvas.height)
            draw(drawing, rng)
            round_off(drawing, rng, bulge)
            frame(drawing, canvas, rng, stretch)

        return finished

    return decorate
