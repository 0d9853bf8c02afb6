"""Build the dataset: from COCO and MiniPlaces, or from the drawn sample if neither is given.

python -m bam.build_dataset                                     # drawn sample, about a minute
python -m bam.build_dataset --coco DIR --miniplaces DIR --images_per_pair 1000    # as the paper
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from bam.base.errors import BamError
from bam.base.threads import cores
from bam.cli import flags as command
from bam.data_prep.build import build
from bam.data_prep.export import FORMATS, export
from bam.data_prep.sources.drawn.sample import draw_sample
from bam.data_prep.sources.gather import Sources

FLAGS = flags.FLAGS
flags.DEFINE_string("coco", None, "COCO folder, with annotations/instances_train2017.json and train2017/")
flags.DEFINE_string("miniplaces", None, "MiniPlaces folder, with images/train/<letter>/<scene>/")
flags.DEFINE_string(
    "exclude_scenes", None, "text file with scenes to leave out, one b/bedroom/00000012.jpg a line"
)
flags.DEFINE_integer("images_per_pair", 100, "composites per object and scene class (the paper: 1000)")
flags.DEFINE_float(
    "minimum_area", 32**2, "smallest object to cut out, in pixels of its photograph", lower_bound=0
)
flags.DEFINE_integer("workers", None, "threads or processes; the result does not depend on it", lower_bound=1)
flags.DEFINE_string("export", None, "also write the images as files, in the official layout, to this folder")
flags.DEFINE_enum(
    "export_format", "png", FORMATS, "file format of --export; jpeg changes pixels outside the object too"
)
command.must_be_finite("minimum_area")
flags.adopt_module_key_flags(command)


def main() -> None:
    folder, workers = Path(FLAGS.data), FLAGS.workers or cores()
    if not folder.name:
        raise BamError("--data must be a folder of its own, not the one you are in")
    if "" in (FLAGS.coco, FLAGS.miniplaces) or (FLAGS.coco is None) != (FLAGS.miniplaces is None):
        raise BamError("--coco and --miniplaces belong together: give both, or neither for the drawn sample")
    name, coco, miniplaces = "coco/miniplaces", Path(FLAGS.coco or ""), Path(FLAGS.miniplaces or "")
    if not FLAGS.coco:
        drawn = folder.parent / "drawn"
        print(f"no --coco and --miniplaces given: using the drawn sample in {drawn}")
        draw_sample(drawn, workers)
        name, coco, miniplaces = "drawn", drawn / "coco", drawn / "miniplaces"
    exclude = Path(FLAGS.exclude_scenes) if FLAGS.exclude_scenes else None
    sources = Sources(name, coco, miniplaces, FLAGS.minimum_area, exclude)
    if (folder / "dataset.json").exists():
        print(f"{folder} is there already: its sources are not read again")
    dataset = build(sources, folder, FLAGS.images_per_pair, FLAGS.seed, workers)
    sizes = {split: len(dataset.view("object_scene", split)) for split in ("train", "validation", "test")}
    print(f"{folder}: {', '.join(f'{size} {split}' for split, size in sizes.items())} composites")
    description = dataset.description
    if FLAGS.coco:
        annotated, found = description["scenes_with_object_annotation"], description["scenes_found"]
        print(
            f"scenes: {annotated} of {found} come with object annotations; what the others show is not "
            "known (see --exclude_scenes)"
        )
    if unknown := description["exclude_scenes_lines_unknown"]:
        print(f"--exclude_scenes: {unknown} lines name no picture of the ten scenes")
    print(f"sources: {description['excluded_summary']} (each named in {folder / 'dataset.json'})")
    if FLAGS.export:
        export(dataset, Path(FLAGS.export), FLAGS.export_format, workers)
        print(f"exported to {FLAGS.export}")


if __name__ == "__main__":
    command.run(main)
