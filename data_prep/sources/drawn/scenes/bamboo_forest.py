"""The bamboo forest: jointed canes under feathery leaves."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, gradient, hsv, mix, shade
from bam.data_prep.sources.drawn.camera import GRID, blend, noise, pick, tint, weather


def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """Jointed canes in three depths under feathery leaves, seen straight on or looking up."""
    air = weather(rng)
    hue = pick(rng, rng.uniform(0.22, 0.36), rng.uniform(0.12, 0.2), rng.uniform(0.36, 0.5))
    mist = mix(hsv(hue, rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.95)), air.low, 0.3)
    ground = hsv(rng.uniform(0.06, 0.3), 0.45, rng.uniform(0.25, 0.55))
    horizon = rng.uniform(0.65, 1.0)
    picture = np.repeat(gradient(shade(mist, rng.uniform(0.6, 1.2)), mist, GRID), GRID, 1)
    below = np.clip((np.arange(GRID) / GRID - horizon) * 8, 0, 1)[:, None]
    litter = blend(ground, shade(ground, 1.7), np.clip(noise(rng, 40, 0.4), 0, 1))
    picture = blend(picture, litter, np.repeat(below, GRID, 1))
    canvas.paint(picture + noise(rng, 9, 0.5)[..., None] * 18)
    sky_point = (rng.uniform(0, 1), -pick(rng, rng.uniform(0.3, 1.5), rng.uniform(2, 5), 15.0))
    scale = rng.uniform(0.75, 1.3)
    cane = hsv(hue, rng.uniform(0.45, 0.8), rng.uniform(0.5, 0.85))
    leaf = hsv(hue + rng.uniform(-0.03, 0.06), rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.75))
    for depth, (count, width) in enumerate([(22, 0.014), (12, 0.034), (6, 0.07)]):
        near = 0.35 + 0.325 * depth
        count = max(4, round(count / scale))
        for x in (np.arange(count) + rng.uniform(-0.4, 1.4, count)) / count:
            colour = hsv(hue + rng.normal(0, 0.012), rng.uniform(0.4, 0.8), rng.uniform(0.45, 0.9))
            colour = mix(mist, mix(cane, colour, 0.5), near)
            foot = horizon + (1.1 - horizon) * (depth + rng.uniform(0, 1)) / 2
            thickness = width * scale * rng.uniform(0.7, 1.3)
            _cane(canvas, rng, (x, foot), sky_point, thickness, colour)
        _leaves(canvas, rng, 14 + 10 * depth, 0.05 * scale * (0.6 + 0.5 * depth), mix(mist, leaf, near))
    tint(canvas, air.tint)


def _cane(
    canvas: Canvas,
    rng: np.random.Generator,
    foot: tuple[float, float],
    sky_point: tuple[float, float],
    width: float,
    colour: Colour,
) -> None:
    """One bamboo cane from its foot towards `sky_point`: shaded segments with pale rings at the joints."""
    lean = rng.normal(0, 0.02)
    start = np.array(foot)
    run = np.array(sky_point) - start + [lean, 0]
    reach = min(1.0, (foot[1] + 0.05) / -run[1])
    tip = start + run * reach
    taper = 1 - reach * min(0.75, 0.9 / abs(run[1]))
    across = np.array([width / 2, 0])

    def band(left: float, right: float, colour: Colour) -> None:
        canvas.polygon(
            [
                start + across * left,
                start + across * right,
                tip + across * right * taper,
                tip + across * left * taper,
            ],
            colour,
        )

    band(-1, 1, shade(colour, 0.62))
    band(-0.85, 0.45, colour)
    if width > 0.02:
        band(-0.6, -0.15, shade(colour, 1.35))
    joint = max(width * rng.uniform(2.4, 3.6), 0.07) / np.linalg.norm(tip - start)
    for share in np.arange(rng.uniform(0, joint), 1, joint):
        centre = start + (tip - start) * share
        half = across * (1 - (1 - taper) * share) * 1.15
        thick = max(width * 0.1, 0.005)
        canvas.line([centre - half, centre + half], shade(colour, 0.4), thick)
        if width > 0.02:
            rim = np.array([0, thick])
            canvas.line([centre - half - rim, centre + half - rim], shade(colour, 1.5), thick * 0.7)


def _leaves(canvas: Canvas, rng: np.random.Generator, count: int, length: float, colour: Colour) -> None:
    """Sprays of narrow pointed leaves, denser towards the top of the picture."""
    for x, y in np.stack([rng.uniform(0, 1, count), rng.beta(0.8, 2.2, count)], 1):
        tone = shade(colour, rng.uniform(0.6, 1.4))
        for angle in rng.uniform(0.15, 0.85) * np.pi + np.arange(-1, 2) * rng.uniform(0.3, 0.6):
            along = np.array([np.cos(angle), np.sin(angle)]) * length * rng.uniform(0.8, 1.6)
            side = np.array([-along[1], along[0]]) * 0.13
            at = np.array([x, y])
            canvas.polygon([at, at + along * 0.4 + side, at + along, at + along * 0.4 - side], tone)
