"""Computing rows: every method on every image of a set, reduced at once to region attributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.digests import key_digest
from bam.base.files import locked
from bam.base.progress import Progress
from bam.base.seeds import image_seeds
from bam.data_prep.dataset import Batch
from bam.metrics.evaluation.images import ImageSet
from bam.metrics.evaluation.regions import (
    EMPTY,
    positive_map,
    random_regions,
    region_attribution,
    signed_attribution,
)
from bam.metrics.evaluation.rows import Line, Row, RowFile
from bam.metrics.results.environment import effective_precision
from bam.models.predictions import Predicted

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# To be raised when rows would come out differently: rows of other versions are then not used.
VERSION = 4
# A method, or a metric and a method.
Key = TypeVar("Key", str, tuple[str, str])


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
    files = row_files(images, classifier, explainers, seed)

    def compute(batch: Batch, missing: Sequence[str]) -> Generator[list[Row], None, None]:
        chosen = [by_name[name] for name in missing]
        return _explain_batch(batch, images.name, classifier, chosen, seed)

    return sweep(images, classifier, keeping, files, Row, compute)


def sweep(
    images: ImageSet,
    classifier: Classifier,
    keeping: Keeping,
    files: Mapping[Key, str | None],
    kind: type[Line],
    compute: Callable[[Batch, Sequence[Key]], Generator[Sequence[Line], None, None]],
    noun: str = "method",
) -> dict[Key, list[Line]]:
    """Rows of dataclass `kind` for the first images, as many as are wanted, in order, for each key of
    `files`.

    files: names of the CSV files that keep them; None where they are not kept; those of a method stand one
    after another. compute: from a batch and the keys that lack rows for it to a row for each of its images,
    for one key after another in their order; what it gives is kept at once. noun: what a key names.
    """
    wanted, folder = images.ids[: keeping.limit], keeping.folder
    with locked(folder / ".lock"):
        kept = {key: RowFile(name and folder / name, kind) for key, name in files.items()}
        work = list(_missing(images, len(wanted), classifier.batch_size, kept))
        amounts: Counter[str] = Counter()
        for part, missing in work:
            amounts.update({_shown(key): part.stop - part.start for key in missing})
        unit = "maps" if noun == "method" else f"{noun}s"
        with Progress(f"{classifier.name} on {images.name}", amounts, unit) as progress:
            for part, missing in work:
                where = f"images {part.start + 1}-{min(part.stop, len(wanted))} of {len(wanted)}"
                steps = announced(missing, where, part.stop - part.start, progress, noun)
                # Closed, since what it holds of the classifier must end when this does, whatever ends it.
                with closing(compute(images[part], missing)) as computed:
                    for key, rows in zip(steps, computed, strict=True):
                        kept[key].append(row for row in rows if row.image_id not in kept[key].rows)
                        progress.advance(part.stop - part.start)
    return {key: [file.rows[image] for image in wanted] for key, file in kept.items()}


def _missing(
    images: ImageSet, count: int, batch_size: int, kept: Mapping[Key, RowFile]
) -> Iterator[tuple[slice, list[Key]]]:
    """The batches of the first `count` images that some keys have no rows of, with these keys."""
    ids = images.ids
    for start in range(0, count, batch_size):
        # Batches are whole and always cut the same way: what is beside an image can change its digits.
        part = slice(start, min(start + batch_size, len(ids)))
        missing = [key for key, file in kept.items() if any(image not in file.rows for image in ids[part])]
        if missing:
            yield part, missing


def announced(
    keys: Sequence[Key], where: str, amount: int, progress: Progress, noun: str = "method"
) -> Iterator[Key]:
    """The keys, one after another, each shown as what is now in work."""
    methods = list(dict.fromkeys(_method(key) for key in keys))
    for key in keys:
        place = f"{noun} {methods.index(_method(key)) + 1} of {len(methods)}"
        progress.begin(f"{place} ({_shown(key)}), {where}", _shown(key), amount)
        yield key


def _method(key: Key) -> str:
    return key if isinstance(key, str) else key[1]


def _shown(key: Key) -> str:
    return key if isinstance(key, str) else f"{key[1]}, {key[0]}"


def row_files(
    images: ImageSet, classifier: Classifier, explainers: Sequence[Explainer], seed: int, *what: Any
) -> dict[str, str | None]:
    """The names of the files of all methods, see `row_file_name`."""
    return {each.name: row_file_name(images, classifier, each, seed, *what) for each in explainers}


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
    # Fills avoid a class by its name, or are asked for by that of another.
    key += [classifier.class_names] if explainer.method.depends else []
    names = [classifier.name, images.name, *what[:1], explainer.method.name, f"{key_digest(key)[:12]}.csv"]
    return "-".join(names)


@dataclass(frozen=True)
class RawMaps:
    """The maps of one method for a batch of N images, as it gave them.

    maps: float32 (N, H, W[, channels]). targets, predicted: int (N,), the classes explained and predicted.
    logits: float32 (N, classes); None of a network whose predictions alone are known. seconds: for each map,
    as in `Row`.
    """

    maps: np.ndarray
    targets: np.ndarray
    predicted: np.ndarray
    logits: np.ndarray | None
    seconds: float


@dataclass(frozen=True)
class BatchMaps:
    """The maps of one method for a batch of N images, and what the rows say of them.

    positive: float64 (N, H, W) at the input size, in 0..1, NaN where a map is not finite, see `positive_map`.
    targets, predicted: int (N,), the classes explained and predicted. status: N texts, g_c, g_random, signed,
    raw, total: float64 (N,), seconds: for each map, all as in `Row`.
    """

    positive: np.ndarray
    targets: np.ndarray
    predicted: np.ndarray
    status: np.ndarray
    g_c: np.ndarray
    g_random: np.ndarray
    signed: np.ndarray
    raw: np.ndarray
    total: np.ndarray
    seconds: float


def raw_maps(
    batch: Batch,
    view: str,
    classifier: Classifier | Predicted,
    explainers: Sequence[Explainer],
    seed: int,
    targets: np.ndarray | None = None,
) -> Generator[RawMaps, None, None]:
    """The maps of one method after another, of the true label, or of the predicted class where there is none.

    view: the name of the image set that the batch is from. targets: int (N,), to explain these in their
    place. To be closed: until then the classifier remembers what it was asked about the batch.
    """
    # One array for all methods, so that they share what they compute of it.
    images = classifier.prepare(batch.images)
    if isinstance(classifier, Predicted):
        logits, predicted = None, classifier.predicted(view, batch.ids)
    else:
        logits = classifier.logits(images)
        predicted = logits.argmax(1)
    if targets is None:
        targets = batch.labels(classifier.labels)
    targets = (predicted if targets is None else targets).astype(np.int32)
    visible = classifier.prepare_masks(batch.masks) & batch.present[:, None, None]
    # The same for all methods, so that they can share samples.
    seeds = image_seeds(batch.ids, seed, view, classifier.seed_digest)
    known = {"seed": seeds, "masks": visible, "ids": batch.ids, "view": view}
    with classifier.sharing(images):
        for explainer in explainers:
            begin = classifier.clock()
            maps = explainer.explain(classifier, images, targets, **known)
            yield RawMaps(maps, targets, predicted, logits, (classifier.clock() - begin) / len(images))


def batch_maps(
    batch: Batch, view: str, classifier: Classifier, explainers: Sequence[Explainer], seed: int
) -> Generator[BatchMaps, None, None]:
    """The same as positive maps, with their attributions of regions. To be closed too."""
    regions = classifier.prepare_masks(batch.masks)
    anywhere = random_regions(regions, image_seeds(batch.ids, seed, "random region"))
    empty = ~regions.any((1, 2))
    with closing(raw_maps(batch, view, classifier, explainers, seed)) as computed:
        for found in computed:
            positive, states = positive_map(found.maps)
            yield BatchMaps(
                positive,
                found.targets,
                found.predicted,
                np.where(empty, EMPTY, states),
                region_attribution(positive, regions),
                region_attribution(positive, anywhere),
                *signed_attribution(found.maps, regions),
                found.seconds,
            )


def _explain_batch(
    batch: Batch, view: str, classifier: Classifier, explainers: Sequence[Explainer], seed: int
) -> Generator[list[Row], None, None]:
    """The rows of one method after another."""
    with closing(batch_maps(batch, view, classifier, explainers, seed)) as computed:
        for explainer, found in zip(explainers, computed, strict=True):
            columns = (found.targets, found.predicted, found.status, found.g_c, found.g_random)
            columns += (found.signed, found.raw, found.total)
            values = zip(batch.ids, *(column.tolist() for column in columns), strict=True)
            seconds = round(found.seconds, 6)
            yield [Row(v[0], view, classifier.name, explainer.name, *v[1:], seconds) for v in values]
