"""Input independence rate (section 4.4): does a patch that leaves the output as it was draw attention?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bam.base.errors import BamError
from bam.base.settings import setting, settings
from bam.metrics.evaluation.images import described, left_out_note
from bam.metrics.evaluation.pairs import Pairs, Rows
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.untrained import UNTRAINED, own_zero, untrained_networks
from bam.metrics.metric import Beside, Measured, metric
from bam.metrics.results.schema import Column
from bam.models.training.numbered import training_name

if TYPE_CHECKING:
    from bam.metrics.independence.scenes import DatasetScenes, FolderScenes
    from bam.metrics.independence.store import Patched
    from bam.models.classifier import Classifier

MODEL = "scene_on_scene_only"
# Below this share of accepted patches, the images scored are a choice that the network made.
ENOUGH = 0.5


@settings
class Independence:
    """Settings of IIR."""

    iir_threshold: float = setting(0.1, "relative change of g_c that IIR allows", ge=0)
    patch_tolerance: float = setting(
        0.01, "change of the logits that patches may make, as a share of their norm", ge=0
    )
    patch_recipe: Literal["projected", "paper", "both"] = setting(
        "projected", "how patches are found; both: the paper's is scored beside"
    )
    untrained: int = UNTRAINED

    @property
    def recipes(self) -> list[str]:
        """The recipes to score, the one that counts first."""
        return ["projected", "paper"] if self.patch_recipe == "both" else [self.patch_recipe]


def relative_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float (N,): |g_c(f, x + d) - g_c(f, x)| / g_c(f, x), of attributions (N,), which are not negative.

    Where g_c(f, x) is 0, the change is 0 if the other is 0 too (a map that says nothing says the same),
    else infinite. NaN stays NaN.
    """
    before, after = np.asarray(before, float), np.asarray(after, float)
    change = np.abs(after - before)
    undefined = np.where(change > 0, np.inf, change)
    return np.divide(change, before, out=undefined, where=before > 0)


def input_independence(before: np.ndarray, after: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """bool (N,): whether the relative change is less than `threshold`, the equation of section 4.4."""
    return relative_change(before, after) < threshold


def finite_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The relative change, NaN where it is infinite, since no mean could hold it."""
    change = relative_change(before, after)
    return np.where(np.isinf(change), np.nan, change)


def _planned(run: Run, settings: Independence) -> list[Planned]:
    """The rows; patches that are not found yet come to that."""
    classifier = run.explained(MODEL)
    scenes = _scenes(run, settings, classifier)
    patched = [_patched(run, settings, scenes, name) for name in settings.recipes]
    asked = [(images, classifier) for images in (scenes, *patched)]
    for (network,) in untrained_networks(run, [classifier], settings.untrained):
        asked += [(images, network) for images in (scenes, patched[0])]
    return [run.planned(*each) for each in asked]


@metric(
    direction="up",
    version=1,
    question="Input independence rate: does a patch that leaves the output as it was leave the "
    "attribution as it was?",
    source="Yang & Kim 2019, section 4.4, Figure 10",
    cite=("yang2019bam",),
    images="any",
    random_is_worst=False,
    settings=Independence,
    planned=_planned,
)
def iir(run: Run, settings: Independence) -> Measured:
    """IIR of a classifier, by default the one trained on X_0,s, on X_0,s of the test split with dogs pasted.

    Only patches that were accepted count.

    Below the table:
        A patch is a dog whose pixels were changed until the network answers as it does without it. IIR is the
        share of images in which it changes the attribution of its region by less than the threshold; `raised`
        is the share in which it gains more than that, which draws attention to it (in the others it loses);
        `mean change` is the change relative to the attribution without patch (appendix C). A method that
        ignores the image has IIR 1, and `random` nearly so, since its mean over a region hardly varies: read
        IIR beside IDR and MCS. `object_mask` knows of the dog, and is no oracle here. `random region`: IIR of
        random pixels. `untrained`, where asked for: of networks that never learned anything, with the same
        patches.
    """
    from bam.metrics.independence.sheet import write_sheet

    classifier = run.explained(MODEL)
    scenes = _scenes(run, settings, classifier)
    count = len(scenes.ids[: run.settings.limit])
    before = run.collect(scenes, classifier)
    results, patches = {}, {}
    for name in settings.recipes:
        patched = _patched(run, settings, scenes, name)
        patched.make(count)
        sheet = training_name(f"iir-patches-{name}", run.models.training)
        write_sheet(patched, run.out / f"{sheet}.png", count)
        patches[name] = patched.summary(count)
        after = run.collect(patched, classifier)
        results[name] = Patches(before, after, patched.not_accepted(count), settings.iir_threshold)
    chosen, *others = settings.recipes
    beside = results[chosen].beside()
    for name in others:
        beside[f"{name}_recipe"] = Beside(results[name].pairs.values, rate=True)
        beside |= {f"{name}_recipe_{key}": found for key, found in results[name].beside().items()}
    pairs = results[chosen].pairs
    zero = _own_zero(run, settings, scenes, classifier, pairs)
    return Measured(
        {classifier.name: classifier},
        pairs.values,
        scenes.sources[:count],
        pairs.excluded,
        pairs.seconds,
        beside=beside | zero,
        counts={"constant_maps": pairs.constant_maps, **results[chosen].zeros()},
        columns=[
            Column("raised", "raised"),
            Column("mean change", "appendix_c"),
            Column("rank set", "rank"),
            Column("random region", "random_region"),
            *(Column(name, name) for name in zero),
            *(Column(f"{name} recipe", f"{name}_recipe") for name in others),
        ],
        notes=[*_notes(patches, settings.iir_threshold), *left_out_note(scenes.left_out)],
        problems=_problems(chosen, patches),
        oracle=False,
        rate=True,
        ids=scenes.ids[:count],
        images=described(scenes, count),
        details={"patches": patches, "median_change": results[chosen].medians()},
    )


def _scenes(run: Run, settings: Independence, classifier: Classifier) -> DatasetScenes | FolderScenes:
    """The images. Raises `BamError` if untrained networks are asked for, and true classes are not known."""
    from bam.metrics.independence.scenes import DatasetScenes, FolderScenes

    seed = run.settings.seed
    if run.images is None:
        scenes = DatasetScenes(run.dataset, classifier, seed)
    else:
        scenes = FolderScenes(run.images, run.dataset, classifier, seed, run.whole(classifier))
    if settings.untrained and scenes[:1].labels(classifier.labels) is None:
        raise BamError(
            f"`untrained` networks explain the true class, which for {classifier.name} is not known of "
            f"images of {scenes.name}: set it to 0"
        )
    return scenes


def _patched(run: Run, settings: Independence, scenes: DatasetScenes | FolderScenes, name: str) -> Patched:
    from bam.metrics.independence.store import Patched

    # A tolerance of a hundredth asks for more digits than shorter numbers have.
    exact = run.in_float32().explained(MODEL)
    return Patched(scenes, exact, name, settings.patch_tolerance, run.settings.seed, run.out)


def _own_zero(
    run: Run,
    settings: Independence,
    scenes: DatasetScenes | FolderScenes,
    classifier: Classifier,
    pairs: Pairs,
) -> dict[str, Beside]:
    """What untrained networks have beside the pairs of the first recipe, with the same patches."""
    patched = _patched(run, settings, scenes, settings.recipes[0])
    zeros = [
        Pairs(run.collect(scenes, network), run.collect(patched, network), pairs.statistic)
        for (network,) in untrained_networks(run, [classifier], settings.untrained)
    ]
    return {"untrained": Beside(own_zero(pairs, zeros), rate=True)} if zeros else {}


class Patches:
    """What the patches of one recipe do to the attributions.

    not_accepted: bool (N,), which patches do not leave the output as it was.
    """

    def __init__(self, before: Rows, after: Rows, not_accepted: np.ndarray, threshold: float):
        some = next(iter(before))
        changed = [a.target != b.target for a, b in zip(before[some], after[some], strict=True)]
        # Where no labels are known, another class is predicted, and explained, with the patch.
        other = {"changed_class": np.array(changed, bool)}
        accepted = {"not_accepted": not_accepted, **other}
        self._independent = partial(input_independence, threshold=threshold)
        self.pairs = Pairs(before, after, self._independent, accepted)
        self._changes = Pairs(before, after, finite_change, accepted)
        self._unchecked = Pairs(before, after, self._independent, other)

    def beside(self) -> dict[str, Beside]:
        """What stands beside the rate.

        `raised` and `lowered` are the shares of images that make up 1 - IIR, by whether the patch gained or
        lost attribution; only the first draws attention to it. `appendix_c` is the relative change, of those
        that are finite. `without_check` is the rate if patches count whether or not they leave the output as
        it was.
        """
        raised, lowered = {}, {}
        for name in self.pairs.values:
            before, after = self.pairs.attributions(name)
            failed = ~self._independent(before, after)
            raised[name] = self.pairs.of_used(name, failed & (after > before))
            lowered[name] = self.pairs.of_used(name, failed & (after < before))
        return {
            "raised": Beside(raised, rate=True),
            "lowered": Beside(lowered, rate=True),
            "appendix_c": Beside(self._changes.values),
            "random_region": Beside(self.pairs.baselines, rate=True),
            "without_check": Beside(self._unchecked.values, rate=True),
        }

    def medians(self) -> dict[str, float | None]:
        """For each method the median of the relative change; None if it is infinite."""
        found = {}
        for name, used in self.pairs.used.items():
            change = relative_change(*self.pairs.attributions(name))[used]
            median = float(np.median(change)) if len(change) else np.inf
            found[name] = median if np.isfinite(median) else None
        return found

    def zeros(self) -> dict[str, dict[str, int]]:
        """For each method how many pairs used have g_c(f, x) = 0, by what became of it."""
        counts: dict[str, dict[str, int]] = {"zero_unchanged": {}, "zero_changed": {}}
        for name, used in self.pairs.used.items():
            before, after = (values[used] for values in self.pairs.attributions(name))
            zero = before == 0
            counts["zero_unchanged"][name] = int((zero & (after == 0)).sum())
            counts["zero_changed"][name] = int((zero & (after > 0)).sum())
        return counts


def _notes(patches: Mapping[str, dict[str, Any]], threshold: float) -> list[str]:
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
