"""Images that networks are tried on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def noise(count: int, shape: Sequence[int]) -> np.ndarray:
    """Random pixels, always the same, float32 (count, *shape) in 0..255.

    >>> noise(2, (8, 8, 3)).shape
    (2, 8, 8, 3)
    """
    return np.random.default_rng(0).uniform(0, 255, (count, *shape)).astype(np.float32)
