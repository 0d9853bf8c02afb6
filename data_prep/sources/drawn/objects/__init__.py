"""One module for each object class, named by it, whose `draw` draws one on a canvas."""

from importlib import import_module

from bam.data_prep.classes import OBJECTS
from bam.data_prep.sources.drawn.brush import Drawing

DRAW_OBJECT: dict[str, Drawing] = {name: import_module(f"{__name__}.{name}").draw for name in OBJECTS}
