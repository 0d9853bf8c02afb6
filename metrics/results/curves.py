"""The curves of a score as panels."""

from __future__ import annotations

from collections.abc import Mapping

from bam.base.errors import unknown
from bam.metrics.results.panels import Curve, Role, Section
from bam.metrics.results.schema import Chart, Line
from bam.metrics.statistics.comparison import RANDOM

ORACLE = "object_mask"


def role_of(name: str, line: Line, oracle: bool) -> Role:
    """What a line is among the others; oracle: whether `object_mask` is where the truth is."""
    if not line.control:
        return "method"
    return "chance" if name == RANDOM else "truth" if oracle and name == ORACLE else "control"


def curve_sections(
    chart: Chart, lines: Mapping[str, Line], oracle: bool, panel: str | None = None
) -> list[Section]:
    """A section for each of the chart's panels, or for the one of this key, in the order of the lines.

    Raises `BamError` if the chart has no such panel.
    """
    if panel is not None and panel not in chart.panels.values():
        raise unknown("panel of this chart", panel, list(chart.panels.values()))
    return [
        Section(label, chart.x_label, chart.x, _curves(key, lines, oracle))
        for label, key in chart.panels.items()
        if panel in (None, key)
    ]


def _curves(key: str, lines: Mapping[str, Line], oracle: bool) -> dict[str, Curve]:
    found = {}
    for name, line in lines.items():
        values = line.curves.get(key)
        if values is not None:
            found[name] = Curve(values, line.curve_intervals.get(key), role_of(name, line, oracle))
    if all(curve.role in ("chance", "truth") for curve in found.values()):
        # There is no panel that they could be lines in.
        found = {name: Curve(curve.values, curve.band, "control") for name, curve in found.items()}
    return found
