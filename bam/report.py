"""Make the report on scores that are there: one page with charts, tables and maps.

python -m bam.report                                   # runs/results/report.html and report.md
python -m bam.report --figures figures                 # also every chart and the maps as PDF and SVG
python -m bam.report --latex tables --csv tables       # also every table
python -m bam.report --compare runs/a,runs/b           # what differs between folders of results
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bam.base.errors import BamError
from bam.base.settings import Folder, setting, settings
from bam.cli import flags as command


@settings
class What:
    """Of what the report is, and what else is written."""

    out: Folder = setting("runs/results", "folder of the results, and of the report")
    data: Folder = setting("data/bam", "folder of the dataset, for maps")
    models: Folder = setting("runs/models", "folder of the networks, for maps")
    methods: str | None = setting(
        None,
        "methods whose maps are shown (by default those of the scores); yours as path/to/file.py:function",
    )
    figures: str | None = setting(None, "folder to write every chart and the maps to, as PDF and SVG")
    latex: str | None = setting(None, "folder to write every table to, as LaTeX with booktabs' rules")
    csv: str | None = setting(None, "folder to write every table to, as CSV")
    compare: tuple[str, ...] = setting((), "folders of results, with commas, to compare in place of a report")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.report", __doc__, {"settings": What}, argv)


def _main(flags: command.Flags) -> None:
    what = flags.settings(What)
    if what.compare:
        _compare(what)
        return
    from bam.metrics.reporting.content import read_results
    from bam.metrics.reporting.files import write_figures, write_tables

    results = read_results(what.out, what.models)  # nothing is loaded for a folder without scores
    for kind, folder in (("tex", what.latex), ("csv", what.csv)):
        if folder:
            print(*write_tables(results.scores, Path(folder), kind), sep="\n")
    if what.figures:
        print(*write_figures(results.scores, Path(what.figures)), sep="\n")

    import bam.cli.quiet  # noqa: F401

    # isort: split

    from bam.metrics.reporting.report import write_report

    figures = Path(what.figures) if what.figures else None
    print(f"report: {write_report(what.out, what.data, what.models, what.methods, figures)}")


def _compare(what: What) -> None:
    from bam.metrics.reporting.comparing import compare_folders

    if len(what.compare) < 2:
        raise BamError("`compare` takes two folders of results or more, with commas between them")
    print(compare_folders([Path(folder) for folder in what.compare], Path(what.models)), end="")


if __name__ == "__main__":
    main()
