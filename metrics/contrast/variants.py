"""What MCS and IDR have in common: the same contrast for objects of other sizes and at other places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.base.settings import setting, settings
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.untrained import UNTRAINED, own_zero, untrained_networks
from bam.metrics.metric import Beside, Measured
from bam.metrics.results.schema import Column

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

VARIANTS = ("rescaled", "relocated")


@settings
class Contrast:
    """Settings of MCS and IDR."""

    robustness: bool = setting(
        True, "also for objects of other sizes and at other places (three times the work)"
    )
    untrained: int = UNTRAINED


def image_sets(settings: Contrast) -> tuple[str, ...]:
    """The image sets that a contrast is measured on, the first of which makes the score."""
    return ("object_scene", *(VARIANTS if settings.robustness else ()))


def measured(
    run: Run,
    models: Mapping[str, Classifier],
    found: Pairs,
    sources: np.ndarray,
    pairs: Callable[..., tuple[Pairs, np.ndarray]],
    settings: Contrast,
    beside: Mapping[str, Beside] | None = None,
    counts: Mapping[str, Mapping[str, int]] | None = None,
    columns: Sequence[Column] = (),
    rate: bool = False,
) -> Measured:
    """What a contrast found on X_o,s, with the random regions and, if asked for, the variants beside it.

    pairs: from the name of an image set, and networks in place of `models`, to the contrast on it, and to its
    sources. The others are what the contrast has beside by itself. rate: whether its values lie within 0 and
    1.
    """
    variants = {}
    first, *others = image_sets(settings)
    networks = untrained_networks(run, list(models.values()), settings.untrained)
    if zeros := [pairs(first, each)[0] for each in networks]:
        variants["untrained"] = Beside(own_zero(found, zeros), rate=rate)
    for name in others:
        other, its_sources = pairs(name)
        variants[name] = Beside(other.values, its_sources, rate=rate)
    return Measured(
        models,
        found.values,
        sources,
        found.excluded,
        found.seconds,
        beside={**(beside or {}), "random_region": Beside(found.baselines, rate=rate), **variants},
        counts={"constant_maps": found.constant_maps, **(counts or {})},
        columns=[
            *columns,
            Column("rank set", "rank"),
            Column("random region", "random_region"),
            *(Column(name, name) for name in variants),
        ],
        rate=rate,
        ids=found.ids,
    )
