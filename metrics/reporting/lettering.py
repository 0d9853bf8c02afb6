"""Text that fits into its place: broken into lines, or shortened."""

from __future__ import annotations

import re
from functools import lru_cache

POINT = 1 / 72  # inches
# Where lines can end, as in a regular expression's brackets: in names such as smoothgrad(noise=0.1) and in
# paths; in sentences.
INSIDE_NAMES, SPACES = r"\s_,(/-", r"\s"


@lru_cache(maxsize=4096)
def width(text: str, size: float, bold: bool = False) -> float:
    """Inches that a line of text takes at `size` points, in the font of the pictures."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return TextToPath().get_text_width_height_descent(text, font, ismath=False)[0] * POINT


def wrapped(
    text: str,
    room: float,
    size: float,
    lines: int | None = None,
    bold: bool = False,
    breaks: str = INSIDE_NAMES,
) -> list[str]:
    """The text in lines of at most `room` inches, broken behind characters that are among `breaks`.

    What is longer than a line is broken anywhere. lines: at most so many, the last then ends in dots.
    """
    found = [""]
    for piece in re.findall(f"[^{breaks}]*(?:[{breaks}]|$)", text):
        if width((found[-1] + piece).rstrip(), size, bold) > room and found[-1]:
            found.append("")
        for letter in piece:
            if found[-1] and width((found[-1] + letter).rstrip(), size, bold) > room:
                found.append("")
            found[-1] += letter
    found = [line.strip() for line in found if line.strip()]
    if lines is not None and len(found) > lines:
        last = found[lines - 1]
        while last and width(f"{last}…", size, bold) > room:
            last = last[:-1]
        found = [*found[: lines - 1], f"{last}…"]
    return found
