"""Stages of randomisation: which layers have fresh weights, and how alike maps then are to those before."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.regions import CONSTANT, NAN, OK
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.sweep import RawMaps, raw_maps, row_file_name, sweep
from bam.metrics.evaluation.untrained import adapting_images, weight_seed
from bam.metrics.randomisation.rows import OfDraws, Randomised
from bam.metrics.robustness.similarity import cell_of, comparable, is_even, similarity

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

VERSION = 1
KEPT_BYTES = 1e9  # of maps of the trained network, to be compared with those of all the others
# The layers of a stage, from the output on.
Layers = tuple[str, ...]


class Stages:
    """The randomised networks of one run, each `draws` times.

    `layers`: all that have weights, from the output on. `places`: how many of them have fresh weights in each
    of `count` stages of the cascade, evenly from the first alone to all; as many as there are layers at most.
    Raises `BamError` for a network that cannot be made anew.
    """

    def __init__(self, run: Run, classifier: Classifier, count: int, draws: int):
        from bam.models.untrained import weighted_layers

        self._run, self.classifier, self._draws = run, classifier, draws
        self.images = run.pictures(classifier)
        self.explainers = {explainer.name: explainer for explainer in run.suited(classifier)}
        self.layers = weighted_layers(classifier)
        self.places = sorted({round(place) for place in np.linspace(len(self.layers), 1, count)})
        self._adapting = adapting_images(run, classifier)
        self._trained: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}

    @property
    def cascading(self) -> list[Layers]:
        """For each place all layers up to it."""
        return [tuple(self.layers[:place]) for place in self.places]

    @property
    def independent(self) -> list[Layers]:
        """For each place the layer there alone."""
        return [(self.layers[place - 1],) for place in self.places]

    def _files(self, layers: Layers, draw: int) -> dict[tuple[str, str], str | None]:
        from bam.models.untrained import ADAPTED

        adapting = self._adapting.name, self._adapting.fingerprint, min(len(self._adapting), ADAPTED)
        # By its place, since names of layers can differ from one process to the next.
        stage = self.layers.index(layers[0]), len(layers), draw
        given = (self._run.settings.seed, "randomisation", VERSION, *stage, *adapting)
        shown = f"{layers[-1]} and above" if len(layers) > 1 else layers[0]
        return {
            (f"{shown}, draw {draw}", name): row_file_name(self.images, self.classifier, each, *given)
            for name, each in self.explainers.items()
        }

    def planned(self, stages: Sequence[Layers]) -> list[Planned]:
        """What `rows` would sweep."""
        return [
            Planned(
                self.images,
                self.classifier,
                {name: file for (_, name), file in self._files(layers, draw).items()},
            )
            for layers in dict.fromkeys(stages)
            for draw in range(1, self._draws + 1)
        ]

    def rows(self, stages: Sequence[Layers]) -> dict[Layers, dict[str, OfDraws]]:
        """For each stage the rows of each of the methods, by draws, in the order of the images.

        One network after another, since all of them together may not fit into memory.
        """
        found: dict[Layers, dict[str, list]] = {}
        for layers in dict.fromkeys(stages):
            found[layers] = {name: [] for name in self.explainers}
            for draw in range(1, self._draws + 1):
                compute = partial(self._compare_batch, cache(partial(self._network, layers, draw)))
                files = self._files(layers, draw)
                keeping = self._run.keeping
                rows = sweep(self.images, self.classifier, keeping, files, Randomised, compute)
                for (_, name), lines in rows.items():
                    found[layers][name].append(lines)
        return found

    def _network(self, layers: Layers, draw: int) -> Classifier:
        from bam.models.untrained import ADAPTED, randomised

        name = f"{self.classifier.name}_randomised_{draw}"
        images = self.classifier.prepare(self._adapting[:ADAPTED].images)
        return randomised(self.classifier, layers, images, weight_seed(self._run, name), name)

    def _compare_batch(
        self, network: Callable[[], Classifier], batch: Batch, missing: Sequence[tuple[str, str]]
    ) -> Generator[list[Randomised], None, None]:
        """The rows of one method after another. network: gives the randomised one."""
        names = [name for _, name in missing]
        trained = self._of_trained(batch, names)
        targets = trained[names[0]][1]
        with closing(self._maps(network(), batch, names, targets)) as computed:
            for name, found in zip(names, computed, strict=True):
                yield self._compared(batch, name, trained[name][0], found)

    def _maps(
        self, classifier: Classifier, batch: Batch, names: Sequence[str], targets: np.ndarray | None = None
    ) -> Generator[RawMaps, None, None]:
        chosen = [self.explainers[name] for name in names]
        return raw_maps(batch, self.images.name, classifier, chosen, self._run.settings.seed, targets)

    def _of_trained(self, batch: Batch, names: Sequence[str]) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        """The maps of the trained network as they are compared, and the classes that they explain, by method.

        As many as fit are remembered, since every stage asks for them.
        """
        begin = batch.ids[0]
        known = {name: self._trained[begin, name] for name in names if (begin, name) in self._trained}
        lacking = [name for name in names if name not in known]
        if lacking:
            with closing(self._maps(self.classifier, batch, lacking)) as computed:
                for name, found in zip(lacking, computed, strict=True):
                    known[name] = comparable(found.maps, self._method(name)), found.targets
                    if sum(planes.nbytes for planes, _ in self._trained.values()) < KEPT_BYTES:
                        self._trained[begin, name] = known[name]
        return known

    def _method(self, name: str) -> str:
        return self.explainers[name].method.name

    def _compared(self, batch: Batch, name: str, planes: np.ndarray, found: RawMaps) -> list[Randomised]:
        others, cell = comparable(found.maps, self._method(name)), cell_of(self.classifier.input_size)
        rows = []
        for place, image in enumerate(batch.ids):
            pair = planes[place], others[place]
            status = OK if all(np.isfinite(plane).all() for plane in pair) else NAN
            status = CONSTANT if status == OK and any(map(is_even, pair)) else status
            numbers = [np.nan] * 4
            if status == OK:
                numbers = [*similarity(*pair, self._method(name), cell), _absolute(*pair)]
            classes = int(found.targets[place]), int(found.predicted[place])
            seconds = round(found.seconds, 6)
            rows.append(Randomised(image, self.classifier.name, name, *classes, status, *numbers, seconds))
        return rows


def _absolute(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of the absolute values of two maps; NaN where those of one are all the same."""
    from scipy.stats import spearmanr  # takes long to load

    pair = np.abs(first), np.abs(second)
    return np.nan if any(map(is_even, pair)) else float(spearmanr(*pair, axis=None).statistic)
