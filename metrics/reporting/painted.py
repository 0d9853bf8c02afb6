"""Sections of the report on pictures that metrics make: painted images, and patches."""

from __future__ import annotations

import base64
from pathlib import Path

from bam.attributions.choice import choose
from bam.base.settings import checked
from bam.data_prep.dataset import Dataset
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.inpainting.inpainting import Inpainting, painting_of
from bam.metrics.reporting.content import Part, Picture, Results, Section
from bam.metrics.reporting.grids import Grid, Tile, picture_of
from bam.metrics.results.score import Score
from bam.models.classifier import Classifier
from bam.models.inpainters import INPAINTERS
from bam.models.training.numbered import parted_name

IMAGES = 2


def painted_section(results: Results, dataset: Dataset, network: Classifier) -> list[Section]:
    """The images along the curve of the inpainting metric: of the oracle, the best method, and `random`."""
    score = results.score("inpainting")
    if score is None:
        return []
    inpainter = INPAINTERS.get(score.configuration.metric.get("inpainter", ""))
    if inpainter and "checkpoint" in inpainter.settings():
        return []  # large weights, which may lie on another machine, would be loaded for a few pictures
    methods = _methods(score)
    settings = checked(Inpainting, dict(score.configuration.metric))
    how = RunSettings(limit=IMAGES, seed=score.configuration.run["seed"])
    explainers = choose(methods, always=())
    asked = {"inpainting": settings}
    run = make_run(asked, explainers, dataset, "", results.folder, how, model=network)
    painting = painting_of(run, settings)
    names, found = painting.images.ids, painting.along_the_curve(IMAGES)
    levels = [f"{level}%" for level in painting.levels]
    lines = []
    for place in range(IMAGES):
        for method in methods:
            pictures, classes = found[method][place]
            tiles = []
            for picture, label, level in zip(pictures, classes, levels, strict=True):
                named = network.class_names[label] if label >= 0 else "withheld"
                tiles.append(
                    Tile(picture_of(picture), f"{names[place]}, {method}, {level} painted: {named}", named)
                )
            lines.append((f"{names[place]}, {method}", tiles))
    first, second = (painting.classes[:IMAGES, place] for place in (0, 1))
    told = "; ".join(
        f"{name}: from {network.class_names[a]} to {network.class_names[b]}"
        for name, a, b in zip(names, first, second, strict=False)
    )
    text = (
        f"The most relevant pixels of the first {IMAGES} images are filled by `{painting.inpainter.name}`, "
        f"to show the second class where it can ({told}); under each is what the network then names. "
        "The first painting of each level, of the oracle, of the method that scores best, and of `random`."
    )
    grid = Grid("Painted images along the curve", ["image and method", *levels], lines)
    return [Section("painted", "Painted along the curve", [text], [Part("grid", grid)])]


def _methods(score: Score) -> list[str]:
    best = next(name for name in score.in_order() if not score[name].control)
    return [name for name in ("object_mask", best, "random") if name in score]


def patches_section(folder: Path) -> list[Section]:
    """The sheets of patches that IIR wrote beside its score."""
    parts = []
    for path in sorted(folder.glob("iir-patches-*.png")):
        from PIL import Image

        with Image.open(path) as image:
            width, height = image.size
        recipe, training = parted_name(path.stem.removeprefix("iir-patches-"))
        of = f"recipe {recipe}, training {training} of the network" if training else f"recipe {recipe}"
        words = f"Patches of IIR, {of}: the scene, the dog as pasted, as patched, and how it was changed"
        png = base64.b64encode(path.read_bytes()).decode()
        parts.append(Part("picture", Picture(words, words, png=png, width=width, height=height)))
    text = (
        "A patch leaves the network's answer as it was without it, so that the attribution of its region "
        "should stay as it was, too. The first images of those that IIR is made of."
    )
    return [Section("patches", "Before and after the patch", [text], parts)] if parts else []
