"""How often intervals, rank sets and shares of variance of several trainings hold the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import optimize, special
from simulated import design, effects, one_each, sets_coverage

from bam.metrics.statistics.estimate import estimates
from bam.metrics.statistics.rank_correlation import correlation_estimates
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.series import series_contributions
from bam.metrics.statistics.trainings import between_trainings

COUNTS = (2, 3, 4, 5, 10)  # trainings
# Images, and how many cutouts and scenes they are made of; None: images that share nothing.
IMAGES = ((90, 80), (300, 150), (300, None))
SPREADS = (0.012, 0.03, 0.057)  # sd of a rate between trainings
SHARED = 0.5  # of what varies between images: the part that all trainings have in common
METHODS = 12
TOGETHER = 20  # data sets of the same sources
# By how much trainings differ in each of the methods, in standard errors by images.
TRAINED = {
    "little": np.full(METHODS, 0.5),
    "much": np.full(METHODS, 3.0),
    "one in three much": np.where(np.arange(METHODS) % 3, 0.7, 4.0),
    "one much": np.where(np.arange(METHODS), 0.5, 5.0),
}
# Of a series of ten networks: the mean drop of each, and the sd of what a training adds to a drop and to an
# MCS, and of what it adds to all of its MCS alike; images, which share nothing.
DROPS = 0.6 - 0.06 * np.arange(10)
OF_DROP, OF_MCS, OF_ALL = 0.12, 0.06, 0.05
SERIES_IMAGES = 60

Line = list[float | str]


def sources_of(rng: np.random.Generator, images: int, count: int | None) -> np.ndarray:
    """int (images, factors)."""
    return design(rng, count, count, images) if count else one_each(images)


def values_of(
    rng: np.random.Generator, sources: np.ndarray, trainings: int, share: float, columns: int
) -> np.ndarray:
    """float (trainings, images, columns), normal with variance 1: `share` of it lies between trainings. Of
    the rest half is of the images, in all trainings, and half of them in each."""
    clusters = 0.2 if sources.shape[1] > 1 else 0.0
    own = effects(rng, sources, clusters, trainings * columns).reshape(-1, trainings, columns)
    images = np.sqrt(SHARED) * effects(rng, sources, clusters, columns)[:, None] + np.sqrt(1 - SHARED) * own
    return np.sqrt(share) * rng.normal(size=(trainings, 1, columns)) + np.sqrt(1 - share) * images.swapaxes(
        0, 1
    )


def share_of(rate: float, sd: float) -> float:
    """Of the variance between trainings of the normal values behind a rate, for it to have this sd."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)

    def excess(share: float) -> float:
        rates = special.ndtr((special.ndtri(rate) - np.sqrt(share) * points) / np.sqrt(1 - share))
        return float(np.sqrt(weights @ (rates - rate) ** 2 / weights.sum()) - sd)

    return float(optimize.brentq(excess, 1e-9, 0.9))


def coverage(
    rate: float | None, share: float, images: int, count: int | None, trainings: int, data_sets: int
) -> tuple[float, float]:
    """Share of data sets whose interval holds the truth: this rate, or the mean of normal values, if it is
    None; and the mean standard error of one training by images."""
    rng = np.random.default_rng([int(100 * (rate or 0)), int(1e6 * share), images, count or 0, trainings])
    held, errors = [], []
    for start in range(0, data_sets, TOGETHER):
        sources = sources_of(rng, images, count)
        resampling = Resampling(sources, 0)
        values = values_of(rng, sources, trainings, share, min(TOGETHER, data_sets - start))
        if rate is not None:
            values = (values < special.ndtri(rate)).astype(float)
        found = estimates(dict(enumerate(np.moveaxis(values, -1, 0))), resampling, rates=rate is not None)
        held += [each.ci_low <= (rate or 0.0) <= each.ci_high for each in found.values()]
        errors.append(np.sqrt(resampling.clustered_variance(values[0])[0]).mean())
    return float(np.mean(held)), float(np.mean(errors))


def interval_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of intervals over images and trainings."""
    kinds = [(f"rate {rate:.2f}", rate, sd) for rate in (0.7, 0.85, 0.95) for sd in SPREADS]
    kinds += [("scores", None, sd) for sd in (0.03, 0.15)]
    for images, count in IMAGES:
        for kind, rate, sd in kinds:
            share = sd**2 if rate is None else share_of(rate, sd)
            found = [coverage(rate, share, images, count, each, data_sets) for each in COUNTS]
            error = np.mean([error for _, error in found])
            yield [kind, images, count or "-", f"{sd}", float(error), *(held for held, _ in found)]


def rank_coverage(
    trained: str, half_tied: bool, trainings: int, data_sets: int
) -> tuple[float, float, float]:
    """Of 90 images: share of data sets whose rank sets hold all true ranks at once, share of the sets that
    hold their own, and mean width of the sets."""
    rng = np.random.default_rng([list(TRAINED).index(trained), int(half_tied), trainings])
    means = np.linspace(0, 1.2, METHODS) if half_tied else np.zeros(METHODS)
    means[: METHODS // 2] = 0

    def drawn() -> tuple[np.ndarray, np.ndarray]:
        sources = sources_of(rng, *IMAGES[0])
        # Half of what varies is the same for all methods, which paired tests know.
        common, own = (values_of(rng, sources, trainings, 0, columns) for columns in (1, METHODS))
        networks = rng.normal(size=(2, trainings, 1, METHODS))
        networks[0] = networks[0, ..., :1]
        error = TRAINED[trained] * np.sqrt(2 / IMAGES[0][0])
        values = means + np.sqrt(0.5) * (common + own + error * networks.sum(0))
        return values, sources

    return sets_coverage(means, drawn, data_sets, samples=200)


def rank_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of rank sets over trainings."""
    for half_tied, trained in (*((False, trained) for trained in TRAINED), (True, "one in three much")):
        for trainings in COUNTS:
            found = rank_coverage(trained, half_tied, trainings, data_sets)
            yield ["half tied" if half_tied else "all tied", trained, trainings, *found]


def share_coverage(truth: float, trainings: int, data_sets: int) -> tuple[float, float, float]:
    """Of 300 images whose score has this share of its variance from trainings: median of what is found, share
    of data sets whose interval holds it, and mean width of the intervals."""
    rng = np.random.default_rng([int(10 * truth), trainings])
    images = IMAGES[2][0]
    share = truth / (truth + images * (1 - truth))
    found = []
    for start in range(0, data_sets, TOGETHER):
        sources = sources_of(rng, *IMAGES[2])
        values = values_of(rng, sources, trainings, share, min(TOGETHER, data_sets - start))
        columns = dict(enumerate(np.moveaxis(values, -1, 0)))
        found += [
            each.shares.trainings for each in between_trainings(columns, Resampling(sources, 0)).values()
        ]
    return (
        float(np.median([each.value for each in found])),
        float(np.mean([each.ci_low <= truth <= each.ci_high for each in found])),
        float(np.mean([each.ci_high - each.ci_low for each in found])),
    )


def share_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of intervals of the trainings' share of variance."""
    for truth in (0.1, 0.5, 0.9):
        for trainings in COUNTS:
            yield [truth, trainings, *share_coverage(truth, trainings, data_sets)]


def series_truth(follows: float, noise: float, given_place: bool) -> float:
    """Pearson's r of endlessly many trainings, see `series_coverage`."""
    between = 0.0 if given_place else DROPS.var()
    of_images = noise**2 / SERIES_IMAGES
    drop = between + OF_DROP**2
    mcs = follows**2 * drop + OF_ALL**2 + OF_MCS**2
    return float(follows * drop / np.sqrt((mcs + of_images) * (drop + of_images)))


def series_coverage(
    follows: float, noise: float, trainings: int, given_place: bool, data_sets: int
) -> tuple[float, float]:
    """Of MCS that are so many times the drop, where images differ by `noise` (an sd): share of data sets
    whose interval of r holds the true one, and mean width of the intervals."""
    rng = np.random.default_rng([int(10 * follows), int(100 * noise), trainings, int(given_place)])
    truth, resampling = series_truth(follows, noise, given_place), Resampling(one_each(SERIES_IMAGES), 0)
    shape, held, width = (trainings, len(DROPS)), [], []
    for _ in range(data_sets):
        drop = DROPS + OF_DROP * rng.normal(size=shape)
        mcs = follows * drop + OF_ALL * rng.normal(size=(trainings, 1)) + OF_MCS * rng.normal(size=shape)
        noisy = [each[..., None] + noise * rng.normal(size=(*shape, SERIES_IMAGES)) for each in (mcs, drop)]
        contributions = {"": series_contributions(*noisy, given_place=given_place)}
        found = correlation_estimates(contributions, resampling)[""]
        held.append(found.ci_low <= truth <= found.ci_high)
        width.append(found.ci_high - found.ci_low)
    return float(np.mean(held)), float(np.mean(width))


def series_lines(data_sets: int) -> Iterator[Line]:
    """Coverage of intervals of the correlation along a series; given k there is none of two trainings."""
    for follows in (0.0, 0.5):
        for noise in (0.05, 0.2):
            for trainings in COUNTS:
                whole = series_coverage(follows, noise, trainings, False, data_sets)
                known = trainings > 2
                given = series_coverage(follows, noise, trainings, True, data_sets) if known else ("-", "-")
                yield [f"{follows}", f"{noise}", trainings, *whole, *given]


TRAININGS: dict[str, tuple[Callable[[int], Iterator[Line]], list[str]]] = {
    "trainings": (
        interval_lines,
        ["truth", "images", "sources", "sd", "error by images", *(f"{count} trainings" for count in COUNTS)],
    ),
    "training_ranks": (
        rank_lines,
        ["methods", "trainings differ", "trainings", "all at once", "each", "mean width of 12"],
    ),
    "training_shares": (share_lines, ["true share", "trainings", "median", "held", "mean width"]),
    "training_series": (
        series_lines,
        ["MCS follows", "images differ", "trainings", "r held", "width", "given k held", "width of it"],
    ),
}
