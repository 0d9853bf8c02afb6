"""A small canvas for the drawn sample: unit coordinates, smooth curves.

Drawings are described in unit coordinates (x to the right, y down, both 0..1 over the canvas) and
drawn `SUPERSAMPLING` times larger than wanted, so that edges come out smooth. Everything random
comes from the `numpy.random.Generator` that the caller passes in.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

SUPERSAMPLING = 3

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | np.ndarray


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """RGB in 0..255 from hue (turns, any real), saturation and value (clipped to 0..1)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(red * 255), round(green * 255), round(blue * 255)


def shade(colour: Colour, factor: float) -> Colour:
    """`colour` made darker (factor < 1) or lighter (factor > 1)."""
    return tuple(int(min(max(channel * factor, 0), 255)) for channel in colour)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` (0..1) of the way from `first` to `second`."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second, strict=True))


def product(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The matrix product `vectors @ matrix`, (..., k) by (k, n), the same to the bit on every processor.

    BLAS, which `@` calls, rounds as the kernel that it picks for the processor does, and a pixel at the
    edge of a tile then changes its colour. The sum is formed in double precision, a term at a time.
    """
    total = np.zeros((*vectors.shape[:-1], matrix.shape[1]), vectors.dtype)
    for term, row in enumerate(matrix):
        total = (vectors[..., term, None].astype(np.float64) * row + total).astype(vectors.dtype)
    return total


def spline(points: Points, closed: bool = True, steps: int = 10) -> np.ndarray:
    """Catmull-Rom curve through `points`, as (n * steps, 2) float64."""
    knots = np.asarray(points, float)
    before, after, beyond = (np.roll(knots, shift, axis=0) for shift in (1, -1, -2))
    if not closed:
        before[0], after[-1], beyond[-2], beyond[-1] = knots[0], knots[-1], knots[-1], knots[-1]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (array[:, None, :] for array in (before, knots, after, beyond))
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else curve[: (len(knots) - 1) * steps + 1]


class Canvas:
    """An RGBA drawing surface of `width` x `height` final pixels; transparent unless `fill` is given."""

    def __init__(self, width: int, height: int, fill: Colour | None = None):
        self.width, self.height = width, height
        size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
        self.image = Image.new("RGBA", size, (0, 0, 0, 0) if fill is None else (*fill, 255))
        self._pen = ImageDraw.Draw(self.image)

    def _pixels(self, points: Points) -> list[tuple[float, float]]:
        return list(map(tuple, (np.asarray(points, float) * self.image.size).tolist()))

    def _length(self, length: float) -> int:
        """A length in units of the canvas's width, as pixels of the enlarged surface."""
        return max(1, round(length * self.image.width))

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill the polygon."""
        self._pen.polygon(self._pixels(points), fill=colour)

    def blob(self, points: Points, colour: Colour) -> None:
        """Fill the smooth closed curve through `points`."""
        self.polygon(spline(points), colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0) -> None:
        """Fill the ellipse with centre (x, y), radii in units, turned by `angle` radians."""
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        a, b = rx * np.cos(t), ry * np.sin(t)
        cos, sin = np.cos(angle), np.sin(angle)
        self.polygon(np.stack([x + a * cos - b * sin, y + a * sin + b * cos], 1), colour)

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill the upright rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def line(self, points: Points, colour: Colour, width: float) -> None:
        """Stroke the open polyline with round joints and ends; `width` in units of the canvas's width."""
        pixels, thickness = self._pixels(points), self._length(width)
        self._pen.line(pixels, fill=colour, width=thickness, joint="curve")
        radius = thickness / 2
        if radius >= 1:
            for x, y in (pixels[0], pixels[-1]):
                self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def stroke(self, points: Points, colour: Colour, width: float) -> None:
        """Stroke the smooth open curve through `points`."""
        self.line(spline(points, closed=False), colour, width)

    def limb(self, points: Points, colour: Colour, start: float, end: float) -> None:
        """Fill a smooth limb along `points` whose width goes from `start` to `end` (units)."""
        path = spline(points, closed=False)
        direction = np.gradient(path, axis=0)
        normal = np.stack([-direction[:, 1], direction[:, 0]], 1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        half = np.linspace(start, end, len(path))[:, None] / 2
        self.polygon(np.concatenate([path + normal * half, (path - normal * half)[::-1]]), colour)
        for (x, y), radius in ((path[0], start / 2), (path[-1], end / 2)):
            self.ellipse(x, y, radius, radius, colour)

    def paint(self, colours: np.ndarray) -> None:
        """Replace the colours of the whole surface by a (h, w, 3) array of any size, 0..255, resized."""
        picture = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))
        picture = picture.resize(self.image.size, Image.Resampling.BILINEAR)
        self.image.paste(picture, (0, 0))

    def finish(self) -> Image.Image:
        """The picture at its final size, RGBA."""
        return self.image.resize((self.width, self.height), Image.Resampling.BOX)


Drawing = Callable[[Canvas, np.random.Generator], None]


def gradient(top: Colour, bottom: Colour, steps: int = 64) -> np.ndarray:
    """A vertical run of colours from `top` to `bottom`, (steps, 1, 3) float64, for `Canvas.paint`."""
    share = np.linspace(0, 1, steps)[:, None, None]
    return np.asarray(top, float) * (1 - share) + np.asarray(bottom, float) * share
