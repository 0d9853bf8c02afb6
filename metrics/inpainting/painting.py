"""The fills of a whole image set, kept as rows: what the inpainting metric is computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.base.files import locked
from bam.base.progress import Progress
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.images import Pictures
from bam.metrics.evaluation.rows import RowFile
from bam.metrics.evaluation.sweep import Keeping, row_file_name
from bam.metrics.inpainting.fills import Fill, Setting, Work, explains_new
from bam.models.classifier import Classifier
from bam.models.inpainters import Inpainter

# To be raised when rows would come out differently: rows of other versions are then not used.
VERSION = 2


class Painting:
    """The fills of a set of images, for one classifier and inpainter.

    levels: percentages of the pixels to paint, rising; fills: how many pictures for each hole; grid: see
    `patchified`, 0 for maps as they are. Fills depend on the seed, the image and the sample's number, so that
    all methods and levels are filled from the same.
    """

    def __init__(
        self,
        images: Pictures,
        classifier: Classifier,
        inpainter: Inpainter,
        explainers: Sequence[Explainer],
        levels: Sequence[int],
        fills: int,
        grid: int,
        seed: int,
        keeping: Keeping,
    ):
        if grid == 1:
            raise BamError("`patch_grid` must be 0 or from 2 on: a grid of 1 x 1 makes every map constant")
        if min(classifier.input_size) < grid:
            height, width = classifier.input_size
            raise BamError(
                f"{classifier.name} takes {height} x {width} pixels, but the patch grid is {grid} x {grid}: "
                "give a smaller `patch_grid`, or 0 for none"
            )
        self.images, self.classifier, self.inpainter, self.keeping = images, classifier, inpainter, keeping
        self.explainers, self.levels, self.fills, self.grid = explainers, levels, fills, grid
        self.setting = Setting(classifier, inpainter, images.name, levels, fills, grid, seed)

    @property
    def fixed(self) -> frozenset[str]:
        """The methods that cannot explain a painted picture."""
        return frozenset(each.name for each in self.explainers if not explains_new(each.method))

    @cached_property
    def classes(self) -> np.ndarray:
        """int (n, 2): first and second class of the images that are asked for."""
        return np.concatenate(self._classes)[: len(self.images.ids[: self.keeping.limit])]

    @cached_property
    def _classes(self) -> list[np.ndarray]:
        """The same of whole batches."""
        logits = (self.classifier.logits(batch.images.astype(np.float32)) for batch in self._batches())
        return [np.argsort(-part, axis=1, kind="stable")[:, :2].astype(np.int32) for part in logits]

    def _batches(self) -> Iterator[Batch]:
        """Whole batches, since what is beside an image can change its digits."""
        size = self.classifier.batch_size
        for start in range(0, len(self.images.ids[: self.keeping.limit]), size):
            yield self.images[start : min(start + size, len(self.images))]

    def collect(self, wanted: Sequence[str]) -> dict[str, list[Fill]]:
        """The fills of the images `wanted`, of every method, computed where they are not in its row file."""
        folder, chosen = self.keeping.folder, frozenset(wanted)
        title = f"painting for {self.classifier.name}"
        amounts = dict.fromkeys((explainer.name for explainer in self.explainers), len(chosen))
        with locked(folder / ".lock"), Progress(title, amounts, "maps") as progress:
            files = {explainer.name: self._file(explainer) for explainer in self.explainers}
            before = 0
            for batch, classes in zip(self._batches(), self._classes, strict=True):
                places = [place for place, image in enumerate(batch.ids) if image in chosen]
                for number, work in enumerate(self._works(batch, classes, files), 1):
                    method = work.explainer.name
                    for image, place in enumerate(places, before + 1):
                        progress.begin(
                            f"method {number} of {len(files)} ({method}), image {image} of {len(chosen)}",
                            method,
                        )
                        progress.advance(1, computed=work.paint(place))
                before += len(places)
        return {
            name: [row for row in file.rows.values() if row.image_id in chosen]
            for name, file in files.items()
        }

    def along_the_curve(self, count: int) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
        """For each method of the first `count` images what `Work.along_the_curve` gives; nothing is kept."""
        batch, classes = next(zip(self._batches(), self._classes, strict=False))
        files = {explainer.name: RowFile(None, Fill, ("image_id",)) for explainer in self.explainers}
        return {
            work.explainer.name: [work.along_the_curve(place) for place in range(min(count, len(batch.ids)))]
            for work in self._works(batch, classes, files)
        }

    def _works(self, batch: Batch, classes: np.ndarray, files: Mapping[str, RowFile[Fill]]) -> Iterator[Work]:
        """One method after another, which share what they compute of the batch."""
        images = batch.images.astype(np.float32)
        first, second = (np.ascontiguousarray(column) for column in classes.T)
        ends: dict[tuple, np.ndarray] = {}
        with self.classifier.sharing(images):
            for explainer in self.explainers:
                file = files[explainer.name]
                yield Work(self.setting, explainer, file, batch, images, first, second, ends)

    def _file(self, explainer: Explainer) -> RowFile[Fill]:
        inpainter, classifier = self.inpainter, self.classifier
        key = (f"inpainting-{inpainter.name}", VERSION, inpainter.key, classifier.class_names)
        key += (self.levels, self.fills, self.grid)
        name = row_file_name(self.images, classifier, explainer, self.setting.seed, *key)
        return RowFile(name and self.keeping.folder / name, Fill, ("image_id", "level", "sample"))
