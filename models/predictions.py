"""Networks of which the answers alone are known: a CSV file in place of the networks, where maps are given.

    view,image_id,object,scene,object_lowered
    object_scene,dog-bedroom-0090,dog,bedroom,
    object_scene-pictures,dog-bedroom-0090,dog,bedroom,3.71

A line for each image of each set of `bam images`, by `view` and `image_id`; a column for each network with
the name of the class that it predicts, empty where the network is not asked about the image. The columns
`object_lowered` and `scene_lowered` need not be there: by how much the logit of the image's class falls when
the object is removed, which localisation wants to know.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.base.digests import key_digest
from bam.base.errors import BamError, did_you_mean
from bam.data_prep.classes import CLASSES
from bam.data_prep.written import WrittenImages

KEYS = ("view", "image_id")
LOWERED = "_lowered"
Place = tuple[str, str]  # an image set and an image of it


class Predicted:
    """Stands in for a `Classifier` where its maps and its answers are given.

    name: "object" or "scene", what it names. size: height and width of the maps. answers: from image set and
    image to the index of the class predicted; lowered: likewise to the fall of the logit. origin: where the
    answers are from. seed_digest, by default of the name: what random numbers are drawn from. The others are
    those of `Classifier`.
    """

    precision = "unknown"

    def __init__(
        self,
        name: str,
        size: tuple[int, int],
        answers: Mapping[Place, int],
        lowered: Mapping[Place, float],
        origin: str,
        batch_size: int = 32,
        seed_digest: str | None = None,
    ):
        self.name = self.labels = name
        self.class_names: tuple[str, ...] = CLASSES[name]
        self.input_size, self.batch_size = size, batch_size
        self._answers, self._lowered, self._origin = answers, lowered, origin
        known = [[*place, answer, lowered.get(place)] for place, answer in sorted(answers.items())]
        self.digest = key_digest([name, known])
        self.seed_digest = seed_digest or key_digest([name])
        self.description: dict[str, Any] = {}
        self.remarks = (
            f"What {name} predicts is from {origin}, and its maps were given: the network itself was not "
            "asked, and is not known to pass the validity check.",
        )

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Images (N, H, W, 3) in 0..255 as float32 at the size of the maps, by Pillow's filter.

        It is that of `network.resizing.resize` but for rounding.
        """
        if images.shape[1:3] == self.input_size:
            return images.astype(np.float32, copy=False)
        height, width = self.input_size
        result = np.empty((len(images), height, width, 3), np.float32)
        for image, small in zip(images.astype(np.float32), result, strict=True):
            for channel in range(3):
                plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
                small[..., channel] = plane.resize((width, height), Image.Resampling.BILINEAR)
        return result

    def prepare_masks(self, masks: np.ndarray) -> np.ndarray:
        """Masks bool (N, H, W) at the size of the maps; others are resized as by `Classifier`."""
        if masks.shape[1:] == self.input_size:
            return masks
        from bam.models.network.resizing import resize_masks

        return resize_masks(masks, self.input_size)

    def sharing(self, images: np.ndarray) -> AbstractContextManager[None]:
        """Nothing is computed, so that there is nothing to share."""
        return nullcontext()

    def clock(self) -> float:
        """Seconds."""
        return time.perf_counter()

    def check(self, view: str, ids: Sequence[str]) -> None:
        """Raise `BamError` if what is predicted of some of these images is not known."""
        lacking = [image for image in ids if (view, image) not in self._answers]
        if lacking:
            raise BamError(
                f"{self._origin} lacks what {self.name} predicts of {len(lacking)} of {len(ids)} images of "
                f"{view}, such as {lacking[0]}"
            )
        lacking = [image for image in ids if (view, image) not in self._lowered]
        if lacking and any(known == view for known, _ in self._lowered):
            raise BamError(
                f"{self._origin} lacks {self.name}{LOWERED} of {len(lacking)} of {len(ids)} images of "
                f"{view}, such as {lacking[0]}: give it for all of them, or for none"
            )

    def predicted(self, view: str, ids: Sequence[str]) -> np.ndarray:
        """int (N,): the classes predicted. Raises `BamError` where they are not known."""
        self.check(view, ids)
        return np.array([self._answers[view, image] for image in ids])

    def lowered(self, view: str, ids: Sequence[str]) -> np.ndarray:
        """float (N,): by how much logits fall when the object is removed; infinite where nothing is known."""
        return np.array([self._lowered.get((view, image), math.inf) for image in ids])


class Predictions:
    """Stands in for `Models`: networks of which maps and answers are given, or are yet to be.

    networks: by their names. origin: where their answers are from.

    >>> Predictions.read("predictions.csv", WrittenImages("for_maps"))["scene"].name  # doctest: +SKIP
    'scene'
    """

    precision = Predicted.precision

    def __init__(self, networks: Mapping[str, Predicted], origin: str | Path, batch_size: int = 32):
        self._networks, self.folder, self.batch_size = networks, Path(origin), batch_size

    @classmethod
    def read(cls, path: str | Path, images: WrittenImages, batch_size: int = 32) -> Predictions:
        """The networks that a CSV file has columns of, see above.

        images: those that answers are to be of. Raises `BamError` for a file that cannot be read; for lines
        that are there twice, of images that are not asked for, or with what is no class, how many there are
        and the first.
        """
        file = _File(Path(path), images)
        return cls(
            {name: file.network(name, batch_size) for name in CLASSES if name in file.columns},
            path,
            batch_size,
        )

    @classmethod
    def awaited(cls, size: tuple[int, int]) -> Predictions:
        """Networks of which the size of the maps alone is known, (height, width)."""
        return cls({name: Predicted(name, size, {}, {}, "nowhere") for name in CLASSES}, "nowhere")

    def has(self, name: str) -> bool:
        """Whether there is a network of this name."""
        return name in self._networks

    def __getitem__(self, name: str) -> Predicted:
        """The network `name`. Raises `BamError` if there is none, since a file has no column of it."""
        if name not in self._networks:
            raise BamError(f"{self.folder} has no column {name}, for the class that this network predicts")
        return self._networks[name]

    def trained_on(self, dataset: WrittenImages, name: str) -> Predicted:
        """The same: whoever made the file says what it was trained on."""
        return self[name]


class _File:
    """The lines of such a file, each with its number under "", and its columns."""

    def __init__(self, path: Path, images: WrittenImages):
        self._path, self._images = path, images
        self.columns, self.lines = self._read()
        self._check_columns()
        if uneven := [line for line in self.lines if None in line or None in line.values()]:
            raise self._error(uneven, "more or fewer cells than columns")
        self.lines = [{key: value.strip() for key, value in line.items()} for line in self.lines]
        self._check_places()

    def _read(self) -> tuple[list[str], list[dict[str, str]]]:
        try:
            with open(self._path, newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                columns = [name.strip() for name in reader.fieldnames or ()]
                reader.fieldnames = columns
                return columns, [{**line, "": str(reader.line_num)} for line in reader]
        except FileNotFoundError:
            raise BamError(f"`predictions`: there is no file {self._path}") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise BamError(f"{self._path} cannot be read as CSV in UTF-8 ({error})") from None

    def _check_columns(self) -> None:
        """Raise `BamError` if a column lacks, is there twice, or is unknown."""
        columns, known = self.columns, [*KEYS, *CLASSES, *(name + LOWERED for name in CLASSES)]
        wanted = f"{', '.join(KEYS)}, then {' and '.join(CLASSES)}, or one of them"
        lacking = [name for name in KEYS if name not in columns]
        if lacking or not set(CLASSES) & set(columns) or len(set(columns)) < len(columns):
            raise BamError(f"{self._path} has the columns {', '.join(columns) or 'none'}: it needs {wanted}")
        for name in columns:
            if name not in known:
                hint = did_you_mean(name, known)
                raise BamError(f"{self._path} has an unknown column {name!r}: {hint}it needs {wanted}")

    def _error(self, wrong: Sequence[Mapping[str, str]], what: str, remedy: str = "mend them") -> BamError:
        """That these lines have something that they must not."""
        return BamError(
            f"{self._path} has {what} in {len(wrong)} of {len(self.lines)} lines, the first is line "
            f"{wrong[0]['']}: {remedy}"
        )

    def _check_places(self) -> None:
        """Raise `BamError` if an image is there twice, or is none of those asked for."""
        seen: set[Place] = set()
        twice, strange = [], []
        asked = {(line.view, line.image_id) for line in self._images.asked}
        for line in self.lines:
            place = line["view"], line["image_id"]
            if place in seen:
                twice.append(line)
            if place not in asked:
                strange.append(line)
            seen.add(place)
        if twice:
            view, image = twice[0]["view"], twice[0]["image_id"]
            raise self._error(twice, f"images a second time, such as {image!r} of {view!r},")
        if strange:
            view, image = strange[0]["view"], strange[0]["image_id"]
            ids = [each for known, each in asked if known == view]
            hint = (
                did_you_mean(image, ids) if ids else did_you_mean(view, sorted({known for known, _ in asked}))
            )
            raise self._error(
                strange,
                f"images that are not asked for, such as {image!r} of {view!r},",
                f"{hint}manifest.csv in {self._images.folder} lists those that are",
            )

    def network(self, name: str, batch_size: int) -> Predicted:
        """The answers of a network."""
        classes = CLASSES[name]
        given = [line for line in self.lines if line[name]]
        numbers = [line for line in given if line[name].lstrip("-").isdecimal()]
        if numbers:
            what = f"a class index in the column {name}, such as {numbers[0][name]},"
            raise self._error(numbers, what, f"write the class's name, such as {classes[0]}")
        wrong = [line for line in given if line[name] not in classes]
        if wrong:
            word = wrong[0][name]
            what = f"an unknown class in the column {name}, such as {word!r},"
            raise self._error(wrong, what, f"{did_you_mean(word, classes)}known are {', '.join(classes)}")
        answers = {(line["view"], line["image_id"]): classes.index(line[name]) for line in given}
        return Predicted(
            name,
            self._images.size,
            answers,
            self._lowered(name),
            str(self._path),
            batch_size,
            self._images.description["networks"].get(name),
        )

    def _lowered(self, name: str) -> dict[Place, float]:
        column = name + LOWERED
        found: dict[Place, float] = {}
        wrong = []
        for line in self.lines:
            if text := line.get(column):
                value = _number(text)
                if math.isfinite(value):
                    found[line["view"], line["image_id"]] = value
                else:
                    wrong.append(line)
        if wrong:
            text = wrong[0][column]
            raise self._error(wrong, f"no finite number in the column {column}, such as {text!r},")
        return found


def _number(text: str) -> float:
    """The number in a text, NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
