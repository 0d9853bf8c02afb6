"""The flight deck of an aircraft: windscreen, instruments, overhead switches, levers and yokes."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, Points, hsv, product, shade
from bam.data_prep.sources.drawn.camera import GRID, blend, noise, pick, weather


class _Panel:
    """Cockpit coordinates on the canvas: scaled, shifted and tilted about the middle."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator):
        self.canvas = canvas
        self.scale = rng.uniform(0.8, 1.15)
        tilt = rng.normal(0, 0.05)
        self.turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) * self.scale
        self.shift = np.array([0.5 + rng.uniform(-0.16, 0.16), 0.5 + rng.uniform(-0.1, 0.06)])

    def at(self, points: Points) -> np.ndarray:
        """Canvas points of cockpit points, whose origin is the middle of the picture."""
        return product(np.asarray(points, float), self.turn.T) + self.shift

    def fill(self, points: Points, colour: Colour) -> None:
        """Fill a polygon."""
        self.canvas.polygon(self.at(points), colour)

    def block(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.fill([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        self.canvas.ellipse(*self.at([(x, y)])[0], radius * self.scale, radius * self.scale, colour)

    def line(self, points: Points, colour: Colour, width: float) -> None:
        """Stroke a polyline."""
        self.canvas.line(self.at(points), colour, width * self.scale)


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A flight deck: windscreen over a crowded instrument panel, overhead switches, levers and yokes."""
    air = weather(rng)
    horizon = rng.uniform(0.2, 0.4)
    sky = air.sky(rng, horizon)
    land = pick(rng, hsv(rng.uniform(0.15, 0.4), 0.4, 0.45), hsv(0.58, 0.6, 0.5), shade(air.cloud, 0.9))
    ground = blend(land, shade(land, 1.5), np.clip(noise(rng, 10, 2.5), 0, 1))
    canvas.paint(np.where((np.arange(GRID) / GRID > horizon)[:, None, None], ground, sky))
    panel = _Panel(canvas, rng)
    trim = pick(
        rng,
        hsv(0.6, 0.08, 0.3),
        hsv(0.1, 0.25, 0.5),
        hsv(0.5, 0.35, 0.48),
        hsv(0.62, 0.3, 0.4),
        hsv(0.6, 0.04, 0.6),
    )
    trim = shade(trim, rng.uniform(0.7, 1.2))
    _windscreen(panel, rng, trim)
    _overhead(panel, rng, trim)
    top = rng.uniform(-0.06, 0.02)
    _dashboard(panel, rng, trim, top)
    if rng.uniform() < 0.5:
        _screens(panel, rng, top + 0.08)
    else:
        _gauges(panel, rng, top + 0.09)
    _pedestal(panel, rng, shade(trim, 0.8), top + 0.34)
    yoke = pick(rng, (30, 30, 34), (70, 68, 64), (120, 95, 70))
    for x in (-0.4, 0.4):
        _yoke(panel, x + rng.uniform(-0.03, 0.03), top + rng.uniform(0.38, 0.46), yoke)


def _dashboard(panel: _Panel, rng: np.random.Generator, trim: Colour, top: float) -> None:
    """The body of the instrument panel under its dark glareshield, with a row of warning lamps."""
    panel.fill(
        [(-1.2, top + 0.22), (-0.5, top), (0.5, top), (1.2, top + 0.22), (1.2, 1.2), (-1.2, 1.2)],
        shade(trim, 0.35),
    )
    panel.fill(
        [
            (-1.2, top + 0.28),
            (-0.5, top + 0.06),
            (0.5, top + 0.06),
            (1.2, top + 0.28),
            (1.2, 1.2),
            (-1.2, 1.2),
        ],
        trim,
    )
    for x in np.linspace(-0.42, 0.42, 11):
        panel.block(
            x - 0.02,
            top + 0.015,
            x + 0.02,
            top + 0.04,
            pick(rng, (255, 150, 40), (90, 220, 120), (200, 200, 205), (30, 30, 34)),
        )


def _windscreen(panel: _Panel, rng: np.random.Generator, trim: Colour) -> None:
    """The posts between the window panes and the frame around them."""
    dark = shade(trim, 0.55)
    post, lean = rng.uniform(0.015, 0.035), rng.uniform(0.0, 0.12)
    for x in (-0.42, 0.0, 0.42) if rng.uniform() < 0.7 else (-0.3, 0.3):
        foot = x * (1 + lean) * 1.25
        panel.fill([(x - post, -1), (x + post, -1), (foot + post, 0.3), (foot - post, 0.3)], dark)
        panel.line([(x + post, -0.5), (foot + post, 0.2)], shade(trim, 1.2), 0.006)
    for side in (-1, 1):
        panel.fill(
            [(side * 0.62, -1), (side * 1.4, -1), (side * 1.4, 0.6), (side * 0.86, 0.3), (side * 0.7, -0.1)],
            trim,
        )
        for y in (-0.05, 0.06, 0.17):
            panel.disc(side * (0.83 + y * 0.3), y, 0.03, shade(trim, 0.5))


def _overhead(panel: _Panel, rng: np.random.Generator, trim: Colour) -> None:
    """The panel above the windscreen: rows of switches, knobs and lamps."""
    low = rng.uniform(-0.34, -0.24)
    panel.fill([(-0.75, -1), (0.75, -1), (0.6, low), (-0.6, low)], trim)
    panel.fill([(-0.45, -1), (0.45, -1), (0.38, low - 0.02), (-0.38, low - 0.02)], shade(trim, 0.6))
    for row in range(4):
        y = low - 0.055 - 0.06 * row
        kind = rng.integers(3)
        for x in np.linspace(-0.34, 0.34, 10):
            if kind == 0:
                panel.block(
                    x - 0.012, y - 0.018, x + 0.012, y + 0.018, pick(rng, (225, 225, 220), (30, 30, 32))
                )
            elif kind == 1:
                panel.disc(x, y, 0.02, (215, 212, 200))
                panel.line([(x, y), (x, y - 0.018)], (30, 30, 30), 0.006)
            else:
                lamp = pick(rng, (60, 60, 66), (255, 160, 50), (90, 230, 130), (90, 170, 255))
                panel.block(x - 0.022, y - 0.014, x + 0.022, y + 0.014, lamp)


def _horizon_dial(panel: _Panel, rng: np.random.Generator, x: float, y: float, radius: float) -> None:
    """An artificial horizon: blue over brown, tilted, with the aircraft's mark."""
    bank = rng.uniform(-0.4, 0.4)
    t = np.linspace(0, np.pi, 16) + bank
    half = np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], 1)
    panel.disc(x, y, radius, (70, 150, 225))
    panel.fill(half, (140, 90, 45))
    panel.line([half[0], half[-1]], (245, 245, 245), radius * 0.08)
    panel.line([(x - radius * 0.5, y), (x - radius * 0.15, y)], (255, 210, 40), radius * 0.14)
    panel.line([(x + radius * 0.15, y), (x + radius * 0.5, y)], (255, 210, 40), radius * 0.14)


def _screens(panel: _Panel, rng: np.random.Generator, top: float) -> None:
    """A glass cockpit: attitude displays, maps and engine bars."""
    half, tall = rng.uniform(0.085, 0.1), rng.uniform(0.2, 0.26)
    for index, x in enumerate(np.linspace(-0.56, 0.56, 6)):
        y = top + tall / 2 + 0.02 + max(0, abs(x) - 0.45) * 0.3
        panel.block(x - half - 0.01, y - tall / 2 - 0.01, x + half + 0.01, y + tall / 2 + 0.01, (60, 62, 68))
        panel.block(x - half, y - tall / 2, x + half, y + tall / 2, (12, 14, 20))
        if index in (0, 5):
            _horizon_dial(panel, rng, x, y - 0.015, half * 0.68)
            for edge in (-0.85, 0.85):
                panel.line(
                    [(x + edge * half, y - tall * 0.4), (x + edge * half, y + tall * 0.3)],
                    (190, 195, 200),
                    0.012,
                )
        elif index in (1, 4):
            arc = np.linspace(0.15 * np.pi, 0.85 * np.pi, 12)
            for radius in (0.5, 0.95):
                ring = np.stack(
                    [x + half * radius * np.cos(arc), y + 0.06 - 1.4 * half * radius * np.sin(arc)], 1
                )
                panel.line(ring, (225, 228, 232), 0.007)
            way = x + rng.uniform(-0.04, 0.04)
            panel.line([(x, y + 0.06), (way, y), (x, y - 0.08)], (230, 80, 220), 0.01)
        else:
            for bar in np.linspace(-0.65, 0.65, 4):
                level = rng.uniform(0.2, 0.9) * tall * 0.6
                at = x + bar * half
                panel.line([(at, y + tall * 0.35), (at, y + tall * 0.35 - level)], (90, 230, 120), 0.016)
                panel.line(
                    [(at - 0.012, y - tall * 0.4), (at + 0.012, y - tall * 0.4)], (255, 190, 60), 0.012
                )


def _gauges(panel: _Panel, rng: np.random.Generator, top: float) -> None:
    """Rows of round instruments with ticks and needles."""
    face = pick(rng, (18, 18, 22), (18, 18, 22), (235, 232, 220))
    ink = (240, 240, 235) if face[0] < 100 else (25, 25, 30)
    radius = rng.uniform(0.052, 0.066)
    for row in range(3):
        for column, x in enumerate(np.arange(-4.5, 5) * radius * 2.25):
            y = top + radius + row * radius * 2.25 + max(0, abs(x) - 0.45) * 0.3
            panel.disc(x, y, radius * 1.08, (150, 152, 156))
            panel.disc(x, y, radius, face)
            if row == 0 and column in (1, 8):
                _horizon_dial(panel, rng, x, y, radius * 0.85)
                continue
            for tick in np.arange(7) * 0.8:
                tip = np.array([np.cos(tick), np.sin(tick)]) * radius
                panel.line([(x, y) + tip * 0.72, (x, y) + tip * 0.92], ink, 0.007)
            angle = rng.uniform(0, 2 * np.pi)
            needle = pick(rng, ink, ink, (255, 120, 40))
            panel.line(
                [(x, y), (x + np.cos(angle) * radius * 0.75, y + np.sin(angle) * radius * 0.75)],
                needle,
                0.011,
            )


def _pedestal(panel: _Panel, rng: np.random.Generator, trim: Colour, top: float) -> None:
    """The console between the seats: throttle levers, radios, knobs."""
    panel.fill([(-0.13, top), (0.13, top), (0.2, 1), (-0.2, 1)], shade(trim, 0.75))
    grip = pick(rng, (235, 235, 230), (30, 30, 32), (200, 60, 50))
    for x in (-0.075, -0.025, 0.025, 0.075):
        y = top + rng.uniform(0.03, 0.12)
        panel.line([(x, top + 0.16), (x, y)], (185, 188, 192), 0.012)
        panel.block(x - 0.02, y - 0.02, x + 0.02, y + 0.015, grip)
    for row in range(4):
        y = top + 0.2 + row * 0.06
        panel.block(-0.11, y, 0.0, y + 0.04, (15, 20, 18))
        panel.line([(-0.09, y + 0.02), (-0.03, y + 0.02)], pick(rng, (120, 255, 140), (255, 180, 60)), 0.014)
        for x in (0.04, 0.09):
            panel.disc(x, y + 0.02, 0.018, (210, 210, 205))


def _yoke(panel: _Panel, x: float, y: float, colour: Colour) -> None:
    """A control wheel: two horns on a column."""
    panel.line([(x, y + 0.02), (x, y + 0.6)], shade(colour, 0.7), 0.05)
    horns = [(-0.14, -0.08), (-0.15, 0.03), (-0.07, 0.07), (0.07, 0.07), (0.15, 0.03), (0.14, -0.08)]
    panel.line([(x + a, y + b) for a, b in horns], colour, 0.042)
    panel.block(x - 0.045, y + 0.03, x + 0.045, y + 0.11, shade(colour, 1.5))
