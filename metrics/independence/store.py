"""The patched images of IIR: made once, stored without loss, and an image set of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.base.digests import array_digest, key_digest
from bam.base.errors import BamError
from bam.base.files import locked, replacing
from bam.base.progress import Progress
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.kept import PATCH_TABLE
from bam.metrics.evaluation.regions import EMPTY
from bam.metrics.evaluation.rows import RowFile
from bam.metrics.independence.recipes import RECIPES, VERSION, Patch, Problem, optimise
from bam.metrics.independence.scenes import DatasetScenes, FolderScenes
from bam.metrics.results.environment import effective_precision
from bam.models.classifier import Classifier

Scenes = DatasetScenes | FolderScenes
ACCEPTED, NOT_ACCEPTED = "accepted", "not_accepted"


@dataclass(frozen=True)
class PatchRow:
    """A line of patches.csv: what is known of one patch, see `Patch`.

    status: "accepted" if its ratio is under the tolerance, "not_accepted", or "empty_mask" where no pixel
    of the dog is left at the input size. pixels: digest of the patched image.
    """

    image_id: str
    recipe: str
    status: str
    ratio: float
    norm_f: float
    delta_norm: float
    pasted_norm: float
    moved: float
    iterations: int
    pixels: str


class Patched:
    """`scenes` with the patches that a recipe finds for a classifier, an image set for `collect`.

    Patches are kept in `folder`, in `out`/patches, one PNG per image (named by its id) and a line of
    patches.csv; the folder's name has a digest of all that they depend on. `make` goes on where a killed
    run ended.
    """

    def __init__(
        self, scenes: Scenes, classifier: Classifier, recipe: str, tolerance: float, seed: int, out: Path
    ):
        self.scenes, self.classifier, self.tolerance = scenes, classifier, tolerance
        self.recipe, self.name = RECIPES[recipe], f"{scenes.name}-{recipe}"
        key = [VERSION, scenes.name, scenes.fingerprint, classifier.digest, classifier.batch_size]
        key += [effective_precision(classifier.precision), seed, recipe, asdict(self.recipe), tolerance]
        self.fingerprint = key_digest(key)
        self.folder = out / "patches" / f"{classifier.name}-{self.name}-{self.fingerprint[:12]}"
        self.ids = scenes.ids
        self._table: RowFile[PatchRow] | None = None

    @property
    def rows(self) -> dict[str, PatchRow]:
        """What is known of the patches made so far, by image id."""
        if self._table is None:
            self._table = RowFile(self.folder / PATCH_TABLE, PatchRow)
        return self._table.rows

    def make(self, count: int) -> None:
        """Find the patches of the first `count` images, where they are not there yet.

        Rounded up to whole batches of the classifier, as `collect` reads them.
        """
        size = self.classifier.batch_size
        count = min(len(self.ids), -(-count // size) * size)
        with locked(self.folder / ".lock"):
            missing = [
                index
                for index, name in enumerate(self.ids[:count])
                if name not in self.rows or not self._path(name).exists()
            ]
            found = optimise(self.classifier, self._problems(missing), self.recipe, self.tolerance)
            title = f"patches of {self.classifier.name}, {self.recipe.name}"
            with Progress(title, len(missing), "images") as progress:
                for place, patch in found:
                    self._store(self.ids[missing[place]], patch)
                    progress.advance(1)

    def _problems(self, indices: Sequence[int]) -> Iterator[Problem]:
        for index in indices:
            part = slice(index, index + 1)
            batch = self.scenes[part]
            yield Problem(batch.images[0], self.scenes.pasted(part)[0], batch.masks[0])

    def _store(self, name: str, patch: Patch) -> None:
        with replacing(self._path(name)) as path:
            Image.fromarray(patch.image).save(path, format="PNG")
        # Nothing was pasted if d is 0 from the start, whatever the reason.
        status = ACCEPTED if patch.ratio < self.tolerance else NOT_ACCEPTED
        status = EMPTY if patch.pixels == 0 else status
        numbers = (getattr(patch, key) for key in ("ratio", "norm_f", "delta_norm", "pasted_norm", "moved"))
        row = PatchRow(
            name, self.recipe.name, status, *numbers, patch.iterations, array_digest(patch.image)[:16]
        )
        self._table.append([row])

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.png"

    def image(self, name: str) -> np.ndarray:
        """A patched image, uint8 (H, W, 3). Raises `BamError` if it is not what was stored."""
        path = self._path(name)
        try:
            image = np.asarray(Image.open(path).convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            image = np.zeros(0, np.uint8)
        if array_digest(image)[:16] != self.rows[name].pixels:
            raise BamError(f"{path} is damaged or missing: remove {self.folder} and run this again")
        return image

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: slice) -> Batch:
        batch = self.scenes[key]
        images = np.stack([self.image(name) for name in batch.ids])
        return replace(batch, images=images, present=np.ones(len(images), bool))

    def not_accepted(self, count: int) -> np.ndarray:
        """bool (count,): which of the first `count` patches do not leave the output as it was."""
        return np.array([self.rows[name].status == NOT_ACCEPTED for name in self.ids[:count]], bool)

    def summary(self, count: int) -> dict[str, Any]:
        """Of the first `count` patches: how many are accepted, and how their numbers are distributed."""
        rows = [self.rows[name] for name in self.ids[:count]]
        visible = [row for row in rows if row.status != EMPTY]
        accepted = sum(row.status == ACCEPTED for row in visible)
        keys = ("ratio", "norm_f", "delta_norm", "pasted_norm", "moved", "iterations")
        return {
            "n": len(visible),
            "empty_mask": len(rows) - len(visible),
            "accepted": accepted,
            "acceptance": accepted / len(visible) if visible else None,
            "tolerance": self.tolerance,
            **{key: _spread([getattr(row, key) for row in visible]) for key in keys},
            "settings": asdict(self.recipe),
            "folder": f"patches/{self.folder.name}",
        }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Median, 90th percentile and largest of those values that are finite; None if there are none."""
    finite = np.asarray(values, float)[np.isfinite(values)]
    if not len(finite):
        return None
    return {
        "median": float(np.median(finite)),
        "p90": float(np.quantile(finite, 0.9)),
        "max": float(finite.max()),
    }
