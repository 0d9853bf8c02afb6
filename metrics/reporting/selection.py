"""Which images are shown, and in which versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bam.base.errors import BamError, lacking
from bam.base.settings import one_of, setting, settings
from bam.data_prep.dataset import VIEWS, View
from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.images import ImageSet, of_known_classes, shuffled
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import Computing

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SHOWN = tuple(name for name in VIEWS if name != "commonality")  # which would need its k
DEFAULT_VIEW, DEFAULT_LIMIT = "object_scene", 6


@settings
class Selection(Computing):
    """The images, and what else their maps depend on."""

    limit: int | None = setting(
        None,
        f"how many images, the first of those that scores are made of (by default {DEFAULT_LIMIT})",
        ge=1,
    )
    ids: tuple[str, ...] = setting((), "the images themselves, by the names that stand beside them")
    view: Annotated[str | None, one_of("view", SHOWN)] = setting(
        None, f"image set of the dataset: {', '.join(SHOWN)} (by default {DEFAULT_VIEW})"
    )
    pair: bool = setting(False, "each image also without its object")


def settled(selection: Selection, images: str | Path | int | None) -> tuple[Selection, Path | None]:
    """The selection and the folder of the user's own images, None for the dataset.

    images: the folder, or, unless there is one of this name, a number: it is the limit. Raises `BamError` for
    what excludes each other.

    >>> settled(Selection(), 3)[0].limit
    3
    """
    number = str(images).isdecimal() and not Path(str(images)).is_dir()
    if number and selection.limit is not None:
        raise BamError(f"`images` {images} and `limit` {selection.limit} both say how many images: give one")
    if number and int(images) < 1:
        raise BamError(f"`images` must be a folder or a number from 1, not {images}")
    if number:
        selection, images = replace(selection, limit=int(images)), None
    if selection.ids and selection.limit is not None:
        raise BamError(
            f"`ids` names the images, so that {selection.limit} of them says nothing: leave it out"
        )
    for name in ("view", "pair"):
        if images is not None and getattr(selection, name):
            raise BamError(f"`{name}` is for images of the dataset, and not for those of `images`")
    if selection.pair and selection.view == "scene_only":
        raise BamError("`pair` shows images with and without object: `view` scene_only has no objects")
    return selection, None if images is None else Path(images)


def image_sets(
    run: Run, networks: Sequence[Classifier], selection: Selection
) -> tuple[list[list[ImageSet]], dict[str, str], str]:
    """For each network the sets of the images selected, for `maps_of`, with what was left out and the rule.

    The images are the same for all networks, and the sets of one network their versions. Of the dataset they
    are test images of classes that all networks know. Raises `BamError` if there is no such image, or none of
    a name.
    """
    count = selection.limit or (None if selection.ids else DEFAULT_LIMIT)
    if run.images is not None:
        folders = [
            FolderPictures(run.images, each.input_size, selection.seed, count, selection.ids)
            for each in networks
        ]
        where = f"the images in {run.images}"
        return [[each] for each in folders], folders[0].left_out, _rule(len(folders[0]), where, selection)
    name = selection.view or DEFAULT_VIEW
    views = [run.dataset.view(name)]
    if selection.pair:  # as IDR has them
        views += [run.dataset.view("scene_only") if name == DEFAULT_VIEW else views[0].without_object()]
    for each in networks:
        views = [of_known_classes(view, each) for view in views]
    where = f"the {len(views[0])} test images of {name} in {run.dataset.folder}"
    views = [_chosen(shuffled(view, selection.seed), selection.ids).first(count) for view in views]
    if not len(views[0]):
        names = ", ".join(each.name for each in networks)
        raise BamError(f"{name} has no image of classes that these networks know: {names}")
    return [views for _ in networks], {}, _rule(len(views[0]), where, selection)


def _chosen(view: View, ids: Sequence[str]) -> View:
    places = {name: place for place, name in enumerate(view.ids)}
    for name in ids:
        if name not in places:
            raise lacking(view.name, "image", name, view.ids)
    return view.subset([places[name] for name in dict.fromkeys(ids)]) if ids else view


def _rule(count: int, where: str, selection: Selection) -> str:
    if selection.ids:
        rule = f"Chosen by name, {count} of {where}."
    else:
        first = "The first" if count == 1 else f"The first {count}"
        rule = f"{first} of {where}, in the random order of seed {selection.seed} that scores use."
    return f"{rule} Each with and without its object." if selection.pair else rule
