"""Computing rows: every method on every image of a set, reduced at once to region attributions."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from tqdm import tqdm

from attributions import Method, explain
from data_prep.dataset import Batch, View
from data_prep.files import locked
from data_prep.placement import generator
from metrics.environment import effective_precision
from metrics.regions import positive_map, random_regions, region_attribution
from metrics.request import Request
from metrics.rows import Row, RowFile
from models.classifier import Classifier

# To be raised when rows would come out differently: rows of other versions are then not used.
VERSION = 2


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

    Maps explain the true label, or the predicted class where the set has no labels. Rows are kept in CSV
    files in `request.row_folder`, one per model, image set and method, named also by a digest of all they
    depend on; what is there is not computed again.
    """
    wanted = images.ids[: request.limit]
    with (
        locked(request.row_folder / ".lock"),
        tqdm(
            desc=f"{classifier.name} on {images.name}", total=len(wanted), unit="image", disable=None
        ) as bar,
    ):
        files = {
            method.name: RowFile(request.row_folder / _file_name(images, classifier, method, request))
            for method in request.methods
        }
        for start in range(0, len(wanted), classifier.batch_size):
            # Batches are whole and always cut the same way: what is beside an image can change its digits.
            part = slice(start, min(start + classifier.batch_size, len(images)))
            ids = images.ids[part]
            missing = [
                method
                for method in request.methods
                if any(image not in files[method.name].rows for image in ids)
            ]
            if missing:
                rows = _explain_batch(images[part], images.name, classifier, missing, request)
                for name, new in rows.items():
                    files[name].append(row for row in new if row.image_id not in files[name].rows)
            bar.update(min(len(ids), len(wanted) - start))
    return {name: [file.rows[image] for image in wanted] for name, file in files.items()}


def _file_name(images: ImageSet, classifier: Classifier, method: Method, request: Request) -> str:
    key = [VERSION, images.fingerprint, images.name, classifier.digest, classifier.labels]
    key += [classifier.batch_size, effective_precision(classifier.precision), request.seed]
    key += [method.name, method.version, method.settings(request.params)]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    return f"{classifier.name}-{images.name}-{method.name}-{digest}.csv"


def image_seeds(ids: Sequence[str], seed: int, *names: str) -> np.ndarray:
    """uint64 (N,): one seed per image, from the run's seed, `names` and the image's id alone."""
    return np.array([generator(seed, *names, image).integers(2**63) for image in ids], np.uint64)


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
