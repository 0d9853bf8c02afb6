"""The truck: from the side, the cab to the left, with many loads."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.forms import BLACK, WHITE, arc, chance, framed, rounded

ROAD = 0.86  # height of the ground under the wheels
DECK = 0.7  # height of the loading floor


def _paint(rng: np.random.Generator) -> Colour:
    """A vehicle colour: mostly a strong one, now and then white, grey or black."""
    if chance(rng, 0.3):
        return hsv(0.6, 0.05, rng.choice([0.25, 0.6, 0.95]))
    return hsv(rng.random(), rng.uniform(0.45, 0.9), rng.uniform(0.4, 0.9))


@framed(bulge=0.45)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A lorry: flat-nosed or bonneted cab, with a box, a tank, a tipper, logs, a mixer drum or a ladder."""
    colour = _paint(rng)
    cargo_colour = _paint(rng) if chance(rng, 0.7) else shade(colour, 0.9)
    nose = chance(rng, 0.4)
    front = 0.37 if nose else 0.29  # where the load begins
    rear = rng.uniform(0.88, 0.97)
    canvas.rectangle(0.08, DECK, rear, DECK + 0.06, (52, 52, 56))
    radius = rng.uniform(0.078, 0.095)
    load = [_box, _tank, _tipper, _logs, _mixer, _ladder][rng.choice(6, p=[0.36, 0.14, 0.18, 0.1, 0.12, 0.1])]
    load(canvas, rng, front + 0.02, rear, cargo_colour)
    (_bonnet_cab if nose else _flat_cab)(canvas, rng, front, colour)
    axles = [0.2 if nose else 0.17, rear - radius * 1.3]
    if chance(rng, 0.6):
        axles.append(rear - radius * 3.5)
    rim = mix(colour, (200, 200, 205), rng.uniform(0.4, 1))
    for x in axles:
        _wheel(canvas, x, ROAD - radius + 0.02, radius, rim)


def _wheel(canvas: Canvas, x: float, y: float, radius: float, rim: Colour) -> None:
    """A tyre with its arch, rim and hub."""
    canvas.ellipse(x, y - radius * 0.12, radius * 1.17, radius * 1.12, (30, 30, 32))
    canvas.ellipse(x, y, radius, radius, (46, 46, 48))
    canvas.ellipse(x, y, radius * 0.6, radius * 0.6, rim)
    canvas.ellipse(x, y, radius * 0.36, radius * 0.36, shade(rim, 0.6))
    canvas.ellipse(x, y, radius * 0.16, radius * 0.16, shade(rim, 1.1))


def _window(canvas: Canvas, points: list[tuple[float, float]]) -> None:
    """A pane with a light reflection in its upper part; `points` run clockwise from the upper left."""
    glass = (98, 128, 150)
    canvas.polygon(points, shade(glass, 0.55))
    a, b, c, d = np.asarray(points)
    canvas.polygon([a, a * 0.45 + b * 0.55, c * 0.25 + d * 0.75, d], glass)
    canvas.polygon([a * 0.8 + b * 0.2, a * 0.6 + b * 0.4, c * 0.1 + d * 0.9, d], (178, 205, 220))


def _flat_cab(canvas: Canvas, rng: np.random.Generator, back: float, colour: Colour) -> None:
    """A flat-nosed cab that ends at x = `back`."""
    top, lean = rng.uniform(0.28, 0.4), rng.uniform(0.02, 0.06)
    dark = shade(colour, 0.7)
    if chance(rng, 0.5):
        canvas.polygon([(0.11, top), (back, top - 0.12), (back, top)], shade(colour, 1.1))  # wind deflector
    canvas.polygon([(0.05 + lean, top), (back, top), (back, 0.76), (0.045, 0.76), (0.045, 0.56)], colour)
    canvas.polygon([(0.045, 0.62), (back, 0.62), (back, 0.76), (0.045, 0.76)], dark)
    sill = top + 0.19
    _window(
        canvas,
        [
            (0.055 + lean, top + 0.03),
            (0.1 + lean, top + 0.03),
            (0.085 + lean * 0.4, sill),
            (0.045 + lean * 0.4, sill),
        ],
    )
    _window(
        canvas,
        [
            (0.125 + lean, top + 0.04),
            (back - 0.03, top + 0.04),
            (back - 0.03, sill),
            (0.115 + lean * 0.4, sill),
        ],
    )
    canvas.line([(0.11, sill + 0.02), (0.11, 0.7)], shade(colour, 0.5), 0.012)
    canvas.line([(back - 0.015, top + 0.04), (back - 0.015, 0.7)], shade(colour, 0.5), 0.012)
    canvas.line([(back - 0.07, sill + 0.05), (back - 0.035, sill + 0.05)], BLACK, 0.016)
    canvas.ellipse(0.065, 0.655, 0.026, 0.03, (255, 240, 180))
    canvas.rectangle(0.03, 0.72, 0.12, 0.775, (70, 70, 74))
    canvas.line([(0.055 + lean, top + 0.05), (0.04, top + 0.06), (0.04, top + 0.11)], BLACK, 0.026)


def _bonnet_cab(canvas: Canvas, rng: np.random.Generator, back: float, colour: Colour) -> None:
    """A cab with a bonnet before it and an exhaust behind, ending at x = `back`."""
    top, hood = rng.uniform(0.3, 0.38), rng.uniform(0.52, 0.56)
    canvas.line(
        [(back - 0.01, top - rng.uniform(0.06, 0.16)), (back - 0.01, 0.7)], (190, 192, 196), 0.03
    )  # exhaust
    canvas.polygon([(0.23, top), (back - 0.02, top), (back - 0.02, 0.76), (0.17, 0.76), (0.17, hood)], colour)
    canvas.polygon(
        [(0.2, hood - 0.03), (0.1, hood - 0.01), (0.06, hood + 0.04), (0.05, 0.76), (0.3, 0.76), (0.3, hood)],
        shade(colour, 0.88),
    )
    canvas.polygon(
        [(0.2, hood - 0.03), (0.1, hood - 0.01), (0.06, hood + 0.04), (0.2, hood + 0.03)], shade(colour, 1.25)
    )
    _window(
        canvas,
        [
            (0.245, top + 0.035),
            (back - 0.045, top + 0.035),
            (back - 0.045, hood - 0.01),
            (0.205, hood - 0.01),
        ],
    )
    canvas.line([(0.205, hood + 0.03), (0.205, 0.7)], shade(colour, 0.5), 0.012)
    canvas.line([(back - 0.08, hood + 0.05), (back - 0.045, hood + 0.05)], BLACK, 0.016)
    canvas.rectangle(0.04, hood + 0.05, 0.065, 0.74, (190, 192, 196))
    canvas.ellipse(0.085, hood + 0.08, 0.026, 0.026, (255, 240, 180))
    canvas.rectangle(0.025, 0.72, 0.14, 0.775, (180, 182, 186))
    canvas.polygon(arc(0.2, ROAD - 0.08, 0.13, 0.13, np.pi, 2 * np.pi), shade(colour, 0.72))


def _box(canvas: Canvas, rng: np.random.Generator, left: float, right: float, colour: Colour) -> None:
    """A box body: ribbed, striped, with a round sign or a panel."""
    top = rng.uniform(0.14, 0.3)
    canvas.rectangle(left, top, right, DECK + 0.02, colour)
    canvas.rectangle(left, top, right, top + 0.035, shade(colour, 1.2))
    canvas.rectangle(left, DECK - 0.05, right, DECK + 0.02, shade(colour, 0.6))
    style, second = rng.integers(4), _paint(rng)
    if style == 0:  # ribs
        for x in np.linspace(left, right, 9)[1:-1]:
            canvas.line([(x, top + 0.04), (x, DECK - 0.05)], shade(colour, 0.78), 0.014)
    elif style == 1:  # a stripe along the side
        y = rng.uniform(top + 0.1, DECK - 0.2)
        canvas.polygon([(left, y), (right, y - 0.05), (right, y + 0.06), (left, y + 0.11)], second)
    elif style == 2:  # a sign
        canvas.ellipse((left + right) / 2, (top + DECK) / 2, 0.17, 0.13, second)
        canvas.ellipse((left + right) / 2, (top + DECK) / 2, 0.1, 0.07, mix(second, WHITE, 0.7))
    else:
        canvas.polygon(
            rounded(left + 0.06, top + 0.1, right - 0.06, DECK - 0.12, 0.03), mix(second, WHITE, 0.3)
        )
        canvas.line([(left + 0.12, 0.42), (right - 0.14, 0.42)], shade(second, 0.5), 0.05)


def _tank(canvas: Canvas, rng: np.random.Generator, left: float, right: float, colour: Colour) -> None:
    """A round tank with straps and a filler on top."""
    metal = mix(colour, (205, 208, 214), rng.uniform(0, 1))
    top = rng.uniform(0.3, 0.36)
    canvas.rectangle(
        (left + right) / 2 - 0.05, top - 0.05, (left + right) / 2 + 0.05, top + 0.03, shade(metal, 0.6)
    )
    for inset, factor in ((0, 0.6), (0.02, 0.85), (0.06, 1.0), (0.1, 1.25)):
        canvas.polygon(
            rounded(left, top + inset * 0.6, right, DECK + 0.01 - inset * 2, 0.11 - inset * 0.6),
            shade(metal, factor),
        )
    for share in (0.25, 0.5, 0.75):
        x = left + share * (right - left)
        canvas.line([(x, top + 0.01), (x, DECK)], shade(metal, 0.55), 0.016)


def _tipper(canvas: Canvas, rng: np.random.Generator, left: float, right: float, colour: Colour) -> None:
    """A tipper body heaped with earth or gravel."""
    top = rng.uniform(0.4, 0.48)
    earth = hsv(rng.uniform(0.06, 0.12), rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.75))
    heights = top - 0.02 - np.array([0, 0.06, 0.12, 0.15, 0.1, 0.05, 0]) * rng.uniform(0.4, 1.1)
    heap = list(
        zip(np.linspace(left + 0.03, right - 0.04, 7), heights + rng.uniform(-0.015, 0.015, 7), strict=True)
    )
    canvas.polygon([*heap, (right - 0.05, DECK), (left + 0.05, DECK)], earth)
    canvas.polygon([*heap[3:], (right - 0.05, DECK), ((left + right) / 2, DECK)], shade(earth, 0.75))
    canvas.polygon(
        [(left, top), (right + 0.01, top), (right - 0.04, DECK + 0.01), (left + 0.02, DECK + 0.01)], colour
    )
    canvas.line([(left, top), (right + 0.01, top)], shade(colour, 1.25), 0.035)
    for x in np.linspace(left, right, 6)[1:-1]:
        canvas.line([(x, top + 0.03), (x, DECK - 0.01)], shade(colour, 0.65), 0.024)


def _logs(canvas: Canvas, rng: np.random.Generator, left: float, right: float, colour: Colour) -> None:
    """A stack of tree trunks between stakes."""
    rows = rng.integers(3, 5)
    for row in range(rows):
        y = DECK - 0.045 - row * 0.085
        bark = hsv(rng.uniform(0.05, 0.09), rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.55))
        inset = 0.01 + 0.02 * row
        canvas.limb([(left + inset, y), (right - inset, y)], bark, 0.085, 0.085)
        canvas.line([(left + inset, y - 0.02), (right - inset, y - 0.02)], shade(bark, 1.3), 0.018)
        canvas.ellipse(right - inset, y, 0.035, 0.042, (222, 184, 130))
        canvas.ellipse(right - inset, y, 0.018, 0.022, (170, 120, 75))
    for x in (left + 0.04, (left + right) / 2, right - 0.09):
        canvas.line([(x, DECK - rows * 0.085 - 0.02), (x, DECK)], shade(colour, 0.8), 0.026)


def _mixer(canvas: Canvas, rng: np.random.Generator, left: float, right: float, colour: Colour) -> None:
    """A concrete mixer's drum on its stands, with a chute."""
    y = 0.46
    canvas.polygon([(left, 0.6), (left + 0.05, 0.5), (left + 0.1, DECK), (left, DECK)], (70, 70, 74))
    canvas.polygon(
        [(right - 0.1, 0.4), (right - 0.04, 0.4), (right - 0.02, DECK), (right - 0.14, DECK)], (70, 70, 74)
    )
    canvas.limb([(right - 0.04, 0.36), (right + 0.01, 0.55)], (150, 150, 152), 0.06, 0.05)  # chute
    upper = [(left, y + 0.02), (left + 0.12, y - 0.16), (left + 0.28, y - 0.18), (right - 0.06, y - 0.22)]
    lower = [
        (right - 0.03, y - 0.11),
        (left + 0.34, y + 0.16),
        (left + 0.16, y + 0.19),
        (left + 0.02, y + 0.12),
    ]
    canvas.polygon([*upper, *lower], colour)
    canvas.polygon([upper[0], *lower], shade(colour, 0.72))
    second = mix(_paint(rng), WHITE, 0.4)
    for share in (0.2, 0.45, 0.7):
        x = left + share * (right - left)
        end = y + (0.11 if share < 0.6 else 0.05)
        canvas.polygon([(x, y - 0.16), (x + 0.05, y - 0.16), (x + 0.11, end), (x + 0.06, end)], second)


def _ladder(canvas: Canvas, rng: np.random.Generator, left: float, right: float, colour: Colour) -> None:
    """A fire engine's body: lockers with shutters below, a ladder on the roof."""
    top, tip = rng.uniform(0.36, 0.44), rng.uniform(0.02, 0.14)
    canvas.rectangle(left - 0.02, top, right, DECK + 0.04, colour)
    canvas.rectangle(left - 0.02, DECK - 0.09, right, DECK - 0.04, (238, 226, 120))
    width = (right - left) / 3
    for x in left + width * np.arange(3):
        canvas.rectangle(x + 0.015, top + 0.05, x + width - 0.02, DECK - 0.11, (176, 180, 186))
        for y in np.arange(top + 0.08, DECK - 0.12, 0.05):
            canvas.line([(x + 0.02, y), (x + width - 0.03, y)], (128, 132, 140), 0.012)
    low, high = top - 0.03, top - 0.1
    rails = np.array([[(left - 0.17, high - tip), (right, high)], [(left - 0.17, low - tip), (right, low)]])
    for share in np.linspace(0.04, 0.96, 10):
        canvas.line(rails[:, 0] * (1 - share) + rails[:, 1] * share, (150, 154, 160), 0.016)
    for rail in rails:
        canvas.line(rail, (205, 208, 212), 0.026)
