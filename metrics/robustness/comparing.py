"""The maps that are compared, and the rows of what comes of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.seeds import image_seeds
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.images import ViewPictures
from bam.metrics.evaluation.regions import CONSTANT, NAN, OK
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.sweep import RawMaps, raw_maps, row_file_name, sweep
from bam.metrics.robustness.changes import SMALL, before_shift, shifted, shifted_back
from bam.metrics.robustness.other_settings import SETTING, SIZES, other_settings
from bam.metrics.robustness.relocated import Relocated
from bam.metrics.robustness.rows import CHANGED, Compared, OfMethod
from bam.metrics.robustness.similarity import cell_of, comparable, is_even, similarity

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

VERSION = 1
# What was changed, and the method.
Key = tuple[str, str]


class Comparing:
    """The comparisons of one run, by kinds: "seed 1", "setting segments=150", "noise", ..., "relocated".

    others: for each method itself with other settings, by kinds. The object is known to be what the
    network looks at, and is moved, where the images are X_o,s and the network was trained to name objects.
    """

    def __init__(self, run: Run, classifier: Classifier, seeds: int, settings: Sequence[str]):
        self._run, self.classifier = run, classifier
        self.images = run.pictures(classifier)
        self.explainers = {explainer.name: explainer for explainer in run.suited(classifier)}
        side = min(classifier.input_size)
        # Also of methods that do not suit the network, which are asked for all the same.
        every = other_settings(run.explainers, settings, side)
        self.others = {name: every[name] for name in self.explainers}
        self._seeds = [f"seed {number}" for number in range(1, seeds + 1)]
        view = getattr(self.images, "view", None)
        moved = isinstance(self.images, ViewPictures) and view.name == "object_scene"
        self._relocated = Relocated(view, classifier) if moved and classifier.labels == "object" else None

    def _kinds(self) -> Iterator[Key]:
        """All there is to compare, those of one change one after another, since methods share work."""
        settings = dict.fromkeys(kind for others in self.others.values() for kind in others)
        drawing = [name for name, each in self.explainers.items() if each.method.seeded]
        yield from ((kind, name) for kind in self._seeds for name in drawing)
        for kind in settings:
            yield from ((kind, name) for name, others in self.others.items() if kind in others)
        kinds = [*SMALL, *(["relocated"] if self._relocated else [])]
        yield from ((kind, name) for kind in kinds for name in self.explainers)

    def _other(self, kind: str, name: str) -> Explainer:
        """What makes the other map."""
        return self.others[name].get(kind, self.explainers[name])

    def _files(self) -> dict[Key, str | None]:
        seed = self._run.settings.seed
        return {
            (kind, name): row_file_name(
                *(self.images, self.classifier, self.explainers[name], seed),
                *("robustness", VERSION, kind, self._other(kind, name).key),
            )
            for kind, name in self._kinds()
        }

    def files_by_kind(self) -> dict[str, dict[str, str | None]]:
        """The names of the files of all methods, for each kind."""
        found: dict[str, dict[str, str | None]] = {}
        for (kind, name), file in self._files().items():
            found.setdefault(kind, {})[name] = file
        return found

    def rows(self) -> dict[str, OfMethod]:
        """The rows of each of the methods that apply to the network, by kind, in the order of the images."""
        found = sweep(
            self.images, self.classifier, self._run.keeping, self._files(), Compared, self._compare_batch
        )
        return {
            name: {kind: lines for (kind, method), lines in found.items() if method == name}
            for name in self.explainers
        }

    def _compare_batch(self, batch: Batch, missing: Sequence[Key]) -> Generator[list[Compared], None, None]:
        """The rows of one kind after another, of one method after another."""
        names = list(dict.fromkeys(name for _, name in missing))
        chosen = [self.explainers[name] for name in names]
        with closing(self._maps(batch, self.images.name, chosen)) as computed:
            first = dict(zip(names, computed, strict=True))
        planes = {name: comparable(found.maps, self._method(name)) for name, found in first.items()}
        targets = first[names[0]].targets
        for kind, keys in groupby(missing, lambda key: key[0]):
            of_kind = [name for _, name in keys]
            with closing(self._other_maps(batch, kind, of_kind, targets)) as computed:
                for name, found in zip(of_kind, computed, strict=True):
                    yield self._rows(batch, kind, name, first[name], planes[name], found)

    def _method(self, name: str) -> str:
        return self.explainers[name].method.name

    def _maps(
        self,
        batch: Batch,
        view: str,
        explainers: Sequence[Explainer],
        targets: np.ndarray | None = None,
        further: int = 0,
    ) -> Generator[RawMaps, None, None]:
        seed = self._run.settings.seed + further
        return raw_maps(batch, view, self.classifier, explainers, seed, targets)

    def _other_maps(
        self, batch: Batch, kind: str, names: Sequence[str], targets: np.ndarray
    ) -> Generator[RawMaps, None, None]:
        """The maps that are compared with those of the batch, of the same classes."""
        explainers, view = [self._other(kind, name) for name in names], self.images.name
        begin, _, rest = kind.partition(" ")
        if begin == "seed":
            return self._maps(batch, view, explainers, targets, int(rest))
        if begin in (SETTING, SIZES):
            return self._maps(batch, view, explainers, targets)
        if kind == "relocated":
            return self._maps(self._relocated.batch(batch), self._relocated.name, explainers, targets)
        seeds = image_seeds(batch.ids, self._run.settings.seed, kind)
        changed = replace(batch, images=SMALL[kind](batch.images, seeds))
        changed = replace(changed, masks=shifted(batch.masks)) if kind == "shift" else changed
        return self._maps(changed, f"{view}-{kind}", explainers, targets)

    def _rows(
        self, batch: Batch, kind: str, name: str, first: RawMaps, planes: np.ndarray, found: RawMaps
    ) -> list[Compared]:
        """Of one kind and method, the first maps as they are compared."""
        others = comparable(found.maps, self._method(name))
        known = [np.isfinite(each).all((1, 2)) for each in (planes, others)]
        same, cell = first.predicted == found.predicted, cell_of(self.classifier.input_size)
        if kind == "shift":
            planes, others = before_shift(planes), shifted_back(others)
        rows = []
        for place, image in enumerate(batch.ids):
            pair = planes[place], others[place]
            if not (known[0][place] and known[1][place]):
                status = NAN
            elif not same[place]:
                status = CHANGED
            else:
                pair = self._relocated.in_frame(image, *pair) if kind == "relocated" else pair
                status = CONSTANT if any(map(is_even, pair)) else OK
            numbers = similarity(*pair, self._method(name), cell) if status == OK else (np.nan,) * 3
            classes = (int(each[place]) for each in (first.targets, first.predicted, found.predicted))
            seconds = round(found.seconds, 6)
            rows.append(Compared(image, self.classifier.name, name, *classes, status, *numbers, seconds))
        return rows
