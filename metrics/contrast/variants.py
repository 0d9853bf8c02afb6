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
    premise: bool = setting(
        True,
        "also apart for images in which what the metric takes for granted holds and fails, as forward passes "
        "of the networks say",
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
    holds: np.ndarray | None = None,
) -> Measured:
    """What a contrast found on X_o,s, with the random regions and, if asked for, the variants beside it.

    pairs: from the name of an image set, and networks in place of `models`, to the contrast on it, and to its
    sources. The others are what the contrast has beside by itself. rate: whether its values lie within 0 and
    1. holds: bool (N,), in which images its premise holds, for the score of these and of the others; None
    where that is not known.
    """
    variants = {}
    first, *others = image_sets(settings)
    networks = untrained_networks(run, list(models.values()), settings.untrained)
    if zeros := [pairs(first, each)[0] for each in networks]:
        variants["untrained"] = Beside(own_zero(found, zeros), rate=rate)
    for name in others:
        other, its_sources = pairs(name)
        variants[name] = Beside(other.values, its_sources, rate=rate)
    parts = {} if holds is None else {"premise holds": holds, "premise fails": ~holds}
    for key, images in parts.items():
        values = {name: np.where(images, of, np.nan) for name, of in found.values.items()}
        variants[key.replace(" ", "_")] = Beside(values, rate=rate)
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
            *(Column(key.replace("_", " "), key) for key in variants),
        ],
        notes=[] if holds is None else [_premise_note(holds, found)],
        rate=rate,
        ids=found.ids,
    )


def _premise_note(holds: np.ndarray, found: Pairs) -> str:
    """In how many of the images that count for any method the premise holds."""
    counting = np.any(list(found.used.values()), 0)
    return f"The premise holds in {(holds & counting).sum()} of the {counting.sum()} images that count."
