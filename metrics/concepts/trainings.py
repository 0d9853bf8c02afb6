"""TCAV's MCS of several trainings of the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bam.metrics.concepts.significance import Contrast, Difference, interval_of
from bam.metrics.results.schema import Line
from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.moments import moments
from bam.metrics.statistics.resampling import Resampling
from bam.metrics.statistics.trainings import between_trainings


def mean_difference(found: Sequence[Difference], sources: np.ndarray) -> Estimate:
    """The mean of the trainings' differences, and its interval, over further draws, images and trainings.

    To the variance over images and trainings, see `Moments.variance`, comes that between the draws, which all
    trainings have in common. Trainings that use no image do not count.
    """
    known = [each for each in found if each.table is not None]
    if not known:
        return Estimate(None)
    values = np.stack([each.per_image(len(sources)) for each in known])
    (variance,), (freedom,) = moments(values[..., None], Resampling(sources, 0)).variance()
    by_run = np.mean([np.nanmean(each.table, 1) for each in known], 0)
    mean = float(np.mean([each.estimate.value for each in known]))
    ends = interval_of(mean, variance, freedom, by_run, known[0].common)
    return Estimate(mean, *ends, int((~np.isnan(values)).any(0).sum()))


def lines_of(found: Sequence[Contrast], sources: np.ndarray) -> Mapping[str, Line]:
    """The rows of the table, of all trainings; of one they are those of its contrast."""
    each = [contrast.lines() for contrast in found]
    if len(each) == 1:
        return each[0]
    lines = {}
    for name, kind in (("tcav", "concept"), ("tcav_random", "random")):
        same = [lines_of_one[name] for lines_of_one in each]
        differences = [getattr(contrast, kind) for contrast in found]
        estimate, first = mean_difference(differences, sources), same[0]
        beside = {key: _mean([line.beside[key].value for line in same], estimate.n) for key in first.beside}
        if "all_layers" in beside:
            beside["all_layers"] = mean_difference([contrast.everywhere for contrast in found], sources)
        values = np.stack([difference.per_image(len(sources)) for difference in differences])
        lines[name] = replace(
            first,
            estimate=estimate,
            excluded={why: sum(line.excluded[why] for line in same) for why in first.excluded},
            seconds=round(sum(line.seconds or 0 for line in same), 3),
            beside=beside,
            counts={key: "; ".join(str(line.counts[key]) for line in same) for key in first.counts},
            trainings=between_trainings({name: values}, Resampling(sources, 0))[name],
        )
    return lines


def _mean(values: Sequence[float | None], n: int | None) -> Estimate:
    known = [value for value in values if value is not None]
    return Estimate(float(np.mean(known)) if known else None, n=n)
