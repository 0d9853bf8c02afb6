"""Contact sheets: one picture of small pictures per view, to see what a dataset is like."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from bam.base.files import replacing
from bam.data_prep.classes import COMMONALITIES, OBJECTS, SCENES
from bam.data_prep.dataset import Dataset, View

THUMBNAIL = 96
LEFT, TOP = 84, 20  # margins for the names

# The rows of a sheet: a name, and the view whose first image of each scene class is shown.
Rows = dict[str, View]


def contact_sheet(rows: Rows) -> Image.Image:
    """A grid of thumbnails, the scene classes across."""
    sheet = Image.new("RGB", (LEFT + THUMBNAIL * len(SCENES), TOP + THUMBNAIL * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(SCENES):
        pen.text((LEFT + THUMBNAIL * column + 4, 4), name, fill="black")
    for row, (name, view) in enumerate(rows.items()):
        top = TOP + THUMBNAIL * row
        pen.text((4, top + THUMBNAIL // 2), name, fill="black")
        columns, first = np.unique(view.scene_labels, return_index=True)
        for image, column in zip(view[first].images, columns.tolist(), strict=True):
            small = Image.fromarray(image).resize((THUMBNAIL - 2, THUMBNAIL - 2), Image.Resampling.BILINEAR)
            sheet.paste(small, (LEFT + THUMBNAIL * column, top))
    return sheet


def sheets(dataset: Dataset) -> dict[str, Rows]:
    """The sheets of a dataset, from its test split: object classes down, or k for the sets X^k."""
    result = {}
    for name in ("object_scene", "scene_only", "object_only", "rescaled", "relocated"):
        view = dataset.view(name)
        result[name] = {kind: view.subset(view.object_labels == label) for label, kind in enumerate(OBJECTS)}
    result["commonality"] = {f"k = {k}": dataset.view("commonality", k=k) for k in COMMONALITIES}
    return result


def write_contact_sheets(dataset: Dataset) -> None:
    """Write one PNG per view to the dataset's folder `contact_sheets`."""
    for name, rows in sheets(dataset).items():
        with replacing(dataset.folder / "contact_sheets" / f"{name}.png") as path:
            # Hardly larger than with Pillow's default compression, and much faster.
            contact_sheet(rows).save(path, format="PNG", compress_level=1)
