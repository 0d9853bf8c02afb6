"""Charts and tables of scores as files, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bam.metrics.reporting import charts
from bam.metrics.reporting.export import save
from bam.metrics.results.score import Score


def write_figures(scores: Sequence[Score], folder: Path) -> list[Path]:
    """Every chart of every score as <metric>-<chart>.pdf and .svg; gives the paths.

    They are as wide as a column, or as two where there are panels.
    """
    paths = []
    for score in scores:
        for chart in charts.available(score):
            figure = chart(score)
            for ending in ("pdf", "svg"):
                paths.append(save(figure, folder / f"{score.metric}-{chart.__name__}.{ending}"))
    return paths


def write_tables(scores: Sequence[Score], folder: Path, kind: str) -> list[Path]:
    """Every table as <metric>.tex or <metric>.csv, by the kind; gives the paths."""
    paths = [folder / f"{score.metric}.{kind}" for score in scores]
    for score, path in zip(scores, paths, strict=True):
        (score.to_latex if kind == "tex" else score.to_csv)(path)
    return paths
