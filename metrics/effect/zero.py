"""Each method's own zero: the correlation that maps of untrained networks have with the effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.effect.points import Points
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.untrained import untrained_networks
from bam.metrics.statistics.moments import mean_over
from bam.metrics.statistics.rank_correlation import rank_contributions

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


def of_untrained(
    run: Run,
    views: tuple[View, View],
    models: Sequence[Classifier],
    count: int,
    points: Points,
) -> dict[str, np.ndarray]:
    """For each method the mean over `count` untrained networks, in place of each of `models`, of what each
    point contributes, float (P,), to Spearman's correlation of the change of g_c from the second view to the
    first with the effects of the trained on the log odds, over the points that the method uses. A network
    whose maps are all ties counts for none.
    """
    contributions: dict[str, list[np.ndarray]] = {name: [] for name in points.methods if count}
    for networks in untrained_networks(run, models, count):
        pairs = [Pairs(*(run.collect(view, each) for view in views), np.subtract) for each in networks]
        for name, found in contributions.items():
            change = np.concatenate([np.subtract(*each.attributions(name)) for each in pairs])
            found.append(
                rank_contributions(np.where(points.used(name), change, np.nan), points.effects["log_odds"])
            )
    return {name: mean_over(np.array(of)) for name, of in contributions.items()}
