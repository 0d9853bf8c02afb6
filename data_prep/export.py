"""Writing the image sets as files in the layout of the official BAM release.

    obj/ scene/ scene_only/     by object label, by scene label, and scenes without object
        train/<class>/<image id>.png
        val/<image id>.png
        val_mask/<image id>.png         the object's mask, 255 inside
        val.txt                         one "<file> <label>" a line
        val_loc.txt                     one "<file> <row_min>,<col_min>,<row_max>,<col_max>" a line

The validation composites go to train/, the test composites to val/, as the official split has no third
part. Unlike the official masks these are PNG files, found by name and never by index.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from bam.base.errors import BamError
from bam.base.files import read_json, write_json, write_text
from bam.base.progress import Progress
from bam.base.threads import in_order
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.dataset import Dataset, View

FORMATS = ("png", "jpeg")
_SETS = {
    "obj": ("object_scene", OBJECTS),
    "scene": ("object_scene", SCENES),
    "scene_only": ("scene_only", SCENES),
}


def export(dataset: Dataset, folder: Path, file_format: str, workers: int) -> None:
    """Write the official layout to `folder`, which takes its name when complete.

    `file_format` is "png" (lossless) or "jpeg" (quality 95, for programs that want it; pixels then
    differ outside the mask too). Does nothing if this export is there already;
    raises `BamError` if `folder` holds anything else.
    """
    marker = {"dataset": dataset.fingerprint, "format": file_format}
    if (folder / "export.json").exists() and read_json(folder / "export.json") == marker:
        return
    if folder.exists() and any(folder.iterdir()):
        raise BamError(f"{folder} is not empty: give another `export`")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    suffix = {"png": ".png", "jpeg": ".jpg"}[file_format]
    for name, (view_name, classes) in _SETS.items():
        root = partial / name
        views = {split: dataset.view(view_name, split) for split in ("train", "validation", "test")}
        jobs = [job for split, view in views.items() for job in _jobs(view, root, classes, suffix, split)]
        with Progress(f"exporting {name}", len(jobs), "images") as progress:
            for _ in in_order(_write_image, jobs, workers):
                progress.advance(1)
        test = views["test"]
        labels = test.labels("object" if classes is OBJECTS else "scene")
        files = [f"{image_id}{suffix}" for image_id in test.ids]
        write_text(
            root / "val.txt", _lines(f"{file} {label}" for file, label in zip(files, labels, strict=True))
        )
        boxes = (f"{p.top},{p.left},{p.top + p.height},{p.left + p.width}" for p in test.placements)
        write_text(
            root / "val_loc.txt", _lines(f"{file} {box}" for file, box in zip(files, boxes, strict=True))
        )
    write_json(partial / "export.json", marker)
    if folder.exists():
        folder.rmdir()
    os.replace(partial, folder)


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in sorted(lines))


def _jobs(
    view: View, root: Path, classes: tuple[str, ...], suffix: str, split: str
) -> Iterator[tuple[View, int, Path, Path | None]]:
    """What `_write_image` is to write: view, index, path of the image, path of the mask or None."""
    labels = view.labels("object" if classes is OBJECTS else "scene")
    for index, image_id in enumerate(view.ids):
        if split == "test":
            yield view, index, root / "val" / f"{image_id}{suffix}", root / "val_mask" / f"{image_id}.png"
        else:
            yield view, index, root / "train" / classes[labels[index]] / f"{image_id}{suffix}", None


def _write_image(job: tuple[View, int, Path, Path | None]) -> None:
    view, index, path, mask_path = job
    batch = view[[index]]
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"quality": 95, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(batch.images[0]).save(path, **options)
    if mask_path:
        mask_path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(batch.masks[0], 255, 0).astype(np.uint8)).save(mask_path)
