"""Fetch photographs: of COCO so many for each object class, or all of them, and MiniPlaces.

python -m bam.data_prep.download --folder sources --images_per_class 100   # coco_small, miniplaces: 0.9 GB
python -m bam.data_prep.download --folder sources --whole                  # coco, miniplaces: 20 GB

They are then as `python -m bam.build_dataset` wants them. A download that was cut off goes on where it
stopped; archives are checked against their MD5 before anything is unpacked, single pictures against the size
that their annotation says. coco_small/manifest.json names the pictures, and those that could not be had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bam.base.errors import BamError
from bam.base.settings import Folder, setting, settings
from bam.cli import flags as command
from bam.data_prep.classes import OBJECTS
from bam.data_prep.fetching.archives import ARCHIVES, Archive, check_space, fetch, space_needed
from bam.data_prep.fetching.manifest import MANIFEST
from bam.data_prep.fetching.pictures import PICTURE_SIZE, URL, Fetched, fetch_pictures
from bam.data_prep.sources.coco import MINIMUM_AREA
from bam.data_prep.sources.coco_annotations import ANNOTATIONS, PHOTOGRAPHS

# Of the chosen pictures, beside the folder coco that holds whole archives: neither is taken for the other.
SMALL = "coco_small"
NAMED = 3  # files of each reason in the last line


@settings
class Options:
    """What the command can be told."""

    folder: Folder | None = setting(
        None,
        "folder to make coco_small/ or coco/, and miniplaces/ in, for --whole with 40 GB free; must be given",
    )
    images_per_class: int | None = setting(
        None, "fetch so many photographs of COCO for each of the ten object classes, one by one", ge=10
    )
    whole: bool = setting(False, "fetch all of COCO's photographs, as one archive")
    only: Literal["coco", "miniplaces"] | None = setting(None, "fetch one alone: coco | miniplaces")
    seed: int = setting(0, "seed of the choice of photographs", ge=0, lt=2**32)
    minimum_area: float = setting(
        MINIMUM_AREA,
        "smallest object to choose a photograph for, in its pixels, as build_dataset has it",
        ge=0,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.data_prep.download", __doc__, {"settings": Options}, argv)


def _main(flags: command.Flags) -> None:
    options = flags.settings(Options)
    _check_choice(flags, options)
    archives = _archives(options.only, options.whole)
    pictures = len(OBJECTS) * (options.images_per_class or 0)
    if options.folder is None:
        raise command.UsageError(
            f"--folder must say where to put {_sizes(archives, pictures)}: give one, such as --folder sources"
        )
    folder = Path(options.folder)
    waiting = [archive for archive in archives if not archive.done(folder).exists()]
    missing = max(0, pictures - _files(folder / SMALL / PHOTOGRAPHS))
    if waiting or missing:
        packed = "; unpacking takes as much again" if waiting else ""
        print(f"fetching {_sizes(waiting, missing)}, into {folder}{packed}", flush=True)
        check_space(folder, space_needed(waiting, folder) + missing * PICTURE_SIZE)
    for archive in waiting:
        fetch(archive, folder)
    fetched = _fetch_pictures(options, folder) if pictures else None
    print(
        f"ready: python -m bam.build_dataset --coco {folder / (SMALL if fetched else 'coco')} --miniplaces "
        f"{folder / 'miniplaces'} --images_per_pair {options.images_per_class or 1000}"
        + (f" --minimum_area {options.minimum_area:g}" if options.minimum_area < MINIMUM_AREA else "")
    )
    if fetched:
        print(_left_out(fetched))


def _check_choice(flags: command.Flags, options: Options) -> None:
    """Raise `UsageError` unless it is said how much of COCO is wanted, once."""
    if options.whole and options.images_per_class:
        raise command.UsageError("--whole and --images_per_class exclude each other: give one of them")
    if options.only != "miniplaces" and not (options.whole or options.images_per_class):
        few, many, whole = (
            _gigabytes(_total(_archives("coco", whole), len(OBJECTS) * number))
            for whole, number in ((False, 100), (False, 1000), (True, 0))
        )
        raise command.UsageError(
            f"how much of COCO must be said: give --images_per_class 100 ({few}), --images_per_class 1000 "
            f"({many}), or --whole ({whole})"
        )
    unused = {"images_per_class", "whole"} if options.only == "miniplaces" else set()
    unused |= set() if options.images_per_class and options.only != "miniplaces" else {"seed", "minimum_area"}
    if given := sorted(unused & flags.given.keys()):
        raise command.UsageError(f"--{given[0]} says nothing here: it belongs to single photographs of COCO")


def _archives(only: str | None, whole: bool) -> list[Archive]:
    """Those that are fetched: without `whole` not that of COCO's photographs."""
    return [
        archive
        for archive in ARCHIVES
        if only in (None, archive.dataset) and (whole or f"{PHOTOGRAPHS}/" not in archive.wanted)
    ]


def _fetch_pictures(options: Options, folder: Path) -> Fetched:
    annotations = folder / "coco" / ANNOTATIONS
    if not annotations.exists():
        done = next(a.done(folder) for a in ARCHIVES if ANNOTATIONS in a.wanted)
        raise BamError(f"there is no {annotations} any more: remove {done} and run again to fetch it anew")
    small, wanted = folder / SMALL, options.images_per_class
    fetched = fetch_pictures(annotations, small, wanted, options.minimum_area, options.seed, URL)
    few = [f"{name} {len(files)}" for name, files in fetched.chosen.items() if len(files) < wanted]
    total = sum(map(len, fetched.chosen.values()))
    further = len(fetched.manifest.pictures) - total
    print(
        f"{small}: {total} pictures, {wanted} for each class"
        + (f" but {', '.join(few)}, of which COCO has no more" if few else "")
        + (f"; {further} further ones of other runs stay beside them" if further else "")
    )
    if fetched.damaged:
        print(f"fetched anew, since they were not as {MANIFEST} says: {_some(fetched.damaged)}")
    return fetched


def _left_out(fetched: Fetched) -> str:
    """What could not be used, counted and named."""
    by_reason = defaultdict(list)
    for entry in fetched.manifest.left_out.values():
        by_reason[entry.reason.split(":")[0]].append(entry.file)
    if not by_reason:
        return "no picture was left out"
    kinds = sorted(by_reason.items(), key=lambda kind: (-len(kind[1]), kind[0]))
    return (
        f"{len(fetched.manifest.left_out)} pictures left out, the next taken in their place: "
        + ", ".join(f"{len(files)} {reason} ({_some(sorted(files))})" for reason, files in kinds)
        + f"; all are named in {fetched.manifest.folder / MANIFEST}"
    )


def _some(files: Sequence[str]) -> str:
    return ", ".join(files[:NAMED]) + (f" and {len(files) - NAMED} more" if len(files) > NAMED else "")


def _files(folder: Path) -> int:
    """How many there are."""
    return sum(not path.name.startswith(".") for path in folder.iterdir()) if folder.is_dir() else 0


def _total(archives: Sequence[Archive], pictures: int) -> int:
    """In bytes, about."""
    return sum(archive.size for archive in archives) + pictures * PICTURE_SIZE


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def _sizes(archives: Sequence[Archive], pictures: int) -> str:
    each = [f"{archive.name} {_gigabytes(archive.size)}" for archive in archives]
    if pictures:
        size = f"{PICTURE_SIZE // 1000} KB {_gigabytes(pictures * PICTURE_SIZE)}"
        each.append(f"at most {pictures} pictures of about {size}")
    return f"{_gigabytes(_total(archives, pictures))} ({', '.join(each)})"


if __name__ == "__main__":
    main()
