"""The bird: perched, a swimmer on land, a wader, in flight; it looks to the left."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.forms import BLACK, WHITE, Tube, chance, framed, placed


def _plumage(rng: np.random.Generator) -> tuple[Colour, Colour, Colour]:
    """Colours of a bird's back, belly and wing."""
    bright = hsv(rng.random(), rng.uniform(0.55, 0.9), rng.uniform(0.5, 0.9))
    brown = hsv(rng.uniform(0.04, 0.12), rng.uniform(0.3, 0.6), rng.uniform(0.35, 0.65))
    grey = hsv(rng.random(), 0.08, rng.uniform(0.3, 0.75))
    pale = mix(WHITE, (225, 190, 140), rng.uniform(0, 0.6))
    black = hsv(rng.random(), 0.2, 0.17)
    robin = hsv(rng.uniform(0.02, 0.12), 0.8, 0.85)
    choices = [
        (bright, pale, shade(bright, 0.65)),
        (bright, hsv(rng.random(), 0.7, 0.9), shade(bright, 0.7)),
        (brown, pale, shade(brown, 0.65)),
        (grey, robin, shade(grey, 0.65)),
        (WHITE, WHITE, grey),
        (black, shade(black, 1.35), shade(black, 1.7)),
        (black, pale, shade(black, 1.5)),
    ]
    return choices[rng.integers(len(choices))]


@framed(bulge=0.9)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A bird: a songbird, a duck or gull, a wader, or one in flight."""
    kinds = [_songbird, _duck, _wader, _flying, _soaring]
    kinds[rng.choice(5, p=[0.34, 0.16, 0.14, 0.2, 0.16])](canvas, rng)


def _beak(
    canvas: Canvas, x: float, y: float, length: float, depth: float, colour: Colour, dip: float = 0
) -> None:
    """A beak whose root is at (x, y), with a darker lower half."""
    tip = (x - length, y + dip)
    canvas.polygon([(x, y - depth), tip, (x, y + depth * 0.2)], colour)
    canvas.polygon([(x, y + depth * 0.15), tip, (x, y + depth)], shade(colour, 0.7))


def _eye(canvas: Canvas, x: float, y: float, size: float, around: Colour) -> None:
    """An eye with a highlight, ringed so that it shows on the colour `around` it."""
    canvas.ellipse(x, y, size * 1.5, size * 1.5, WHITE if sum(around) < 330 else shade(around, 0.8))
    canvas.ellipse(x, y, size, size, BLACK)
    canvas.ellipse(x - size * 0.3, y - size * 0.3, size * 0.35, size * 0.35, WHITE)


def _beak_colour(rng: np.random.Generator) -> Colour:
    """Mostly yellow to orange, else dark."""
    return hsv(rng.uniform(0.05, 0.14), 0.85, 0.95) if chance(rng, 0.7) else (60, 55, 55)


def _wing(canvas: Canvas, points: np.ndarray, colour: Colour) -> None:
    """A folded wing from shoulder (first point) to tip (fourth), with two rows of feathers."""
    canvas.blob(points, colour)
    for share, factor in ((0.72, 1.25), (0.45, 0.85)):
        canvas.blob(points[0] * (1 - share) + points * share, shade(colour, factor))


def _songbird(canvas: Canvas, rng: np.random.Generator) -> None:
    """A perched songbird, plump or slim, now and then crested."""
    back, belly, wing = _plumage(rng)
    leg, tilt = shade(_beak_colour(rng), 0.75), rng.uniform(-0.15, 0.2)
    plump = rng.uniform(0.9, 1.12)
    tail_end = placed([(0.48, -0.02), (0.5, 0.08)], 0.5, 0.5, 1, tilt + 0.35)
    canvas.polygon([(0.6, 0.45), *tail_end, (0.58, 0.62)], shade(wing, 0.85))
    for x in (0.45, 0.55):
        canvas.line([(x, 0.7), (x - 0.01, 0.9), (x - 0.07, 0.925)], leg, 0.028)
        canvas.line([(x - 0.01, 0.9), (x + 0.05, 0.92)], leg, 0.028)
    body = [
        (0.28, 0.3),
        (0.42, 0.24),
        (0.58, 0.36),
        (0.72, 0.53),
        (0.62, 0.69),
        (0.42, 0.74),
        (0.27, 0.6),
        (0.22, 0.44),
    ]
    outline = placed(np.array(body) - 0.5, 0.5, 0.5, 1, tilt) * (1, plump) + (0, 0.5 - 0.5 * plump)
    canvas.blob(outline, back)
    middle = outline.mean(0)
    canvas.blob(np.array([*outline[4:], middle * 0.4 + outline[7] * 0.6, middle]), belly)
    x, y = outline[0] * 0.6 + outline[1] * 0.4 + (-0.005, 0.0)
    if chance(rng, 0.3):
        canvas.polygon([(x - 0.06, y - 0.11), (x + 0.14, y - 0.24), (x + 0.13, y - 0.02)], back)
    _beak(canvas, x - 0.12, y + 0.01, rng.uniform(0.1, 0.17), 0.045, _beak_colour(rng), rng.uniform(0, 0.04))
    canvas.ellipse(x, y, 0.15, 0.145, back)
    if chance(rng, 0.35):
        canvas.ellipse(x - 0.03, y + 0.05, 0.1, 0.07, belly)
    _eye(canvas, x - 0.05, y - 0.02, 0.024, back)
    folded = [(-0.16, -0.1), (0.05, -0.13), (0.25, 0.02), (0.36, 0.17), (0.12, 0.15), (-0.1, 0.08)]
    _wing(canvas, placed(folded, 0.53, 0.49, 1, tilt + 0.1), wing)


def _duck(canvas: Canvas, rng: np.random.Generator) -> None:
    """A duck, goose or gull on its feet: a long level body, a neck, a broad beak."""
    back, belly, wing = _plumage(rng)
    head = hsv(rng.uniform(0.3, 0.45), 0.8, 0.4) if chance(rng, 0.35) else back
    beak = hsv(rng.uniform(0.05, 0.14), 0.9, 0.95)
    neck = rng.uniform(0.12, 0.34)
    top = 0.5 - neck
    for x in (0.5, 0.6):
        canvas.line([(x, 0.72), (x, 0.88)], shade(beak, 0.8), 0.035)
        canvas.polygon([(x + 0.03, 0.87), (x - 0.1, 0.93), (x + 0.03, 0.93)], shade(beak, 0.8))
    body = [
        (0.24, 0.5),
        (0.36, 0.46),
        (0.6, 0.46),
        (0.82, 0.46),
        (0.94, 0.4),
        (0.88, 0.58),
        (0.68, 0.74),
        (0.42, 0.75),
        (0.27, 0.66),
    ]
    canvas.blob(body, belly)
    canvas.limb([(0.36, 0.58), (0.27, 0.48), (0.28, top)], head, 0.22, 0.13)
    if head != back:
        canvas.limb([(0.25, 0.52), (0.38, 0.49)], WHITE, 0.05, 0.05)
    canvas.blob([(0.45, 0.5), (0.6, 0.44), (0.8, 0.47), (0.95, 0.37), (0.86, 0.56), (0.7, 0.6)], back)
    _beak(canvas, 0.19, top, rng.uniform(0.12, 0.17), 0.045, beak, 0.03)
    canvas.ellipse(0.27, top - 0.01, 0.11, 0.1, head)
    _eye(canvas, 0.24, top - 0.03, 0.02, head)
    _wing(
        canvas,
        np.array([(0.4, 0.52), (0.55, 0.47), (0.74, 0.5), (0.88, 0.52), (0.7, 0.64), (0.5, 0.65)]),
        wing,
    )


def _wader(canvas: Canvas, rng: np.random.Generator) -> None:
    """A flamingo, heron or stork: long legs, a curved neck, a long beak."""
    pink = hsv(rng.uniform(0.93, 1.02), rng.uniform(0.35, 0.6), 0.95)
    body, wing, leg = [
        (pink, shade(pink, 0.85), shade(pink, 0.8)),
        (WHITE, BLACK, (215, 70, 50)),
        ((140, 150, 165), (85, 95, 115), (150, 130, 70)),
        (WHITE, (225, 225, 222), (60, 55, 50)),
    ][rng.integers(4)]
    canvas.line([(0.6, 0.55), (0.62, 0.75), (0.6, 0.95)], leg, 0.035)
    if chance(rng, 0.5):
        canvas.line([(0.54, 0.55), (0.48, 0.72), (0.6, 0.76)], leg, 0.035)
    else:
        canvas.line([(0.54, 0.55), (0.52, 0.75), (0.5, 0.95)], leg, 0.035)
    reach = rng.uniform(-0.04, 0.04)
    canvas.stroke(
        [(0.42, 0.48), (0.3, 0.42), (0.4, 0.27), (0.36 + reach, 0.12), (0.28 + reach, 0.1)], body, 0.075
    )
    canvas.blob([(0.34, 0.46), (0.5, 0.35), (0.7, 0.42), (0.86, 0.58), (0.68, 0.62), (0.46, 0.62)], body)
    _wing(
        canvas,
        np.array([(0.44, 0.46), (0.6, 0.4), (0.76, 0.48), (0.9, 0.62), (0.72, 0.58), (0.54, 0.55)]),
        wing,
    )
    _beak(
        canvas, 0.25 + reach, 0.11, rng.uniform(0.13, 0.22), 0.035, _beak_colour(rng), rng.uniform(0.02, 0.12)
    )
    canvas.ellipse(0.3 + reach, 0.1, 0.075, 0.06, body)
    _eye(canvas, 0.28 + reach, 0.09, 0.016, body)


def _feathered(canvas: Canvas, root: Tube, colour: Colour, tip: Colour, depth: float) -> None:
    """An open wing along `root`: a row of feathers behind its leading edge, the outer ones longest."""
    for s in np.linspace(0.06, 0.98, 9):
        start = root.at(s, 0)[0]
        length = depth * (1.15 - 0.5 * abs(s - 0.45))
        lean = np.array([0.35 + 0.5 * s, 1.0 - 0.35 * s])
        end = start + length * lean / np.hypot(*lean)
        canvas.limb([start, (start + end) / 2, end], mix(colour, tip, s), 0.09, 0.045)
    root.draw(canvas, shade(colour, 1.15))


def _flying(canvas: Canvas, rng: np.random.Generator) -> None:
    """A bird that flies to the left, seen from the side, both wings raised."""
    back, belly, wing = _plumage(rng)
    tip = BLACK if chance(rng, 0.4) else shade(wing, 0.7)
    rise = rng.uniform(-0.05, 0.1)
    far = Tube([(0.45, 0.5), (0.4, 0.35), (0.46, 0.14 + rise)], [0.08, 0.07, 0.03])
    _feathered(canvas, far, shade(wing, 0.65), shade(tip, 0.7), 0.24)
    canvas.polygon([(0.62, 0.52), (0.92, 0.56), (0.95, 0.63), (0.9, 0.7), (0.6, 0.66)], shade(wing, 0.85))
    canvas.blob(
        [(0.14, 0.5), (0.26, 0.44), (0.48, 0.48), (0.75, 0.6), (0.5, 0.72), (0.28, 0.68), (0.17, 0.6)], belly
    )
    canvas.blob([(0.14, 0.5), (0.26, 0.44), (0.48, 0.48), (0.75, 0.6), (0.5, 0.59), (0.25, 0.55)], back)
    _beak(canvas, 0.14, 0.53, rng.uniform(0.08, 0.15), 0.04, _beak_colour(rng), 0.03)
    canvas.ellipse(0.21, 0.52, 0.1, 0.09, back)
    _eye(canvas, 0.18, 0.5, 0.018, back)
    near = Tube([(0.38, 0.55), (0.46, 0.36), (0.64, 0.1 + rise)], [0.1, 0.08, 0.035])
    _feathered(canvas, near, wing, tip, 0.28)


def _soaring(canvas: Canvas, rng: np.random.Generator) -> None:
    """A bird seen from below or above, its wings spread to both sides."""
    back, belly, wing = _plumage(rng)
    tip = BLACK if chance(rng, 0.4) else shade(wing, 0.6)
    sweep = rng.uniform(-0.06, 0.1)
    fan = rng.uniform(0.07, 0.13)
    canvas.polygon(
        [(0.47, 0.55), (0.5 - fan, 0.8), (0.5, 0.83), (0.5 + fan, 0.8), (0.53, 0.55)], shade(wing, 0.85)
    )
    for side in (-1, 1):
        places = np.linspace(0.05, 1, 9)
        for s in places:
            start = (0.5 + side * 0.44 * s, 0.4 - 0.1 * np.sin(np.pi * min(s * 1.2, 1)) + sweep * s)
            spread = 0.02 + 0.1 * s**2
            end = (start[0] + side * spread, start[1] + 0.24 * (1.1 - 0.45 * s))
            canvas.limb([start, end], mix(wing, tip, s**2), 0.1, 0.05)
        edge = [
            (0.5 + side * 0.44 * s, 0.39 - 0.1 * np.sin(np.pi * min(s * 1.2, 1)) + sweep * s) for s in places
        ]
        canvas.limb(edge, shade(wing, 1.2), 0.08, 0.05)
    canvas.blob(
        [(0.5, 0.22), (0.57, 0.32), (0.59, 0.46), (0.53, 0.66), (0.47, 0.66), (0.41, 0.46), (0.43, 0.32)],
        belly,
    )
    canvas.polygon([(0.46, 0.2), (0.5, rng.uniform(0.07, 0.12)), (0.54, 0.2)], _beak_colour(rng))
    canvas.ellipse(0.5, 0.24, 0.075, 0.08, back)
    for side in (-1, 1):
        canvas.ellipse(0.5 + side * 0.04, 0.21, 0.016, 0.016, BLACK if sum(back) > 160 else WHITE)
