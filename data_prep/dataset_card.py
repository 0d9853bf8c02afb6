"""The card of a dataset: what it is, what it is for, whose its pictures are, how to make it again.

It is for readers, and no part of what tells datasets apart. Its head is YAML as Hugging Face reads it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bam.base.citations import PAPER, bibtex
from bam.base.parameters import defaults
from bam.base.versions import in_words
from bam.data_prep.classes import COMMONALITIES, COMMONALITY_OBJECT, IMAGE_SIZE, OBJECTS, SCENES
from bam.data_prep.dataset import TABLES, TEST_ONLY, VIEWS, Dataset
from bam.data_prep.placement import SHIFT, SMALLER, SPLITS
from bam.data_prep.sources import SOURCES, Source, Sources

CARD = "DATASET_CARD.md"
SUMMARY = (
    "Objects pasted into scenes, so that it is known which pixels must matter more to a classifier of the "
    "one or of the other: a benchmark of attribution (saliency) methods."
)


@dataclass(frozen=True)
class Purpose:
    """An image set: the paper's symbol for it, what it shows, what it is for."""

    symbol: str
    shows: str
    use: str


PURPOSES = {
    "object_scene": Purpose(
        "X_o,s", "objects of every class in scenes of every class", "training, and what most metrics explain"
    ),
    "scene_only": Purpose(
        "X_0,s",
        "the same scenes without the objects",
        "validity of classifiers; `idr`; training for `iir`, on scenes that never had an object",
    ),
    "object_only": Purpose("X_o,g", "the same objects on grey", "validity of classifiers"),
    "rescaled": Purpose(
        "", f"the same with smaller objects, {SMALLER[0]} to {SMALLER[1] - 1} pixels long", "robustness"
    ),
    "relocated": Purpose("", f"the same with objects {SHIFT} pixels or more from their place", "robustness"),
    "bamboo_forest": Purpose("", "dogs in bamboo forests", "`rmcs`, and what a dog is worth to a classifier"),
    "commonality": Purpose(
        "X^k",
        f"{len(COMMONALITIES)} sets: a {COMMONALITY_OBJECT} in the first 10 k scene classes, none in others",
        "training for `rmcs` and `tcav`",
    ),
}
# The smallest number of images of each of Hugging Face's kinds of sizes.
_SIZES = {0: "n<1K", 1_000: "1K<n<10K", 10_000: "10K<n<100K", 100_000: "100K<n<1M", 1_000_000: "1M<n<10M"}
# Settings of sources that the command has as flags.
_FLAGS = ("minimum_area", "exclude_scenes", "draw_seed")


def dataset_card(dataset: Dataset, sources: Sources) -> str:
    """The text of the card. sources: what the dataset was made from."""
    both = (sources.objects, sources.scenes)
    sections = {
        "Image sets": _image_sets(dataset),
        "What it is made of": _composition(dataset, both),
        "Use": _use(both),
        "Licences": _licences(dataset, both),
        "How it was made": _how(sources, dataset.description),
        "Citation": ("```bibtex", bibtex([PAPER, *both[0].cite, *both[1].cite]), "```"),
    }
    lines = [*_head(dataset, sources), "# BAM dataset", "", *_introduction(both)]
    for title, content in sections.items():
        lines += ["", f"## {title}", "", *content]
    return "\n".join(lines) + "\n"


def _introduction(both: tuple[Source, Source]) -> Iterable[str]:
    yield SUMMARY
    yield f"This one has objects of the source `{both[0].name}` and scenes of the source `{both[1].name}`."
    yield f"Images have {IMAGE_SIZE} x {IMAGE_SIZE} pixels and are composed when they are read:"
    yield from ("", "```python", "import bam", "")
    yield 'batch = bam.load_dataset(FOLDER).view("object_scene", split="test")[:8]'
    yield from ("batch.images, batch.masks, batch.object_labels, batch.scene_labels", "```")


def _image_sets(dataset: Dataset) -> Iterable[str]:
    def size(name: str, split: str) -> int | str:
        if name in TEST_ONLY and split != "test":
            return "-"
        return len(dataset.view(name, split, COMMONALITIES[0] if name == "commonality" else None))

    rows = [
        (f"`{name}`", purpose.symbol, purpose.shows, *(size(name, split) for split in SPLITS), purpose.use)
        for name, purpose in ((name, PURPOSES[name]) for name in VIEWS)
    ]
    yield from _table(("image set", "paper", "shows", *(f"{split} images" for split in SPLITS), "for"), rows)
    yield from ("", "The splits are by source: no cutout and no scene is in two of them.")


def _composition(dataset: Dataset, both: tuple[Source, Source]) -> Iterable[str]:
    description = dataset.description
    counts = {name: description["sources"][name] for name in (*OBJECTS, *SCENES)}
    rows = ((name, *(found[split] for split in SPLITS)) for name, found in counts.items())
    yield from _table(("pictures of", *SPLITS), rows)
    yield ""
    yield f"What could not be used, each named in `dataset.json`: {description['excluded_summary']}."
    if both[1].name == "miniplaces":
        annotated, found = description["scenes_with_object_annotation"], description["scenes_found"]
        yield f"A scene must not show an object of the ten classes: {annotated} of {found} scenes come with"
        yield "annotations that would say so; what the others show is not known."


def _use(both: tuple[Source, Source]) -> Iterable[str]:
    yield "For measuring attribution methods on classifiers trained on it, and the metrics that do so."
    yield ""
    yield "Not for training classifiers that are put to use: its images are collages, and its classes stand"
    yield "for no task. Not for comparing classifiers. Not for finding out who is shown."
    yield "A method that does well on it need not do well on other images."
    if any(source.name == "drawn" for source in both):
        yield "Drawings are no photographs: compare directions, not digits."


def _head(dataset: Dataset, sources: Sources) -> Iterable[str]:
    both = (sources.objects, sources.scenes)
    licences = {source.licence for source in both}
    images = sum(len(dataset.view("object_scene", split)) for split in SPLITS)
    yield "---"
    if len(licences) == 1 and not licences & {"other", "unknown"}:
        yield f"license: {licences.pop()}"
    else:
        yield "license: other"
        yield f"license_name: {json.dumps('of the sources, see below')}"
        yield f"license_link: {json.dumps(f'{CARD}#licences')}"
    yield f"pretty_name: {json.dumps(f'BAM ({sources.name})')}"
    yield "task_categories: [image-classification]"
    yield f"size_categories: [{_SIZES[max(least for least in _SIZES if least <= images)]}]"
    yield "tags: [attribution, benchmark, explainability, interpretability, saliency]"
    yield "configs:"
    for table in TABLES:
        yield f"- config_name: {table}"
        yield f"  data_files: {table}.csv"
    yield from ("---", "")


def _table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterable[str]:
    yield f"| {' | '.join(heading)} |"
    yield "|---" * len(heading) + "|"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def _licences(dataset: Dataset, both: tuple[Source, Source]) -> Iterable[str]:
    for source, kind in zip(both, ("object", "scene"), strict=True):
        link = f" ({source.licence_url})" if source.licence_url else ""
        yield f"- {kind}s, source `{source.name}`: {source.terms}{link}."
        with open(dataset.folder / "sources.csv", newline="", encoding="utf-8") as file:
            files = {row["file"] for row in csv.DictReader(file) if row["kind"] == kind}
        stated = source.licences(sorted(files))
        if stated:
            counts = Counter(stated.values())
            counts["none stated"] = len(files) - len(stated)
            for licence, number in sorted(counts.items()):
                if number:
                    yield f"  - {number} of {len(files)} photographs: {licence}"


def command(sources: Sources, settings: dict[str, Any]) -> str:
    """The command that makes the dataset, with FOLDER where a path stands."""
    words = ["python -m bam.build_dataset --data FOLDER"]
    both = (sources.objects, sources.scenes)
    if any(source.name != "drawn" for source in both):
        words += [f"--{source.kind}s {_entry(source)}=FOLDER" for source in both]
    for name in _FLAGS:
        # Both sources can have one, and then have it from one flag.
        values = [each[name] for each in map(_changed, both) if name in each]
        words += [f"--{name} {'FILE' if name == 'exclude_scenes' else value}" for value in values[:1]]
    words += [f"--{name} {settings[name]}" for name in ("images_per_pair", "seed")]
    return " ".join(words)


def _changed(source: Source) -> dict[str, Any]:
    """The settings of a source that are not as by default; a source may not keep all as it was given them."""
    changed = {}
    for name, default in defaults(type(source)).items():
        value = getattr(source, name, default)
        # 1024 is 1024.0; of anything else it is not known how it is compared.
        if value != default if isinstance(value, (int, float)) else repr(value) != repr(default):
            changed[name] = value
    return changed


def _entry(source: Source) -> str:
    own = type(source).__module__.startswith("bam.")
    return source.name if own and source.name in SOURCES[source.kind] else f"FILE.py:{source.name}"


def _how(sources: Sources, description: dict[str, Any]) -> Iterable[str]:
    settings = description["settings"]
    yield from (f"    {command(sources, settings)}", "")
    for source in (sources.objects, sources.scenes):
        beyond = [f"{name}={value!r}" for name, value in _changed(source).items() if name not in _FLAGS]
        if beyond:
            yield f"- The source of {source.kind}s was made in Python, with {', '.join(beyond)}."
    yield f"- Settings, with digests of what the sources hold: `{json.dumps(settings)}`"
    yield f"- Versions: {in_words(description.get('versions'))}"
    yield f"- Digest, of all pixels and tables: `{description['fingerprint']}`. On one machine the same"
    yield "  sources, settings and versions give the same one, whatever the number of workers."
