"""The report on a folder of results."""

from __future__ import annotations

from pathlib import Path

import bam
from bam.metrics.reporting.content import Report, read_results
from bam.metrics.reporting.page import write
from bam.metrics.reporting.sections import (
    metric_section,
    overview,
    summary_section,
    validity_section,
)


def write_report(
    folder: str | Path = "runs/results", data: str | Path = "data/bam", models: str | Path = "runs/models"
) -> Path:
    """Write report.html and report.md on the scores in a folder; returns the path of the first.

    data, models: the dataset and the networks that the scores are of, for maps; what of them is not there, or
    is not that which the scores name, is left out of the report, which says so. Raises `BamError` if the
    folder has no score.
    """
    results = read_results(folder, models)
    sections = [validity_section(results), summary_section(results), *map(metric_section, results.scores)]
    report = Report(
        "BAM: how right are the saliency maps?", overview(results), sections, f"BAM {bam.__version__}"
    )
    return write(report, Path(folder))
