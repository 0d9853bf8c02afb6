"""Computing rows: every method on every image of a set, reduced at once to region attributions."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from bam.attributions import Method, explain
from bam.base.digests import key_digest
from bam.base.files import locked
from bam.base.seeds import generator, image_seeds
from bam.data_prep.dataset import Batch, View
from bam.metrics.evaluation.regions import positive_map, random_regions, region_attribution
from bam.metrics.evaluation.rows import Line, Row, RowFile
from bam.metrics.evaluation.run import Request
from bam.metrics.results.environment import effective_precision
from bam.models.classifier import Classifier

# To be raised when rows would come out differently: rows of other versions are then not used.
VERSION = 2
Key = TypeVar("Key", bound=Hashable)


class ImageSet(Protocol):
    """What rows can be computed of: a `View`, or anything else that has these.

    fingerprint: identifies the images; results of others are never mixed with these. A batch's
    `labels(classifier.labels)` are the classes to explain; None stands for those predicted.
    """

    name: str
    ids: list[str]
    fingerprint: str

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice) -> Batch: ...


def shuffled(view: View, seed: int) -> View:
    """The images in a random order that depends on the seed alone; the first of it are those evaluated."""
    return view.subset(generator(seed, "images").permutation(len(view)))


def collect(images: ImageSet, classifier: Classifier, request: Request) -> dict[str, list[Row]]:
    """The rows of each of the request's methods for the first `request.limit` images, in their order.

    Methods that do not apply to the network are left out, see `Request.unsuited`.
    Maps explain the true label, or the predicted class where the set has no labels. Rows are kept in CSV
    files in `request.row_folder`, one per model, image set and method, named also by a digest of all they
    depend on; what is there is not computed again.
    """
    methods = {method.name: method for method in request.suited(classifier).methods}
    files = {name: row_file_name(images, classifier, method, request) for name, method in methods.items()}

    def compute(batch: Batch, missing: Sequence[str]) -> Iterable[tuple[str, list[Row]]]:
        chosen = [methods[name] for name in missing]
        return _explain_batch(batch, images.name, classifier, chosen, request).items()

    return sweep(images, classifier, request, files, Row, compute)


def sweep(
    images: ImageSet,
    classifier: Classifier,
    request: Request,
    files: Mapping[Key, str],
    kind: type[Line],
    compute: Callable[[Batch, Sequence[Key]], Iterable[tuple[Key, Sequence[Line]]]],
) -> dict[Key, list[Line]]:
    """Rows of dataclass `kind` for the first `request.limit` images, in their order, for each key of `files`.

    files: names of the CSV files in `request.row_folder` that keep them. compute: from a batch and the keys
    that lack rows for it to these keys with a row for each of its images; what it gives is kept at once.
    """
    wanted = images.ids[: request.limit]
    with (
        locked(request.row_folder / ".lock"),
        tqdm(
            desc=f"{classifier.name} on {images.name}", total=len(wanted), unit="image", disable=None
        ) as bar,
    ):
        kept = {key: RowFile(request.row_folder / name, kind) for key, name in files.items()}
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
    images: ImageSet, classifier: Classifier, method: Method, request: Request, *what: Any
) -> str:
    """Name of the file of a method's rows, with a digest of all they depend on.

    `what` they are of, if not of g_c: a metric's name, then whatever else they depend on.
    """
    key = [VERSION, images.fingerprint, images.name, classifier.digest, classifier.labels]
    key += [classifier.batch_size, effective_precision(classifier.precision), request.seed]
    key += [method.name, method.version, method.settings(request.params), *what]
    return "-".join([classifier.name, images.name, *what[:1], method.name, f"{key_digest(key)[:12]}.csv"])


def _explain_batch(
    batch: Batch, view: str, classifier: Classifier, methods: Sequence[Method], request: Request
) -> dict[str, list[Row]]:
    images, regions = classifier.prepare(batch.images), classifier.prepare_masks(batch.masks)
    predicted = classifier.predictions(images)
    labels = batch.labels(classifier.labels)
    # One array for all methods, so that they share what they compute of it.
    targets = (predicted if labels is None else labels).astype(np.int32)
    anywhere = random_regions(regions, image_seeds(batch.ids, request.seed, "random region"))
    visible = regions & batch.present[:, None, None]
    empty = ~regions.any((1, 2))
    # The same for all methods, so that they can share samples.
    seeds = image_seeds(batch.ids, request.seed, view, classifier.digest)
    rows = {}
    with classifier.sharing(images):
        for method in methods:
            begin = time.perf_counter()
            maps = explain(
                classifier,
                images,
                targets,
                method,
                seeds,
                visible,
                ids=batch.ids,
                view=view,
                **method.settings(request.params),
            )
            seconds = (time.perf_counter() - begin) / len(images)
            positive, states = positive_map(maps)
            values = zip(
                batch.ids,
                targets.tolist(),
                predicted.tolist(),
                np.where(empty, "empty_mask", states).tolist(),
                region_attribution(positive, regions).tolist(),
                region_attribution(positive, anywhere).tolist(),
                strict=True,
            )
            rows[method.name] = [
                Row(v[0], view, classifier.name, method.name, *v[1:], round(seconds, 6)) for v in values
            ]
    return rows
