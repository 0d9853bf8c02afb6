"""Input independence rate (section 4.4): does a patch that leaves the output as it was draw attention?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bam.metrics.evaluation.folder import FolderScenes
from bam.metrics.evaluation.images import left_out_note
from bam.metrics.evaluation.pairs import Pairs, Rows, evaluated
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect
from bam.metrics.independence.recipes import RECIPES, TOLERANCE
from bam.metrics.independence.scenes import DatasetScenes
from bam.metrics.independence.sheet import write_sheet
from bam.metrics.independence.store import NOT_ACCEPTED, Patched, Scenes
from bam.metrics.results.score import Score
from bam.models.classifier import Classifier

VERSION = 1
THRESHOLD = 0.1
MODEL = "scene_on_scene_only"
NOTE = (
    "A patch is a dog whose pixels were changed until the network answers as it does without it. IIR is the "
    "share of images in which it changes the attribution of its region by less than the threshold; `raised` "
    "is the share in which it gains more than that, which draws attention to it (in the others it loses); "
    "`mean change` is the change relative to the attribution without patch (appendix C). A method that "
    "ignores the image has IIR 1, and `random` nearly so, since its mean over a region hardly varies: read "
    "IIR beside IDR and MCS. `object_mask` knows of the dog, and is no oracle here. `random region`: IIR of "
    "random pixels. `rank interval`: the places among the methods that one takes in 95% of the resamples of "
    "cutouts and scenes."
)
COLUMNS = {
    "raised": "raised",
    "mean change": "appendix_c",
    "rank interval": "rank",
    "random region": "random_region",
}
# Below this share of accepted patches, the images scored are a choice that the network made.
ENOUGH = 0.5


def relative_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float (N,): |g_c(f, x + d) - g_c(f, x)| / g_c(f, x), of attributions (N,), which are not negative.

    Where g_c(f, x) is 0, the change is 0 if the other is 0 too (a map that says nothing says the same),
    else infinite. NaN stays NaN.
    """
    before, after = np.asarray(before, float), np.asarray(after, float)
    change = np.abs(after - before)
    undefined = np.where(change > 0, np.inf, change)
    return np.divide(change, before, out=undefined, where=before > 0)


def input_independence(before: np.ndarray, after: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """bool (N,): whether the relative change is less than `threshold`, the equation of section 4.4."""
    return relative_change(before, after) < threshold


def finite_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The relative change, NaN where it is infinite, since no mean could hold it."""
    change = relative_change(before, after)
    return np.where(np.isinf(change), np.nan, change)


def evaluate(request: Request) -> Score:
    """IIR of a classifier, by default the one trained on X_0,s, on X_0,s of the test split with dogs pasted.

    Of `request.options`: iir_threshold; patch_recipe, "projected", "paper", or "both", of which the first
    is scored and the other beside it; patch_tolerance; images, a folder to take instead; model, the name of
    another classifier. Only patches that were accepted count.
    """
    options = request.options
    threshold = options.get("iir_threshold", THRESHOLD)
    recipe = options.get("patch_recipe", "projected")
    recipes = list(RECIPES) if recipe == "both" else [recipe]
    classifier = request.chosen(MODEL)
    scenes = _scenes(options, classifier, request)
    count = min(len(scenes), request.limit or len(scenes))
    before = collect(scenes, classifier, request)
    patches, results = {}, {}
    for name in recipes:
        patched = _patched(name, scenes, options, classifier, request)
        patched.make(count)
        write_sheet(patched, request.out / f"iir-patches-{name}.png", count)
        patches[name] = patched.summary(count)
        statuses = patched.statuses(count)
        after = collect(patched, classifier, request)
        results[name] = _Result(before, after, statuses, threshold, scenes, request)
    entries, comparison = results[recipes[0]].entries(), results[recipes[0]].pairs.comparison("up")
    for name in recipes[1:]:
        for method, entry in results[name].entries().items():
            entries[method][f"{name}_recipe"] = entry
    return Score(
        "iir",
        VERSION,
        "up",
        comparison.with_ranks(entries),
        {classifier.name: classifier},
        request,
        columns={**COLUMNS, **{f"{name} recipe": f"{name}_recipe" for name in recipes[1:]}},
        extra={
            "threshold": threshold,
            "patches": patches,
            "images": {"set": scenes.name, "n": count, "left_out": getattr(scenes, "left_out", {})},
            **comparison.content(),
        },
        notes=[NOTE, *_describe(patches, threshold), *left_out_note(getattr(scenes, "left_out", {}))],
        problems=_problems(recipes[0], patches),
        per_image=results[recipes[0]].pairs.columns,
        resampling=results[recipes[0]].pairs.resampling,
    )


def _scenes(options: Mapping[str, Any], classifier: Classifier, request: Request) -> Scenes:
    if "images" not in options:
        return DatasetScenes(request.dataset, classifier, request.seed)
    whole = request.whole(classifier)
    return FolderScenes(options["images"], request.dataset, classifier, request.seed, whole)


def _patched(
    recipe: str, scenes: Scenes, options: Mapping[str, Any], classifier: Classifier, request: Request
) -> Patched:
    maker = classifier
    if classifier.precision != "float32":
        # A tolerance of a hundredth asks for more digits than shorter numbers have.
        maker = replace(request, precision="float32").chosen(MODEL)
    tolerance = options.get("patch_tolerance", TOLERANCE)
    return Patched(scenes, maker, recipe, tolerance, request.seed, request.out)


class _Result:
    """The score with the patches of one recipe."""

    def __init__(
        self,
        before: Rows,
        after: Rows,
        statuses: np.ndarray,
        threshold: float,
        scenes: Scenes,
        request: Request,
    ):
        view, self._threshold = evaluated(scenes, request), threshold
        some = next(iter(before))
        changed = [a.target != b.target for a, b in zip(before[some], after[some], strict=True)]
        # Where no labels are known, another class is predicted, and explained, with the patch.
        other = {"changed_class": np.array(changed, bool)}
        accepted = {"not_accepted": statuses == NOT_ACCEPTED, **other}
        independent = partial(input_independence, threshold=threshold)
        self.pairs = Pairs(before, after, independent, view, request, accepted)
        self._changes = Pairs(before, after, finite_change, view, request, accepted)
        self._unchecked = Pairs(before, after, independent, view, request, other)

    def entries(self) -> dict[str, dict[str, Any]]:
        """For each method the rate, the measure of appendix C, and what is left out or undefined.

        `raised` and `lowered` are the shares of images that make up 1 - IIR, by whether the patch gained or
        lost attribution; only the first draws attention to it. `without_check` is the rate if patches count
        whether or not they leave the output as it was.
        """
        changes, unchecked = self._changes.means(), self._unchecked.means()
        return {
            name: {
                **entry,
                **self._failures(name),
                "appendix_c": self._change(name, changes[name]),
                "zero_attribution": self._zeros(name),
                "without_check": unchecked[name],
            }
            for name, entry in self.pairs.entries().items()
        }

    def _failures(self, name: str) -> dict[str, float | None]:
        before, after = (values[self.pairs.used[name]] for values in self.pairs.attributions(name))
        failed = ~input_independence(before, after, self._threshold)
        return {
            key: float((failed & moved).mean()) if len(failed) else None
            for key, moved in {"raised": after > before, "lowered": after < before}.items()
        }

    def _change(self, name: str, mean: dict[str, Any]) -> dict[str, Any]:
        change = relative_change(*self.pairs.attributions(name))[self.pairs.used[name]]
        median = float(np.median(change)) if len(change) else np.inf
        return {
            **mean,
            "n": int(np.isfinite(change).sum()),
            "median": median if np.isfinite(median) else None,
        }

    def _zeros(self, name: str) -> dict[str, int]:
        """How many pairs used have g_c(f, x) = 0, by what became of it."""
        before, after = (values[self.pairs.used[name]] for values in self.pairs.attributions(name))
        zero = before == 0
        return {"unchanged": int((zero & (after == 0)).sum()), "changed": int((zero & (after > 0)).sum())}


def _describe(patches: Mapping[str, dict[str, Any]], threshold: float) -> list[str]:
    """A sentence on the patches of each recipe."""
    lines = []
    for name, known in patches.items():
        line = f"Patches, recipe `{name}`: {known['accepted']} of {known['n']} accepted"
        line += f" (||f(x+d) - f(x)|| / ||f(x)|| under {known['tolerance']:g}, IIR threshold {threshold:g})"
        if known["ratio"]:
            medians = {key: known[key]["median"] for key in ("ratio", "delta_norm", "moved", "iterations")}
            line += (
                "; medians: ratio {ratio:.4f}, ||d|| {delta_norm:.0f} grey levels, dog moved by {moved:.3f} "
                "of its norm, {iterations:.0f} iterations"
            ).format(**medians)
        lines.append(f"{line}.")
    return lines


def _problems(recipe: str, patches: Mapping[str, dict[str, Any]]) -> list[str]:
    known = patches[recipe]
    if known["n"] and known["acceptance"] >= ENOUGH:
        return []
    return [
        f"only {known['accepted']} of {known['n']} patches leave the output as it was: the score rests "
        "on a selection of images"
    ]
