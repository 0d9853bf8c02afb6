"""The drawn sample as files: a COCO folder and a MiniPlaces folder, read like the real ones.

It does not depend on the seed of the datasets made from it: picture `i` of a class depends on the class,
`i`, `VERSION` and the seed of the drawing alone. The annotations come in all the forms that COCO has.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from contourpy import contour_generator
from PIL import Image
from pycocotools import mask as rle

from bam.base.errors import BamError
from bam.base.files import locked, made_once, read_json, remove_leftovers, replacing, write_json
from bam.base.processes import end_with_parent
from bam.base.progress import Progress
from bam.base.seeds import generator
from bam.data_prep.classes import IMAGE_SIZE, OBJECTS, SCENES
from bam.data_prep.sources import coco_annotations, miniplaces
from bam.data_prep.sources.coco_annotations import coco_category
from bam.data_prep.sources.drawn.brush import Canvas, gradient, hsv
from bam.data_prep.sources.drawn.objects import DRAW_OBJECT
from bam.data_prep.sources.drawn.scenes import DRAW_SCENE
from bam.data_prep.sources.drawn.weather import grained, lit, photographed
from bam.data_prep.sources.miniplaces import miniplaces_folder

VERSION = 2
PICTURES_PER_CLASS = 200
PHOTOGRAPH_SIZE = 200
OBJECT_SIZE = 160

# The ids that COCO gives to the ten categories.
_CATEGORY_IDS = dict(zip(OBJECTS, (27, 16, 18, 22, 38, 59, 13, 70, 8, 24), strict=True))


def draw_sample(
    folder: Path, workers: int, pictures_per_class: int = PICTURES_PER_CLASS, seed: int = 0
) -> None:
    """Draw the sample of a seed into `folder/coco` and `folder/miniplaces`, unless it is there already.

    Raises `BamError` if `folder` holds something else.
    """
    description = {"version": VERSION, "pictures_per_class": pictures_per_class}
    if seed:  # what earlier versions drew, and do not say, is the sample of seed 0
        description["seed"] = seed
    if (folder / "drawn.json").exists() and read_json(folder / "drawn.json") == description:
        return
    if folder.exists() and any(folder.iterdir()):
        raise BamError(
            f"{folder} is there but holds no drawn sample of version {VERSION}, seed {seed} and "
            f"{pictures_per_class} pictures a class: give another folder, or remove it"
        )
    with locked(folder.with_name(f".{folder.name}.lock")):
        _draw_anew(folder, workers, description)


def _draw_anew(folder: Path, workers: int, description: dict) -> None:
    partial = folder.with_name(f".{folder.name}.partial")
    stated = partial / "parts" / "sample.json"
    if partial.exists() and not (stated.exists() and read_json(stated) == description):
        shutil.rmtree(partial)  # of another sample, whose pictures are none of this
    made_once(stated, lambda: description)
    remove_leftovers(partial)
    how = description["pictures_per_class"], description.get("seed", 0)
    tasks = [(partial, name, *how) for name in (*OBJECTS, *SCENES)]
    # Processes, since drawing is Python; started fresh, since the caller may run threads.
    with (
        ProcessPoolExecutor(workers, get_context("spawn"), initializer=end_with_parent) as pool,
        Progress("drawing", len(tasks), "classes") as progress,
    ):
        parts = []
        for part in pool.map(_draw_class, tasks):
            parts.append(part)
            progress.advance(1)
    annotations = {
        "info": {"description": f"the drawn sample of BAM, version {VERSION}"},
        "images": [image for part in parts for image in part["images"]],
        "annotations": [annotation for part in parts for annotation in part["annotations"]],
        "categories": [{"id": _CATEGORY_IDS[name], "name": coco_category(name)} for name in OBJECTS],
    }
    write_json(partial / "coco" / coco_annotations.ANNOTATIONS, annotations)
    write_json(partial / "drawn.json", description)
    shutil.rmtree(partial / "parts")
    if folder.exists():
        folder.rmdir()
    os.replace(partial, folder)


def picture_generator(name: str, index: int, seed: int = 0) -> np.random.Generator:
    """What is random in picture `index` of a class."""
    names = ("drawn", name) if seed == 0 else ("drawn", str(seed), name)
    return generator(VERSION, *names, str(index))


def _draw_class(task: tuple[Path, str, int, int]) -> dict:
    """Draw all pictures of one class; returns its share of the COCO annotation file."""
    partial, name, number, seed = task
    draw = _draw_objects if name in OBJECTS else _draw_scenes
    return made_once(partial / "parts" / f"{name}.json", lambda: draw(partial, name, number, seed))


def _draw_scenes(partial: Path, name: str, number: int, seed: int) -> dict:
    folder = partial / "miniplaces" / miniplaces.PHOTOGRAPHS / miniplaces_folder(name)
    for index in range(number):
        picture = draw_scene(name, picture_generator(name, index, seed))
        _save(picture, folder / f"{index + 1:08d}.jpg")
    return {"images": [], "annotations": []}


def _draw_objects(partial: Path, name: str, number: int, seed: int) -> dict:
    images, annotations = [], []
    for index in range(number):
        photograph, mask = draw_photograph(name, picture_generator(name, index, seed))
        image_id = (OBJECTS.index(name) + 1) * 10_000 + index + 1
        file = f"{image_id:012d}.jpg"
        _save(photograph, partial / "coco" / coco_annotations.PHOTOGRAPHS / file)
        height, width = mask.shape
        images.append({"id": image_id, "file_name": file, "height": height, "width": width})
        annotations.append(
            {
                "id": image_id,
                "image_id": image_id,
                "category_id": _CATEGORY_IDS[name],
                "iscrowd": 0,
                "area": int(mask.sum()),
                "bbox": list(rle.toBbox(rle.encode(np.asfortranarray(mask.astype(np.uint8))))),
                "segmentation": _segmentation(mask, form=index % 3),
            }
        )
    return {"images": images, "annotations": annotations}


def _save(picture: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        picture.save(temporary, format="JPEG", quality=95, subsampling=0)


def draw_scene(name: str, rng: np.random.Generator) -> Image.Image:
    """One picture of a scene class, RGB, 128 x 128."""
    canvas = Canvas(IMAGE_SIZE, IMAGE_SIZE, (0, 0, 0))
    DRAW_SCENE[name](canvas, rng)
    return photographed(canvas, rng, IMAGE_SIZE)


def draw_object(name: str, rng: np.random.Generator) -> Image.Image:
    """One object of a class, RGBA, 160 x 160; a little turned, and mirrored half the time."""
    canvas = Canvas(OBJECT_SIZE, OBJECT_SIZE)
    DRAW_OBJECT[name](canvas, rng)
    picture = grained(lit(canvas.finish(), rng, 0.2), rng, 5)
    if name != "stop_sign" and rng.random() < 0.5:  # letters do not stand mirrored
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return picture.rotate(rng.uniform(-8, 8), Image.Resampling.BICUBIC)


def draw_photograph(name: str, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """An object before a soft background, RGB 200 x 200, and its mask, bool (200, 200)."""
    backdrop = Canvas(PHOTOGRAPH_SIZE, PHOTOGRAPH_SIZE)
    colours = [hsv(rng.random(), rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.9)) for _ in range(2)]
    backdrop.paint(gradient(*colours))
    photograph = grained(lit(backdrop.finish(), rng, 0.3), rng, 5)
    left, top = (int(rng.integers(0, PHOTOGRAPH_SIZE - OBJECT_SIZE + 1)) for _ in range(2))
    layer = Image.new("RGBA", photograph.size)
    layer.paste(draw_object(name, rng), (left, top))
    photograph.alpha_composite(layer)
    return photograph.convert("RGB"), np.asarray(layer)[..., 3] >= 128


def _segmentation(mask: np.ndarray, form: int) -> dict | list:
    """The mask in one of COCO's forms: polygons (0; only without holes), compressed or plain RLE."""
    polygons = list(_polygons(mask))
    if form == 0 and polygons:
        return polygons
    encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    if form == 2:
        runs = np.flatnonzero(np.diff(np.concatenate([[False], mask.ravel(order="F"), [False]])))
        counts = np.diff(np.concatenate([[0], runs, [mask.size]]))
        return {"size": list(mask.shape), "counts": counts[: len(counts) - (counts[-1] == 0)].tolist()}
    return {"size": list(mask.shape), "counts": encoded["counts"].decode("ascii")}


def _polygons(mask: np.ndarray) -> Iterator[list[float]]:
    """The outlines as COCO polygons (x, y, x, y, ...); nothing if the mask has holes."""
    outlines = contour_generator(z=np.pad(mask, 1).astype(float)).lines(0.5)
    areas = [np.sum(np.diff(line[:, 0]) * (line[1:, 1] + line[:-1, 1])) for line in outlines]
    if any(area * max(areas, key=abs) < 0 for area in areas):
        return
    for line in outlines:
        # Closed, from the rightmost of its lowest points: where it begins is part of the file's digest.
        start = np.lexsort(line[:-1].T)[-1]
        line = line[:-1].take(start + np.arange(len(line)), axis=0, mode="wrap")
        # Padding shifted the outline by one pixel, COCO counts from pixel corners: -1 + 1/2.
        yield (line - 0.5).round(2).ravel().tolist()
