"""Maps as grids of small pictures in the report: the same images for all methods, and where methods fail."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.choice import Choice, built_in
from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.data_prep.dataset import Dataset
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.reporting.colours import coloured, png_bytes
from bam.metrics.reporting.content import Part, Results, Section
from bam.metrics.reporting.maps import Maps
from bam.metrics.reporting.show import show
from bam.metrics.results.score import Score
from bam.models.stored import Models

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

EXAMPLES, PAIRS = 8, 3
SIDE = 64  # pixels of a picture as it is kept; the page shows it larger
LEGEND = (
    "Maps show positive relevance on one scale for all: black is 0, pale yellow is 1. Negative values count "
    "as 0, the minimum is subtracted, and the 99th percentile of a map becomes 1 (the paper's appendix E); "
    "grey: no number. Under each map stands g_c, its mean over the object's region, of which the scores are "
    "made."
)


@dataclass(frozen=True)
class Tile:
    """A small picture. png: base64; alt: what it shows, in words; text: what stands under it."""

    png: str
    alt: str
    text: str = ""


@dataclass(frozen=True)
class Grid:
    """Small pictures in lines with headings, as `Table` has cells."""

    caption: str
    head: Sequence[str]
    lines: Sequence[tuple[str, Sequence[Tile | None]]]


def networks_of(results: Results, models: Models) -> dict[str, Classifier]:
    """f_o and f_s, loaded. Raises `BamError` if they are not those of the scores."""
    for name in ("object", "scene"):
        if name not in results.networks:
            raise BamError(f"the network {name} of these scores is not in {models.folder}")
    return {name: models[name] for name in ("object", "scene")}


def same_images(maps: Maps) -> Section:
    """Maps of all methods for the same images."""
    rule = f"{maps.rule} {LEGEND}"
    parts = [
        Part(
            "grid",
            _grid(maps, network, f"Maps of the network {network}, which explain the class it is to name"),
        )
        for network in maps.networks
    ]
    return Section("maps", "The same images for all methods", [rule], parts, maps.notes)


def with_and_without(maps: Maps) -> Section:
    """Maps of one network, of images with and without their objects."""
    text = (
        "Of the network that names scenes. A map is to give the region less with the object than without it: "
        "that is what IDR counts."
    )
    grid = _grid(maps, maps.networks[0], "Each image with its object, and below without it")
    return Section("pairs", "With and without the object", [f"{text} {maps.rule}"], [Part("grid", grid)])


def _grid(maps: Maps, network: str, caption: str) -> Grid:
    lines = []
    for place, name in enumerate(maps.ids):
        seen = "with object" if maps.present[place] else "without object"
        words = f"{name}, {seen}"
        tiles: list[Tile | None] = [
            Tile(picture_of(maps.images[place]), f"image {words}", maps.explained[network][place]),
            Tile(picture_of(_mask(maps.masks[place])), f"region of the object in {name}"),
        ]
        for method in maps.methods:
            found = maps.maps.get((network, method))
            if found is None:
                tiles.append(None)
                continue
            value = _value(found.g_c[place], found.status[place])
            alt = f"map of {method}, network {network}, image {words}: {value}"
            tiles.append(Tile(picture_of(coloured(found.positive[place])), alt, value))
        lines.append((name if maps.present[place] else f"{name}, without object", tiles))
    return Grid(caption, ["image", "", "region", *maps.methods], lines)


def _value(g_c: float, status: str) -> str:
    if status in (CONSTANT, NAN):
        return {CONSTANT: "constant", NAN: "no number"}[status]
    return "-" if np.isnan(g_c) else f"{g_c:.2f}"


def _mask(mask: np.ndarray) -> np.ndarray:
    return np.repeat(np.where(mask, 255, 40).astype(np.uint8)[..., None], 3, axis=-1)


def picture_of(picture: np.ndarray) -> str:
    """A picture uint8 (H, W, 3) as a small PNG in base64."""
    return base64.b64encode(png_bytes(picture, SIDE)).decode()


def failures(
    results: Results, dataset: Dataset, networks: Sequence[Classifier], explainers: Sequence[Explainer]
) -> list[Section]:
    """For each method the image in which its maps contradict the truth most, by MCS.

    explainers: those that are known beside BAM's own, which scores can name.
    """
    mcs = results.score("mcs")
    if not (mcs and mcs.images):
        return []
    worst = _worst(mcs)
    known: dict[str, Choice] = {name: name for name in worst if built_in(name)}
    known |= {each.name: each for each in explainers}
    unknown = [name for name in worst if name not in known]
    lines = []
    for method, name in worst.items():
        if method in known:
            maps = show([known[method]], networks, dataset, ids=(name,)).maps
            lines.append((method, _failure(maps, method)))
    head = ["method", "image", "region", "map of the object network", "map of the scene network"]
    text = (
        "For each method the image with its lowest MCS: the object matters to the network that names "
        "objects and not to the one that names scenes, and here its maps say the opposite, or come nearest "
        "to it."
    )
    where = "Not shown, since a score does not say where its code is"
    left_out = [f"{where}: {', '.join(unknown)}."] if unknown else []
    grid = Grid("The image with the lowest MCS of each method", head, lines)
    return [Section("failures", "Where methods fail most", [text, *left_out], [Part("grid", grid)])]


def _worst(score: Score) -> Mapping[str, str]:
    """Of each method that is no control the image with its lowest value; the first of several."""
    found = {}
    for name in score.in_order():
        values = score.images.values.get(name)
        if values is not None and not score[name].control and not np.isnan(values).all():
            found[name] = score.images.ids[int(np.nanargmin(values))]
    return found


def _failure(maps: Maps, method: str) -> list[Any]:
    tiles = _grid(maps, "object", "").lines[0][1]
    return [*tiles[:3], _grid(maps, "scene", "").lines[0][1][2]]
