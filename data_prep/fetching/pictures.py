"""Single photographs of COCO's train2017: so many for each object class, that a dataset can be built from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from bam.base.digests import array_digest, digest
from bam.base.errors import BamError
from bam.base.files import locked, remove_leftovers, replacing, write_text
from bam.base.progress import Progress
from bam.base.threads import in_order
from bam.data_prep.fetching.choice import Candidates, candidates, reduced
from bam.data_prep.fetching.manifest import LeftOut, Manifest, Picture
from bam.data_prep.fetching.transfer import get
from bam.data_prep.sources.coco import MINIMUM_AREA, Coco
from bam.data_prep.sources.coco_annotations import (
    ANNOTATIONS,
    PHOTOGRAPHS,
    Instance,
    instances,
    load_annotations,
)
from bam.data_prep.sources.gather import fitted
from bam.data_prep.sources.photographs import Unusable
from bam.data_prep.sources.registry import Items

URL = "http://images.cocodataset.org/train2017"
# Bytes of a photograph, about: those of train2017.zip by its 118,287 photographs.
PICTURE_SIZE = 19_336_861_798 // 118_287
DOWNLOADS = 8  # at a time
# So many in a row that cannot be had, and it is not COCO that answers.
REFUSED = 32


@dataclass(frozen=True)
class Fetched:
    """What there is after a run.

    chosen: the files of each class, in the order of the choice. damaged: files that were no longer as the
    manifest says, and were fetched anew.
    """

    manifest: Manifest
    chosen: Mapping[str, list[str]]
    damaged: list[str]


def fetch_pictures(
    annotations: Path,
    folder: Path,
    images_per_class: int,
    minimum_area: float = MINIMUM_AREA,
    seed: int = 0,
    url: str = URL,
    workers: int = DOWNLOADS,
) -> Fetched:
    """Make `folder` a COCO folder with `images_per_class` usable photographs of each class, or all there are.

    annotations: COCO's whole file. A photograph is usable if `build` can use its object: it is read here as
    there. The others are replaced by the next in the order of `candidates`, and named in manifest.json. What
    an earlier run fetched is checked, and not fetched again. Raises `BamError` if the server cannot be
    reached, for a full disk, and if the folder holds pictures that were chosen otherwise.
    """
    with locked(folder / ".lock"):
        remove_leftovers(folder)
        with Progress("reading annotations", None, "files") as progress:  # a minute or two
            progress.begin(annotations.name)
            data = load_annotations(annotations)
        chosen_by = {"seed": seed, "minimum_area": minimum_area, "annotations": digest(annotations)}
        manifest = Manifest.opened(folder, chosen_by)
        source, listed = Coco(folder, minimum_area), instances(data, annotations)
        order = candidates(listed, source, seed)
        fetching = _Fetching(source, manifest, url)
        try:
            chosen = fetching.choose(order, images_per_class, workers)
        finally:
            manifest.save()
        # Last, so that it names nothing that is not there.
        classes = {file: name for name, files in chosen.items() for file in files}
        _write_if_other(folder / ANNOTATIONS, reduced(data, annotations, classes))
        manifest.notes |= {"images_per_class": images_per_class, "classes": _counts(listed, order, chosen)}
        manifest.save()
    return Fetched(manifest, chosen, sorted(fetching.damaged))


def _counts(
    listed: Items, order: Mapping[str, Candidates], chosen: Mapping[str, list[str]]
) -> dict[str, dict[str, int]]:
    """Of the photographs that show each class: how many serve it, and how many do not, and why."""
    return {
        name: {
            "chosen": len(chosen[name]),
            "usable_by_annotation": len(found.order),
            "too_small": found.too_small,
            "of_another_class": found.of_another_class,
            "no_object": len(listed.left_out[name]),  # such as crowds alone
        }
        for name, found in order.items()
    }


def _write_if_other(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


class _Fetching:
    """The pictures of one folder."""

    def __init__(self, source: Coco, manifest: Manifest, url: str):
        self._source, self._manifest, self._url = source, manifest, url
        self._pictures = source.folder / PHOTOGRAPHS
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._refused: list[LeftOut] = []  # in a row
        self.damaged: set[str] = set()

    def choose(
        self, order: Mapping[str, Candidates], images_per_class: int, workers: int
    ) -> dict[str, list[str]]:
        """The first usable files of each class.

        In rounds: each asks for as many as are still wanting, so that none is fetched in vain, and takes them
        in the order in which they were asked for, so that the choice does not depend on which comes first.
        """
        chosen: dict[str, list[str]] = {name: [] for name in order}
        cutouts: dict[str, set[str]] = {name: set() for name in order}
        waiting = {name: self._not_left_out(found.order) for name, found in order.items()}
        total = sum(min(images_per_class, len(found.order)) for found in order.values())
        with Progress("fetching photographs", total, "pictures") as progress:
            while asked := [
                (name, each)
                for name, files in chosen.items()
                for each in islice(waiting[name], images_per_class - len(files))
            ]:
                obtained = in_order(lambda one: self._obtain(*one), asked, workers)
                for (name, instance), result in zip(asked, obtained, strict=True):
                    if isinstance(result, Unusable):
                        self._refuse(LeftOut(instance.file, name, str(result)))
                        continue
                    self._accept()
                    if result.cutout in cutouts[name]:
                        self._leave_out(LeftOut(instance.file, name, "duplicate of another picture"))
                        (self._pictures / instance.file).unlink()
                        continue
                    cutouts[name].add(result.cutout)
                    chosen[name].append(instance.file)
                    progress.advance(1, computed=self._manifest.pictures.get(instance.file) != result)
                    self._manifest.pictures[instance.file] = result
        self._accept()
        return chosen

    def _not_left_out(self, order: list[Instance]) -> Iterator[Instance]:
        return (instance for instance in order if instance.file not in self._manifest.left_out)

    def _refuse(self, entry: LeftOut) -> None:
        """Note what cannot be had, unless nothing can: then it is asked for again in the next run."""
        self._refused.append(entry)
        if len(self._refused) == REFUSED:
            raise BamError(
                f"{REFUSED} pictures in a row cannot be used, the last for this reason: {entry.reason}; see "
                f"what {self._address(entry.file)} shows in a browser, and run again to go on"
            )

    def _accept(self) -> None:
        """What was refused so far was refused by COCO."""
        for entry in self._refused:
            self._leave_out(entry)
        self._refused = []

    def _leave_out(self, entry: LeftOut) -> None:
        self._manifest.left_out[entry.file] = entry
        self._manifest.pictures.pop(entry.file, None)

    def _obtain(self, name: str, instance: Instance) -> Picture | Unusable:
        """A picture that is there and sound, or else fetched; or why it cannot be used."""
        try:
            return self._there(name, instance) or self._fetched(name, instance)
        except Unusable as reason:
            return reason

    def _there(self, name: str, instance: Instance) -> Picture | None:
        path, known = self._pictures / instance.file, self._manifest.pictures.get(instance.file)
        if not re.fullmatch(r"[\w-][\w.-]*", instance.file, re.ASCII):
            raise Unusable("its name is not that of a file")
        if not path.exists():
            return None
        if known is None:  # the run that fetched it was killed
            try:
                return self._checked(name, instance, path)
            except Unusable:
                return None
        if digest(path) == known.sha256:
            return known
        self.damaged.add(instance.file)
        return None

    def _fetched(self, name: str, instance: Instance) -> Picture:
        content = get(self._address(instance.file))
        if content.lstrip().startswith(b"<"):
            raise Unusable("not to be had: the server sends a page of text in place of the picture")
        with replacing(self._pictures / instance.file) as temporary:
            temporary.write_bytes(content)
            return self._checked(name, instance, temporary)

    def _checked(self, name: str, instance: Instance, path: Path) -> Picture:
        """The picture at `path`, read as `build` reads it."""
        try:
            cutout = fitted(self._source.read(replace(instance, file=path.name)))
        except Unusable as reason:
            raise Unusable(str(reason).replace(path.name, instance.file)) from None
        size, height, width = path.stat().st_size, instance.height, instance.width
        return Picture(
            instance.file, name, instance.annotation, height, width, size, digest(path), array_digest(cutout)
        )

    def _address(self, file: str) -> str:
        return f"{self._url}/{quote(file)}"
