"""The elephant: from the side, looking to the left, or from the front."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, mix, shade
from bam.data_prep.sources.drawn.forms import (
    BLACK,
    GROUND,
    WHITE,
    Tube,
    chance,
    framed,
    mirrored,
    placed,
    stand,
)


@framed(bulge=1.0, stretch=0.1)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """An elephant from the side or from the front, grey to brownish."""
    skin = mix(hsv(rng.uniform(0.04, 0.11), rng.uniform(0.05, 0.3), 0.55), (118, 126, 138), rng.uniform(0, 1))
    skin = shade(skin, rng.uniform(0.75, 1.3))
    if chance(rng, 0.25):
        _front(canvas, rng, skin)
    else:
        _side(canvas, rng, skin)


def _side(canvas: Canvas, rng: np.random.Generator, skin: Colour) -> None:
    """The whole elephant in profile, standing or walking."""
    step, thick = rng.uniform(-0.09, 0.09), rng.uniform(0.12, 0.15)
    far, hips = shade(skin, 0.62), [(0.45, 0.6), (0.76, 0.6)]
    stand(canvas, hips, (thick, thick * 0.85), far, np.array([-step, step]), 0)
    canvas.stroke([(0.86, 0.4), (0.93, 0.52), (0.92, 0.66)], shade(skin, 0.7), 0.022)
    canvas.ellipse(0.92, 0.67, 0.018, 0.035, shade(skin, 0.35))
    hump = rng.uniform(-0.03, 0.03)
    body = Tube(
        [(0.36, 0.42), (0.47, 0.43), (0.62, 0.43 + hump), (0.78, 0.45), (0.87, 0.5)],
        [0.26, 0.4, 0.44, 0.4, 0.2],
    )
    body.draw(canvas, skin, 0.78)
    near = stand(
        canvas, [(0.4, 0.58), (0.8, 0.58)], (thick * 1.15, thick * 0.95), skin, np.array([step, -step]), 0
    )
    for leg in near:
        x, y = leg.path[-1]
        for shift in (-0.04, 0, 0.04):
            canvas.ellipse(x + shift, y + 0.045, 0.015, 0.014, mix(skin, WHITE, 0.55))
    _head(canvas, rng, skin, 0.29, 0.32 + rng.uniform(-0.04, 0.05))


def _head(canvas: Canvas, rng: np.random.Generator, skin: Colour, x: float, y: float) -> None:
    """Head, trunk, tusks and ear in profile; (x, y) is the middle of the skull."""
    trunks = [
        [(0, 0), (-0.11, 0.16), (-0.12, 0.36), (-0.1, 0.52), (-0.16, 0.57)],  # hanging
        [(0, 0), (-0.13, 0.15), (-0.14, 0.34), (-0.04, 0.42), (0.02, 0.33)],  # curled to the mouth
        [(0, 0), (-0.09, 0.12), (-0.17, 0.06), (-0.17, -0.1), (-0.1, -0.2)],  # raised
        [(0, 0), (-0.12, 0.16), (-0.17, 0.34), (-0.21, 0.4), (-0.19, 0.28)],  # held out
    ]
    canvas.ellipse(x, y, 0.15, 0.17, skin)
    trunk = Tube(placed(trunks[rng.integers(4)], x - 0.05, y + 0.02), [0.2, 0.15, 0.1, 0.075, 0.055])
    trunk.draw(canvas, skin, 0.8, -1)
    for s in np.arange(0.35, 0.95, 0.12):
        canvas.polygon(trunk.band(s, 0.03), shade(skin, 0.82))
    if chance(rng, 0.65):
        length = rng.uniform(0.08, 0.14)
        tusk = [
            (x - 0.05, y + 0.14),
            (x - 0.1, y + 0.14 + length * 0.7),
            (x - 0.08 - length, y + 0.12 + length * 0.75),
        ]
        canvas.limb(tusk, (240, 232, 208), 0.05, 0.02)
    canvas.ellipse(x - 0.08, y - 0.03, 0.02, 0.02, BLACK)
    size = rng.uniform(0.85, 1.15)
    ear = [(0, -0.16), (0.12, -0.17), (0.2, -0.06), (0.18, 0.1), (0.1, 0.24), (0.03, 0.18), (-0.03, 0.05)]
    turn = rng.uniform(-0.25, 0.2)
    canvas.blob(placed(ear, x + 0.06, y, size * 1.07, turn), shade(skin, 0.62))
    canvas.blob(
        placed(ear, x + 0.06, y, size, turn), mix(shade(skin, 1.1), (205, 150, 140), rng.uniform(0, 0.3))
    )


def _front(canvas: Canvas, rng: np.random.Generator, skin: Colour) -> None:
    """An elephant that faces the viewer, its ears spread."""
    canvas.ellipse(0.5, 0.45, 0.27, 0.33, shade(skin, 0.7))
    for x, tone in ((0.4, 0.66), (0.6, 0.66), (0.34, 0.88), (0.66, 0.88)):
        canvas.limb([(x, 0.55), (x, 0.75), (x, GROUND - 0.03)], shade(skin, tone), 0.17, 0.14)
    for x in (0.29, 0.34, 0.39, 0.61, 0.66, 0.71):
        canvas.ellipse(x, GROUND + 0.025, 0.018, 0.015, mix(skin, WHITE, 0.5))
    size, droop = rng.uniform(0.9, 1.1), rng.uniform(-0.15, 0.25)
    inside = mix(skin, (200, 150, 140), rng.uniform(0.1, 0.3))
    ear = np.array(
        [(0, -0.14), (0.14, -0.22), (0.29, -0.16), (0.33, 0.0), (0.25, 0.16), (0.14, 0.25), (0.03, 0.14)]
    )
    for side in (-1, 1):
        for scale, colour in ((1.08, shade(skin, 0.6)), (0.96, inside)):
            outline = placed(ear, 0, 0, size * scale, droop) * (side, 1) + (0.5 + side * 0.1, 0.28)
            canvas.blob(outline, colour)
    face = mirrored([(0.04, 0.08), (0.13, 0.13), (0.16, 0.3), (0.1, 0.44)])
    canvas.blob(face, shade(skin, 1.08))
    if chance(rng, 0.7):
        for side in (-1, 1):
            path = [(0.5 + side * 0.09, 0.42), (0.5 + side * 0.13, 0.52), (0.5 + side * 0.1, 0.63)]
            canvas.limb(path, (240, 232, 208), 0.045, 0.022)
    sway = rng.uniform(-0.1, 0.1)
    trunk = Tube(
        [(0.5, 0.3), (0.5, 0.5), (0.5 + sway * 0.4, 0.68), (0.5 + sway, 0.8)], [0.16, 0.14, 0.1, 0.08]
    )
    trunk.draw(canvas, shade(skin, 1.02), 0.75, rng.choice([-1, 1]))
    for s in np.arange(0.3, 0.95, 0.11):
        canvas.polygon(trunk.band(s, 0.03), shade(skin, 0.75))
    for side in (-1, 1):
        canvas.ellipse(0.5 + side * 0.1, 0.28, 0.02, 0.024, BLACK)
