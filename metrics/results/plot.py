"""Curves of metrics that change more and more pixels, as a picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bam.base.files import replacing

PANEL = (5.0, 4.2)  # inches


@dataclass(frozen=True)
class Plot:
    """Panels side by side, each with a curve for every method.

    axis: label of the x axes; panels: label of the y axis -> method -> values at `x`, None for no curve.
    """

    title: str
    axis: str
    x: Sequence[float]
    panels: Mapping[str, Mapping[str, Sequence[float] | None]]

    def write(self, path: Path, controls: Collection[str] = ()) -> None:
        """As PNG. Controls are dashed; a method has the same colour in all panels."""
        import matplotlib
        from matplotlib.figure import Figure

        width, height = PANEL
        figure = Figure((width * len(self.panels) + 2, height), layout="constrained")
        colours = matplotlib.colormaps["tab20"]
        drawn = [(name, values) for curves in self.panels.values() for name, values in curves.items()]
        names = list(dict.fromkeys(name for name, values in drawn if values is not None))
        lines = {}
        for place, (label, curves) in enumerate(self.panels.items(), start=1):
            axes = figure.add_subplot(1, len(self.panels), place)
            for name in (name for name in names if curves.get(name) is not None):
                style, colour = "--" if name in controls else "-", colours(names.index(name) % colours.N)
                (lines[name],) = axes.plot(self.x, curves[name], style, color=colour, linewidth=1.4)
            axes.set_xlabel(self.axis)
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
        figure.suptitle(self.title, x=0.01, ha="left", fontsize=11)  # clear of the legend
        if names:
            handles = [lines[name] for name in names]
            figure.legend(handles, names, loc="outside right upper", fontsize=8)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
