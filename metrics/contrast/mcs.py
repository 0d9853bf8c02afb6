"""Model contrast score (section 4.2): do objects matter more to the model that is to name them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.contrast.premise import premise
from bam.metrics.contrast.variants import Contrast, image_sets, measured
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.untrained import untrained_networks
from bam.metrics.metric import Beside, Measured, metric
from bam.metrics.results.schema import Column

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

BOTH = ("object", "scene")


def model_contrast(more_important: np.ndarray, less_important: np.ndarray) -> np.ndarray:
    """float (N,): g_c(f_1, x) - g_c(f_2, x), whose mean over X_corr is MCS (the equation of section 4.2).

    Arguments are the attributions of the object's region, float (N,), for the two models.
    """
    return np.asarray(more_important) - np.asarray(less_important)


def _view(run: Run, name: str) -> View:
    return shuffled(run.dataset.view(name), run.settings.seed)


def _planned(run: Run, settings: Contrast) -> list[Planned]:
    models = [run.classifier(name) for name in BOTH]
    asked = [(name, model) for name in image_sets(settings) for model in models]
    untrained = untrained_networks(run, models, settings.untrained)
    asked += [("object_scene", model) for networks in untrained for model in networks]
    return [run.planned(_view(run, name), model) for name, model in asked]


@metric(
    direction="up",
    version=1,
    question="Model contrast score: does the network that names objects give them more attribution than "
    "the one that names scenes?",
    source="Yang & Kim 2019, section 4.2, Figure 4",
    cite=("yang2019bam",),
    needs_network=False,
    knows_truth=True,
    inverse="maximum",
    settings=Contrast,
    planned=_planned,
)
def mcs(run: Run, settings: Contrast) -> Measured:
    """MCS between f_o and f_s on X_o,s of the test split, over images that both classify correctly.

    f_o explains the object's class, f_s the scene's. The paper does not say whether X_corr is one set for
    both models; it is here, as in the official code, so that no image counts for one model alone.
    Robustness is the score for objects of other sizes and at other places (the red bars of Figure 4), the
    random region its baseline (the yellow bars, appendix G).

    Below the table:
        `random region`: the same score for random pixels. `rescaled`, `relocated`, where asked for: for
        smaller objects, and for objects elsewhere (the paper's red bars). `untrained`, where asked for: for
        networks that never learned anything, the method's own zero.

        That the object matters more to f_o is measured for each image: the premise holds where the object
        raises the log odds of f_o's true class by more than those of f_s's. `premise holds`, `premise
        fails`: the score of these images, and of the others, in which a high score is no merit.
    """
    models = {name: run.classifier(name) for name in BOTH}

    def pairs(
        view_name: str, networks: Sequence[Classifier] = tuple(models.values())
    ) -> tuple[Pairs, np.ndarray]:
        view = _view(run, view_name)
        rows = [run.collect(view, network) for network in networks]
        return Pairs(*rows, model_contrast), run.first(view).sources

    found, sources = pairs("object_scene")
    attributions = {name: found.attributions(name) for name in found.values}
    concepts = {
        f"G_c.{model}": Beside(
            {name: found.of_used(name, columns[place]) for name, columns in attributions.items()}, rate=True
        )
        for place, model in enumerate(BOTH)
    }
    columns = (Column("G_c(f_o)", "G_c.object"), Column("G_c(f_s)", "G_c.scene"))
    holds = premise(run, settings, _view(run, "object_scene"), list(models.values()), np.greater)
    more = {"beside": concepts, "columns": columns, "holds": holds}
    return measured(run, models, found, sources, pairs, settings, **more)
