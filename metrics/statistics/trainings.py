"""Several trainings of a network: what of a score's variance is theirs, and who wins in how many of them.

Values are float (T, n): T trainings on the same n images; NaN where a training does not use an image. One
training may stand as (n,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import special

from bam.metrics.statistics.comparison import ROUNDING, Comparison
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.moments import Moments, mean_over, moments, stacked
from bam.metrics.statistics.resampling import LEVEL, Resampling, interval
from bam.metrics.statistics.step_down import Pair

DRAWS = 10_000  # of the parts of a variance


@dataclass(frozen=True)
class Shares:
    """What parts of the variance of a score, of one training on so many images, are due to what; within 0 and
    1, and their values add up to 1. `n` of each: the trainings.

    trainings: that another training of the network has another score. images: that other cutouts and scenes
    have, whatever the training. interaction: that trainings differ by more on some images than on others.
    """

    trainings: Estimate
    images: Estimate
    interaction: Estimate


@dataclass(frozen=True)
class Between:
    """How a method's score varies from one training to the next; None: not known.

    means: of each training, None if it uses no image. sd: their standard deviation. sd_by_images: that which
    they would have if trainings differed by chance alone, on images as few as these. sd_corrected: the root
    of what is left of the variance without it, 0 where that is less than nothing: of scores over endlessly
    many images. shares: of the variance of one training's score. n: how many images each training uses.
    """

    means: tuple[float | None, ...]
    sd: float | None = None
    sd_by_images: float | None = None
    sd_corrected: float | None = None
    shares: Shares | None = None
    n: tuple[int, ...] = ()


def between_trainings(columns: Mapping[str, np.ndarray], resampling: Resampling) -> dict[str, Between]:
    """For each column, float (T, n), how its mean varies between trainings, and what share of its variance
    is theirs.

    Of fewer than two trainings that use images nothing but their means is known; where no two of them use the
    same images, what comes of the images is not; where their scores are equal, the shares are not.

    >>> values = np.array([[0.0, 1, 2, 3], [2.0, 3, 4, 5]])
    >>> found = between_trainings({"a": values}, Resampling(np.arange(4)[:, None], seed=0))["a"]
    >>> found.means, round(found.sd_corrected, 3)
    ((1.5, 3.5), 1.414)
    """
    if not columns:
        return {}
    table = stacked(columns.values())
    found, used = moments(table, resampling), (~np.isnan(table)).sum(1)
    return {
        name: replace(_between(found, place), n=tuple(used[:, place].tolist()))
        for place, name in enumerate(columns)
    }


def _between(found: Moments, place: int) -> Between:
    means = tuple(None if np.isnan(mean) else float(mean) for mean in found.means[:, place])
    between, noise = float(found.between[place]), float(found.noise[place])
    if found.trainings[place] < 2:
        return Between(means)
    if np.isnan(noise):
        return Between(means, between**0.5)
    shares = _shares(found, place)
    return Between(means, between**0.5, noise**0.5, max(0.0, between - noise) ** 0.5, shares)


def _shares(found: Moments, place: int) -> Shares | None:
    """Each component's share with a generalised confidence interval (Weerahandi 1993, "Generalized confidence
    intervals", Journal of the American Statistical Association 88): quantiles of what the shares are where
    an estimate with d degrees of freedom is d over a chi square of them times as large."""
    trainings, freedom = int(found.trainings[place]), found.images_freedom[place]
    parts = np.array([[found.between[place]], [found.images[place]], [found.noise[place]]])
    # Of scores that happen to be equal the interval would be of no width.
    if np.isnan(parts).any() or not _components(parts, trainings).any() or not found.between[place]:
        return None
    free = np.array([[trainings - 1], [freedom], [(trainings - 1) * freedom]])
    drawn = parts * free / np.random.default_rng(0).chisquare(free, (3, DRAWS))
    shares, draws = (
        known / known.sum(0) for known in (_components(parts, trainings), _components(drawn, trainings))
    )
    return Shares(
        *(
            Estimate(float(share[0]), *interval(draw), trainings)
            for share, draw in zip(shares, draws, strict=True)
        )
    )


def _components(parts: np.ndarray, trainings: int) -> np.ndarray:
    """Variances of one training's score by training, images and both, (3, k), of what `Moments` knows."""
    between, images, noise = parts
    return np.stack([np.maximum(0, between - noise), np.maximum(0, images - noise / trainings), noise])


def outperforming(columns: Mapping[str, np.ndarray], direction: str) -> dict[Pair, Estimate]:
    """For each pair of columns, float (T, n) of the same trainings, the share of trainings in which the first
    is better, over the images that both use there; ties count half. `n`: the trainings.

    It says which of two methods another training of the network will show to be better on these images (the
    probability of outperforming: Bouthillier et al. 2021, "Accounting for variance in machine learning
    benchmarks", MLSys; above 0.75 they call a difference meaningful). Their bootstrap says that it is 1, for
    sure, where few trainings agree: the interval is that of Clopper and Pearson 1934. Of one training there
    is none, nor any value. `direction` is "up" if more is better.

    >>> values = {"a": np.array([[3.0, 4], [2, 5], [1, 1]]), "b": np.array([[1.0, 2], [2, 2], [1, 2]])}
    >>> found = outperforming(values, "up")["a", "b"]
    >>> round(found.value, 3), round(found.ci_low, 3)
    (0.667, 0.094)
    """
    table = dict(zip(columns, np.moveaxis(stacked(columns.values()), -1, 0), strict=True)) if columns else {}
    sign, result = 1 if direction == "up" else -1, {}
    for first, second in combinations(columns, 2):
        largest = np.nanmax(np.abs([table[first], table[second]]), initial=0)
        means = mean_over(sign * (table[first] - table[second])[..., None])[:, 0]
        means = means[~np.isnan(means)]
        means[np.abs(means) <= ROUNDING * largest] = 0
        result[first, second] = _share_of(float((np.sign(means) + 1).sum() / 2), len(means))
    return result


def with_outperforming(
    comparison: Comparison, columns: Mapping[str, np.ndarray], direction: str
) -> Comparison:
    """The same with who wins in how many trainings in each of its tests, which are of these columns."""
    tests = []
    for test in comparison.tests:
        pair = (test.better, test.worse)
        found = outperforming({name: columns[name] for name in pair}, direction)
        tests.append(replace(test, outperforming=found[pair]))
    return replace(comparison, tests=tuple(tests))


def _share_of(wins: float, trials: int) -> Estimate:
    """A share, and its interval by Clopper and Pearson; halves between those of whole numbers."""
    if trials < 2:
        return Estimate(None, n=trials)
    tail = (1 - LEVEL) / 2
    low = special.betaincinv(wins, trials - wins + 1, tail) if wins else 0.0
    high = special.betaincinv(wins + 1, trials - wins, 1 - tail) if wins < trials else 1.0
    return Estimate(wins / trials, float(low), float(high), trials)
