"""Which photographs of COCO: for each class the order in which they are taken, and their annotations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bam.base.seeds import generator
from bam.data_prep.sources.coco import Coco
from bam.data_prep.sources.coco_annotations import Instance, category_classes, plain

_NOTE = "Chosen photographs of train2017, and of each the objects of the one class that it was chosen for."


class Candidates(NamedTuple):
    """The photographs that may serve a class, in the order in which they are taken, and how many may not.

    too_small, of_another_class: photographs with an object of the class that are left to none, to another.
    """

    order: list[Instance]
    too_small: int
    of_another_class: int


def candidates(instances: Mapping[str, Sequence[Instance]], source: Coco, seed: int) -> dict[str, Candidates]:
    """The candidates of each class: objects that `source` does not find too small, in an order by `seed`.

    A photograph serves one class, of those that it shows the one with the fewest photographs: so the classes
    are divided into train and test independently of each other, and the rare ones lose nothing. The order
    does not depend on how many are wanted: fewer are the first of more.
    """
    large = {
        name: [each for each in found if source.may_be_large_enough(each)]
        for name, found in instances.items()
    }
    owner: dict[str, str] = {}
    for name in sorted(large, key=lambda name: len(large[name])):
        for each in large[name]:
            owner.setdefault(each.file, name)
    result = {}
    for name, found in large.items():
        own = [each for each in found if owner[each.file] == name]
        order = [own[index] for index in generator(seed, "pictures", name).permutation(len(own))]
        result[name] = Candidates(order, len(instances[name]) - len(found), len(found) - len(own))
    return result


def reduced(data: Mapping[str, Any], path: Path, chosen: Mapping[str, str]) -> str:
    """The annotations of the chosen photographs alone, as a COCO annotation file.

    With the whole file, every photograph that was not fetched would be a missing one, hundreds of thousands
    of them in `dataset.json`; with the objects of other classes in those that were, a class would get more
    than its number, many too small.

    data: what was loaded from `path`. chosen: file -> object class.
    """
    classes = category_classes(data["categories"], path)
    images = [image for image in data["images"] if image["file_name"] in chosen]
    served = {plain(image["id"]): chosen[image["file_name"]] for image in images}
    annotations = [
        annotation
        for annotation in data["annotations"]
        if (name := served.get(plain(annotation["image_id"])))
        if name == classes.get(plain(annotation["category_id"]))
    ]
    content = {
        **{key: data[key] for key in ("info", "licenses") if key in data},
        "note": _NOTE,
        "images": images,
        "annotations": annotations,
        "categories": data["categories"],
    }
    return json.dumps(content, default=np.ndarray.tolist) + "\n"
