"""What comes between a scene and its picture: standpoint, things in the way, air, light and lens.

Shared by all scene classes and drawn independently of them, so that none of it tells the class: thick air,
dusk and colour casts make classes alike, crops and things in the foreground hide what is typical of them.
Each kind is drawn for each picture by itself, from nothing at all to as much as leaves the scene
recognisable to a person.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, product, shade

NEAREST = 0.65  # side of the smallest part of a scene that a picture shows
THICKEST = 0.7  # share of the light that the thickest air scatters
DARKEST = 0.5  # share of the light that is left at dusk


def photographed(canvas: Canvas, rng: np.random.Generator, size: int) -> Image.Image:
    """The drawn scene as a picture, RGB, `size` x `size`."""
    picture = _from_standpoint(canvas.image, rng, 2 * size)
    picture = _behind_things(picture, rng)
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.BOX), np.float32)
    pixels = _through_air(pixels, rng)
    pixels = _in_light(pixels, rng)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    picture = _through_lens(picture, rng)
    return grained(picture, rng, rng.uniform(2, 8))


def lit(picture: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """RGBA `picture`, its colours in a smooth random light, 1 - strength .. 1 + strength."""
    pixels = np.asarray(picture, np.float32)
    light = 1 + strength * (2 * _field(rng, 3, len(pixels)) - 1)
    return _recoloured(picture, pixels[..., :3] * light)


def grained(picture: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """RGB or RGBA `picture` with grey noise of standard deviation `strength` on its colours."""
    noise = rng.normal(0, strength, (picture.height, picture.width, 1)).astype(np.float32)
    return _recoloured(picture, np.asarray(picture)[..., :3] + noise)


def _recoloured(picture: Image.Image, colours: np.ndarray) -> Image.Image:
    pixels = np.array(picture)
    pixels[..., :3] = np.clip(colours, 0, 255)
    return Image.fromarray(pixels)


def _field(rng: np.random.Generator, knots: int, size: int) -> np.ndarray:
    """A smooth random field in 0..1, float32 (size, size, 1), from `knots` x `knots` values."""
    values = Image.fromarray(rng.uniform(0, 1, (knots, knots)).astype(np.float32))
    return np.clip(np.asarray(values.resize((size, size), Image.Resampling.BICUBIC)), 0, 1)[..., None]


def _from_standpoint(surface: Image.Image, rng: np.random.Generator, size: int) -> Image.Image:
    """A part of the scene, a little turned and seen a little from the side."""
    side = rng.uniform(NEAREST, 1)
    angle = rng.uniform(-0.12, 0.12)
    corners = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) / 2 * side
    corners = corners * (1 + rng.uniform(-0.08, 0.08, (4, 2)))
    cos, sin = np.cos(angle), np.sin(angle)
    corners = product(corners, np.array([[cos, sin], [-sin, cos]]))
    reach = np.abs(corners).max(0)
    corners /= max(1, 2 * reach.max())  # no corner outside the surface
    room = 0.5 - np.abs(corners).max(0)
    corners = corners + 0.5 + rng.uniform(-1, 1, 2) * room
    quad = (corners * surface.size).ravel().tolist()
    return surface.convert("RGB").transform(
        (size, size), Image.Transform.QUAD, quad, Image.Resampling.BILINEAR
    )


def _behind_things(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture behind up to two kinds of things in the foreground, out of focus."""
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        layer = Canvas(picture.width // 2, picture.height // 2)
        colour = hsv(rng.uniform(), rng.uniform(0, 0.5), rng.uniform(0.05, 0.8))
        if rng.random() < 0.5:
            colour = hsv(rng.uniform(0.1, 0.4), rng.uniform(0.3, 0.8), rng.uniform(0.1, 0.7))
        _THINGS[rng.integers(len(_THINGS))](layer, rng, colour)
        things = layer.image.resize(picture.size, Image.Resampling.BOX)
        things = things.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 4)))
        picture.paste(things, (0, 0), things)
    return picture


def _foliage(canvas: Canvas, rng: np.random.Generator, colour: Colour) -> None:
    """Sprays of leaves that hang in from one side."""
    origin = rng.uniform(-0.1, 1.1, 2)
    origin[rng.integers(2)] = rng.choice([-0.05, 1.05])
    length, slim = rng.uniform(0.08, 0.22), rng.uniform(0.1, 0.3)
    for _ in range(rng.integers(15, 50)):
        at = origin + rng.normal(0, 0.22, 2)
        angle = rng.uniform(0, 2 * np.pi)
        along = np.array([np.cos(angle), np.sin(angle)]) * length * rng.uniform(0.6, 1.2)
        side = np.array([-along[1], along[0]]) * slim
        canvas.polygon(
            [at, at + along * 0.4 + side, at + along, at + along * 0.4 - side],
            shade(colour, rng.uniform(0.6, 1.4)),
        )


def _posts(canvas: Canvas, rng: np.random.Generator, colour: Colour) -> None:
    """Upright posts, stems or trunks, some with rings."""
    lean = rng.normal(0, 0.08)
    for x in rng.uniform(0, 1, rng.integers(1, 6)):
        width, top = rng.uniform(0.02, 0.08), x + lean + rng.normal(0, 0.04)
        tone = shade(colour, rng.uniform(0.7, 1.3))
        canvas.polygon(
            [(x - width / 2, 1), (x + width / 2, 1), (top + width / 2, 0), (top - width / 2, 0)], tone
        )
        canvas.polygon([(x, 1), (x + width / 2, 1), (top + width / 2, 0), (top, 0)], shade(tone, 0.7))
        if rng.random() < 0.5:
            for y in np.arange(rng.uniform(0, 0.2), 1, rng.uniform(0.1, 0.3)):
                middle = top + (x - top) * y
                canvas.line([(middle - width * 0.55, y), (middle + width * 0.55, y)], shade(tone, 0.5), 0.012)


def _blades(canvas: Canvas, rng: np.random.Generator, colour: Colour) -> None:
    """Long blades or reeds that stand up from below."""
    height = rng.uniform(0.2, 0.7)
    for x in rng.uniform(-0.1, 1.1, rng.integers(8, 30)):
        tip = np.array([x + rng.normal(0, 0.15), 1 - height * rng.uniform(0.5, 1.2)])
        middle = (np.array([x, 1]) + tip) / 2 + (rng.normal(0, 0.03), -0.05)
        canvas.limb(
            [(x, 1.02), middle, tip], shade(colour, rng.uniform(0.6, 1.4)), rng.uniform(0.015, 0.04), 0.004
        )


def _bars(canvas: Canvas, rng: np.random.Generator, colour: Colour) -> None:
    """A fence, a blind or a railing: thin parallel bars, in one or two directions."""
    gap = rng.uniform(0.06, 0.2)
    angles = [(0.0,), (np.pi / 2,), (np.pi / 4, -np.pi / 4)][rng.integers(3)]
    for angle in angles:
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        for offset in np.arange(-0.8, 0.8, gap):
            middle = across * offset + 0.5
            canvas.line([middle - along, middle + along], colour, gap * rng.uniform(0.08, 0.14))


def _heads(canvas: Canvas, rng: np.random.Generator, colour: Colour) -> None:
    """Heads and shoulders of people who stand in front."""
    for x in rng.uniform(0, 1, rng.integers(1, 4)):
        size, y = rng.uniform(0.09, 0.16), rng.uniform(0.65, 0.95)
        hair = hsv(rng.uniform(0.03, 0.12), rng.uniform(0.2, 0.6), rng.uniform(0.08, 0.6))
        canvas.ellipse(x, y + size * 2.2, size * 2, size * 1.5, mix(colour, hair, rng.uniform(0, 0.4)))
        canvas.ellipse(x, y, size * 0.8, size, hair)


_THINGS = (_foliage, _posts, _blades, _bars, _heads)


def _through_air(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scattered light of one colour over the picture, in drifts: mist, smoke, glare, a dirty pane."""
    density = THICKEST * rng.beta(1.0, 2.6)
    drift = _field(rng, int(rng.integers(2, 5)), len(pixels))
    share = np.clip(density * (0.55 + 0.9 * drift), 0, THICKEST)
    colour = np.array(hsv(rng.uniform(), rng.uniform(0, 0.3), rng.uniform(0.45, 0.95)), np.float32)
    return pixels + (colour - pixels) * share


def _in_light(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The time of day and the colours of light and film."""
    grey = pixels.mean(-1, keepdims=True)
    pixels = grey + (pixels - grey) * rng.choice(
        [0.0, rng.uniform(0.2, 1), rng.uniform(0.6, 1.15)], p=[0.1, 0.4, 0.5]
    )
    cast = (
        np.array(hsv(rng.normal(0.12, 0.06) + rng.choice([0, 0.45]), rng.uniform(0, 0.4), 1), np.float32)
        / 255
    )
    light = 1.15 * (DARKEST / 1.15) ** rng.beta(1, 1.6)
    return pixels * cast * light * (0.75 + 0.5 * _field(rng, 3, len(pixels)))


def _through_lens(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Out of focus, or blurred by motion, by up to a few pixels."""
    radius = rng.choice([0.0, rng.uniform(0, 1.2), rng.uniform(1, 1.6)], p=[0.5, 0.4, 0.1])
    return picture.filter(ImageFilter.GaussianBlur(float(radius)))
