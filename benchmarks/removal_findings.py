"""Ask of BAM's images what Agarwal & Nguyen 2020 found of generative versions of methods that remove pixels.

python benchmarks/removal_findings.py       # 100 images of data/bam, the networks of runs/models

Scores sliding patch, LIME and meaningful perturbation, each beside its generative version, whose holes
`donor` fills, by deletion, insertion, saliency, localisation and robustness (five seeds; LIME also with 150
superpixels), and measures which share of an image meaningful perturbation removes. Prints the tables of all,
and one of the differences between a method and its generative version over the same images. Rows are kept in
--out: the same command goes on after a kill.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bam.attributions.choice import choose
from bam.attributions.registry import Explainer
from bam.base.settings import checked
from bam.cli.flags import say_if_drawn
from bam.data_prep import load_dataset
from bam.data_prep.dataset import Batch
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.evaluation.sweep import raw_maps, row_files, sweep
from bam.metrics.results.score import Score
from bam.metrics.results.table import markdown_table
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.comparison import compare
from bam.metrics.statistics.estimate import Estimate, estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.step_down import holm_p

BATCH = 20
# Each beside its generative version; the last two for robustness alone.
METHODS = ("sliding_patch", "sliding_patch_g", "lime", "lime_g")
METHODS += ("meaningful_perturbation", "meaningful_perturbation_g")
FINER = ("lime(segments=150)", "lime_g(segments=150)")
ASKED = {
    "deletion": {},
    "insertion": {},
    "saliency": {},
    "localisation": {},
    "robustness": {"other_seeds": 4},
}
# Below the score of a metric, what else of its table is compared.
BESIDE = {
    "localisation": ("mass", "pointing", "auc", "box_error"),
    "robustness": tuple(
        f"{kind}_{measure}"
        for kind in ("small", "seed", "setting", "patch")
        for measure in ("ssim", "hog", "spearman")
    ),
}
PERTURBED = "pixels perturbed"
Pairs = Sequence[tuple[Explainer, Explainer]]


@dataclass(frozen=True)
class Removed:
    """What a mask m of an image removes: the shares of its pixels with m < 1, and with m below
    max(.5, .5 (largest + smallest)); NaN for a map that is not finite. seconds: for the map."""

    image_id: str
    model: str
    method: str
    touched: float
    below: float
    seconds: float


@dataclass(frozen=True)
class Measure:
    """Numbers of single images, float (N,), by method, and what the images are made of."""

    title: str
    values: Mapping[str, np.ndarray]
    sources: np.ndarray


def removed_shares(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two shares of `Removed`, float (N,), of maps (N, H, W), each 1 less its mask."""
    from bam.attributions.removal.optimisation import binarised  # which starts TensorFlow

    masks, known = 1 - maps, np.isfinite(maps).all((1, 2))
    found = (masks < 1), ~binarised(masks).numpy()
    return tuple(np.where(known, each.mean((1, 2)), np.nan) for each in found)


def removed(run: Run, explainers: Sequence[Explainer]) -> dict[str, list[Removed]]:
    """The rows of these methods, which are kept as those of a metric are."""
    classifier = run.explained("object")
    images, by_name = run.pictures(classifier), {each.name: each for each in explainers}
    files = row_files(images, classifier, explainers, run.settings.seed, "removed_shares", 1)

    def compute(batch: Batch, missing: Sequence[str]) -> Generator[list[Removed], None, None]:
        chosen = [by_name[name] for name in missing]
        with closing(raw_maps(batch, images.name, classifier, chosen, run.settings.seed)) as computed:
            for name, found in zip(missing, computed, strict=True):
                columns = (each.tolist() for each in removed_shares(found.maps))
                yield [
                    Removed(image, classifier.name, name, *shares, round(found.seconds, 6))
                    for image, *shares in zip(batch.ids, *columns, strict=True)
                ]

    return sweep(images, classifier, run.keeping, files, Removed, compute)


def of_shares(run: Run, pair: tuple[Explainer, Explainer]) -> list[Measure]:
    """What a method and its generative version perturb, and which share is below the threshold.

    Plainly perturbed are pixels with m < 1. The generative version keeps a pixel or paints it anew: those
    below the threshold.
    """
    rows, images = removed(run, pair), run.pictures(run.explained("object"))
    sources = images.sources[: run.settings.limit]
    keys = {PERTURBED: ("touched", "below"), "pixels below max(.5, .5 (largest + smallest))": ("below",) * 2}
    return [
        Measure(
            title,
            {
                each.name: np.array([getattr(row, key) for row in rows[each.name]])
                for each, key in zip(pair, of_pair, strict=True)
            },
            sources,
        )
        for title, of_pair in keys.items()
    ]


def of_score(score: Score) -> Iterator[Measure]:
    """The score and what stands beside it, under the headings of its table."""
    found, name = score.basis.measured, score.metric
    yield Measure(score.title, found.values, found.sources)
    titles = {column.key: column.title for column in score.columns}
    for key in BESIDE.get(name, ()):
        if key in found.beside and key in titles:
            beside = found.beside[key]
            sources = found.sources if beside.sources is None else beside.sources
            yield Measure(f"{score.title}, {titles[key]}", beside.values, sources)


def differences(measures: Sequence[Measure], pairs: Pairs, seed: int) -> str:
    """A table of what generative versions have more than the methods, over the images that both use.

    p is corrected for the methods of which one measure is compared.
    """
    lines = []
    for measure in measures:
        resampling, ps = Resampling(measure.sources, seed), []
        for plain, generative in pairs:
            names = plain.name, generative.name
            if not set(names) <= set(measure.values):
                continue
            before, after = (np.asarray(measure.values[name], float) for name in names)
            both = {"before": before + 0 * after, "after": after + 0 * before, "more": after - before}
            found = estimates(both, resampling)
            (test,) = compare(dict(zip(names, (before, after), strict=True)), resampling, "up").tests
            more = found["more"]
            means = found["before"].value, found["after"].value
            lines.append([measure.title, generative.name, *means, more.value, *_interval(more), more.n])
            ps.append(test.p)
        known = [p for p in ps if p is not None]
        corrected = iter(holm_p(np.array(known)).tolist())
        for line, p in zip(lines[len(lines) - len(ps) :], ps, strict=True):
            line += [p, None if p is None else next(corrected)]
    head = ["measure", "method", "without", "generative", "difference", "95% interval", "n", "p", "p (Holm)"]
    return markdown_table(head, lines)


def table_of_shares(measures: Sequence[Measure], seed: int) -> str:
    """The mean shares with their intervals."""
    found = {
        each.title: estimates(each.values, Resampling(each.sources, seed), rates=True) for each in measures
    }
    head = ["method", *(text for title in found for text in (title, "95% interval")), "n"]
    names = measures[0].values
    return markdown_table(
        head,
        [
            [
                name,
                *(cell for each in found.values() for cell in (each[name].value, *_interval(each[name]))),
                found[measures[0].title][name].n,
            ]
            for name in names
        ],
    )


def _interval(estimate: Estimate) -> list[tuple[float | None, float | None]]:
    return [(estimate.ci_low, estimate.ci_high)]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="data/bam")
    parser.add_argument("--models", default="runs/models")
    parser.add_argument("--out", default="runs/removal_findings", help="folder of rows and scores")
    parser.add_argument("--limit", type=int, default=100, help="test images")
    parser.add_argument("--threshold_images", type=int, default=100, help="training images, see localisation")
    parser.add_argument("--localisation_images", type=int, help="fewer of them for localisation")
    parser.add_argument("--robustness_images", type=int, help="fewer of them for robustness: many maps each")
    parser.add_argument(
        "--robustness_methods",
        default="sliding_patch,lime,meaningful_perturbation",
        help="and their versions",
    )
    parser.add_argument(
        "--set", action="append", default=[], help="METHOD.PARAMETER=VALUE, as of bam metrics"
    )
    options = parser.parse_args()
    dataset = load_dataset(options.data)
    say_if_drawn(dataset)
    every = choose([*METHODS, *FINER], overrides=options.set)
    pairs = list(zip(every[:8:2], every[1:8:2], strict=True))
    coarse = [each for each in every if each not in every[6:8]]
    more = {"localisation": {"threshold_images": options.threshold_images}}
    asked = {
        name: checked(METRICS[name].settings, {**own, **more.get(name, {})}) for name, own in ASKED.items()
    }
    shared = {name: own for name, own in asked.items() if name not in ("localisation", "robustness")}
    localisation, robustness = ({name: asked[name]} for name in ("localisation", "robustness"))
    settings = RunSettings(limit=options.limit, batch_size=min(BATCH, options.limit))

    asked_for = options.robustness_methods.split(",")
    changed = [each for each in every if each.method.name.removesuffix("_g") in asked_for]

    def run_of(metrics: Mapping[str, Any], explainers: Sequence[Explainer], limit: int | None = None) -> Run:
        own = replace(settings, limit=limit, batch_size=min(BATCH, limit)) if limit else settings
        return make_run(metrics, explainers, dataset, options.models, options.out, own)

    run = run_of(shared, coarse)
    measures: list[Measure] = []
    for part in (
        run,
        run_of(localisation, coarse, options.localisation_images),
        run_of(robustness, changed, options.robustness_images),
    ):
        for name in part.asked:
            score = evaluate(METRICS[name], part)
            score.write(options.out)
            measures += of_score(score)
            print(f"### {name}\n\n{score.markdown()}", flush=True)
    shares = of_shares(run, run.explainers[4:6])
    print(f"### perturbed\n\n{table_of_shares(shares, settings.seed)}\n", flush=True)
    print(f"### generative versions\n\n{differences([*measures, *shares], pairs, settings.seed)}")


if __name__ == "__main__":
    main()
