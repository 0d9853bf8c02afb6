"""Which methods find the truth about networks whose answer is known, and which metrics reward those that do.

  python benchmarks/known_answers.py             # the tables of docs/known_answers.md

Builds the networks of `bam.models.known_answers` on composites of --data, asks every method that suits them
for the relevance of blocks of the picture and of the object, then scores the methods by every metric, and
prints what was expected of each beside what was found.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping

import numpy as np
from expectations import (
    EXACT,
    EXPECTED,
    METHOD,
    NEITHER,
    OTHER,
    SILENT,
    TRUTH,
    UNSUITED,
    WRONG,
    ZERO,
    Expected,
)
from scipy import stats

from bam.attributions import Method
from bam.attributions.choice import choose
from bam.attributions.registry import Explainer
from bam.attributions.removal.substrates import substrate
from bam.base.settings import checked
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.results.score import Score
from bam.metrics.results.table import markdown_table
from bam.metrics.scoring import evaluate
from bam.models.classifier import Classifier
from bam.models.known_answers.answers import KnownAnswer, KnownModels
from bam.models.known_answers.composites import BesideWindow
from bam.models.known_answers.networks import NETWORKS

# What is removed turns black, as in the truth; and less than by default of what asks the network often.
REMOVAL = {
    "sliding_patch": ("fill=black", "stride=28"),
    "sliding_patch_g": ("stride=28",),
    "lime": ("fill=black", "samples=200"),
    "lime_g": ("samples=200",),
    "rise": ("fill=black", "samples=400"),
    "kernel_shap": ("fill=black", "samples=200"),
    "score_cam": ("fill=black",),
    "meaningful_perturbation": ("fill=black", "iterations=60"),
    "meaningful_perturbation_g": ("iterations=60",),
}
# In the run of the metrics only what is needed to tell the truth from what is wrong, and some more.
SCORED = "integrated_gradients,gradient_x_input,vanilla_gradient,guided_backprop,grad_cam,hires_cam"
SCORED += ",sliding_patch(stride=28, fill=black),edges,object_mask,centre"
SETTINGS = {
    "mcs": {"robustness": False},
    "idr": {"robustness": False},
    "inpainting": {"inpainter": "mean", "fills": 1},
    "localisation": {"threshold_images": 1},
    "robustness": {"other_seeds": 1},
    "effect": {"networks": "object"},
    "randomisation": {"weight_draws": 1, "cascade_stages": 1, "independent": False},
}
BLOCKS = 4  # by 4, of the picture
NOT = " **(not as expected)**"
SMALL = 0.01  # of the largest effect: signs of less are not compared


def from_grey(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The gradient times the way from the grey of `deletion`, (N, H, W, 3).

    That is the truth of linear networks, if grey is what takes a pixel's place.
    """
    return classifier.gradient(images, targets) * (images - substrate(images, "grey"))


def blocks(size: tuple[int, int]) -> np.ndarray:
    """bool (B, H, W): the blocks of a picture."""
    rows, columns = (np.arange(side) * BLOCKS // side for side in size)
    numbers = rows[:, None] * BLOCKS + columns
    return numbers == np.arange(BLOCKS**2)[:, None, None]


def effects_of(known: KnownAnswer, images: np.ndarray, targets: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """float (N, B): by how much the logit falls when a part, bool (B, H, W), is made black."""
    places = np.arange(len(images))
    logits = known.classifier.logits
    before = logits(images)[places, targets]
    return np.stack(
        [before - logits(np.where(part[..., None], 0, images))[places, targets] for part in parts], 1
    )


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's, of values to 1e-5 of the largest; NaN where one of them is the same everywhere."""
    first, second = (np.rint(each / (1e-5 * np.abs(each).max() or 1)) for each in (first, second))
    return float(stats.spearmanr(first, second)[0]) if np.ptp(first) and np.ptp(second) else np.nan


def mean(values: np.ndarray | list[float]) -> float | None:
    """Of what is known; None if nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else None


class Truth:
    """What is known of the composites of a dataset, for a network that names objects.

    images, without: at its size. masks: of the objects.
    """

    def __init__(self, known: KnownAnswer, dataset: BesideWindow, count: int):
        view = dataset.view("object_scene").first(count)
        batch, classifier = view[:], known.classifier
        self.known, self.ids, self.targets = known, batch.ids, batch.object_labels
        self.images = classifier.prepare(batch.images)
        self.without = classifier.prepare(view.without_object()[:].images)
        self.masks = classifier.prepare_masks(batch.masks)
        self.blocks = blocks(classifier.input_size)
        self.effects = effects_of(known, self.images, self.targets, self.blocks)
        self.dataset = dataset

    def planes(self, explainer: Explainer, images: np.ndarray) -> np.ndarray:
        """Signed relevance of the pixels, float (N, H, W), the same seeds for both kinds of images."""
        more = {"seed": np.arange(len(images), dtype=np.uint64), "ids": self.ids, "view": "object_scene"}
        more["masks"] = self.masks & (images is self.images)
        explainer = explainer.with_given(dataset=self.dataset)
        maps = explainer.explain(self.known.classifier, images, self.targets, **more).astype(float)
        return maps.sum(-1) if maps.ndim == 4 else maps

    def found(self, explainer: Explainer) -> dict[str, float | None]:
        """How well a method's relevance goes with the truth, of blocks and of objects."""
        before, after = (self.planes(explainer, images) for images in (self.images, self.without))
        of_blocks = np.einsum("nhw,bhw->nb", before, self.blocks)
        counting = np.abs(self.effects) > SMALL * np.abs(self.effects).max()
        same = np.sign(of_blocks) == np.sign(self.effects)
        change = ((before - after) * self.masks).sum((1, 2))
        total = np.abs(before).sum((1, 2))
        read = np.abs(before)[:, :, : self.blocks.shape[2] // BLOCKS].sum((1, 2))
        shares = np.divide(read, total, out=np.full(len(total), np.nan), where=total > 0)
        return {
            "blocks": mean([correlation(*pair) for pair in zip(of_blocks, self.effects, strict=True)]),
            "signs": float(same[counting].mean()),
            "objects": mean([correlation(change, self.known.effects[: len(change)])]),
            "window": mean(shares),
            "zero": float((total == 0).mean()),
        }


def methods_table(name: str, truth: Truth, explainers: list[Explainer]) -> tuple[str, list[str]]:
    """What every method finds of a network, and where that is not as expected."""
    lines, surprises = [], []
    unsuited: dict[str, list[str]] = {}
    for explainer in explainers:
        if reason := explainer.method.unsuited(truth.known.classifier):
            unsuited.setdefault(reason, []).append(explainer.method.name)
            continue
        found = truth.found(explainer)
        method = explainer.method.name
        expected = "exact" if method in EXACT[name] else "0" if method in ZERO.get(name, ()) else "-"
        right = {"exact": (found["blocks"] or 0) > 0.999, "0": found["zero"] == 1, "-": True}[expected]
        surprises += [] if right else [f"{name}: {method} was expected to be {expected}"]
        lines.append([method, expected, *(found[key] for key in ("blocks", "signs", "objects", "window"))])
    head = ["method", "expected", "blocks", "signs", "objects", "in the window"]
    lines.sort(key=lambda line: -np.inf if line[2] is None else line[2], reverse=True)
    reasons = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in unsuited.items())
    return f"{markdown_table(head, lines)}\n\nUnsuited: {reasons or 'none'}.", surprises


def verdict(score: Score, other: str) -> tuple[str, float | None, float | None]:
    """Which of `METHOD` and the other method a score prefers, and their values."""
    if score.images is None:
        return concluded(score, other)
    values = [score.images.values.get(name) for name in (METHOD, other)]
    if any(each is None for each in values):
        return SILENT, None, None
    shown = [mean(each) for each in values]
    sign = 1 if score.direction == "up" else -1
    difference = sign * (values[0] - values[1])
    difference = difference[~np.isnan(difference)]
    if not len(difference):
        return SILENT, *shown
    centre = difference.mean()
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.inf
    half = stats.t.ppf(0.975, max(1, len(difference) - 1)) * error
    if abs(centre) <= half or centre == 0:
        return NEITHER, *shown
    return (TRUTH if centre > 0 else OTHER), *shown


def concluded(score: Score, other: str) -> tuple[str, float | None, float | None]:
    """The same by a score that is no mean over images: one is preferred if its 95% interval lies beside that
    of the other. A correlation of 1 or -1 has none, and is taken as it is."""
    values = [score[name].value if name in score else None for name in (METHOD, other)]
    if None in values:
        return SILENT, *values
    ends = [
        (
            each.value if each.ci_low is None else each.ci_low,
            each.value if each.ci_high is None else each.ci_high,
        )
        for each in (score[METHOD], score[other])
    ]
    (low, high), (other_low, other_high) = ends if score.direction == "up" else ends[::-1]
    return TRUTH if low > other_high else OTHER if high < other_low else NEITHER, *values


def verdicts(name: str, run: Run) -> Iterator[tuple[list[object], Score]]:
    """A line for each metric: what was expected and what was found; and the score."""
    other, _ = WRONG[name]
    for metric in run.asked:
        score = evaluate(METRICS[metric], run)
        found, *values = verdict(score, other)
        expected = EXPECTED.get((name, metric), Expected("-", "-"))
        mark = "" if expected.verdict in (found, "-") else NOT
        yield [metric, *values, expected.verdict, f"{found}{mark}", expected.reason], score


def scores_table(scores: Mapping[str, Score]) -> str:
    """The values of all methods by all metrics."""
    names = list(dict.fromkeys(name for score in scores.values() for name in score))
    lines = [
        [name, *(score[name].value if name in score else None for score in scores.values())] for name in names
    ]
    arrows = {"up": "↑", "down": "↓"}
    return markdown_table(
        ["method", *(f"{key} {arrows[each.direction]}" for key, each in scores.items())], lines
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="data/bam")
    parser.add_argument("--size", type=int, default=24, help="of the networks' input, in pixels")
    parser.add_argument("--images", type=int, default=60, help="composites that the networks are built of")
    parser.add_argument("--explained", type=int, default=16, help="of which so many are explained")
    parser.add_argument("--methods", default="everything")
    parser.add_argument("--scored", default=SCORED, help="methods of the metrics' tables")
    parser.add_argument("--metrics", default=",".join(METRICS))
    parser.add_argument("--networks", default=",".join(NETWORKS))
    options = parser.parse_args()
    begin = time.perf_counter()
    dataset = BesideWindow(options.data, options.images)
    suited = [name for name in options.metrics.split(",") if name not in UNSUITED]
    asked = {name: checked(METRICS[name].settings, SETTINGS.get(name, {})) for name in suited}
    chosen = {each.method.name for each in choose(options.methods, always=())}
    settings = [f"{name}.{each}" for name in REMOVAL if name in chosen for each in REMOVAL[name]]
    explainers = choose(options.methods, overrides=settings, always=())
    scored = [*choose(options.scored), *choose([Method("from_grey", from_grey)], always=())]
    surprises: list[str] = []
    for name in options.networks.split(","):
        models = KnownModels(name, dataset, options.size)
        truth = Truth(models.answers["object"], dataset, options.explained)
        effects = models.answers["object"].effects
        print(f"\n## {name}\n\n{' '.join((NETWORKS[name].__doc__ or '').split())}\n")
        print(f"Effects of the objects on f_o: {effects.min():.2f} to {effects.max():.2f}, ", end="")
        print(f"{(effects < 0).sum()} of {len(effects)} below 0.\n")
        table, unexpected = methods_table(name, truth, explainers)
        surprises += unexpected
        print(f"{table}\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            how = RunSettings(limit=options.explained)
            run = make_run(asked, scored, dataset, models, folder, how)
            lines, scores = [], {}
            for line, score in verdicts(name, run):
                lines.append(line)
                scores[score.metric] = score
                surprises += [f"{name}: {line[0]}"] if NOT in str(line[-2]) else []
        other, why = WRONG[name]
        print(f"`{METHOD}` against `{other}`: {why}.\n")
        head = ["metric", METHOD, other, "expected to prefer", "found to prefer", "since"]
        print(f"{markdown_table(head, lines)}\n\n{scores_table(scores)}\n", flush=True)
    print(f"Not as expected: {'; '.join(surprises) or 'nothing'}.")
    print(f"Not run: {'; '.join(f'{name}, since {why}' for name, why in UNSUITED.items())}.")
    print(f"{time.perf_counter() - begin:.0f} s, {time.process_time():.0f} s of processor time.")


if __name__ == "__main__":
    main()
