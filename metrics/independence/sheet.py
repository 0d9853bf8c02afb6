"""A picture of patches, to look at what IIR compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bam.base.files import replacing
from bam.metrics.independence.store import Patched

EXAMPLES = 8
SIDE, GAP, TOP = 160, 4, 20
AMPLIFIED = 4
COLUMNS = ("scene", "dog pasted", "patched", f"moved, x {AMPLIFIED}", "")


def write_sheet(patched: Patched, path: Path, count: int) -> None:
    """The first patches of `count`, one a row: the scene, the dog as pasted, as patched, and how it moved."""
    count = min(count, EXAMPLES)
    batch, pasted = patched[:count], patched.scenes.pasted(slice(0, count))
    scenes = patched.scenes[:count].images
    height = round(SIDE * scenes.shape[1] / scenes.shape[2])
    sheet = Image.new("RGB", ((SIDE + GAP) * len(COLUMNS), TOP + (height + GAP) * count), "white")
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(COLUMNS):
        pen.text((column * (SIDE + GAP) + 2, 4), name, fill="black")
    for row, name in enumerate(batch.ids):
        dog = np.where(batch.masks[row, ..., None], pasted[row], scenes[row])
        moved = 128 + AMPLIFIED * (batch.images[row].astype(int) - dog)
        pictures = (scenes[row], dog, batch.images[row], np.clip(moved, 0, 255).astype(np.uint8))
        top = TOP + row * (height + GAP)
        for column, picture in enumerate(pictures):
            large = Image.fromarray(picture).resize((SIDE, height), Image.Resampling.NEAREST)
            sheet.paste(large, (column * (SIDE + GAP), top))
        known = patched.rows[name]
        lines = (
            name.rsplit("/", 1)[-1][:24],
            known.status,
            f"||df|| / ||f||  {known.ratio:.4f}",
            f"||d||  {known.delta_norm:.0f}, of {known.pasted_norm:.0f}",
            f"moved  {known.moved:.3f} ||dog||",
            f"iterations  {known.iterations}",
        )
        pen.text((4 * (SIDE + GAP) + 2, top + 4), "\n".join(lines), fill="black")
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")
