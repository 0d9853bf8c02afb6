"""The dog: many coats; standing or sitting sideways, to the left, or sitting face on."""

from __future__ import annotations

import numpy as np

from bam.data_prep.sources.drawn.brush import Canvas, Colour, hsv, shade
from bam.data_prep.sources.drawn.forms import BLACK, WHITE, Tube, chance, framed, placed, stand

TONGUE = (222, 110, 120)


def _coat(rng: np.random.Generator) -> tuple[Colour, Colour, str]:
    """A dog's main colour, second colour and pattern."""
    browns = [hsv(rng.uniform(0.04, 0.11), rng.uniform(0.4, 0.75), rng.uniform(0.3, 0.85)) for _ in range(2)]
    cream = hsv(0.1, rng.uniform(0.1, 0.3), rng.uniform(0.85, 0.95))
    black = hsv(rng.random(), 0.1, rng.uniform(0.13, 0.22))
    grey = hsv(0.6, 0.06, rng.uniform(0.4, 0.6))
    choices = [
        (browns[0], shade(browns[0], 1.25), "plain"),
        (black, browns[1], "points"),
        (black, shade(black, 1.5), "plain"),
        (cream, shade(cream, 0.85), "plain"),
        (WHITE, black, "spots"),
        (WHITE, browns[0], "patches"),
        (WHITE, black, "patches"),
        (browns[1], black, "saddle"),
        (grey, WHITE, "points"),
    ]
    return choices[rng.integers(len(choices))]


@framed(bulge=0.9)
def draw(canvas: Canvas, rng: np.random.Generator) -> None:
    """A dog, standing or walking, sitting sideways, or sitting and looking at the viewer."""
    main, second, pattern = _coat(rng)
    pose = rng.choice(["stand", "sit", "front"], p=[0.5, 0.25, 0.25])
    {"stand": _standing, "sit": _sitting, "front": _facing}[pose](canvas, rng, main, second, pattern)


def _markings(canvas: Canvas, rng: np.random.Generator, body: Tube, second: Colour, pattern: str) -> None:
    """Spots, patches, a saddle or a light belly on the dog's `body`."""
    if pattern == "spots":
        for s in np.linspace(0.06, 0.94, 9):
            for r in (rng.uniform(-0.8, -0.1), rng.uniform(0.0, 0.75)):
                canvas.ellipse(
                    *body.at(s + rng.uniform(-0.04, 0.04), r)[0], *rng.uniform(0.013, 0.026, 2), second
                )
    elif pattern == "patches":
        for s in (rng.uniform(0.1, 0.35), rng.uniform(0.6, 0.85)):
            canvas.polygon(body.band(s, 0.3, 0.03, -1, rng.uniform(0, 0.5)), second)
            canvas.ellipse(*body.at(s, 0)[0], 0.06, 0.05, second)
    elif pattern == "saddle":
        canvas.polygon(body.patch(0.1, 0.95, -1, 0.1), second)
    elif pattern == "points":
        canvas.polygon(body.patch(0.05, 0.9, 0.6, 1), second)


def _standing(canvas: Canvas, rng: np.random.Generator, main: Colour, second: Colour, pattern: str) -> None:
    """A dog on its four legs, in profile."""
    top = rng.uniform(0.42, 0.58)  # the lower the back, the shorter the legs
    deep, step = rng.uniform(0.2, 0.31), rng.uniform(-0.14, 0.14)
    thick = rng.uniform(0.085, 0.12)
    foot = second if pattern == "points" else main
    hips = top + deep * 0.15
    far = stand(
        canvas,
        [(0.38, hips), (0.76, hips)],
        (thick, thick * 0.6),
        shade(foot, 0.65),
        np.array([-step, step]),
        0.03,
    )
    tail = [(0.8, top - 0.04), (0.9, top - 0.1), (0.94, top - rng.uniform(-0.15, 0.28))]
    canvas.limb(tail, main, 0.07, 0.09 if chance(rng, 0.3) else 0.03)
    body = Tube(
        [(0.29, top - 0.02), (0.36, top), (0.55, top - 0.01), (0.72, top - 0.02), (0.82, top)],
        [0.14, deep * 1.1, deep * 0.95, deep * 0.85, 0.12],
    )
    body.draw(canvas, main, 0.82)
    _markings(canvas, rng, body, second, pattern)
    near = stand(
        canvas, [(0.35, hips), (0.77, hips)], (thick * 1.3, thick * 0.65), main, np.array([step, -step]), 0.03
    )
    for leg, tone in [(leg, 0.65) for leg in far] + [(leg, 1) for leg in near]:
        x, y = leg.path[-1]
        canvas.ellipse(x - 0.022, y + 0.008, 0.048, 0.026, shade(foot, tone))
    drop = rng.uniform(-0.2, -0.08)
    canvas.limb([(0.34, top), (0.27, top + drop * 0.6), (0.24, top + drop)], main, 0.2, 0.16)
    if chance(rng, 0.4):
        canvas.line(
            [(0.19, top + drop * 0.55), (0.35, top + drop * 0.85)], hsv(rng.random(), 0.8, 0.8), 0.035
        )
    _head(canvas, rng, (0.22, top + drop - 0.04), main, second, pattern)


def _sitting(canvas: Canvas, rng: np.random.Generator, main: Colour, second: Colour, pattern: str) -> None:
    """A sitting dog, in profile."""
    foot = second if pattern == "points" else main
    canvas.limb([(0.68, 0.86), (0.82, 0.86), (0.9, rng.uniform(0.65, 0.85))], shade(main, 0.9), 0.07, 0.03)
    canvas.limb([(0.44, 0.55), (0.43, 0.75), (0.42, 0.91)], shade(foot, 0.65), 0.1, 0.06)
    body = Tube(
        [(0.4, 0.36), (0.45, 0.46), (0.53, 0.62), (0.61, 0.76), (0.6, 0.85)], [0.2, 0.27, 0.3, 0.32, 0.2]
    )
    body.draw(canvas, main, 0.8, 1)
    _markings(canvas, rng, body, second, pattern)
    canvas.ellipse(0.63, 0.78, 0.135, 0.15, shade(main, 0.93))
    canvas.ellipse(0.55, 0.91, 0.1, 0.035, foot)
    canvas.limb([(0.38, 0.5), (0.37, 0.7), (0.36, 0.91)], foot, 0.13, 0.07)
    canvas.ellipse(0.33, 0.915, 0.06, 0.03, foot)
    if chance(rng, 0.5):
        canvas.line([(0.31, 0.37), (0.42, 0.4), (0.49, 0.35)], hsv(rng.random(), 0.8, 0.8), 0.035)
    _head(canvas, rng, (0.38, 0.24), main, second, pattern)


def _head(
    canvas: Canvas,
    rng: np.random.Generator,
    at: tuple[float, float],
    main: Colour,
    second: Colour,
    pattern: str,
) -> None:
    """The head in profile; `at` is the middle of the skull."""
    angle, size, snout = rng.uniform(-0.25, 0.2), rng.uniform(0.205, 0.25), rng.uniform(0.88, 1.12)

    def local(points: list[tuple[float, float]]) -> np.ndarray:
        return placed(points, *at, size, angle)

    ear_colour = second if pattern in ("patches", "saddle") else shade(main, 0.62 if sum(main) > 160 else 1.7)
    pointed = chance(rng, 0.4)
    if pointed:
        canvas.polygon(local([(-0.12, -0.3), (0.02, -0.85), (0.22, -0.3)]), shade(ear_colour, 0.7))
    if chance(rng, 0.45):
        canvas.limb(local([(-0.5, 0.3), (-0.62, 0.5), (-0.6, 0.65)]), TONGUE, size * 0.2, size * 0.16)
    canvas.limb(local([(-0.3, 0.28), (-0.72 * snout, 0.36)]), shade(main, 0.75), size * 0.3, size * 0.16)
    muzzle = second if pattern == "points" else main
    canvas.limb(
        local([(-0.2, 0.05), (-0.6 * snout, 0.16), (-0.88 * snout, 0.16)]), muzzle, size * 0.55, size * 0.28
    )
    canvas.ellipse(*at, size * 0.5, size * 0.46, main)
    canvas.line(local([(-0.88 * snout, 0.32), (-0.4, 0.34)]), shade(main, 0.4), 0.012)
    canvas.ellipse(*local([(-0.98 * snout, 0.06)])[0], size * 0.13, size * 0.11, BLACK)
    canvas.ellipse(
        *local([(-0.27, -0.1)])[0], size * 0.1, size * 0.1, BLACK if sum(main) > 160 else (190, 140, 60)
    )
    if pointed:
        canvas.polygon(local([(0.06, -0.3), (0.3, -0.9), (0.46, -0.15)]), ear_colour)
    else:
        long = rng.uniform(0.85, 1.15)
        ear = [(0.0, -0.3), (0.3, -0.36), (0.48, 0.0), (0.5, 0.45 * long), (0.3, 0.62 * long), (0.12, 0.3)]
        canvas.blob(local(ear), ear_colour)


def _facing(canvas: Canvas, rng: np.random.Generator, main: Colour, second: Colour, pattern: str) -> None:
    """A dog that sits and looks at the viewer."""
    light = second if pattern in ("points", "patches") and sum(second) > sum(main) else shade(main, 1.2)
    canvas.limb([(0.66, 0.86), (0.8, 0.8), (0.84, rng.uniform(0.6, 0.75))], shade(main, 0.85), 0.07, 0.04)
    for side in (-1, 1):
        canvas.ellipse(0.5 + side * 0.18, 0.8, 0.12, 0.14, shade(main, 0.8))
        canvas.ellipse(0.5 + side * 0.21, 0.92, 0.08, 0.035, shade(main, 0.9))
    body = Tube([(0.5, 0.38), (0.5, 0.55), (0.5, 0.72), (0.5, 0.82)], [0.26, 0.34, 0.36, 0.3])
    body.draw(canvas, main)
    _markings(canvas, rng, body, second, pattern if pattern == "spots" else "plain")
    canvas.ellipse(0.5, 0.54, 0.1, 0.15, light)
    for side in (-1, 1):
        canvas.limb([(0.5 + side * 0.09, 0.6), (0.5 + side * 0.09, 0.9)], shade(main, 0.95), 0.12, 0.09)
        canvas.ellipse(0.5 + side * 0.1, 0.92, 0.065, 0.035, light)
    canvas.limb([(0.5, 0.7), (0.5, 0.92)], shade(main, 0.5), 0.02, 0.06)
    if chance(rng, 0.5):
        canvas.stroke([(0.38, 0.42), (0.5, 0.47), (0.62, 0.42)], hsv(rng.random(), 0.8, 0.8), 0.035)
    _face(canvas, rng, main, light, second if pattern in ("patches", "saddle") else shade(main, 0.65))


def _face(canvas: Canvas, rng: np.random.Generator, main: Colour, light: Colour, ears: Colour) -> None:
    """The face of a dog that looks at the viewer."""
    tilt, y = rng.uniform(-0.15, 0.15), 0.26
    wide = rng.uniform(0.16, 0.2)
    pointed = chance(rng, 0.25)
    if sum(ears) < 120:
        ears = shade(main, 1.8)

    def local(points: list[tuple[float, float]]) -> np.ndarray:
        return placed(points, 0.5, y, 1, tilt)

    canvas.blob(
        local([(-wide, -0.05), (-0.08, -0.18), (0.08, -0.18), (wide, -0.05), (0.12, 0.13), (-0.12, 0.13)]),
        main,
    )
    for side in (-1, 1):
        if pointed:
            ear = [(side * wide * 1.02, -0.02), (side * wide * 0.95, -0.27), (side * wide * 0.2, -0.14)]
            canvas.polygon(local(ear), ears)
        else:
            ear = np.array(
                [(0.5, -0.17), (0.95, -0.16), (1.35, 0.05), (1.25, 0.2), (0.95, 0.14), (0.8, -0.05)]
            )
            canvas.blob(local(ear * (side * wide, 1)), ears)
    if chance(rng, 0.5):
        canvas.limb(local([(0.0, 0.13), (0.01, 0.21)]), TONGUE, 0.07, 0.06)
    canvas.ellipse(*local([(0, 0.085)])[0], rng.uniform(0.1, 0.125), 0.09, light)
    if chance(rng, 0.4):
        canvas.polygon(local([(-0.025, -0.17), (0.025, -0.17), (0.05, 0.05), (-0.05, 0.05)]), light)
    canvas.stroke(
        local([(-0.06, 0.1), (-0.03, 0.125), (0, 0.1), (0.03, 0.125), (0.06, 0.1)]), shade(light, 0.35), 0.015
    )
    canvas.line(local([(0, 0.05), (0, 0.1)]), shade(light, 0.35), 0.015)
    canvas.ellipse(*local([(0, 0.035)])[0], 0.05, 0.038, BLACK)
    for side in (-1, 1):
        x, y_eye = local([(side * 0.08, -0.035)])[0]
        canvas.ellipse(x, y_eye, 0.026, 0.026, BLACK if sum(main) > 160 else (190, 140, 60))
        canvas.ellipse(x, y_eye, 0.016, 0.016, BLACK)
        canvas.ellipse(x + 0.007, y_eye - 0.008, 0.008, 0.008, WHITE)
