"""The numbers of single images behind a score, kept beside it: <metric>.images.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bam.base.errors import BamError
from bam.base.files import write_text

IMAGE, SOURCE = "image", "source"


@dataclass(frozen=True, eq=False)
class ImageValues:
    """What a metric found of single images; the mean over those that are not NaN is the score.

    ids: of the images, each once. sources: str (N, factors), what each is made of. values: method -> float
    (N,), NaN where an image is not used.
    """

    ids: tuple[str, ...]
    sources: np.ndarray
    values: Mapping[str, np.ndarray]

    def means(self) -> dict[str, float | None]:
        """method -> mean of the images that it uses, None where there are none."""
        used = {name: values[~np.isnan(values)] for name, values in self.values.items()}
        return {name: float(values.mean()) if len(values) else None for name, values in used.items()}

    def write(self, path: str | Path) -> None:
        """As CSV, a line for each image; numbers in full, an empty cell where an image is not used."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        factors = [f"{SOURCE} {place}" for place in range(1, self.sources.shape[1] + 1)]
        writer.writerow([IMAGE, *factors, *self.values])
        columns = [
            ["" if np.isnan(value) else repr(float(value)) for value in of] for of in self.values.values()
        ]
        writer.writerows(
            [image, *sources, *cells]
            for image, sources, *cells in zip(self.ids, self.sources.tolist(), *columns, strict=True)
        )
        write_text(path, text.getvalue())


def read_image_values(path: str | Path) -> ImageValues:
    """What `ImageValues.write` wrote. Raises `BamError` for a file that holds no such table."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            head, *lines = csv.reader(file)
        factors = sum(name.startswith(f"{SOURCE} ") for name in head)
        if head[0] != IMAGE or any(len(line) != len(head) for line in lines):
            raise ValueError
        table = np.array(lines, dtype=str).reshape(len(lines), len(head))
        numbers = {
            name: np.array([float(cell) if cell else np.nan for cell in table[:, place]])
            for place, name in enumerate(head)
            if place > factors
        }
    except (UnicodeDecodeError, ValueError, IndexError):
        raise BamError(f"{path} is no table of images: make the score again") from None
    return ImageValues(tuple(table[:, 0].tolist()), table[:, 1 : 1 + factors], numbers)
