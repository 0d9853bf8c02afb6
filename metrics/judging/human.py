"""A user's file of human rankings."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import numpy as np

from bam.base.errors import BamError, unknown
from bam.metrics.judging.measures import FEWEST


def read_ranking(path: Path, methods: Collection[str]) -> dict[str, float]:
    """A human ranking: each method's rank, 1 is best, the mean over raters if there are several.

    The file is CSV with the columns `method` and `rank`, and `rater` if there are several; other columns
    are not looked at. Methods that are not ranked are left out. Raises `BamError` if the file cannot be
    used, ranks a method that is not in `methods`, twice by the same rater, or fewer than three.
    """
    if not path.is_file():
        raise BamError(f"there is no human ranking {path}: a CSV file with columns method and rank is needed")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"method", "rank"} <= set(reader.fieldnames or ()):
                raise BamError(f"{path} has no columns method and rank: its first line must name them")
            ranks = _ranks(path, list(reader), methods)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BamError(f"{path} is no CSV file ({error})") from None
    if len(ranks) < FEWEST:
        raise BamError(f"{path} ranks {len(ranks)} methods: at least {FEWEST} of those scored are needed")
    return {name: float(np.mean(list(by_rater.values()))) for name, by_rater in ranks.items()}


def _ranks(path: Path, lines: list[dict], methods: Collection[str]) -> dict[str, dict[str, float]]:
    ranks: dict[str, dict[str, float]] = defaultdict(dict)
    for number, line in enumerate(lines, start=2):
        name, rater = (line["method"] or "").strip(), (line.get("rater") or "").strip()
        if name not in methods:
            raise BamError(f"{path}, line {number}: {unknown('scored method', name, methods)}")
        if rater in ranks[name]:
            raise BamError(f"{path}, line {number}: {name} is ranked twice{f' by {rater}' if rater else ''}")
        try:
            ranks[name][rater] = float(line["rank"])
            if not math.isfinite(ranks[name][rater]):
                raise ValueError
        except (TypeError, ValueError):
            raise BamError(f"{path}, line {number}: rank must be a number, not {line['rank']!r}") from None
    raters = {rater for by_rater in ranks.values() for rater in by_rater}
    for name, by_rater in ranks.items():
        if missing := sorted(raters - set(by_rater)):
            raise BamError(f"{path}: {missing[0] or 'one rater'} does not rank {name}, others do")
    return ranks
