"""Contenders that take turns, so that what else the machine does slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def medians(
    contenders: dict[str, Callable[[], None]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Seconds of each by a clock, the median of `rounds` rounds in which all take turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            begin = clock()
            run()
            times[name].append(clock() - begin)
    return {name: statistics.median(values) for name, values in times.items()}
