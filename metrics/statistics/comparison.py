"""Between methods: paired tests over the same images, and which ranks each one can have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy import special

from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.moments import image_values, moments, stacked
from bam.metrics.statistics.resampling import LEVEL, Resampling
from bam.metrics.statistics.step_down import Pair, adjusted_p, holm_p, rank_sets

TEST = (
    "paired over the images that both use; t with a standard error clustered by sources; corrected by "
    "step-down of the largest t over the pairs of methods, or over the methods against one control"
)
ALPHA = 0.05
RANDOM = "random"
ROUNDING = 1e-6  # of values: what is left of float32's digits behind a map
FEW_SOURCES = 60
BORROWED = 2  # degrees of freedom that pairs take from each other, of several trainings


@dataclass(frozen=True)
class PairedTest:
    """Of two methods the better one first; the difference of their means, over `n` images that both use; the
    two-sided p of "there is none"; and p corrected for all tests of its family. None: not known.
    outperforming: of several trainings, the share in which the better one scores better, see
    `trainings.outperforming`."""

    better: str
    worse: str
    difference: Estimate
    p: float | None = None
    p_adjusted: float | None = None
    outperforming: Estimate | None = None

    @property
    def is_significant(self) -> bool:
        """Whether the corrected p is below the level of 5%."""
        return self.p_adjusted is not None and self.p_adjusted < ALPHA


@dataclass(frozen=True)
class Undecided:
    """The pair of methods with the largest difference that is not decided, and about how many images, made of
    as many more sources, would decide it if it is as large as it seems; None if there is no telling.
    trainings: of several, how many it would take together with these images."""

    better: str
    worse: str
    difference: float
    images: int | None
    trainings: int | None = None


@dataclass(frozen=True)
class Comparison:
    """How the methods of one metric stand to each other.

    test: what was done. tests: for each pair. ranks: for each method its rank set, (low, high), 1 is best:
    all of them hold the true ranks at once with 95%. ranks_alone: the same for that method alone. undecided:
    what more images would tell first. images: how many all methods use. sources: how many the images are made
    of, by the factor with fewest.
    """

    test: str
    tests: tuple[PairedTest, ...] = ()
    ranks: dict[str, tuple[int, int]] = field(default_factory=dict)
    ranks_alone: dict[str, tuple[int, int]] = field(default_factory=dict)
    undecided: Undecided | None = None
    images: int | None = None
    sources: int | None = None

    def notes(self, random_is_worst: bool = True) -> list[str]:
        """Sentences on what more images would tell, and on methods not shown to be better than `random`."""
        tests = [test for test in self.tests if RANDOM in (test.better, test.worse)]
        methods = {name for test in tests for name in (test.better, test.worse)} - {RANDOM}
        shown = [test for test in tests if test.is_significant]
        better, worse = ({getattr(test, side) for test in shown} & methods for side in ("better", "worse"))
        how = f"(paired tests with it alone, {ALPHA:.0%} level over all methods)"
        notes = [_images_sentence(self.undecided)] if self.undecided else []
        if random_is_worst and worse:
            notes.append(f"Worse than `random` {how}: {', '.join(sorted(worse))}.")
        if random_is_worst and methods - better - worse:
            others = ", ".join(sorted(methods - better - worse))
            notes.append(f"Not told apart from `random` {how}: {others}.")
        return notes


def _images_sentence(pair: Undecided) -> str:
    difference = (
        f"the largest difference that is not decided ({pair.better} and {pair.worse}, {pair.difference:.2g})"
    )
    if pair.images is None:
        return f"How many images would tell {difference} cannot be said: there are too few sources."
    sources = "of as many more sources" + (f", and {pair.trainings:,} trainings" if pair.trainings else "")
    return f"It would take about {pair.images:,} images, {sources}, to tell {difference}."


def compare(
    values: Mapping[str, np.ndarray], resampling: Resampling, direction: str, controls: Collection[str] = ()
) -> Comparison:
    """Compare methods by the means of their `values`, float (N,) over the same images; NaN: not used.

    Values may be (T, N), of T trainings on the same images: means are then those of the trainings' means, and
    other trainings are allowed for.
    Every method is tested against every other; these tests make the rank sets. Every method is tested against
    each of the `controls`, which have no rank; the tests against one control are a family of their own.
    `direction` is "up" if more is better. Where two images that both use do not differ in their sources of
    every factor, what cannot be known is None. A difference that is the same in all images has the p of a
    sign test over as many sources as the factor with fewest has.
    """
    methods, families = families_of(values, controls)
    found = [_Family(pairs, values, resampling, direction) for pairs in families if pairs]
    among = found[0] if families[0] else None
    ranked = [name for name in methods if not np.isnan(values[name]).all()]
    used = ~np.isnan(stacked(values.values())).all(0) if values else np.zeros((0, 0), bool)
    known = bool(len(used)) and resampling.fewest_sources(used.any(1)) > 1
    return Comparison(
        TEST,
        tuple(test for family in found for test in family.tests()),
        rank_sets(ranked, among.better() if among else {}) if known else {},
        {name: _alone(name, ranked, among) for name in ranked} if known else {},
        among.undecided() if among else None,
        int(used[:, [name in ranked for name in values]].all(1).sum()) if ranked else 0,
        resampling.fewest_sources(used.any(1)) if len(used) else 0,
    )


def families_of(names: Iterable[str], controls: Collection[str]) -> tuple[list[str], list[list[Pair]]]:
    """The methods, and the pairs that are corrected together: of methods, and of them with each control."""
    methods = [name for name in names if name not in controls]
    against = [[(name, other) for name in methods] for other in names if other in controls]
    return methods, [list(combinations(methods, 2)), *against]


class _Family:
    """Paired tests that are corrected together.

    statistics: for each pair what is as far out in a normal law as its t is in Student's, with one degree of
    freedom less than the sources of the factor with fewest; positive if the first is better, 0 where there is
    nothing to decide.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        values: Mapping[str, np.ndarray],
        resampling: Resampling,
        direction: str,
    ):
        self.pairs, self.sign = pairs, 1 if direction == "up" else -1
        first, second = (stacked(values[name] for name in side) for side in zip(*pairs, strict=True))
        # What differs by rounding alone does not differ.
        rounding = ROUNDING * np.nanmax(np.maximum(np.abs(first), np.abs(second)), (0, 1), initial=0)
        table = first - second
        table[np.abs(table) <= rounding] = 0
        used, found = ~np.isnan(table).all(0), moments(table, resampling)
        self.counts, self.means = used.sum(0), np.nan_to_num(found.mean)
        variances, self.freedoms = found.variance()
        self.known = ~np.isnan(variances)
        varies = (
            np.nanmax(table, (0, 1), initial=-np.inf) - np.nanmin(table, (0, 1), initial=np.inf) > rounding
        )
        self.errors = np.where(varies, np.sqrt(np.nan_to_num(variances)), 0)
        self.alike = self.known & ~varies & (self.means != 0)
        self.fewest = np.array(
            [resampling.fewest_sources(column) if column.any() else 0 for column in used.T]
        )
        t = np.divide(np.abs(self.means), self.errors, out=np.zeros(len(pairs)), where=self.errors > 0)
        # A difference that is the same in all images: a sign test over sources.
        sign_p = 2.0 ** (1 - self.fewest)
        self.p_alone = np.where(
            self.alike, sign_p, 2 * special.stdtr(np.nan_to_num(self.freedoms, nan=1), -t)
        )
        self.trainings, self.p_among = len(table), self.p_alone
        tail = np.where(self.alike, sign_p / 2, special.stdtr(np.maximum(self.fewest - 1, 1), -t))
        if self.trainings > 1:
            # Of two methods there is nobody to take from.
            methods = len({name for pair in pairs for name in pair})
            variances, freedoms = found.variance(min(BORROWED, methods - 2))
            t = np.divide(np.abs(self.means), np.sqrt(variances), out=np.zeros_like(t), where=self.errors > 0)
            p = 2 * special.stdtr(np.nan_to_num(freedoms, nan=1), -t)
            self.p_among = np.where(self.alike, sign_p, p)
            tail = self.p_among / 2
        self.statistics = -self.sign * np.sign(self.means) * special.ndtri(tail)
        self.deviations = resampling.deviations(image_values(table))
        self.p = self._adjusted(np.arange(len(pairs)))

    def _adjusted(self, chosen: np.ndarray) -> np.ndarray:
        """float (2, chosen), see `adjusted_p`; never less than p of one test alone.

        Resamples of few sources make too little of the largest difference (docs/statistics.md), and there are
        none of trainings: there p is never less than Holm's correction gives, which needs none.
        """
        p = adjusted_p(self.statistics[chosen], self.deviations[:, chosen])
        if self.trainings > 1 or self.fewest[chosen].min() < FEW_SOURCES:
            p = np.maximum(p, holm_p(self.p_among[chosen]))
        return np.maximum(p, self.p_alone[chosen])

    def better(self) -> dict[Pair, bool]:
        """For each pair in both directions, whether the first is shown to be better."""
        there, back = self.p < ALPHA
        return dict(zip(self.pairs, there.tolist(), strict=True)) | {
            pair[::-1]: bool(shown) for pair, shown in zip(self.pairs, back, strict=True)
        }

    def only_with(self, name: str) -> dict[Pair, bool]:
        """The same, if nothing else is asked than where this one stands."""
        chosen = np.array([place for place, pair in enumerate(self.pairs) if name in pair])
        p = self._adjusted(chosen) < ALPHA
        pairs = [self.pairs[place] for place in chosen]
        return dict(zip([*pairs, *(pair[::-1] for pair in pairs)], p.ravel().tolist(), strict=True))

    def tests(self) -> Iterable[PairedTest]:
        """The tests, the better one first."""
        times = special.stdtrit(self.freedoms, (1 + LEVEL) / 2)
        for place, pair in enumerate(self.pairs):
            count, error = int(self.counts[place]), self.errors[place]
            if not count:
                yield PairedTest(*pair, Estimate(None))
                continue
            mean, backwards = float(self.means[place]), self.sign * self.means[place] < 0
            if backwards:
                pair, mean = pair[::-1], -mean
            if not self.known[place]:
                yield PairedTest(*pair, Estimate(mean, n=count))
                continue
            width = float(times[place] * error)
            ends = (mean - width, mean + width) if error else (None, None)
            adjusted = float(self.p[int(backwards), place]) if error or self.alike[place] else 1.0
            yield PairedTest(*pair, Estimate(mean, *ends, count), float(self.p_alone[place]), adjusted)

    def undecided(self) -> Undecided | None:
        """The pair with the largest difference that is not decided; None if there is none."""
        open_ones = np.flatnonzero((self.p >= ALPHA).all(0) & (self.means != 0))
        if not len(open_ones):
            return None
        place = open_ones[np.abs(self.means[open_ones]).argmax()]
        statistic = abs(self.statistics[place])
        # What it would have to exceed is the largest t of all pairs that are open.
        needed = np.quantile(np.abs(self.deviations[:, open_ones]).max(1), LEVEL)
        count = int(self.counts[place])
        # More than there are, also where it is the other pairs behind that leave it open.
        images = max(count + 1, int(np.ceil(count * (needed / statistic) ** 2))) if statistic else None
        first, second = self.pairs[place] if self.sign * self.means[place] > 0 else self.pairs[place][::-1]
        trainings = int(np.ceil(images / count * self.trainings)) if images and self.trainings > 1 else None
        return Undecided(first, second, abs(float(self.means[place])), images, trainings)


def _alone(name: str, ranked: Sequence[str], family: _Family | None) -> tuple[int, int]:
    return rank_sets(ranked, family.only_with(name) if family else {})[name]
