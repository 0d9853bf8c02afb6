"""Localisation: is what a map calls relevant on the object, where the network is known to use the object?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from bam.base.errors import BamError
from bam.base.settings import setting, settings
from bam.data_prep.dataset import Batch
from bam.data_prep.written import WrittenImages, WrittenView
from bam.metrics.evaluation.answers import doubts
from bam.metrics.evaluation.images import described, left_out_note, of_known_classes, shuffled
from bam.metrics.evaluation.order import relevance
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.regions import EMPTY
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.sweep import Keeping, RawMaps, raw_maps, row_files, sweep
from bam.metrics.localisation.measures import LEAST_IOU, THRESHOLDS
from bam.metrics.localisation.rows import Found, Located, measured
from bam.metrics.metric import Beside, Curves, Measured, metric
from bam.metrics.results.schema import Column
from bam.models.predictions import LOWERED, Predicted

if TYPE_CHECKING:
    from bam.metrics.localisation.images import Composites, ObjectPictures
    from bam.models.classifier import Classifier

VERSION = 1
MODEL, OTHER = "object", "scene"
# Of the rows, those that are scores by themselves, with their headings; `rank` is the score.
SCORES = {"mass": "mass", "pointing": "pointing", "auc": "AUC"}


@settings
class Localisation:
    """Settings of localisation."""

    masks: str | None = setting(
        None,
        "with images: a folder of PNG masks of the same names, or a JSON file of COCO's annotations, see "
        "docs/metrics.md",
    )
    threshold_images: int = setting(
        100, "images of the training split on which each method's threshold is chosen", ge=1
    )


def _planned(run: Run, settings: Localisation) -> list[Planned]:
    models = _networks(run)
    images = [_images(run, settings, model) for model in models.values()]
    found = [
        Planned(each, model, _files(run, each, model))
        for each, model in zip(images, models.values(), strict=True)
    ]
    if run.images is None:
        first = models[next(iter(models))]
        training = _training(run, settings, first)
        found.append(Planned(training, first, _files(run, training, first), whole=True))
    return found


@metric(
    title="localisation",
    direction="up",
    version=VERSION,
    question="Are the most relevant pixels on the object, where the network is known to use the object?",
    source="Arras et al. 2022 (relevance rank and mass accuracy); Zhang et al. 2016 (pointing game); "
    "Agarwal & Nguyen 2020 (boxes)",
    cite=("arras2022clevr", "zhang2016excitation", "agarwal2020explaining"),
    images="any",
    needs_dataset=False,
    needs_network=False,
    inverse="maximum",
    settings=Localisation,
    planned=_planned,
)
def localisation(run: Run, settings: Localisation) -> Measured:
    """Localisation by f_o on X_o,s of the test split, or by any network on a folder of images with masks.

    Only images count that the network recognises, and in which the logit of the class falls when the object
    is removed: back to the scene, or in a folder, where that is not known, blurred. f_s explains the scene's
    class on the images that count for f_o, if it recognises them too.

    Below the table:
        Of the most relevant pixels, as many as the object has, the share that is on the object (rank
        accuracy). `mass`: the share of all relevance; `pointing`: whether the most relevant pixel is on the
        object; `AUC`: of the pixels, object against the rest. `box error`: share of images in which the box
        around the pixels that reach a threshold meets the object's box with an intersection over union below
        0.5; the threshold, a share of the map's maximum, is the best of .10, .15 ... .50. Negative relevance
        counts as none, and ties by their expectation.

        A map without differences has the object's share of the image, and an AUC of 0.5. It is taken for
        granted that the network looks at all of the object and at nothing else; `object_not_used`, left out,
        are images where removing the object does not lower the logit.
    """
    models = _networks(run)
    classifier = next(iter(models.values()))
    images = _images(run, settings, classifier)
    count = len(images.ids[: run.settings.limit])
    rows = _located(run, images, classifier, run.settings.limit)
    found = {method: Found(lines) for method, lines in rows.items()}
    other = {}
    if len(models) > 1:
        lines = _located(run, _images(run, settings, models[OTHER]), models[OTHER], run.settings.limit)
        other = {method: Found(of) for method, of in lines.items() if method in found}
    chosen, note = _chosen(run, settings, classifier, found, count)
    thresholds = {method: _shown(places) for method, places in chosen.items()}
    return Measured(
        models,
        {method: each.of_used("rank") for method, each in found.items()},
        images.sources[:count],
        {method: each.excluded for method, each in found.items()},
        {method: sum(line.seconds for line in lines) for method, lines in rows.items()},
        beside=_beside(found, other, chosen),
        counts={
            "constant_maps": {method: each.constant for method, each in found.items()},
            "threshold": thresholds,
        },
        columns=[
            Column("rank set", "rank"),
            *(Column(heading, key, "up") for key, heading in SCORES.items()),
            Column("box error", "box_error", "down"),
            Column("threshold", "threshold"),
            *([Column("of f_s", "rank.scene"), Column("mass of f_s", "mass.scene")] if other else []),
        ],
        curves=_curves(found, classifier.name),
        notes=[_gate_note(rows, images.name, classifier.name), note, *left_out_note(images.left_out)],
        problems=doubts(classifier, images),
        rate=True,
        ids=images.ids[:count],
        images=described(images, count),
        details={"thresholds": list(THRESHOLDS)},
    )


def _networks(run: Run) -> dict[str, Classifier]:
    """The network to explain, and f_s beside it if it is there and nothing else is asked for."""
    classifier = run.explained(MODEL)
    if classifier.labels == "scene":
        raise BamError(
            f"localisation asks where a network sees objects, and {classifier.name} names scenes: give a "
            "`model` that names objects"
        )
    models = {classifier.name: classifier}
    if run.images is None and run.model is None and run.models.has(OTHER):
        models[OTHER] = run.classifier(OTHER)
    return models


def _images(run: Run, settings: Localisation, classifier: Classifier) -> ObjectPictures:
    from bam.metrics.localisation.images import MaskedPictures
    from bam.metrics.localisation.masks import find_masks

    if run.images is None:
        if settings.masks is not None:
            raise BamError("`masks` are of your own images, and the dataset has its own: give `images` too")
        return _composites(run, classifier, "test")
    if settings.masks is None:
        raise BamError("localisation in images of your own needs to know where the objects are: give `masks`")
    masks, size = find_masks(settings.masks), classifier.input_size
    return MaskedPictures(run.images, masks, size, run.settings.seed, run.whole(classifier))


def _composites(
    run: Run, classifier: Classifier, split: str, limit: int | None = None
) -> Composites | WrittenView:
    from bam.metrics.localisation.images import COMPOSITES, Composites

    if isinstance(run.dataset, WrittenImages):
        return shuffled(run.dataset.view(COMPOSITES, split), run.settings.seed).first(limit)
    view = of_known_classes(run.dataset.view("object_scene", split), classifier)
    return Composites(shuffled(view, run.settings.seed).first(limit), classifier)


def _training(run: Run, settings: Localisation, classifier: Classifier) -> Composites | WrittenView:
    return _composites(run, classifier, "train", settings.threshold_images)


def _files(run: Run, images: ObjectPictures, classifier: Classifier) -> dict[str, str | None]:
    what = ("localisation", VERSION)
    return row_files(images, classifier, run.suited(classifier), run.settings.seed, *what)


def _located(
    run: Run, images: ObjectPictures, classifier: Classifier, limit: int | None
) -> dict[str, list[Located]]:
    """The rows of each of the methods that apply to the network, for the first images, in order."""
    by_name = {explainer.name: explainer for explainer in run.suited(classifier)}

    def compute(batch: Batch, missing: Sequence[str]) -> Generator[list[Located], None, None]:
        fall = _fall(classifier, images, batch)
        masks = classifier.prepare_masks(batch.masks)
        chosen = [by_name[name] for name in missing]
        with closing(raw_maps(batch, images.name, classifier, chosen, run.settings.seed)) as computed:
            for name, found in zip(missing, computed, strict=True):
                begin = classifier.clock()
                planes, states = relevance(found.maps)
                of_masks = measured(planes, masks)
                columns = (
                    *(found.targets, found.predicted, np.where(masks.any((1, 2)), states, EMPTY)),
                    *(fall(found), *of_masks[:-1]),
                )
                seconds = round(found.seconds + (classifier.clock() - begin) / len(masks), 6)
                lines = zip(batch.ids, *(column.tolist() for column in columns), strict=True)
                ious = (";".join(map(repr, line)) for line in of_masks[-1].tolist())
                yield [
                    Located(image, classifier.name, name, *numbers, boxes, seconds)
                    for (image, *numbers), boxes in zip(lines, ious, strict=True)
                ]

    keeping = Keeping(run.keeping.folder, limit)
    return sweep(images, classifier, keeping, _files(run, images, classifier), Located, compute)


def _fall(
    classifier: Classifier | Predicted, images: ObjectPictures, batch: Batch
) -> Callable[[RawMaps], np.ndarray]:
    """From maps of a batch to how far the logits explained fall when the objects are removed, float (N,)."""
    if isinstance(classifier, Predicted):
        lowered = classifier.lowered(images.name, batch.ids)
        return lambda found: lowered
    without = classifier.logits(classifier.prepare(images.without_objects(batch)))
    places = np.arange(len(batch.ids))
    return lambda found: (found.logits - without)[places, found.targets].astype(float)


def _chosen(
    run: Run, settings: Localisation, classifier: Classifier, found: Mapping[str, Found], count: int
) -> tuple[dict[str, np.ndarray], str]:
    """For each method and image the place of the threshold, int (N,), -1 where none can be told; and how."""
    if run.images is not None:
        note = "The threshold of an image is the best on the other images of the folder."
        return {method: each.best_of_the_others() for method, each in found.items()}, note
    training = _training(run, settings, classifier)
    rows = _located(run, training, classifier, None)
    of_training = {method: Found(lines) for method, lines in rows.items()}
    counting = max((int(each.used.sum()) for each in of_training.values()), default=0)
    return {method: np.full(count, each.best_threshold()) for method, each in of_training.items()}, (
        f"Each method's threshold is the best on {len(training.ids)} images of the training split, of which "
        f"{counting} count."
    )


def _beside(
    found: Mapping[str, Found], other: Mapping[str, Found], chosen: Mapping[str, np.ndarray]
) -> dict[str, Beside]:
    """What stands beside the score; with `.scene` behind its name that of f_s, on images that both use."""
    both = {method: found[method].used & each.known for method, each in other.items()}
    result = {}
    for key in SCORES:
        values = {method: each.of_used(key) for method, each in found.items()}
        result[key] = Beside(values, direction="up", rate=True)
    for key in ("rank", *SCORES):
        values = {method: np.where(both[method], each.columns[key], np.nan) for method, each in other.items()}
        result[f"{key}.scene"] = Beside(values, rate=True)
    for ending, these, used in (
        ("", found, {method: each.used for method, each in found.items()}),
        (".scene", other, both),
    ):
        ious = {method: each.at(chosen[method], used[method]) for method, each in these.items()}
        errors = {method: _errors(values) for method, values in ious.items()}
        result[f"box_iou{ending}"] = Beside(ious, rate=True)
        result[f"box_error{ending}"] = Beside(errors, direction=None if ending else "down", rate=True)
    return {key: each for key, each in result.items() if each.values}


def _errors(ious: np.ndarray) -> np.ndarray:
    """Whether boxes miss their objects, as numbers; NaN stays NaN."""
    return np.where(np.isnan(ious), np.nan, ious < LEAST_IOU)


def _shown(places: np.ndarray) -> str:
    """The thresholds that were chosen, as the table has them."""
    known = sorted({THRESHOLDS[place] for place in places.tolist() if place >= 0})
    return ", ".join(f"{threshold:.2f}" for threshold in known) or "-"


def _curves(found: Mapping[str, Found], name: str) -> Curves:
    """What every threshold comes to."""
    ious = {method: each.of_used("ious") for method, each in found.items()}
    errors = {method: _errors(values) for method, values in ious.items()}
    return Curves(
        f"{name}, boxes around what is relevant",
        "threshold, share of the map's maximum",
        THRESHOLDS,
        {"box_error_curve": errors, "box_iou_curve": ious},
        {"share of objects missed": "box_error_curve", "intersection over union": "box_iou_curve"},
    )


def _gate_note(rows: Mapping[str, Sequence[Located]], images: str, network: str) -> str:
    """How many images the network is known to use the object in, which is the same for all methods."""
    known = [row.lowered for row in next(iter(rows.values()), ())]
    if known and np.isinf(known).all():
        return (
            f"It is taken for granted that {network} uses the objects, since no column {network}{LOWERED} "
            "says in which images removing them lowers the logit of the class explained."
        )
    lowered = [fall > 0 for fall in known]
    return (
        f"Removing the object lowers the logit of the class explained in {sum(lowered)} of {len(lowered)} "
        f"images of {images} (the network {network})."
    )
