"""The inpainting perturbation metric (Cohen et al. 2025): does the class change to the one painted?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from bam.base.errors import BamError
from bam.base.settings import one_of, setting, settings
from bam.metrics.evaluation.answers import doubts
from bam.metrics.evaluation.images import ViewPictures, described, left_out_note
from bam.metrics.evaluation.order import PatchGrid
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.evaluation.run import Run
from bam.metrics.metric import Beside, Curves, Measured, metric
from bam.metrics.results.schema import Column, Direction
from bam.metrics.statistics.estimate import mean_curve
from bam.models.inpainters import INPAINTERS

if TYPE_CHECKING:
    from bam.metrics.inpainting.class_validity import ClassRow
    from bam.metrics.inpainting.fills import Fill
    from bam.metrics.inpainting.painting import Painting

# The three scores, and whether more is better.
KINDS: dict[str, Direction] = {"flips": "up", "any_change": "up", "weighted": "down"}
_TITLES = {"flips": "flips to the second class", "any_change": "changed classes"}
NOTHING_VALID = "no image is scored: the network recognises no painted second class"
_AXES = {
    "flips": "share of flips to the second class",
    "any_change": "share of changed classes",
    "weighted": "weighted S (lower is better)",
}
COLUMNS = (
    Column("flips to the second class", "flips", "up"),
    Column("any change", "any_change", "up"),
    Column("weighted S", "weighted", "down"),
    Column("at the object's area", "at_object", "up"),
    Column("rank set", "rank"),
)


@settings
class Inpainting(PatchGrid):
    """Settings of the inpainting metric."""

    inpainter: Annotated[str, one_of("inpainter", INPAINTERS)] = setting("donor", "what paints")
    checkpoint: str | None = setting(
        None, "folder with the weights of deepfill; folder or hub name of a pipeline, for stable-diffusion"
    )
    no_paste_back: bool = setting(
        False, "leave the pixels around the hole as stable-diffusion returns them, as the paper does"
    )
    levels: tuple[Annotated[int, Field(ge=1, le=100)], ...] = setting(
        (10, 20, 30, 40, 50), "whole percentages of the pixels that are painted anew, up to 100", min_length=1
    )
    fills: int = setting(3, "paintings for each hole", ge=1)


@metric(
    direction="up",
    version=1,
    question="Where what is relevant is painted as the second class, does the network see that class?",
    source="Cohen, Chefer & Wolf 2025",
    cite=("cohen2025meaningful",),
    images="any",
    needs_dataset=False,
    inverse="maximum",
    settings=Inpainting,
)
def inpainting(run: Run, settings: Inpainting) -> Measured:
    """The flips to the second class when the most relevant pixels are painted anew, and the paper's S_p.

    Below the table:
        The most relevant pixels are painted anew: by an inpainter that paints classes, as the class that the
        network thinks second most likely. The score is then the share of paintings that become that class,
        `any change` the share whose class is another than before. Others fill the hole whatever the second
        class is: the score is the share of changed classes, and becoming the second is chance. `weighted S`:
        the paper's score, 1 - mean of flip x overlap weight. Each is the mean along the curve. The weight is
        2p - p^2 on average for maps that are random, whatever they do to the class, and 1 for a method that
        always gives the same map, so read the two beside it first. `at the object's area`: the share of flips
        where the hole has as many pixels as the pasted object.
    """
    from bam.metrics.inpainting.class_validity import class_validity

    painting = painting_of(run, settings)
    classifier, images, inpainter = painting.classifier, painting.images, painting.inpainter
    targets = painting.classes[:, 1].tolist()
    validity = class_validity(targets, classifier, inpainter, run.settings.seed, run.keeping.folder)
    ids = images.ids[: len(targets)]
    valid = [
        image for image, label in zip(ids, targets, strict=True) if not validity or validity[label].valid
    ]
    outcome = Outcome(painting.collect(valid), ids, len(valid), painting.levels, painting.fixed)
    kind = "flips" if inpainter.targeted else "any_change"
    return Measured(
        {classifier.name: classifier},
        outcome.areas[kind],
        images.sources[: len(ids)],
        outcome.excluded(),
        {name: sum(fill.seconds for fill in fills) for name, fills in outcome.rows.items()},
        beside=outcome.beside(kind, inpainter.targeted),
        counts=outcome.counts(),
        columns=[column for column in COLUMNS if column.key != kind],
        curves=Curves(
            f"{classifier.name}, filled by {inpainter.name}",
            "pixels painted anew, %",
            painting.levels,
            outcome.curves,
            {label: other for other, label in _AXES.items()},
        ),
        title=_TITLES[kind],
        ids=ids,
        rate=True,
        notes=[
            _setting_note(painting, len(ids)),
            *_empty_hole_note(outcome.empty_hole()),
            *_validity_note(validity, classifier.class_names),
            *outcome.fixed_note(),
            *left_out_note(images.left_out),
        ],
        problems=doubts(classifier, images) + ([] if valid else [NOTHING_VALID]),
        images=described(images, len(ids)),
        oracle=run.images is None,
        details={
            "inpainter": inpainter.key,
            "empty_hole": outcome.empty_hole(),
            "class_validity": {str(label): row.content() for label, row in validity.items()},
        },
    )


def painting_of(run: Run, settings: Inpainting) -> Painting:
    """What the metric paints in this run."""
    from bam.metrics.inpainting.painting import Painting
    from bam.models.inpainters import make_inpainter

    classifier = run.explained("object")
    images = run.pictures(classifier)
    given = {"checkpoint": settings.checkpoint} if settings.checkpoint is not None else {}
    if settings.no_paste_back:
        if "paste_back" not in INPAINTERS[settings.inpainter].settings():
            raise BamError(f"`no_paste_back` is not for {settings.inpainter}, which always pastes back")
        given["paste_back"] = False
    inpainter = make_inpainter(
        settings.inpainter,
        run.data,
        classifier.labels,
        images.view if isinstance(images, ViewPictures) else None,
        **given,
    )
    levels = sorted({0, *settings.levels})
    return Painting(
        images,
        classifier,
        inpainter,
        run.suited(classifier),
        levels,
        settings.fills,
        settings.patch_grid,
        run.settings.seed,
        run.keeping,
    )


def _setting_note(painting: Painting, count: int) -> str:
    grid = painting.grid
    maps = f"maps reduced to {grid} x {grid}" if grid else "maps as they are"
    return (
        f"The network {painting.classifier.name}, {count} images of {painting.images.name}, filled by "
        f"{painting.inpainter.name}; {', '.join(map(str, painting.levels[1:]))}% of the pixels, "
        f"{painting.fills} {'fill' if painting.fills == 1 else 'fills'} a hole, {maps}."
    )


class Outcome:
    """The fills of each method as curves and areas.

    ids: all images asked for; valid: of how many the target class is valid. fixed: methods that cannot
    explain a painted picture. `curves[kind][method]` is float (n, levels), NaN where an image is not used;
    `areas` are the means along these, by the trapezoidal rule.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Fill]],
        ids: Sequence[str],
        valid: int,
        levels: Sequence[int],
        fixed: frozenset[str],
    ):
        from bam.metrics.inpainting.fills import OBJECT

        self.rows, self.ids, self.valid, self.levels, self.fixed = rows, ids, valid, levels, fixed
        self._index = {image: place for place, image in enumerate(ids)}
        names = {str(level): place for place, level in enumerate([*levels, OBJECT])}
        self.curves: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
        self.at_object: dict[str, np.ndarray] = {}
        for method, fills in rows.items():
            found = self._table(fills, names)
            if method in fixed:
                found["weighted"][:] = np.nan
            for kind in KINDS:
                self.curves[kind][method] = found[kind][:, :-1]
            self.at_object[method] = found["flips"][:, -1]
        self.areas = {
            kind: {name: area(levels, curve) for name, curve in curves.items()}
            for kind, curves in self.curves.items()
        }

    def _table(self, fills: Sequence[Fill], names: Mapping[str, int]) -> dict[str, np.ndarray]:
        """For each kind of score the mean over the samples, float (n, levels)."""
        shape = (len(self.ids), len(names))
        count, sums = np.zeros(shape), {kind: np.zeros(shape) for kind in KINDS}
        for fill in fills:
            if not fill.is_painted:
                continue
            place = self._index[fill.image_id], names[fill.level]
            flip = fill.painted == fill.target
            count[place] += 1
            sums["flips"][place] += flip
            sums["any_change"][place] += fill.painted != fill.predicted
            # Equation of S_p: 1 - mean(flip x weight); without a hole there is nothing to weigh, S_0 = 1.
            sums["weighted"][place] += 1 - (fill.overlap if flip and fill.pixels else 0.0)
        with np.errstate(invalid="ignore"):
            return {kind: values / count for kind, values in sums.items()}

    def excluded(self) -> dict[str, dict[str, int]]:
        """For each method how many images are left out, by reason."""
        found = {}
        for name, fills in self.rows.items():
            used = int((~np.isnan(self.areas["flips"][name])).sum())
            nan_maps = self._maps(fills, NAN)
            found[name] = {"invalid_target": len(self.ids) - self.valid, NAN: nan_maps}
            found[name]["all_withheld"] = self.valid - nan_maps - used
        return found

    def counts(self) -> dict[str, dict[str, int]]:
        """For each method how many maps are constant, and how many fills were withheld."""
        withheld = {
            name: sum(not fill.is_painted and fill.status != NAN for fill in fills)
            for name, fills in self.rows.items()
        }
        constant = {name: self._maps(fills, CONSTANT) for name, fills in self.rows.items()}
        return {"withheld_fills": withheld, "constant_maps": constant}

    @staticmethod
    def _maps(fills: Sequence[Fill], state: str) -> int:
        return len({fill.image_id for fill in fills if fill.status == state})

    def empty_hole(self) -> dict[str, float | None]:
        """Share of flips and of changed classes where nothing was to be painted: what painting alone does."""
        some, start = next(iter(self.rows)), self.levels.index(0)
        shares = {kind: self.curves[kind][some][:, [start]] for kind in ("flips", "any_change")}
        return {kind: (mean_curve(column) or [None])[0] for kind, column in shares.items()}

    def beside(self, kind: str, targeted: bool) -> dict[str, Beside]:
        """The scores beside the one of this kind, and that at the object's area."""
        others = {
            other: Beside(self.areas[other], direction=direction if targeted else None, rate=True)
            for other, direction in KINDS.items()
            if other != kind
        }
        return {**others, "at_object": Beside(self.at_object, rate=True)}

    def fixed_note(self) -> list[str]:
        """A sentence on the methods that have no weight."""
        names = [name for name in self.rows if name in self.fixed]
        return [f"Without weight, since they know the images alone: {', '.join(names)}."] if names else []


def area(levels: Sequence[int], curve: np.ndarray) -> np.ndarray:
    """float (n,): mean of curves (n, levels) along the axis, by the trapezoidal rule; NaN stays NaN."""
    x = np.asarray(levels, float)
    return (curve[:, 1:] + curve[:, :-1]) @ np.diff(x) / (2 * np.ptp(x))


def _empty_hole_note(shares: Mapping[str, float | None]) -> list[str]:
    if not shares["any_change"]:
        return []
    return [
        f"With nothing to paint, {shares['any_change']:.1%} of the classes change and {shares['flips']:.1%} "
        "become the second one: that much is the inpainter's doing."
    ]


def _validity_note(validity: Mapping[int, ClassRow], class_names: Sequence[str]) -> list[str]:
    invalid = [
        f"{row.name} (class {label})" if class_names.count(row.name) > 1 else row.name
        for label, row in validity.items()
        if not row.valid
    ]
    if not invalid:
        return []
    return [f"Left out, since the network does not recognise most of their paintings: {', '.join(invalid)}."]
