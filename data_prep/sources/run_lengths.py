"""COCO's run lengths: how many pixels in turn lie outside and inside a mask, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from bam.data_prep.sources.photographs import Unusable

# Seven characters hold the 32 bits of a run.
_LONGEST = 7


def run_lengths(counts: Any) -> np.ndarray:
    """int64 (n,): the runs that COCO writes as compressed text or as a list of numbers.

    They are read here, as pycocotools reads past the end of a text that was cut short. Raises `Unusable` for
    what is neither; whether the runs fill a grid is for the caller to see.
    """
    if isinstance(counts, str | bytes):
        return np.array(_decompressed(counts.encode() if isinstance(counts, str) else counts), np.int64)
    try:
        runs = np.asarray(counts, np.float64)
    except (TypeError, ValueError):
        runs = np.full((), np.nan)
    if runs.ndim != 1 or not ((runs >= 0) & (runs < 2**32) & (runs == np.floor(runs))).all():
        raise Unusable("segmentation cannot be read: run lengths must be whole numbers")
    return runs.astype(np.int64)


def _decompressed(text: bytes) -> list[int]:
    """Five bits a character, the lowest first, counted from "0"; bit 32 says that the number goes on, bit 16
    of its last character that it is negative. From the fourth on it is a difference to the last but one.
    """
    runs: list[int] = []
    number = length = 0
    for letter in text:
        bits = letter - ord("0")
        if not 0 <= bits < 64 or length == _LONGEST:
            raise Unusable("segmentation cannot be read: its text is no run lengths of COCO")
        number |= (bits & 31) << 5 * length
        length += 1
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << 5 * length
        if len(runs) > 2:
            number += runs[-2]
        if number < 0:
            raise Unusable("segmentation cannot be read: a run length is negative")
        runs.append(number)
        number = length = 0
    if length:
        raise Unusable("mask stops short of its grid: its run lengths are cut within a number")
    return runs
