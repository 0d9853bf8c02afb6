"""Perspective and surfaces for the drawn scenes: a pinhole camera, ruled textures, weather.

World coordinates are metres: x to the right, y up, z away from the viewer. Flat surfaces are computed
per pixel (`View.floor`, `View.room`), things that stand on them are drawn as projected polygons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

from bam.data_prep.sources.drawn.brush import Canvas, Colour, Points, hsv, mix, product, shade

GRID = 144  # side of the per-pixel surfaces; the canvas is finished at 128 pixels
NEAR = 0.08  # nothing closer to the eye than this is drawn, in metres

# Digits as strokes in a box one unit wide and two units high, y up.
DIGITS = {
    0: [[(0, 0), (0, 2), (1, 2), (1, 0), (0, 0)]],
    1: [[(0.1, 1.5), (0.5, 2), (0.5, 0)]],
    2: [[(0, 1.7), (0.3, 2), (0.9, 2), (1, 1.4), (0, 0), (1, 0)]],
    3: [[(0, 2), (1, 2), (0.4, 1.2), (1, 0.9), (1, 0.2), (0.7, 0), (0, 0)]],
    4: [[(0.8, 0), (0.8, 2), (0, 0.7), (1, 0.7)]],
    5: [[(1, 2), (0, 2), (0, 1.1), (0.8, 1.1), (1, 0.8), (1, 0.2), (0.7, 0), (0, 0)]],
    6: [[(0.9, 2), (0.1, 1), (0, 0), (1, 0), (1, 1), (0.1, 1)]],
    7: [[(0, 2), (1, 2), (0.3, 0)]],
    8: [[(0, 0), (0, 2), (1, 2), (1, 0), (0, 0)], [(0, 1), (1, 1)]],
    9: [[(0.1, 0), (1, 1), (1, 2), (0, 2), (0, 1), (1, 1)]],
}


class View:
    """A camera at `eye` that looks along z, turned by `yaw`, its picture shifted and rolled.

    `centre` is the vanishing point of the line of sight on the canvas, so its y is the horizon.
    """

    def __init__(
        self,
        eye: tuple[float, float, float],
        centre: tuple[float, float] = (0.5, 0.4),
        focal: float = 1.0,
        yaw: float = 0.0,
        roll: float = 0.0,
    ):
        self.eye = np.asarray(eye, float)
        self.centre = np.asarray(centre, float)
        self.focal = focal
        cos, sin = np.cos(yaw), np.sin(yaw)
        self.turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
        self.roll = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])

    def camera(self, points: Points) -> np.ndarray:
        """World points in camera coordinates (right, up, depth)."""
        return product(np.asarray(points, float) - self.eye, self.turn.T)

    def screen(self, camera: np.ndarray) -> np.ndarray:
        """Camera coordinates (all with positive depth) as canvas points."""
        flat = camera[:, :2] * [1, -1] * (self.focal / camera[:, 2:])
        return product(flat, self.roll.T) + self.centre

    def spot(self, point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Canvas x and y of a world point, and the canvas length of one metre there (0 if behind)."""
        camera = self.camera([point])
        if camera[0, 2] < NEAR:
            return 0.0, 0.0, 0.0
        (x, y), *_ = self.screen(camera)
        return x, y, self.focal / camera[0, 2]

    def face(self, canvas: Canvas, points: Points, colour: Colour) -> None:
        """Fill the flat polygon through world `points`, cut off at the near plane."""
        corners = self.camera(points)
        if (corners[:, 2] < NEAR).any():
            corners = _cut(corners)
        if len(corners) > 2:
            canvas.polygon(self.screen(corners), colour)

    def line(self, canvas: Canvas, points: Points, colour: Colour, width: float) -> None:
        """Stroke the polyline through world `points`; `width` in metres, taken at its mean depth."""
        path = self.camera(points)
        path = path[path[:, 2] > NEAR]
        if len(path) > 1:
            canvas.line(self.screen(path), colour, width * self.focal / path[:, 2].mean())

    def disc(self, canvas: Canvas, centre: Points, across: Points, up: Points, colour: Colour) -> None:
        """Fill the ellipse around `centre` that is spanned by the half axes `across` and `up`."""
        t = np.linspace(0, 2 * np.pi, 24, endpoint=False)[:, None]
        self.face(canvas, np.asarray(centre) + np.cos(t) * across + np.sin(t) * up, colour)

    def box(self, canvas: Canvas, low: Points, high: Points, colour: Colour) -> None:
        """Draw the upright box between two corners: the faces turned towards the eye."""
        bounds = np.array([low, high], float)
        for axis, (darker, lighter) in enumerate([(0.72, 0.72), (0.5, 1.12), (0.9, 0.9)]):
            end = 0 if self.eye[axis] < bounds[0, axis] else 1
            if end and self.eye[axis] <= bounds[1, axis]:
                continue
            corners = np.empty((4, 3))
            others = [other for other in range(3) if other != axis]
            corners[:, axis] = bounds[end, axis]
            corners[:, others[0]] = bounds[[0, 1, 1, 0], others[0]]
            corners[:, others[1]] = bounds[[0, 0, 1, 1], others[1]]
            self.face(canvas, corners, shade(colour, lighter if end else darker))

    def digit(self, canvas: Canvas, number: int, corner: Points, size: tuple[float, float], colour: Colour):
        """Paint a digit flat on the ground; `corner` is its lower left (x, z), `size` width and length."""
        for stroke in DIGITS[number]:
            points = [(corner[0] + x * size[0], 0, corner[1] + y * size[1] / 2) for x, y in stroke]
            self.line(canvas, points, colour, size[0] * 0.22)

    def rays(self) -> np.ndarray:
        """World directions of the pixels of the surface grid, (GRID, GRID, 3), depth 1 in camera terms."""
        steps = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
        flat = np.stack(np.meshgrid(steps, steps), -1) - self.centre.astype(np.float32)
        flat = product(flat, (self.roll / self.focal).astype(np.float32))
        camera = np.dstack([flat[..., 0], -flat[..., 1], np.ones_like(steps)[:, None].repeat(GRID, 1)])
        return product(camera, self.turn.astype(np.float32))

    def floor(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For each grid pixel: x and z of the ground seen there, its distance, and whether it is ground."""
        rays = self.rays()
        distance = np.float32(-self.eye[1]) / np.minimum(rays[..., 1], -2e-3)
        x, z = (np.float32(self.eye[axis]) + distance * rays[..., axis] for axis in (0, 2))
        return x, z, distance, rays[..., 1] < -2e-3

    def room(self, low: Points, high: Points) -> tuple[np.ndarray, np.ndarray]:
        """For each grid pixel the wall of the box that is seen (2 * axis + far end) and the point on it."""
        rays = self.rays()
        rays = np.where(np.abs(rays) < 1e-5, np.float32(1e-5), rays)
        reach = (np.where(rays > 0, np.asarray(high), np.asarray(low)) - self.eye) / rays
        axis = reach.argmin(-1)
        points = self.eye + rays * reach.min(-1)[..., None]
        return axis * 2 + (np.take_along_axis(rays, axis[..., None], -1)[..., 0] > 0), points


def _cut(corners: np.ndarray) -> np.ndarray:
    """The part of a polygon in camera coordinates that lies beyond the near plane."""
    kept = []
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if here[2] >= NEAR:
            kept.append(here)
        if (here[2] >= NEAR) != (there[2] >= NEAR):
            kept.append(here + (there - here) * (NEAR - here[2]) / (there[2] - here[2]))
    return np.array(kept)


def bars(field: np.ndarray, period: float, width: float) -> np.ndarray:
    """How much of each pixel lies on bars `width` wide around the multiples of `period` of `field`.

    The change of `field` from pixel to pixel is taken as the pixel's size, so fine bars fade to grey.
    """
    field = np.asarray(field, np.float32)
    size = np.empty_like(field)
    size[:, 1:] = np.abs(field[:, 1:] - field[:, :-1])
    size[:, 0] = size[:, 1]
    size[1:] += np.abs(field[1:] - field[:-1])
    np.maximum(size, 1e-6, out=size)
    distance = np.abs(field - period * np.rint(field / period))
    cover = np.minimum(distance + size / 2, width / 2) - np.maximum(distance - size / 2, -width / 2)
    cover = np.clip(cover / size, 0, 1)
    blend = np.clip(size / period * 2 - 1, 0, 1)
    return cover + (width / period - cover) * blend


def between(field: np.ndarray, low: float, high: float) -> np.ndarray:
    """How much of each pixel lies where `field` is between `low` and `high`."""
    return bars(field - (low + high) / 2, 1e5, high - low)


def noise(rng: np.random.Generator, detail: int, stretch: float = 1) -> np.ndarray:
    """Smooth noise in about -1..1 on the surface grid: `detail` knots high, `stretch` times wider grains."""
    field = np.zeros((GRID, GRID), np.float32)
    for octave in range(3):
        shape = (min(detail << octave, GRID), max(2, min(int((detail << octave) / stretch), GRID)))
        knots = Image.fromarray(rng.uniform(-1, 1, shape).astype(np.float32))
        field += np.asarray(knots.resize((GRID, GRID), Image.Resampling.BICUBIC)) * 0.6 / 1.6**octave
    return field


def blend(below: np.ndarray | Colour, above: np.ndarray | Colour, share: np.ndarray) -> np.ndarray:
    """Colours `above` laid over `below`, `share` (h, w) saying how densely."""
    below = np.asarray(below, np.float32)
    return below + (np.asarray(above, np.float32) - below) * np.asarray(share, np.float32)[..., None]


@dataclass(frozen=True)
class Weather:
    """The light outdoors: colours of the sky overhead, at the horizon and of clouds, and its tint."""

    top: Colour
    low: Colour
    cloud: Colour
    tint: Colour
    cover: float

    def sky(self, rng: np.random.Generator, horizon: float) -> np.ndarray:
        """The sky with streaked clouds, on the surface grid."""
        share = np.clip(np.arange(GRID) / GRID / max(horizon, 0.05), 0, 1)[:, None]
        colours = blend(self.top, self.low, share)
        density = noise(rng, int(rng.integers(4, 8)), rng.uniform(1.5, 3.5)) + self.cover
        return blend(colours, self.cloud, np.clip(density * 1.4, 0, 0.9))


def weather(rng: np.random.Generator) -> Weather:
    """A random time of day and weather: noon, dawn, dusk, overcast or haze."""
    kind = rng.integers(5)
    wobble = rng.uniform(-0.03, 0.03)
    if kind == 0:
        return Weather(
            hsv(0.59 + wobble, 0.7, 0.8), hsv(0.56, 0.25, 0.97), (250, 250, 250), (255, 252, 240), 0
        )
    if kind == 1:
        low = hsv(0.07 + wobble, 0.5, 1)
        return Weather(hsv(0.66 + wobble, 0.4, 0.7), low, hsv(0.02, 0.3, 0.95), (255, 220, 195), -0.1)
    if kind == 2:
        low = hsv(0.97 + 2 * wobble, 0.5, 0.75)
        return Weather(hsv(0.66 + wobble, 0.6, 0.3), low, hsv(0.75, 0.4, 0.45), (190, 185, 228), -0.1)
    if kind == 3:
        grey = hsv(0.6, 0.06, rng.uniform(0.5, 0.7))
        return Weather(grey, shade(grey, 1.3), shade(grey, 0.8), (205, 212, 222), 0.3)
    haze = hsv(0.12 + wobble, 0.2, 0.93)
    return Weather(mix(haze, (120, 160, 200), 0.5), haze, shade(haze, 1.06), (250, 238, 215), 0.1)


def tint(canvas: Canvas, colour: Colour) -> None:
    """Multiply the whole picture by a colour (255 leaves a channel as it is)."""
    veil = Image.new("RGBA", canvas.image.size, (*colour, 255))
    canvas.image.paste(ImageChops.multiply(canvas.image, veil), (0, 0))


def pick(rng: np.random.Generator, *choices):
    """One of the choices."""
    return choices[rng.integers(len(choices))]


def paint_colour(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.1, 0.6),
    value: tuple[float, float] = (0.5, 0.95),
) -> Colour:
    """A random colour of any hue."""
    return hsv(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
