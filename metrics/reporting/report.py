"""The report on a folder of results."""

from __future__ import annotations

from pathlib import Path

import bam
from bam.attributions.choice import built_in, choose
from bam.base.errors import BamError
from bam.data_prep.dataset import load_dataset
from bam.metrics.reporting.content import Report, Results, Section, read_results
from bam.metrics.reporting.grids import (
    EXAMPLES,
    PAIRS,
    failures,
    networks_of,
    same_images,
    with_and_without,
)
from bam.metrics.reporting.page import write
from bam.metrics.reporting.painted import painted_section, patches_section
from bam.metrics.reporting.provenance import provenance_section
from bam.metrics.reporting.sections import (
    agreement_section,
    chart_parts,
    metric_section,
    overview,
    summary_section,
    validity_section,
)
from bam.metrics.reporting.show import show
from bam.metrics.reporting.trainings import trainings_section
from bam.models.stored import Models

TITLE = "BAM: how right are the saliency maps?"


def write_report(
    folder: str | Path = "runs/results",
    data: str | Path = "data/bam",
    models: str | Path | Models = "runs/models",
    methods: str | None = None,
    figures: Path | None = None,
) -> Path:
    """Write report.html and report.md on the scores in a folder; returns the path of the first.

    data, models: the dataset and the networks that the scores are of, for maps; what of them is not there, or
    is not that which the scores name, is left out of the report, which says so. methods: those whose maps are
    shown, as in `score`, by default those of the scores that BAM has. figures: folder to write the maps to as
    well, as PDF and SVG. Raises `BamError` if the folder has no score.
    """
    models = models if isinstance(models, Models) else Models(models)
    results = read_results(folder, models.folder)
    names = dict.fromkeys(name for score in results.scores for name in score.lines)
    ranked = [name for name in names if (method := built_in(name)) and not method.control]
    pictures, why = _pictures(results, data, models, methods or ",".join(ranked), figures)
    sections = [
        validity_section(results),
        summary_section(results),
        *(metric_section(score, chart_parts(score)) for score in results.scores),
        *trainings_section(results),
        *agreement_section(results),
        *pictures,
        provenance_section(results, why, data, models.folder),
    ]
    report = Report(TITLE, overview(results), sections, f"Made by BAM {bam.__version__}.")
    return write(report, Path(folder))


def _pictures(
    results: Results, data: str | Path, models: Models, methods: str, figures: Path | None
) -> tuple[list[Section], str]:
    """The sections with maps and other pictures, and why some are lacking, if so. methods: those shown."""
    patches, sections = patches_section(results.folder), []
    try:
        dataset, networks = load_dataset(data), networks_of(results, models)
        both, explainers = list(networks.values()), choose(methods, always=())
        same = show(explainers, both, dataset, limit=EXAMPLES)
        pairs = show(explainers, networks["scene"], dataset, limit=PAIRS, pair=True)
        for name, shown in {"maps": same, "pairs": pairs}.items() if figures else ():
            for kind in ("pdf", "svg"):
                shown.save(figures / f"{name}.{kind}")
        sections += [same_images(same.maps), with_and_without(pairs.maps)]
        sections += failures(results, dataset, both, explainers)
        sections += painted_section(results, dataset, networks["object"])
    except BamError as error:
        lacking = "Some kinds of maps are" if sections else "Maps are"
        return [*sections, *patches], f"{lacking} not in this report: {error}."
    return [*sections, *patches], ""
