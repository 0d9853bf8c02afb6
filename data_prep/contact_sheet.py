"""Contact sheets: one picture of small pictures per view, to see what a dataset is like."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from data_prep.classes import OBJECTS, SCENES
from data_prep.dataset import Dataset, View
from data_prep.files import replacing

THUMBNAIL = 96
MARGIN = 84


def contact_sheet(view: View) -> Image.Image:
    """A grid of thumbnails, object classes down and scene classes across, from the view's first images."""
    sheet = Image.new("RGB", (MARGIN + THUMBNAIL * len(SCENES), 20 + THUMBNAIL * len(OBJECTS)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(SCENES):
        pen.text((MARGIN + THUMBNAIL * column + 4, 4), name, fill="black")
    for row, name in enumerate(OBJECTS):
        pen.text((4, 20 + THUMBNAIL * row + THUMBNAIL // 2), name, fill="black")
    pairs = np.stack([view.object_labels, view.scene_labels], 1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    batch = view[first]
    for image, row, column in zip(batch.images, batch.object_labels, batch.scene_labels, strict=True):
        thumbnail = Image.fromarray(image).resize((THUMBNAIL - 2, THUMBNAIL - 2), Image.Resampling.BILINEAR)
        sheet.paste(thumbnail, (MARGIN + THUMBNAIL * int(column), 20 + THUMBNAIL * int(row)))
    return sheet


def write_contact_sheets(dataset: Dataset) -> None:
    """Write one PNG per view of the test split to the dataset's folder `contact_sheets`."""
    views = [
        dataset.view(name) for name in ("object_scene", "scene_only", "object_only", "rescaled", "relocated")
    ]
    views.append(dataset.view("commonality", k=0.3))
    for view in views:
        with replacing(dataset.folder / "contact_sheets" / f"{view.name}.png") as path:
            contact_sheet(view).save(path, format="PNG", compress_level=1)  # several times as fast
