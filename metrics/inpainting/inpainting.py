"""The inpainting perturbation metric (Cohen et al. 2025): does the class change to the one painted?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bam.metrics.evaluation.images import Pictures, ViewPictures, left_out_note, pictures
from bam.metrics.evaluation.order import PATCH_GRID
from bam.metrics.evaluation.regions import CONSTANT, NAN
from bam.metrics.evaluation.run import Request
from bam.metrics.inpainting.class_validity import ClassRow, class_validity
from bam.metrics.inpainting.fills import NOT_PAINTED, OBJECT, Fill, Setting, explains_new
from bam.metrics.inpainting.painting import Painting
from bam.metrics.results.plot import Plot
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import Comparison, compare
from bam.metrics.statistics.resampling import TRIAL_SIZE, Resampling, mean_curve, summaries, trial_sd
from bam.models.inpainters import make_inpainter

VERSION = 1
LEVELS = (10, 20, 30, 40, 50)
FILLS = 3
# The three scores, what each is called, and whether more is better.
KINDS = {"flips": "up", "any_change": "up", "weighted": "down"}
_TITLES = {"flips": "flips to the second class", "any_change": "changed classes"}
COLUMNS = {
    "flips to the second class ↑": "flips",
    "any change ↑": "any_change",
    "weighted S ↓": "weighted",
    "at the object's area ↑": "at_object",
    "rank interval": "rank",
}
NOTE = (
    "The most relevant pixels are painted anew as the class that the network thinks second most likely. "
    "The score is the share of paintings that become that class, `any change` the share whose class is "
    "another than before, `weighted S` the paper's score, 1 - mean of flip x overlap weight; each is the "
    "mean along the curve. The weight is 2p - p^2 on average for maps that are random, whatever they do to "
    "the class, and 1 for a method that always gives the same map, so read the two beside it first. "
    "`at the object's area`: the share of flips where the hole has as many pixels as the pasted object."
)

UNTARGETED_NOTE = (
    "The most relevant pixels are filled with what knows no class. The score is the share of fills whose "
    "class is another than before, the mean along the curve; becoming the second class is chance."
)


def evaluate(request: Request) -> Score:
    """The flips to the second class when the most relevant pixels are painted anew, and the paper's S_p.

    Of `request.options`: inpainter, checkpoint, no_paste_back (see `models.inpainters`); levels, the
    percentages of pixels; fills, paintings per hole; patch_grid; model and images (see `Request.chosen`
    and `pictures`).
    """
    painting = _painting(request)
    setting, images = painting.setting, painting.images
    inpainter, levels, name = setting.inpainter, setting.levels, setting.classifier.name
    targets = painting.classes[:, 1].tolist()
    validity = class_validity(targets, setting.classifier, inpainter, request)
    ids = images.ids[: len(targets)]
    valid = [
        image for image, label in zip(ids, targets, strict=True) if not validity or validity[label].valid
    ]
    rows = painting.collect(valid, request.suited(setting.classifier).methods)
    outcome = Outcome(rows, ids, len(valid), levels, images, request)
    kind = "flips" if inpainter.targeted else "any_change"
    comparison, empty_hole = outcome.comparison(kind), outcome.empty_hole()
    panels = {_AXES[other]: outcome.mean_curves(other) for other in KINDS}
    return Score(
        "inpainting",
        VERSION,
        "up",
        comparison.with_ranks(outcome.entries(kind)),
        {name: setting.classifier},
        request,
        title=_TITLES[kind],
        columns={key: column for key, column in COLUMNS.items() if column != kind},
        extra={
            "inpainter": inpainter.key,
            "levels": levels,
            "patch_grid": setting.grid,
            "fills": setting.fills,
            "empty_hole": empty_hole,
            "class_validity": {row.name: row.content() for row in validity.values()},
            "images": {"set": images.name, "n": len(ids), "left_out": images.left_out},
            **comparison.content(),
        },
        notes=[
            _setting_note(setting, len(ids)),
            NOTE if inpainter.targeted else UNTARGETED_NOTE,
            *_empty_hole_note(empty_hole),
            *_validity_note(validity),
            *outcome.fixed_note(),
            *left_out_note(images.left_out),
            *comparison.notes(),
        ],
        problems=[] if valid else ["no image is scored: the network recognises no painted second class"],
        plot=Plot(f"{name}, filled by {inpainter.name}", "pixels painted anew, %", levels, panels),
        per_image=outcome.areas[kind],
        resampling=outcome.resampling,
        further={
            f"inpainting:{other}": (KINDS[other], outcome.areas[other])
            for other in (KINDS if inpainter.targeted else ())
            if other != kind
        },
    )


def _painting(request: Request) -> Painting:
    options, classifier = request.options, request.chosen("object")
    images = pictures(request, classifier)
    inpainter = make_inpainter(
        options.get("inpainter", "donor"),
        request.dataset,
        classifier.labels,
        images.view if isinstance(images, ViewPictures) else None,
        options.get("checkpoint"),
        not options.get("no_paste_back", False),
    )
    levels, fills = sorted({0, *options.get("levels", LEVELS)}), options.get("fills", FILLS)
    grid = options.get("patch_grid", PATCH_GRID)
    return Painting(images, classifier, inpainter, levels, fills, grid, request)


def _setting_note(setting: Setting, count: int) -> str:
    maps = f"maps reduced to {setting.grid} x {setting.grid}" if setting.grid else "maps as they are"
    return (
        f"The network {setting.classifier.name}, {count} images of {setting.view}, filled by "
        f"{setting.inpainter.name}; {', '.join(map(str, setting.levels[1:]))}% of the pixels, "
        f"{setting.fills} fills a hole, {maps}."
    )


_AXES = {
    "flips": "share of flips to the second class",
    "any_change": "share of changed classes",
    "weighted": "weighted S (lower is better)",
}


class Outcome:
    """The fills of each method as curves, areas and entries.

    ids: all images asked for; valid: of how many the target class is valid. `curves[kind][method]` is float
    (n, levels), NaN where an image is not used; `areas` are the means along these, by the trapezoidal rule.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Fill]],
        ids: Sequence[str],
        valid: int,
        levels: Sequence[int],
        images: Pictures,
        request: Request,
    ):
        self.rows, self.ids, self.valid, self.levels, self.request = rows, ids, valid, levels, request
        self.resampling = Resampling(images.sources[: len(ids)], request.seed)
        self._index = {image: place for place, image in enumerate(ids)}
        names = {str(level): place for place, level in enumerate([*levels, OBJECT])}
        self.curves: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
        self.at_object: dict[str, np.ndarray] = {}
        # Methods that cannot explain a painted picture.
        self._fixed = {method.name for method in request.methods if not explains_new(method)}
        for method, fills in rows.items():
            found = self._table(fills, names)
            if method in self._fixed:
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
            if fill.painted == NOT_PAINTED:
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

    def mean_curves(self, kind: str) -> dict[str, list[float] | None]:
        """For each method the mean over the images, one value per level; None if it has none."""
        return {name: mean_curve(curves) for name, curves in self.curves[kind].items()}

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        """For each method the score of this kind, the others beside it, the curves, and what was left out."""
        scores = {kind: summaries(areas, self.resampling) for kind, areas in self.areas.items()}
        at_object = summaries(self.at_object, self.resampling)
        curves = {kind: self.mean_curves(kind) for kind in KINDS}
        return {
            name: {
                **scores[kind][name],
                "trial_sd": trial_sd(
                    self.areas[kind][name], self.request.trials, TRIAL_SIZE, self.request.seed
                ),
                **{other: scores[other][name] for other in KINDS},
                "at_object": at_object[name],
                **self._left_out(name),
                "curves": {other: curves[other][name] for other in KINDS},
                "seconds": round(sum(fill.seconds for fill in fills), 3),
            }
            for name, fills in self.rows.items()
        }

    def _left_out(self, name: str) -> dict[str, Any]:
        status = {fill.image_id: fill.status for fill in self.rows[name]}
        withheld = [fill.painted == NOT_PAINTED and fill.status != NAN for fill in self.rows[name]]
        used = int((~np.isnan(self.areas["flips"][name])).sum())
        nan_maps = sum(state == NAN for state in status.values())
        excluded = {"invalid_target": len(self.ids) - self.valid, NAN: nan_maps}
        excluded["all_withheld"] = self.valid - nan_maps - used
        return {
            "excluded": excluded,
            "withheld_fills": sum(withheld),
            "constant_maps": sum(state == CONSTANT for state in status.values()),
        }

    def empty_hole(self) -> dict[str, float | None]:
        """Share of flips and of changed classes where nothing was to be painted: what painting alone does."""
        some, start = next(iter(self.rows)), self.levels.index(0)
        shares = {kind: self.curves[kind][some][:, [start]] for kind in ("flips", "any_change")}
        return {kind: (mean_curve(column) or [None])[0] for kind, column in shares.items()}

    def fixed_note(self) -> list[str]:
        """A sentence on the methods that have no weight."""
        names = [name for name in self.rows if name in self._fixed]
        return [f"Without weight, since they know the images alone: {', '.join(names)}."] if names else []

    def comparison(self, kind: str) -> Comparison:
        """Tests between the methods by this score, and their ranks."""
        areas = self.areas[kind]
        return compare(areas, self.resampling, "up", self.request.controls & set(areas))


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


def _validity_note(validity: Mapping[int, ClassRow]) -> list[str]:
    invalid = [row.name for row in validity.values() if not row.valid]
    if not invalid:
        return []
    return [f"Left out, since the network does not recognise most of their paintings: {', '.join(invalid)}."]
