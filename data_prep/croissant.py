"""A dataset's metadata in Croissant (MLCommons), for search engines and loaders: its files and its tables.

Croissant 1.0 knows no NumPy files: the arrays are described as files, and in a table of types and shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bam.base.citations import PAPER, PUBLICATIONS, bibtex
from bam.base.digests import digest
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.dataset import FORMAT, TABLES, Dataset
from bam.data_prep.dataset_card import SUMMARY
from bam.data_prep.placement import Placement
from bam.data_prep.sources import Sources

CROISSANT = "croissant.json"
# The names of Croissant 1.0, as its specification gives them:
# https://docs.mlcommons.org/croissant/docs/croissant-spec.html
_TERMS = (
    *("citeAs", "column", "extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "separator", "source", "subField", "transform", "equivalentProperty"),
    "samplingRate",
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _TERMS},
}
_TYPES = {"str": "sc:Text", "int": "sc:Integer"}
# What each table has in a row.
_ROWS = {
    "sources": "a cutout or a scene that composites are made of, where it comes from, and its split",
    "placements": "a composite: which object is pasted into which scene, where, how large, in which split",
    "rescaled": "a test composite with a smaller object",
    "relocated": "a test composite with its object elsewhere",
    "bamboo_forest": "a composite of a dog in a bamboo forest, of the test split",
}
_OF_SOURCES = {"kind": "str", "class": "str", "index": "int", "file": "str", "annotation": "str"}
_OF_SOURCES |= {"height": "int", "width": "int", "split": "str"}


def croissant(dataset: Dataset, sources: Sources) -> str:
    """The content of `croissant.json`. sources: what the dataset was made from."""
    both = (sources.objects, sources.scenes)
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "bam",
        "description": f"{SUMMARY} Objects: {both[0].name}; scenes: {both[1].name}. "
        f"Digest: {dataset.fingerprint}.",
        "url": f"https://arxiv.org/abs/{PUBLICATIONS[PAPER].arxiv}",
        "citeAs": bibtex([PAPER, *both[0].cite, *both[1].cite]),
        "license": sorted({source.licence_url or source.terms for source in both}),
        "version": f"{FORMAT}.0.0",
        "keywords": ["attribution", "benchmark", "saliency"],
        "isLiveDataset": False,
        "distribution": [_file(dataset, name) for name in _files(dataset)],
        "recordSet": [
            _classes("objects", OBJECTS),
            _classes("scenes", SCENES),
            _arrays(dataset),
            *(_table(table) for table in TABLES),
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _array_files() -> Iterable[tuple[str, str]]:
    for name in OBJECTS:
        yield f"cutouts/{name}.npy", name
    for name in SCENES:
        yield f"scenes/{name}.npy", name


def _files(dataset: Dataset) -> list[str]:
    sheets = (
        path.relative_to(dataset.folder).as_posix() for path in dataset.folder.glob("contact_sheets/*.png")
    )
    names = ["dataset.json", *(f"{table}.csv" for table in TABLES), *(file for file, _ in _array_files())]
    return [*names, *sorted(sheets)]


_FORMATS = {".json": "application/json", ".csv": "text/csv", ".png": "image/png"}
_FORMATS |= {".npy": "application/octet-stream"}


def _file(dataset: Dataset, name: str) -> dict[str, Any]:
    path = dataset.folder / name
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": _about(path),
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _FORMATS[path.suffix],
        "sha256": digest(path),
    }


def _about(path: Path) -> str:
    if path.suffix == ".npy":
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        what = "cutouts (RGBA, each in the upper left corner)" if "cutouts" in path.parts else "scenes (RGB)"
        return f"NumPy array of the {what} of the class {path.stem}, {array.dtype} {array.shape}"
    if path.suffix == ".csv":
        return f"a row is {_ROWS[path.stem]}"
    return {".json": "settings, digests and what was left out", ".png": "examples of an image set"}[
        path.suffix
    ]


def _field(record: str, name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record}/{name}",
        "name": name,
        "dataType": _TYPES[kind],
        **more,
    }


def _classes(name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"the classes of {name}, in the order of their labels",
        "dataType": "sc:Enumeration",
        "key": {"@id": f"{name}/label"},
        "field": [_field(name, "label", "int"), _field(name, "name", "str")],
        "data": [{f"{name}/label": label, f"{name}/name": each} for label, each in enumerate(classes)],
    }


def _arrays(dataset: Dataset) -> dict[str, Any]:
    rows = []
    for file, name in _array_files():
        array = np.load(dataset.folder / file, mmap_mode="r", allow_pickle=False)
        shape = " x ".join(map(str, array.shape))
        rows.append(
            {
                "arrays/file": file,
                "arrays/class": name,
                "arrays/type": str(array.dtype),
                "arrays/shape": shape,
            }
        )
    return {
        "@type": "cr:RecordSet",
        "@id": "arrays",
        "name": "arrays",
        "description": "NumPy files: a composite is made of rows `cutout` and `scene_index` of its classes",
        "key": {"@id": "arrays/file"},
        "field": [_field("arrays", name, "str") for name in ("file", "class", "type", "shape")],
        "data": rows,
    }


def _table(table: str) -> dict[str, Any]:
    columns = _OF_SOURCES if table == "sources" else {each.name: each.type for each in fields(Placement)}
    return {
        "@type": "cr:RecordSet",
        "@id": table,
        "name": table,
        "description": f"a record is {_ROWS[table]}",
        "field": [
            _field(
                table,
                name,
                kind,
                source={"fileObject": {"@id": f"{table}.csv"}, "extract": {"column": name}},
            )
            for name, kind in columns.items()
        ],
    }
