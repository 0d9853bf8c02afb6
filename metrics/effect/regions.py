"""More points in an image: halves of its object and boxes of its background, each exchanged by donors."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from bam.base.seeds import image_seeds
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.dataset import Batch, View
from bam.metrics.effect.points import Points
from bam.metrics.evaluation.effects import WITH, ask, effect, others
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.regions import boxes, positive_map, region_attribution
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.sweep import raw_maps, row_files, sweep
from bam.metrics.statistics.rank_correlation import rank_contributions
from bam.models.inpainters.base import prompt_of
from bam.models.inpainters.donor import Donor

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

VERSION = 1
HALVES, BACKGROUND = ("left", "right"), ("background_1", "background_2")
REGIONS = HALVES + BACKGROUND


@dataclass(frozen=True)
class OfRegions:
    """What one map gives to the regions of one image: means of the positive map, NaN where there is none.

    The others as in `Row`.
    """

    image_id: str
    model: str
    method: str
    left: float
    right: float
    background_1: float
    background_2: float
    seconds: float


class Regions:
    """The regions of the images of a view, and the pictures in which donors stand in their place.

    The halves of an object are left and right of its centroid. The boxes have the form of the object's box
    and as many pixels as half of the object, as nearly as whole sides can; they lie anywhere where the object
    is not, drawn from the image's id and the seed. A half is exchanged for what a picture with another object
    there has, a box for what the same picture in another scene has (see `Donor`).
    """

    def __init__(self, view: View, seed: int):
        self._seed = seed
        self._objects = Donor(view.dataset, "object", view)
        self._scenes = Donor(view.dataset, "scene", view)

    def masks(self, batch: Batch) -> dict[str, np.ndarray]:
        """For each region bool (n, 128, 128); empty where there is no room for it."""
        found = {"left": left_halves(batch.masks)}
        found["right"] = batch.masks & ~found["left"]
        for name in BACKGROUND:
            seeds = image_seeds(batch.ids, self._seed, name)
            found[name] = np.stack([free_box(*each) for each in zip(batch.masks, seeds, strict=True)])
        return found

    def __call__(self, batch: Batch, name: str) -> np.ndarray:
        """uint8 (n, 128, 128, 3): the images themselves, or with a region exchanged, as in "left 1"."""
        if name == WITH:
            return batch.images
        region, number = name.split()
        half = region in HALVES
        donor, classes = (self._objects, OBJECTS) if half else (self._scenes, SCENES)
        labels = batch.object_labels if half else batch.scene_labels
        prompts = [
            prompt_of(others(classes, label, image, self._seed, int(number), donor.shown))
            for image, label in zip(batch.ids, labels, strict=True)
        ]
        # Both halves of an object come from one donor.
        seeds = image_seeds(batch.ids, self._seed, f"{donor.name} {number}")
        return donor.fill(batch.images, self.masks(batch)[region], prompts, seeds, batch.ids)


def left_halves(masks: np.ndarray) -> np.ndarray:
    """Of masks, bool (N, H, W), the pixels left of their centroids."""
    columns = np.arange(masks.shape[2])
    centroids = (masks * columns).sum((1, 2)) / np.maximum(masks.sum((1, 2)), 1)
    return masks & (columns < centroids[:, None, None])


def free_box(mask: np.ndarray, seed: int) -> np.ndarray:
    """A box that meets no pixel of a mask, bool (H, W), as `Regions` says; empty if none fits."""
    result = np.zeros(mask.shape, bool)
    top, left, bottom, right = boxes(mask[None])[0]
    scale = np.sqrt(mask.sum() / 2 / ((bottom - top) * (right - left)))
    height, width = max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale))
    # How many of the mask's pixels each box has, by sums from the corner.
    sums = np.pad(mask.astype(int).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    places = np.argwhere(inside == 0)
    if mask.any() and len(places):
        top, left = places[np.random.default_rng(seed).integers(len(places))]
        result[top : top + height, left : left + width] = True
    return result


def of_regions(
    run: Run, view: View, models: Sequence[Classifier], points: Points, donors: int
) -> dict[str, np.ndarray]:
    """For each method what the regions of each point, one after another, contribute to Spearman's correlation
    of the mean attribution with the effect on the log odds of exchanging the region; NaN where a point does
    not count."""
    regions, effects = Regions(view, run.settings.seed), []
    given: dict[str, list[np.ndarray]] = {name: [] for name in points.methods}
    for model in models:
        pictures = [[f"{region} {number}" for number in range(1, donors + 1)] for region in REGIONS]
        answers = ask(run, view, model, [WITH, *chain.from_iterable(pictures)], regions, VERSION)
        effects.append(np.stack([effect(answers, pictures=names).mean(1) for names in pictures], 1))
        for name, rows in _attributed(run, view, model, regions).items():
            if name in given:
                given[name].append(np.array([[getattr(row, region) for region in REGIONS] for row in rows]))
    found = {}
    for name, tables in given.items():
        values = np.where(points.used(name)[:, None], np.concatenate(tables), np.nan)
        found[name] = rank_contributions(values.ravel(), np.concatenate(effects).ravel())
    return found


def planned_regions(run: Run, view: View, classifier: Classifier) -> Planned:
    """The rows that a network's regions want."""
    return Planned(view, classifier, _files(run, view, classifier))


def _files(run: Run, view: View, classifier: Classifier) -> dict[str, str | None]:
    return row_files(view, classifier, run.suited(classifier), run.settings.seed, "regions", VERSION)


def _attributed(run: Run, view: View, classifier: Classifier, regions: Regions) -> dict[str, list[OfRegions]]:
    """The rows of each of the methods that apply to the network."""
    seed = run.settings.seed
    by_name = {explainer.name: explainer for explainer in run.suited(classifier)}

    def compute(batch: Batch, missing: Sequence[str]) -> Generator[list[OfRegions], None, None]:
        masks = {name: classifier.prepare_masks(each) for name, each in regions.masks(batch).items()}
        chosen = [by_name[name] for name in missing]
        with closing(raw_maps(batch, view.name, classifier, chosen, seed)) as computed:
            for name, found in zip(missing, computed, strict=True):
                positive = positive_map(found.maps)[0]
                columns = [region_attribution(positive, masks[region]).tolist() for region in REGIONS]
                yield [
                    OfRegions(image, classifier.name, name, *numbers, round(found.seconds, 6))
                    for image, *numbers in zip(batch.ids, *columns, strict=True)
                ]

    return sweep(view, classifier, run.keeping, _files(run, view, classifier), OfRegions, compute)
