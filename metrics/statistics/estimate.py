"""A number and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval, over `n` images or points; what is not known is None."""

    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = 0
