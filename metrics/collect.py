"""Computing rows: every method on every image of a view, reduced at once to region attributions."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from attributions import VERSIONS, explain
from data_prep.dataset import Batch, View
from data_prep.files import locked
from data_prep.placement import generator
from metrics.regions import positive_map, random_regions, region_attribution
from metrics.rows import Row, RowFile
from models.classifier import Classifier

# To be raised when rows would come out differently: rows of other versions are then not used.
VERSION = 1


def shuffled(view: View, seed: int) -> View:
    """The images in a random order that depends on the seed alone; the first of it are those evaluated."""
    return view.subset(generator(seed, "images").permutation(len(view)))


def collect(
    view: View,
    classifier: Classifier,
    methods: Sequence[str],
    seed: int,
    folder: Path,
    limit: int | None = None,
) -> dict[str, list[Row]]:
    """The rows of each method for the first `limit` images of `view`, in its order.

    Maps explain the true label. Rows are kept in CSV files in `folder`, one per model, view and method,
    named also by a digest of all they depend on; what is there is not computed again.
    """
    wanted = view.ids[:limit]
    with (
        locked(folder / ".lock"),
        tqdm(desc=f"{classifier.name} on {view.name}", total=len(wanted), unit="image", disable=None) as bar,
    ):
        files = {name: RowFile(folder / _file_name(view, classifier, name, seed)) for name in methods}
        for start in range(0, len(wanted), classifier.batch_size):
            # Batches are whole and always cut the same way: what is beside an image can change its digits.
            part = view.subset(np.arange(start, min(start + classifier.batch_size, len(view))))
            missing = [name for name in methods if any(image not in files[name].rows for image in part.ids)]
            if missing:
                rows = _explain_batch(part[:], view.name, classifier, missing, seed)
                for name in missing:
                    files[name].append(row for row in rows[name] if row.image_id not in files[name].rows)
            bar.update(min(len(part), len(wanted) - start))
    return {name: [file.rows[image] for image in wanted] for name, file in files.items()}


def _file_name(view: View, classifier: Classifier, method: str, seed: int) -> str:
    key = [VERSION, view.dataset.fingerprint, view.name, classifier.digest, classifier.labels]
    key += [classifier.batch_size, method, VERSIONS[method], seed]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    return f"{classifier.name}-{view.name}-{method}-{digest}.csv"


def image_seeds(ids: Sequence[str], seed: int, *names: str) -> np.ndarray:
    """uint64 (N,): one seed per image, from the run's seed, `names` and the image's id alone."""
    return np.array([generator(seed, *names, image).integers(2**63) for image in ids], np.uint64)


def _explain_batch(
    batch: Batch, view: str, classifier: Classifier, methods: Sequence[str], seed: int
) -> dict[str, list[Row]]:
    images, regions = classifier.prepare(batch.images), classifier.prepare_masks(batch.masks)
    targets = batch.object_labels if classifier.labels == "object" else batch.scene_labels
    predicted = classifier.predictions(images)
    anywhere = random_regions(regions, image_seeds(batch.ids, seed, "random region"))
    visible = regions & batch.present[:, None, None]
    empty = ~regions.any((1, 2))
    rows = {}
    for name in methods:
        seeds = image_seeds(batch.ids, seed, name, view, classifier.digest)
        begin = time.perf_counter()
        maps = explain(classifier, images, targets, name, seeds, visible)
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
        rows[name] = [Row(v[0], view, classifier.name, name, *v[1:], round(seconds, 6)) for v in values]
    return rows
