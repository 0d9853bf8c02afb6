"""Lengths that are given for pictures of 224 pixels, in pictures of other sizes."""

from __future__ import annotations


def scaled(length: float, size: tuple[int, int]) -> int:
    """So many pixels of a picture of 224 in one of this size (height, width), by its shorter side.

    Rounded, and at least 1; but 0 stays 0.
    """
    return max(1, round(length * min(size) / 224)) if length else 0
