"""From what networks do along CAVs to scores: which layers count, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from bam.metrics.concepts.sensitivity import CONCEPT, RANDOM, Sensitivity
from bam.metrics.results.schema import Line
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.resampling import LEVEL, Resampling

# A layer counts if p times the number of layers is below it: appendix F, with the correction by
# Bonferroni for the number of layers, as Kim et al. make it.
SIGNIFICANCE = 0.01


def widening(common: float, runs: int) -> float:
    """By how much the mean of the runs is more uncertain than if they had no images in common.

    Runs that err alike by `common` vary too little by themselves, and their mean too much: with s^2 the
    variance between them that of their mean is s^2 (1 / runs + common / (1 - common)) (Nadeau & Bengio 2003,
    "Inference for the generalization error", Machine Learning 52). A factor on standard deviations.
    """
    common = min(common, 1 - 1e-9)  # where all runs are fitted to the same images
    return float(np.sqrt(1 + runs * common / (1 - common)))


def p_value(scores: np.ndarray, baseline: np.ndarray, common: Sequence[float] = (0.0, 0.0)) -> float:
    """Welch's two-sided t-test of the runs' scores, (runs,), against those of the random concept.

    common: how far the runs of either err alike. Without it, a concept that is nothing to the network
    passes often: the images that its runs share lead them all the same wrong way. Where neither varies the
    test is undefined: they are then as different as can be (0), or equal (1).
    """
    if np.ptp(scores) == np.ptp(baseline) == 0:
        return float(scores[0] == baseline[0])
    sides = [
        (values.mean(), widening(share, len(values)) * values.std(ddof=1), len(values))
        for values, share in zip((scores, baseline), common, strict=True)
    ]
    from scipy import stats  # takes long to load

    return float(stats.ttest_ind_from_stats(*sides[0], *sides[1], equal_var=False).pvalue)


def layer_scores(side: Sensitivity, used: np.ndarray) -> dict[str, dict[str, Any]]:
    """Per layer the mean and sd of the runs' scores over the images `used`, the test, CAV accuracies."""
    result = {}
    for index, layer in enumerate(side.layers):
        scores, baseline = side.rises[:, index][..., used].mean(-1)
        p = p_value(scores, baseline, side.common)
        accuracy, random_accuracy = side.accuracies[:, index].mean(-1)
        result[layer] = {
            "score": float(scores.mean()),
            "sd": float(scores.std(ddof=1)),
            "random_score": float(baseline.mean()),
            "random_sd": float(baseline.std(ddof=1)),
            "p": p,
            "p_if_independent": p_value(scores, baseline),
            "passed": p * len(side.layers) < SIGNIFICANCE,
            "cav_accuracy": float(accuracy),
            "random_cav_accuracy": float(random_accuracy),
        }
    return result


@dataclass(frozen=True)
class Difference:
    """The score of one network less that of another, the two scores, and the deviation between runs.

    table: of what it is the mean, float (runs, images), NaN where an image is not used; None if none is.
    common: how far the runs err alike.
    """

    estimate: Estimate
    first: float | None = None
    second: float | None = None
    run_sd: float | None = None
    table: np.ndarray | None = None
    common: float = 0.0

    def per_image(self, images: int) -> np.ndarray:
        """float (images,): the mean over the runs, NaN where an image is not used."""
        return np.full(images, np.nan) if self.table is None else self.table.mean(0)


@dataclass(frozen=True)
class Contrast:
    """What two networks differ by along the CAVs, over the images that both classify correctly.

    concept is of dogs: each network's score is the mean over its layers that pass the test, or that of the
    random concept if there is none, since nothing then tells dogs from chance; everywhere is without the
    test; random is of the random concept, over all layers (appendix G). names: of the networks; layers: what
    `layer_scores` says of each; misclassified: how many images are left out.
    """

    concept: Difference
    everywhere: Difference
    random: Difference
    names: tuple[str, str]
    layers: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]
    misclassified: int
    seconds: float

    def lines(self) -> dict[str, Line]:
        """The rows of the table: `tcav`, and `tcav_random` as control."""
        return {
            "tcav": self._line(
                self.concept, {"all_layers": self.everywhere.estimate}, {"passed": ", ".join(self._passed())}
            ),
            "tcav_random": self._line(self.random, {}, {}),
        }

    def _line(self, found: Difference, beside: dict[str, Estimate], counts: dict[str, str]) -> Line:
        n = found.estimate.n
        scores = {"first": found.first, "second": found.second, "run_sd": found.run_sd}
        return Line(
            found.estimate,
            control=found is self.random,
            excluded={"misclassified": self.misclassified},
            seconds=round(self.seconds, 3),
            beside={**{key: Estimate(value, n=n) for key, value in scores.items()}, **beside},
            counts=counts,
        )

    def _passed(self) -> list[str]:
        """For each network, "3 of 5" layers."""
        return [
            f"{sum(entry['passed'] for entry in layers.values())} of {len(layers)}" for layers in self.layers
        ]

    def rejected(self) -> list[str]:
        """A sentence for each network in which no layer passes."""
        return [
            f"In none of the layers of {name} does the dog differ from a random concept (p < {SIGNIFICANCE} "
            "after correction), so it has the score of that."
            for name, layers in zip(self.names, self.layers, strict=True)
            if layers and not any(layer["passed"] for layer in layers.values())
        ]


def contrast(first: Sensitivity, second: Sensitivity, sources: np.ndarray) -> Contrast:
    """Score of `first` less score of `second`; both networks' CAVs are of the same draws of images.

    Intervals are over the draws and the images' sources, (images, factors), and take the layers that passed
    as given.
    """
    sides, used = (first, second), first.correct & second.correct
    details = [layer_scores(side, used) if used.any() else {} for side in sides]
    passed = [np.array([entry["passed"] for entry in side.values()], bool) for side in details]
    everywhere = [np.ones(len(layers), bool) for layers in passed]

    def difference(kind: int, chosen: list[np.ndarray]) -> Difference:
        if not used.any():
            return Difference(Estimate(None))
        # (runs, images) of each network: the share of the layers in which the logit rises.
        tables = [
            (side.rises[kind][layers] if layers.any() else side.rises[RANDOM])[..., used].mean(0)
            for side, layers in zip(sides, chosen, strict=True)
        ]
        table = tables[0] - tables[1]
        ends = run_interval(table, sources[used], first.common[kind])
        estimate = Estimate(float(table.mean()), *ends, int(used.sum()))
        scores = (float(side.mean()) for side in tables)
        whole = np.full((len(table), len(used)), np.nan)
        whole[:, used] = table
        return Difference(estimate, *scores, float(table.mean(1).std(ddof=1)), whole, first.common[kind])

    return Contrast(
        difference(CONCEPT, passed),
        difference(CONCEPT, everywhere),
        difference(RANDOM, everywhere),
        (first.name, second.name),
        (details[0], details[1]),
        int((~used).sum()),
        first.seconds + second.seconds,
    )


def run_interval(table: np.ndarray, sources: np.ndarray, common: float) -> tuple[float | None, float | None]:
    """95% interval of the mean of `table` (runs, images), over the images' sources and the runs.

    Student's t of the two variances' sum, with Satterthwaite's degrees of freedom; that of the runs is
    widened, since they err alike by `common`.
    """
    (variance,), (freedom,) = Resampling(sources, 0).clustered_variance(table.mean(0)[:, None])
    return interval_of(float(table.mean()), variance, freedom, table.mean(1), common)


def interval_of(
    mean: float, variance: float, freedom: float, by_run: np.ndarray, common: float
) -> tuple[float | None, float | None]:
    """The same from the variance over images, with its degrees of freedom, and the mean of each run."""
    if np.isnan(variance):
        return None, None
    runs = len(by_run)
    between = widening(common, runs) ** 2 * by_run.var(ddof=1) / runs
    total = variance + between
    parts = variance**2 / freedom + between**2 / (runs - 1)
    times = special.stdtrit(total**2 / parts, (1 + LEVEL) / 2) if parts else 0.0
    width = float(times * np.sqrt(total))
    return mean - width, mean + width
