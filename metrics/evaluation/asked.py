"""What metrics ask of networks that are elsewhere: images written for them, and what is given of these."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.attributions.registry import Explainer
from bam.attributions.stored_maps import StoredMaps, check_maps
from bam.base.errors import BamError
from bam.base.files import read_json, write_json, write_text
from bam.base.progress import Progress
from bam.data_prep.dataset import Dataset, View
from bam.data_prep.written import FORMAT, MARKER, Asked, WrittenImages, write_manifest
from bam.metrics.evaluation.plan import Planned

BATCH = 32  # images in memory
README = """\
# Images that maps are asked for

Written by BAM's command `images`. `manifest.csv` has a line for each image of each set (`view`, `image_id`):
`image` is its file, `mask` the region of its object ({height} x {width}), `networks` are those whose maps are
wanted, each of the class that the column of its name has. `without_object`, where it stands, is the same
picture without its object.

Maps are arrays ({height}, {width}) or ({height}, {width}, channels), of real numbers, with the same number of
channels in all, saved with numpy as `MAPS/<network>/<view>/<image_id>.npy`. `predictions.csv` has the columns
`view`, `image_id` and, for each network, the name of the class that it predicts. A column `object_lowered`,
for localisation, says by how much the logit of the object's class falls from `image` to `without_object`;
without it each image is taken for one in which the network uses the object.

This does it for any framework, run in this folder, once the two functions ask your networks:

```python
import csv
from pathlib import Path

import numpy as np
from PIL import Image

MAPS = Path("my_maps")


def predict(network, pixels):
    \"\"\"Name of the class that a network, "object" or "scene", predicts for pixels, uint8 (h, w, 3).\"\"\"
    raise NotImplementedError("resize the pixels as your network wants them, and ask it")


def explain(network, pixels, name):
    \"\"\"Map of the class `name`, ({height}, {width}) or with channels behind, raw and signed.\"\"\"
    raise NotImplementedError("ask your method")


predictions = []
with open("manifest.csv", newline="", encoding="utf-8") as file:
    asked = list(csv.DictReader(file))
for line in asked:
    pixels = np.asarray(Image.open(line["image"]))
    found = {{"view": line["view"], "image_id": line["image_id"]}}
    for network in line["networks"].split():
        found[network] = predict(network, pixels)
        path = MAPS / network / line["view"] / f"{{line['image_id']}}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, explain(network, pixels, line[network]))
    predictions.append(found)
names = {networks!r}
with open("predictions.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, ["view", "image_id", *names], restval="")
    writer.writeheader()
    writer.writerows(predictions)
```

Then, in this folder, with neither the networks nor TensorFlow:

    bam metrics --metric {metrics} {flags}--data . --methods my_maps --predictions predictions.csv
"""


def check_given(planned: Sequence[Planned], explainers: Sequence[Explainer], limit: int | None) -> None:
    """Raise `BamError`, before anything is computed, for predictions and maps that lack or cannot be used."""
    wanted = [(each, each.images.ids[: _count(each, limit)]) for each in planned]
    for each, ids in wanted:
        each.classifier.check(each.images.name, ids)
    for explainer in explainers:
        if isinstance(explainer.method, StoredMaps):
            names = [
                f"{each.classifier.name}/{each.images.name}/{image}.npy"
                for each, ids in wanted
                for image in ids
            ]
            check_maps(explainer.method.folder, names, planned[0].classifier.input_size)


def _count(planned: Planned, limit: int | None) -> int | None:
    """Of how many images maps are asked for: batches are whole."""
    size = planned.classifier.batch_size
    return None if planned.whole or limit is None else -(-limit // size) * size


def write_asked(
    folder: Path,
    planned: Sequence[Planned],
    dataset: Dataset,
    asked: Mapping[str, Any],
    seed: int,
    limit: int | None,
) -> WrittenImages:
    """Write the images that maps are asked for to `folder`, which takes its name when complete.

    planned: what metrics ask of their networks, of at most `limit` images where they are not whole. asked:
    the metrics, by name, and their settings. seed: that of the images' order. What was written by the same
    call is used again. Raises `BamError` if `folder` holds anything else, and for networks that do not agree
    in their size.
    """
    sizes = {each.classifier.name: each.classifier.input_size for each in planned}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {height} x {width}" for name, (height, width) in sizes.items())
        raise BamError(
            f"the networks take pictures of several sizes ({listed}): give `size` for one of them alone"
        )
    marker = {
        "format": FORMAT,
        "dataset": dataset.fingerprint,
        "settings": {"source": dataset.description["settings"]["source"]},
        "size": list(next(iter(sizes.values()))),
        "seed": seed,
        "limit": limit,
        "metrics": dict(asked),
        "networks": {each.classifier.name: each.classifier.seed_digest for each in planned},
    }
    if (folder / MARKER).exists() and read_json(folder / MARKER) == marker:
        return WrittenImages(folder)
    if folder.exists() and any(folder.iterdir()):
        raise BamError(f"{folder} is not empty: give another `out`")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    lines: dict[tuple[str, str], Asked] = {}
    amounts = [len(each.images.ids if each.whole else each.images.ids[:limit]) for each in planned]
    with Progress(f"writing {folder.name}", sum(amounts), "images") as progress:
        for each, amount in zip(planned, amounts, strict=True):
            for start in range(0, amount, BATCH):
                part = slice(start, min(start + BATCH, amount))
                _write_batch(partial, each, part, lines)
                progress.advance(part.stop - part.start)
    write_manifest(partial, list(lines.values()))
    write_text(partial / "README.md", _readme(marker))
    write_json(partial / MARKER, marker)
    if folder.exists():
        folder.rmdir()
    os.replace(partial, folder)
    return WrittenImages(folder)


def _readme(marker: Mapping[str, Any]) -> str:
    height, width = marker["size"]
    settings = {key: value for known in marker["metrics"].values() for key, value in known.items()}
    flags = "" if settings.get("robustness", True) else "--norobustness "
    flags += f"--seed {marker['seed']} " if marker["seed"] else ""
    names = list(marker["networks"])
    return README.format(
        height=height, width=width, networks=names, metrics=",".join(marker["metrics"]), flags=flags
    )


def _write_batch(folder: Path, planned: Planned, part: slice, lines: dict[tuple[str, str], Asked]) -> None:
    """Write some images of a set, and their lines; of those that are there another network is asked too."""
    images, classifier = planned.images, planned.classifier
    known = [lines.get((images.name, image)) for image in images.ids[part]]
    if None not in known:
        for line in known:
            networks = dict.fromkeys([*line.networks.split(), classifier.name])
            lines[line.view, line.image_id] = replace(line, networks=" ".join(networks))
        return
    view = images if isinstance(images, View) else images.view
    batch = images[part]
    masks = classifier.prepare_masks(batch.masks)
    without = images.without_objects(batch) if hasattr(images, "without_objects") else [None] * len(masks)
    for place, placement in enumerate(view.placements[part]):
        paths = [f"{kind}/{images.name}/{placement.image_id}.png" for kind in ("images", "masks", "without")]
        pictures = batch.images[place], np.where(masks[place], 255, 0).astype(np.uint8), without[place]
        for path, picture in zip(paths, pictures, strict=True):
            if picture is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(folder / path)
        lines[images.name, placement.image_id] = Asked(
            images.name,
            placement.image_id,
            placement.split,
            placement.object,
            placement.scene,
            placement.cutout,
            placement.scene_index,
            int(batch.present[place]),
            classifier.name,
            *paths[:2],
            paths[2] if pictures[2] is not None else "",
        )
