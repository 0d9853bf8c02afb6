"""Maps to look at: what a score is made of, kept as pictures beside the numbers of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.base.progress import Progress
from bam.data_prep.classes import CLASSES
from bam.data_prep.dataset import View
from bam.metrics.evaluation.images import ImageSet, left_out_note
from bam.metrics.evaluation.sweep import BatchMaps, announced, batch_maps

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class MethodMaps:
    """The maps of one method that explains one network, of N images.

    positive: float32 (N, H, W) at the network's input size, in 0..1, NaN where a map is not finite, see
    `positive_map`. g_c: float64 (N,), the mean over the object's region, NaN where there is none; status: N
    texts. Both are those of the images' rows.
    """

    positive: np.ndarray
    g_c: np.ndarray
    status: tuple[str, ...]


@dataclass(frozen=True)
class Maps:
    """Maps of N images, by network and method.

    ids, views: of each image its id, and the name of the image set that it is from. images: uint8
    (N, H, W, 3); masks: bool (N, H, W), where the object is or would be; present: bool (N,), whether it is.
    networks, methods: names, in order. For each network: `explained`, the N names of the classes that its
    maps are of; `predicted`, those that it predicts; `true`, those that are right, None where that is not
    known. maps: by network and method, without those pairs that `unsuited` names, network -> method -> why.
    left_out: images that could not be used, and why. rule: a sentence on which images these are. remarks:
    sentences on what was changed of the networks.

    >>> import bam
    >>> maps = bam.show("grad_cam,random", limit=3).maps
    >>> maps.maps["scene", "grad_cam"].positive.shape, maps.masks.dtype
    ((3, 64, 64), dtype('bool'))
    """

    ids: tuple[str, ...]
    views: tuple[str, ...]
    images: np.ndarray
    masks: np.ndarray
    present: np.ndarray
    networks: tuple[str, ...]
    methods: tuple[str, ...]
    explained: Mapping[str, tuple[str, ...]]
    predicted: Mapping[str, tuple[str, ...]]
    true: Mapping[str, tuple[str | None, ...]]
    maps: Mapping[tuple[str, str], MethodMaps]
    unsuited: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Sentences on what was changed of networks, and on methods and images that are left out."""
        found = list(self.remarks)
        for network, reasons in self.unsuited.items():
            named = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
            found += [f"Left out, since they do not suit {network}: {named}."] if reasons else []
        return found + left_out_note(self.left_out)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        networks, methods = ", ".join(self.networks), ", ".join(self.methods)
        return f"<Maps of {len(self)} images, networks {networks}, methods {methods}>"


def maps_of(
    networks: Sequence[tuple[Classifier, Sequence[ImageSet]]],
    explainers: Sequence[Explainer],
    seed: int,
    left_out: Mapping[str, str] | None = None,
    rule: str = "",
) -> Maps:
    """The maps of all methods for all images of the sets, which are given for each network.

    All sets, of all networks, are the same images, or the same in several versions, which come one after
    another. They are computed as those of rows are, in batches of these images alone: what stands beside an
    image in a batch can change the last digits of its map, so that the numbers are those of rows of whole
    batches of the same images, and of others but for these digits. Networks that no method suits are left
    out. left_out, rule: see `Maps`. Raises `BamError` where two networks are of one name, and where none is
    left.

    >>> import bam
    >>> from bam.attributions.choice import choose
    >>> classifier = bam.load_classifier("runs/models/scene")
    >>> view = bam.load_dataset("data/bam").view("object_scene").first(2)
    >>> maps_of([(classifier, [view])], choose("grad_cam"), seed=0)
    <Maps of 2 images, networks scene, methods grad_cam, random, edges>
    """
    names = tuple(classifier.name for classifier, _ in networks)
    if len(set(names)) < len(names):
        raise BamError(f"two networks are called {max(names, key=names.count)}: rename the file of one")
    unsuited = {}
    for classifier, _ in networks:
        reasons = {each.name: each.method.unsuited(classifier) for each in explainers}
        unsuited[classifier.name] = {name: reason for name, reason in reasons.items() if reason}
    networks = [given for given in networks if len(unsuited[given[0].name]) < len(explainers)]
    if not networks:
        reasons = "; ".join(f"{each} {why}" for found in unsuited.values() for each, why in found.items())
        raise BamError(f"none of the methods suits the network ({reasons}): name others by `methods`")
    seen, maps = {}, {}
    for classifier, sets in networks:
        suited = [each for each in explainers if each.name not in unsuited[classifier.name]]
        found = [_Seen(images, classifier, suited, seed) for images in sets]
        seen[classifier.name] = found
        maps |= {(classifier.name, each.name): _interleaved(found, each.name) for each in suited}
    names, first = tuple(seen), next(iter(seen.values()))
    return Maps(
        ids=_in_turn([each.ids for each in first]),
        views=_in_turn([[each.view] * len(each.ids) for each in first]),
        images=_woven([each.images for each in first]),
        masks=_woven([each.masks for each in first]),
        present=_woven([each.present for each in first]),
        networks=names,
        methods=tuple(each.name for each in explainers if any((name, each.name) in maps for name in names)),
        explained={name: _in_turn([each.explained for each in found]) for name, found in seen.items()},
        predicted={name: _in_turn([each.predicted for each in found]) for name, found in seen.items()},
        true={name: _in_turn([each.true for each in found]) for name, found in seen.items()},
        maps=maps,
        unsuited=unsuited,
        left_out=dict(left_out or {}),
        rule=rule,
        remarks=tuple(remark for classifier, _ in networks for remark in classifier.remarks),
    )


class _Seen:
    """What a network sees in one set of n images: the fields of `Maps`, with lists of arrays by method."""

    def __init__(self, images: ImageSet, classifier: Classifier, explainers: Sequence[Explainer], seed: int):
        self.view, self.ids = images.name, list(images.ids)
        names = [each.name for each in explainers]
        self.maps: dict[str, list[BatchMaps]] = {name: [] for name in names}
        batches = []
        amounts = dict.fromkeys(names, len(images))
        with Progress(f"{classifier.name} on {images.name}", amounts, "maps") as progress:
            for start in range(0, len(images), classifier.batch_size):
                batch = images[start : start + classifier.batch_size]
                # Of a network whose outputs are not the images' labels the predicted class is explained.
                batch = replace(batch, labelled=batch.labelled and classifier.labels is not None)
                batches.append(batch)
                where = f"images {start + 1}-{start + len(batch.ids)} of {len(images)}"
                steps = announced(names, where, len(batch.ids), progress)
                with closing(batch_maps(batch, images.name, classifier, explainers, seed)) as computed:
                    for name, found in zip(steps, computed, strict=True):
                        self.maps[name].append(replace(found, positive=found.positive.astype(np.float32)))
                        progress.advance(len(batch.ids))
        self.images, self.masks, self.present = (
            np.concatenate([getattr(batch, name) for batch in batches])
            for name in ("images", "masks", "present")
        )
        self._name_classes(images, classifier)

    def _name_classes(self, images: ImageSet, classifier: Classifier) -> None:
        parts, named = next(iter(self.maps.values())), classifier.class_names
        self.explained = [named[label] for part in parts for label in part.targets.tolist()]
        self.predicted = [named[label] for part in parts for label in part.predicted.tolist()]
        self.true: list[str | None] = [None] * len(self.ids)
        kind = classifier.labels or classifier.description.get("config", {}).get("labels")
        if kind is not None and isinstance(images, View):
            # What is not to be seen has no true class.
            visible = images.present if kind == "object" else [images.background == "scene"] * len(images)
            labels = images.labels(kind).tolist()
            pairs = zip(labels, visible, strict=True)
            self.true = [CLASSES[kind][label] if there else None for label, there in pairs]


def _in_turn(lists: Sequence[Sequence]) -> tuple:
    """The first of each list, then the second of each, and so on."""
    return tuple(value for values in zip(*lists, strict=True) for value in values)


def _woven(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The same of arrays (n, ...)."""
    stacked = np.stack(arrays, 1)
    return stacked.reshape(-1, *stacked.shape[2:])


def _interleaved(seen: Sequence[_Seen], method: str) -> MethodMaps:
    positive, g_c, status = (
        _woven([np.concatenate([getattr(part, name) for part in each.maps[method]]) for each in seen])
        for name in ("positive", "g_c", "status")
    )
    return MethodMaps(positive, g_c, tuple(status.tolist()))
