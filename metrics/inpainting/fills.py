"""Painting the most relevant pixels of an image anew and asking the network again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bam.attributions.registry import Explainer, Method
from bam.base.seeds import image_seeds
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.order import orders, patchified, relevance, top
from bam.metrics.evaluation.regions import NAN
from bam.metrics.evaluation.rows import RowFile
from bam.models.classifier import Classifier
from bam.models.inpainters import Inpainter, prompt_of

NOT_PAINTED = -1
# The hole that is as large as the pasted object; the others are named by their percentage of the pixels.
OBJECT = "object"


@dataclass(frozen=True)
class Fill:
    """One painted picture.

    level: how much was painted anew, in percent of the pixels, or "object"; sample: which of several fills;
    pixels: size of the hole; status: of the map, see `relevance`; predicted, target: the network's first and
    second class for the image; painted: its class for the painted one, -1 if there is none (the inpainter
    withheld it, or the map has no order); overlap: see `overlap_weight`, NaN if the class is not the target
    or the method cannot explain new pictures; seconds: its share of the time.
    """

    image_id: str
    level: str
    sample: int
    pixels: int
    status: str
    predicted: int
    target: int
    painted: int
    overlap: float
    seconds: float

    @property
    def is_painted(self) -> bool:
        """Whether there is a painted picture."""
        return self.painted != NOT_PAINTED


def overlap_weight(first: np.ndarray, second: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """float (N,): |(M1 or M2) and M'| / |M'|, the weight that Cohen et al. 2025 give a flip.

    bool (N, H, W), equally many pixels in each: the most relevant ones for the first class of the image, for
    its second, and for that class of the painted image. It is 1 if all that is relevant afterwards was
    relevant before, and 2p - p^2 on average for random maps (p: share of the pixels).
    """
    return ((first | second) & painted).sum((1, 2)) / painted.sum((1, 2))


def explains_new(method: Method) -> bool:
    """Whether a method can explain pictures that are in no image set."""
    return not (method.needs_given("ids") or method.needs_given("view"))


@dataclass(frozen=True)
class Setting:
    """What fills depend on besides the image and the method.

    view: name of the image set; levels: percentages of the pixels to paint; fills: how many pictures for
    each hole; grid: see `patchified`, 0 for maps as they are.
    """

    classifier: Classifier
    inpainter: Inpainter
    view: str
    levels: Sequence[int]
    fills: int
    grid: int
    seed: int


Task = tuple[str, int, int]  # level, sample, pixels


@dataclass
class Work:
    """One method on one batch: what is to be painted, and the maps, made when they are needed.

    ends: the classes of wholly painted images and of those where nothing was to paint, by image and tasks;
    they are the same for all methods.
    """

    setting: Setting
    explainer: Explainer
    file: RowFile[Fill]
    batch: Batch
    images: np.ndarray
    first: np.ndarray
    second: np.ndarray
    ends: dict[tuple, np.ndarray]

    def paint(self, place: int) -> bool:
        """Add the fills of one image to the file where they are not there yet; whether any was not."""
        painted = False
        for part in self._parts(self._tasks(place)):
            missing = [task for task in part if (self.batch.ids[place], *task[:2]) not in self.file.rows]
            if missing:
                rows = self._fills(place, part)
                self.file.append(row for row, task in zip(rows, part, strict=True) if task in missing)
                painted = True
        return painted

    def along_the_curve(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The first painting of each level of one image, to look at: uint8 (levels, H, W, 3), and its class,
        -1 where it was withheld."""
        tasks = [task for task in self._tasks(place) if task[1] == 0 and task[0] != OBJECT]
        return self._painted(place, tasks, self._top(self._first_order[0][place], tasks))

    def _parts(self, tasks: list[Task]) -> Iterator[list[Task]]:
        """Always cut the same way, for the same reason as batches; those of the ends apart."""
        size = self.setting.inpainter.batch_size
        for ends in (True, False):
            some = [task for task in tasks if self._is_end(task) == ends]
            yield from (some[start : start + size] for start in range(0, len(some), size))

    def _is_end(self, task: Task) -> bool:
        """Whether nothing is painted, or everything."""
        return task[2] in (0, self.batch.masks[0].size)

    def _tasks(self, place: int) -> list[Task]:
        """Every fill of an image: those of one level one after another."""
        mask, samples = self.batch.visible[place], range(self.setting.fills)
        # As many pixels as int(p n) says, as in the supplement's code.
        counts = {str(level): level * mask.size // 100 for level in self.setting.levels}
        counts |= {OBJECT: int(mask.sum())} if mask.any() else {}
        return [(level, sample, count) for level, count in counts.items() for sample in samples]

    def _fills(self, place: int, tasks: list[Task]) -> list[Fill]:
        begin = self.setting.classifier.clock()
        order, states = self._first_order
        if states[place] == NAN:
            painted, weights = np.full(len(tasks), NOT_PAINTED), np.full(len(tasks), np.nan)
        else:
            answer = self._at_ends if self._is_end(tasks[0]) else self._between
            painted, weights = answer(place, tasks, self._top(order[place], tasks))
        seconds = round((self.setting.classifier.clock() - begin) / len(tasks), 6)
        known = (states[place], int(self.first[place]), int(self.second[place]))
        return [
            Fill(self.batch.ids[place], *task, *known, int(label), float(weight), seconds)
            for task, label, weight in zip(tasks, painted, weights, strict=True)
        ]

    def _at_ends(self, place: int, tasks: list[Task], holes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes and weights of images that are painted wholly, or not at all."""
        key = (self.batch.ids[place], *tasks)
        if key not in self.ends:
            self.ends[key] = self._painted(place, tasks, holes)[1]
        painted = self.ends[key]
        # All that is relevant was painted; nothing weighs where nothing was.
        return painted, np.where((painted == self.second[place]) & holes.any((1, 2)), 1.0, np.nan)

    def _between(self, place: int, tasks: list[Task], holes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes and weights of the others."""
        pictures, painted = self._painted(place, tasks, holes)
        weights = np.full(len(tasks), np.nan)
        # Weights are asked for along the curve only, and need maps of pictures that nobody has seen.
        flipped = (painted == self.second[place]) & [level != OBJECT for level, *_ in tasks]
        if flipped.any() and explains_new(self.explainer.method):
            where = np.flatnonzero(flipped)
            weights[where] = self._weights(place, [tasks[i] for i in where], holes[where], pictures[where])
        return painted, weights

    def _painted(self, place: int, tasks: list[Task], holes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The painted pictures, uint8 (n, H, W, 3), and their classes, -1 where one was withheld."""
        setting, image, count = self.setting, self.batch.ids[place], len(tasks)
        pictures = setting.inpainter.fill(
            np.repeat(self.batch.images[place][None], count, 0),
            holes,
            [prompt_of(setting.classifier.class_names[self.second[place]])] * count,
            image_seeds([str(sample) for _, sample, _ in tasks], setting.seed, "fill", image),
            [image] * count,
        )
        classes = setting.classifier.predictions(pictures.astype(np.float32))
        return pictures, np.where(setting.inpainter.withheld(pictures, holes), NOT_PAINTED, classes)

    def _weights(self, place: int, tasks: list[Task], holes: np.ndarray, pictures: np.ndarray) -> np.ndarray:
        """The overlap weights of pictures that became the second class; 0 where a map is NaN.

        As in the supplement's code, only the map that makes the hole is patchified.
        """
        stream = (self.setting.seed, "painted", self.batch.ids[place])
        seeds = np.concatenate([image_seeds([str(sample)], *stream, level) for level, sample, _ in tasks])
        masks = np.repeat(self.batch.visible[place][None], len(tasks), 0)
        targets = np.full(len(tasks), self.second[place])
        # By the image's id, methods that fill holes know what the picture showed before it was painted.
        ids = [self.batch.ids[place]] * len(tasks)
        maps, states = self._relevance(pictures.astype(np.float32), targets, seeds, masks, ids=ids)
        second, second_states = self._second_order
        ties = np.repeat(self._ties[place], len(tasks))
        counts = np.array([count for *_, count in tasks])
        weights = overlap_weight(
            holes, self._top(second[place], tasks), top(orders(maps, ties), counts, maps.shape[1:])
        )
        unknown = [NAN in (state, second_states[place]) for state in states]
        return np.where(unknown, 0.0, weights)

    def _top(self, order: np.ndarray, tasks: list[Task]) -> np.ndarray:
        counts = np.array([count for *_, count in tasks])
        return top(np.repeat(order[None], len(tasks), 0), counts, self.images.shape[1:3])

    @cached_property
    def _first_order(self) -> tuple[np.ndarray, list[str]]:
        """Pixels by relevance for the first class, int (n, H * W), and the maps' states."""
        # Drawn as for the other metrics.
        maps, states = self._of_batch(self.first)
        if self.setting.grid:
            maps = patchified(maps, self.setting.grid)
        return orders(maps, self._ties), states

    @cached_property
    def _second_order(self) -> tuple[np.ndarray, list[str]]:
        """The same for the second class."""
        maps, states = self._of_batch(self.second, "second class")
        return orders(maps, self._ties), states

    @cached_property
    def _ties(self) -> np.ndarray:
        """Seeds of the order of equal pixels: one per image, so that equal maps have equal orders."""
        return image_seeds(self.batch.ids, self.setting.seed, "ties")

    def _of_batch(self, targets: np.ndarray, *stream: str) -> tuple[np.ndarray, list[str]]:
        setting, name = self.setting, self.setting.view
        seeds = image_seeds(self.batch.ids, setting.seed, name, setting.classifier.seed_digest, *stream)
        known = {"ids": self.batch.ids, "view": name}
        return self._relevance(self.images, targets, seeds, self.batch.visible, **known)

    def _relevance(
        self, images: np.ndarray, targets: np.ndarray, seeds: np.ndarray, masks: np.ndarray, **known: Any
    ) -> tuple[np.ndarray, list[str]]:
        known |= {"seed": seeds, "masks": masks}
        return relevance(self.explainer.explain(self.setting.classifier, images, targets, **known))
