"""The report on a folder of results."""

from __future__ import annotations

from pathlib import Path

import bam
from bam.attributions.registry import METHODS
from bam.metrics.reporting.content import Report, read_results
from bam.metrics.reporting.grids import grid_sections
from bam.metrics.reporting.page import write
from bam.metrics.reporting.provenance import provenance_section
from bam.metrics.reporting.sections import (
    agreement_section,
    chart_parts,
    metric_section,
    overview,
    summary_section,
    validity_section,
)

TITLE = "BAM: how right are the saliency maps?"


def write_report(
    folder: str | Path = "runs/results",
    data: str | Path = "data/bam",
    models: str | Path = "runs/models",
    methods: str | None = None,
) -> Path:
    """Write report.html and report.md on the scores in a folder; returns the path of the first.

    data, models: the dataset and the networks that the scores are of, for maps; what of them is not there, or
    is not that which the scores name, is left out of the report, which says so. methods: those whose maps are
    shown, as in `score`, by default those of the scores that BAM has. Raises `BamError` if the
    folder has no score.
    """
    results = read_results(folder, models)
    names = dict.fromkeys(name for score in results.scores for name in score.lines)
    own = [name for name in names if name.partition("(")[0] not in METHODS]
    ranked = [name for name in names if name not in own and not METHODS[name.partition("(")[0]].control]
    grids, why = grid_sections(results, data, models, methods or ",".join(ranked))
    sections = [
        validity_section(results),
        summary_section(results),
        *(metric_section(score, chart_parts(score)) for score in results.scores),
        *agreement_section(results),
        *grids,
        provenance_section(results, why),
    ]
    report = Report(TITLE, overview(results), sections, f"Made by BAM {bam.__version__}.")
    return write(report, Path(folder))
