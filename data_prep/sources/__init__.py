"""Where objects and scenes come from: COCO, MiniPlaces, the drawn sample."""

from bam.data_prep.sources import coco, drawn_sample, miniplaces  # noqa: F401, they register themselves
from bam.data_prep.sources.photographs import Unusable
from bam.data_prep.sources.registry import (
    SOURCES,
    Item,
    Items,
    ObjectSource,
    SceneSource,
    Source,
    Sources,
    make_source,
    source,
)

__all__ = [
    "SOURCES",
    "Item",
    "Items",
    "ObjectSource",
    "SceneSource",
    "Source",
    "Sources",
    "Unusable",
    "make_source",
    "source",
]
