"""Comparison of folders of results: what was asked differently, and what came out differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bam.base.errors import BamError
from bam.metrics.reporting.content import Results, read_results
from bam.metrics.reporting.tables import Cell, Table, heading
from bam.metrics.results.score import Score, changes
from bam.metrics.results.table import cell
from bam.metrics.statistics.comparison import ALPHA, PairedTest, compare
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.step_down import holm_p

PAIRED = (
    "Paired over the images that both use, of the same networks; t with a standard error clustered by "
    "sources; p by Holm's correction over the methods."
)


def compare_folders(folders: Sequence[Path], models: Path) -> str:
    """Every metric that is in two of the folders or more, as Markdown: the first against each of the others.

    Where both scores are of the same images and networks, methods are compared by paired tests; elsewhere
    their values stand side by side, with the reason. Raises `BamError` if no metric is in two of them.
    """
    results = [read_results(folder, models) for folder in folders]
    names = [score.metric for found in results for score in found.scores]
    shared = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if not shared:
        listed = "; ".join(
            f"{found.folder}: {', '.join(s.metric for s in found.scores)}" for found in results
        )
        raise BamError(f"no metric is in two of the folders, so that nothing can be compared ({listed})")
    parts = []
    for name in shared:
        first, *others = [found for found in results if found.score(name)]
        parts += [_compared(name, first, other) for other in others]
    return "\n".join(parts)


def _compared(metric: str, first: Results, second: Results) -> str:
    a, b = first.score(metric), second.score(metric)
    lines = [f"## {heading(a)}: {first.folder} (A) and {second.folder} (B)", ""]
    differences = changes(a.configuration, b.configuration)
    lines += [
        f"A was made {'; '.join(differences)}." if differences else "Made with the same settings.",
        "",
    ]
    reason = why_not_paired(a, b)
    lines += [f"Not paired: {reason}." if reason else PAIRED, ""]
    table = _side_by_side(a, b) if reason else _paired(a, b)
    return "\n".join([*lines, table.markdown()])


def why_not_paired(a: Score, b: Score) -> str:
    """Why the images of two scores cannot be paired; "" if they can."""
    if a.version != b.version:
        return f"they are of versions {a.version} and {b.version} of the metric"
    if a.configuration.dataset != b.configuration.dataset:
        return "they are of different datasets"
    if a.configuration.digests != b.configuration.digests:
        return "they are of different networks"
    if a.images is None or b.images is None:
        return "the numbers of single images are not there"
    if not set(a.images.ids) & set(b.images.ids):
        return "they have no image in common"
    return ""


def _side_by_side(a: Score, b: Score) -> Table:
    names = list(dict.fromkeys([*a.in_order(), *b.in_order()]))
    lines = [(name, [*_value(a, name), *_value(b, name)]) for name in names]
    return Table("Side by side", ["method", "A", "95% interval", "B", "95% interval"], lines)


def _value(score: Score, name: str) -> list[Cell]:
    if name not in score:
        return [Cell("-"), Cell("not scored")]
    line = score[name]
    return [Cell(cell(line.value)), Cell(cell((line.ci_low, line.ci_high)))]


def _paired(a: Score, b: Score) -> Table:
    places = [{image: place for place, image in enumerate(each.images.ids)} for each in (a, b)]
    common = [image for image in a.images.ids if image in places[1]]
    sources = a.images.sources[[places[0][image] for image in common]]
    tests: dict[str, PairedTest] = {}
    for name in (name for name in a.in_order() if name in b.images.values and name in a.images.values):
        values: Mapping[str, np.ndarray] = {
            side: each.images.values[name][[place[image] for image in common]]
            for side, each, place in zip("AB", (a, b), places, strict=True)
        }
        seed = a.configuration.run["seed"]
        (tests[name],) = compare(values, Resampling(sources, seed), a.direction).tests
    known = [name for name, test in tests.items() if test.p is not None]
    corrected = dict(zip(known, holm_p(np.array([tests[name].p for name in known])).tolist(), strict=True))
    lines = [(name, _test_cells(test, corrected.get(name))) for name, test in tests.items()]
    head = ["method", "better", "difference", "95% interval", "images", "p", "told apart"]
    return Table(f"{len(common)} images in common", head, lines)


def _test_cells(test: PairedTest, p: float | None) -> list[Cell]:
    found = test.difference
    if not found.n or found.value is None:
        return [Cell("-")] * 6
    ends = cell((found.ci_low, found.ci_high))
    better = test.better if found.value else "same"
    shown = "-" if p is None else f"{p:.3g}"
    told = "yes" if p is not None and p < ALPHA else "no"
    return [Cell(better), Cell(cell(found.value)), Cell(ends), Cell(str(found.n)), Cell(shown), Cell(told)]
