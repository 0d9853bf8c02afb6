"""Curves of metrics that change more and more pixels, as a picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from data_prep.files import replacing

PANEL = (5.0, 4.2)  # inches


@dataclass(frozen=True)
class Plot:
    """Panels side by side, each with a curve for every method.

    axis: label of the x axes; panels: label of the y axis -> method -> values at `x`.
    """

    title: str
    axis: str
    x: Sequence[float]
    panels: Mapping[str, Mapping[str, Sequence[float]]]

    def write(self, path: Path, controls: Collection[str] = ()) -> None:
        """As PNG. Controls are dashed; a method has the same colour in all panels."""
        width, height = PANEL
        figure = Figure((width * len(self.panels) + 2, height), layout="constrained")
        colours = matplotlib.colormaps["tab20"]
        names = list(dict.fromkeys(name for curves in self.panels.values() for name in curves))
        for place, (label, curves) in enumerate(self.panels.items(), start=1):
            axes = figure.add_subplot(1, len(self.panels), place)
            for name, values in curves.items():
                style, colour = "--" if name in controls else "-", colours(names.index(name) % colours.N)
                axes.plot(self.x, values, style, color=colour, label=name, linewidth=1.4)
            axes.set_xlabel(self.axis)
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
        figure.suptitle(self.title, x=0.01, ha="left", fontsize=11)  # clear of the legend
        if names:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
