"""Build the dataset: from COCO and MiniPlaces, or from the drawn sample if neither is given.

python -m bam.build_dataset                                     # drawn sample, about a minute
python -m bam.build_dataset --draw_seed 7 --data data/bam-7     # other pictures of the same classes
python -m bam.build_dataset --coco DIR --miniplaces DIR --images_per_pair 1000    # as the paper
python -m bam.build_dataset --objects mine.py:stickers=DIR --scenes miniplaces=DIR    # from elsewhere
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from bam.base.errors import BamError
from bam.base.home import run_file
from bam.base.parameters import defaults
from bam.base.settings import Folder, one_of, setting, settings
from bam.base.threads import cores
from bam.cli import flags as command
from bam.data_prep.build import build
from bam.data_prep.export import FORMATS, export
from bam.data_prep.sources import SOURCES, Source, Sources, make_source


@settings
class Options:
    """What the command can be told."""

    data: Folder = setting("data/bam", "folder of the dataset")
    objects: str | None = setting(
        None,
        f"where objects are from, as NAME=FOLDER; names: {', '.join(SOURCES['object'])}, or FILE.py:NAME for "
        "one that a file of yours registers",
    )
    scenes: str | None = setting(
        None, f"where scenes are from, likewise; names: {', '.join(SOURCES['scene'])}"
    )
    coco: str | None = setting(
        None,
        "COCO folder, with annotations/instances_train2017.json and train2017/, or with the same of val2017; "
        "train2017 if both are there",
    )
    miniplaces: str | None = setting(None, "MiniPlaces folder, with images/train/<letter>/<scene>/")
    exclude_scenes: str | None = setting(
        None, "text file with scenes to leave out, one b/bedroom/00000012.jpg a line"
    )
    images_per_pair: int = setting(100, "composites per object and scene class (the paper: 1000)", ge=10)
    minimum_area: float = setting(32.0**2, "smallest object to cut out, in pixels of its photograph", ge=0)
    seed: int = setting(0, "seed of every random draw", ge=0, lt=2**32)
    draw_seed: int = setting(
        0, "seed of the drawn sample's pictures: another one draws a sample of its own", ge=0, lt=2**32
    )
    workers: int | None = setting(
        None, "threads or processes (by default all cores); the result does not depend on it", ge=1
    )
    export: str | None = setting(
        None, "also write the images as files, in the official layout, to this folder"
    )
    export_format: Annotated[str, one_of("format", FORMATS)] = setting(
        "png", "file format of the export; jpeg changes pixels outside the object too"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.build_dataset", __doc__, {"settings": Options}, argv)


def _main(flags: command.Flags) -> None:
    options = flags.settings(Options)
    folder, workers = Path(options.data), options.workers or cores()
    if not folder.name:
        raise BamError("`data` must be a folder of its own, not the one you are in")
    drawn = f"drawn-{options.draw_seed}" if options.draw_seed else "drawn"
    sources = _sources(flags, options, folder.parent / drawn)
    existed = (folder / "dataset.json").exists()
    dataset = build(sources, folder, options.images_per_pair, options.seed, workers)
    if existed:
        print(f"{folder} is there already, and used as it is")
    views = {split: dataset.view("object_scene", split) for split in ("train", "validation", "test")}
    sizes = ", ".join(f"{len(view)} {split}" for split, view in views.items())
    made_of = np.concatenate([view.sources for view in views.values()])
    objects, scenes = (len(np.unique(column)) for column in made_of.T)
    print(f"{folder}: {sizes} composites, from {objects} objects and {scenes} scenes")
    description = dataset.description
    if sources.scenes.name == "miniplaces":
        annotated, found = description["scenes_with_object_annotation"], description["scenes_found"]
        print(
            f"scenes: {annotated} of {found} come with object annotations; what the others show is not "
            "known (see --exclude_scenes)"
        )
    if unknown := description.get("exclude_scenes_lines_unknown"):
        print(f"--exclude_scenes: {unknown} lines name no picture of the ten scenes")
    summary = flags.translated(description["excluded_summary"])
    print(f"sources: {summary} (each named in {folder / 'dataset.json'})")
    if options.export:
        export(dataset, Path(options.export), options.export_format, workers)
        print(f"exported to {options.export}")


def _sources(flags: command.Flags, options: Options, drawn: Path) -> Sources:
    objects = _entry("objects", options.objects, "coco", options.coco)
    scenes = _entry("scenes", options.scenes, "miniplaces", options.miniplaces)
    if (objects is None) != (scenes is None):
        raise BamError(
            "`coco` (or `objects`) and `miniplaces` (or `scenes`) belong together: give both, or neither "
            "for the drawn sample"
        )
    if objects is None:
        print(f"no --coco and --miniplaces given: using the drawn sample in {drawn}")
        objects = scenes = "drawn", str(drawn)
    # Where one of the two is drawn, the seed is for that one.
    seed = {"draw_seed": options.draw_seed} if "drawn" in (objects[0], scenes[0]) else {}
    if "draw_seed" in flags.given and not seed:
        raise BamError("`draw_seed` is for the drawn sample: leave it out, or the sources that are not drawn")
    of_objects, of_scenes = (seed if name == "drawn" else {} for name, _ in (objects, scenes))
    return Sources(
        _source(flags, "object", *objects, minimum_area=options.minimum_area, **of_objects),
        _source(flags, "scene", *scenes, exclude_scenes=options.exclude_scenes, **of_scenes),
    )


def _entry(flag: str, entry: str | None, short: str, folder: str | None) -> tuple[str, str] | None:
    """Name and folder of the source that one of two flags says, if one does."""
    if None not in (entry, folder):
        raise BamError(f"`{short}` and `{flag}` say the same: give one of them")
    if folder is not None:
        entry = f"{short}={folder}"
    if entry is None:
        return None
    name, _, folder = entry.partition("=")
    if not (name and folder):
        raise BamError(f"`{short}` must be a folder, and `{flag}` NAME=FOLDER, not {entry!r}")
    return name, folder


def _source(flags: command.Flags, kind: str, name: str, folder: str, **settings: Any) -> Source:
    """A source with those of the settings that it has; one that was asked for must be one of them."""
    file, _, name = name.rpartition(":")
    if file:
        run_file(Path(file))  # whose sources register themselves
    known = defaults(SOURCES[kind][name]) if name in SOURCES[kind] else settings
    taken = {key: value for key, value in settings.items() if key in known or key in flags.given}
    return make_source(kind, name, folder, **taken)


if __name__ == "__main__":
    main()
