"""Random numbers that depend on a seed and on names, not on the order of work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator that depends on the seed and the names alone, not on any order of work."""
    digest = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))


def image_seeds(ids: Sequence[str], seed: int, *names: str) -> np.ndarray:
    """uint64 (N,): one seed per image, from the run's seed, `names` and the image's id alone."""
    return np.array([generator(seed, *names, image).integers(2**63) for image in ids], np.uint64)
