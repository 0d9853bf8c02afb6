"""Computing rows: every method on every image of a set, reduced at once to region attributions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from tqdm import tqdm

from bam.attributions.registry import Explainer
from bam.base.digests import key_digest
from bam.base.files import locked
from bam.base.seeds import image_seeds
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.images import ImageSet
from bam.metrics.evaluation.regions import EMPTY, positive_map, random_regions, region_attribution
from bam.metrics.evaluation.rows import Line, Row, RowFile
from bam.metrics.results.environment import effective_precision

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# To be raised when rows would come out differently: rows of other versions are then not used.
VERSION = 3
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Keeping:
    """folder: where rows are kept. limit: of how many images rows are wanted; None: of all."""

    folder: Path
    limit: int | None = None


def collect(
    images: ImageSet, classifier: Classifier, explainers: Sequence[Explainer], seed: int, keeping: Keeping
) -> dict[str, list[Row]]:
    """The rows of each of the methods for the first images, as many as are wanted, in their order.

    Maps explain the true label, or the predicted class where the set has no labels. Rows are kept in CSV
    files, one per model, image set and method, named also by a digest of all they depend on; what is there is
    not computed again.
    """
    by_name = {explainer.name: explainer for explainer in explainers}
    files = {name: row_file_name(images, classifier, by_name[name], seed) for name in by_name}

    def compute(batch: Batch, missing: Sequence[str]) -> Iterable[tuple[str, list[Row]]]:
        chosen = [by_name[name] for name in missing]
        return _explain_batch(batch, images.name, classifier, chosen, seed).items()

    return sweep(images, classifier, keeping, files, Row, compute)


def sweep(
    images: ImageSet,
    classifier: Classifier,
    keeping: Keeping,
    files: Mapping[Key, str | None],
    kind: type[Line],
    compute: Callable[[Batch, Sequence[Key]], Iterable[tuple[Key, Sequence[Line]]]],
) -> dict[Key, list[Line]]:
    """Rows of dataclass `kind` for the first images, as many as are wanted, in order, for each key of
    `files`.

    files: names of the CSV files that keep them; None where they are not kept. compute: from a batch and the
    keys that lack rows for it to these keys with a row for each of its images; what it gives is kept at once.
    """
    wanted, folder = images.ids[: keeping.limit], keeping.folder
    title = f"{classifier.name} on {images.name}"
    with (
        locked(folder / ".lock"),
        tqdm(desc=title, total=len(wanted), unit="image", disable=None) as bar,
    ):
        kept = {key: RowFile(name and folder / name, kind) for key, name in files.items()}
        for start in range(0, len(wanted), classifier.batch_size):
            # Batches are whole and always cut the same way: what is beside an image can change its digits.
            part = slice(start, min(start + classifier.batch_size, len(images)))
            ids = images.ids[part]
            missing = [key for key in files if any(image not in kept[key].rows for image in ids)]
            if missing:
                for key, rows in compute(images[part], missing):
                    kept[key].append(row for row in rows if row.image_id not in kept[key].rows)
            bar.update(min(len(ids), len(wanted) - start))
    return {key: [file.rows[image] for image in wanted] for key, file in kept.items()}


def row_file_name(
    images: ImageSet, classifier: Classifier, explainer: Explainer, seed: int, *what: Any
) -> str | None:
    """Name of the file of a method's rows, with a digest of all they depend on; None if they cannot be kept.

    `what` they are of, if not of g_c: a metric's name, then whatever else they depend on.
    """
    if explainer.method.transient:
        return None
    key = [VERSION, images.fingerprint, images.name, classifier.digest, classifier.labels]
    key += [classifier.batch_size, effective_precision(classifier.precision), seed, *explainer.key, *what]
    names = [classifier.name, images.name, *what[:1], explainer.method.name, f"{key_digest(key)[:12]}.csv"]
    return "-".join(names)


def _explain_batch(
    batch: Batch, view: str, classifier: Classifier, explainers: Sequence[Explainer], seed: int
) -> dict[str, list[Row]]:
    images, regions = classifier.prepare(batch.images), classifier.prepare_masks(batch.masks)
    predicted = classifier.predictions(images)
    labels = batch.labels(classifier.labels)
    # One array for all methods, so that they share what they compute of it.
    targets = (predicted if labels is None else labels).astype(np.int32)
    anywhere = random_regions(regions, image_seeds(batch.ids, seed, "random region"))
    visible = regions & batch.present[:, None, None]
    empty = ~regions.any((1, 2))
    # The same for all methods, so that they can share samples.
    seeds = image_seeds(batch.ids, seed, view, classifier.seed_digest)
    known = {"seed": seeds, "masks": visible, "ids": batch.ids, "view": view}
    rows = {}
    with classifier.sharing(images):
        for explainer in explainers:
            begin = classifier.clock()
            maps = explainer.explain(classifier, images, targets, **known)
            seconds = (classifier.clock() - begin) / len(images)
            positive, states = positive_map(maps)
            values = zip(
                batch.ids,
                targets.tolist(),
                predicted.tolist(),
                np.where(empty, EMPTY, states).tolist(),
                region_attribution(positive, regions).tolist(),
                region_attribution(positive, anywhere).tolist(),
                strict=True,
            )
            rows[explainer.name] = [
                Row(v[0], view, classifier.name, explainer.name, *v[1:], round(seconds, 6)) for v in values
            ]
    return rows
