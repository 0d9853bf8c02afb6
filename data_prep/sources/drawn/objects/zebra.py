"""The zebra: from the side, looking to the left."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, mix, shade
from bam.data_prep.sources.drawn.forms import BLACK, WHITE, Tube, chance, framed, placed, stand


@framed(bulge=0.8, stretch=0.1)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A zebra from the side, standing or walking, its head high or grazing."""
    white = mix(WHITE, (214, 190, 150), rng.uniform(0, 0.5))
    dark = mix(BLACK, (70, 45, 30), rng.uniform(0, 0.6))
    count, step = rng.integers(7, 13), rng.uniform(-0.1, 0.1)
    far, wide = shade(white, 0.66), rng.uniform(0.42, 0.6)
    legs = stand(canvas, [(0.42, 0.55), (0.74, 0.55)], (0.09, 0.045), far, np.array([-step, step]), 0.015)
    canvas.stroke([(0.83, 0.36), (0.89, 0.45), (0.88, 0.56)], white, 0.03)
    canvas.limb([(0.885, 0.5), (0.88, 0.6), (0.875, 0.68)], dark, 0.035, 0.05)
    body = Tube(
        [(0.33, 0.4), (0.39, 0.41), (0.55, 0.43), (0.72, 0.41), (0.83, 0.43)], [0.16, 0.27, 0.28, 0.29, 0.14]
    )
    body.draw(canvas, white, 0.86)
    legs += stand(canvas, [(0.38, 0.5), (0.77, 0.5)], (0.12, 0.05), white, np.array([step, -step]), 0.015)
    for leg in legs:
        for s in np.arange(0.28, 0.95, 0.15):
            canvas.polygon(leg.band(s, 0.065), dark)
        x, y = leg.path[-1]
        canvas.polygon(
            [(x - 0.03, y - 0.02), (x + 0.025, y - 0.02), (x + 0.03, y + 0.03), (x - 0.045, y + 0.03)], dark
        )
    for s in np.linspace(0.06, 0.95, count):
        lean = 0.1 * max(0, s - 0.55) / 0.45 + rng.uniform(-0.012, 0.012)
        canvas.polygon(body.band(s, wide / count, lean, -1, rng.uniform(0.7, 0.95)), dark)
    _head(canvas, rng, white, dark)


def _head(canvas: Canvas, rng: np.random.Generator, white: Colour, dark: Colour) -> None:
    """Neck with mane, and the striped head, held up or down to the grass."""
    if chance(rng, 0.35):  # grazing
        path, (x, y), angle = [(0.4, 0.38), (0.28, 0.46), (0.19, 0.63)], (0.18, 0.66), -0.45
    else:
        x, y = rng.uniform(0.17, 0.24), rng.uniform(0.13, 0.24)
        path, angle = [(0.4, 0.4), (0.32, 0.29), (x + 0.02, y)], rng.uniform(-0.25, 0.1)
    neck = Tube(path, [0.24, 0.18, 0.12])
    mane = neck.patch(0.15, 1, 0.9, 1.42)
    canvas.polygon(mane, dark)
    neck.draw(canvas, white, 0.86, -1)
    for s in np.linspace(0.18, 0.9, 5):
        canvas.polygon(neck.band(s, 0.085, 0.02, 1, -0.9), dark)
        canvas.polygon(neck.band(s + 0.08, 0.05, 0, 1.4, 1.02), white)
    head = Tube(placed([(0.02, -0.01), (-0.08, 0.06), (-0.17, 0.15)], x, y, 1, angle), [0.13, 0.12, 0.075])
    for lean in (0.05, -0.35):
        ear = placed([(0.0, -0.03), (0.0, -0.13), (0.035, -0.14), (0.055, -0.03)], x, y, 1, angle + lean)
        canvas.blob(ear, dark if lean > 0 else white)
    head.draw(canvas, white)
    canvas.polygon(head.patch(0.76, 1, -1, 1), dark)
    canvas.ellipse(*head.path[-1], 0.042, 0.04, dark)
    for s in (0.06, 0.24, 0.56):
        canvas.polygon(head.band(s, 0.08, 0.03, 1, -0.5), dark)
    canvas.ellipse(*head.at(0.36, 0.35)[0], 0.018, 0.018, BLACK)
