"""Input dependence rate (section 4.3): is the pasted object attributed less than what it covers?"""

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
from bam.metrics.metric import Measured, metric
from bam.metrics.results.schema import Column

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


def input_dependence(with_object: np.ndarray, without_object: np.ndarray) -> np.ndarray:
    """bool (N,): g_c(f, x_cf) < g_c(f, x_-cf), the equation of section 4.3; ties count as failures.

    Arguments are the attributions of the object's region, float (N,), in images with and without it.
    """
    return np.asarray(with_object) < np.asarray(without_object)


def _views(run: Run, name: str) -> list[View]:
    """The images with the objects, and without."""
    view = run.dataset.view(name)
    # The region moves with the object, so each variant has its own scenes without it.
    without = run.dataset.view("scene_only") if name == "object_scene" else view.without_object()
    return [shuffled(each, run.settings.seed) for each in (view, without)]


def _planned(run: Run, settings: Contrast) -> list[Planned]:
    classifier = run.classifier("scene")
    asked = [(name, classifier) for name in image_sets(settings)]
    untrained = untrained_networks(run, [classifier], settings.untrained)
    asked += [("object_scene", network) for (network,) in untrained]
    return [run.planned(view, network) for name, network in asked for view in _views(run, name)]


@metric(
    direction="up",
    version=2,
    question="Input dependence rate: is an object that does not matter attributed less than the scene "
    "it covers?",
    source="Yang & Kim 2019, section 4.3, Figure 8",
    cite=("yang2019bam",),
    needs_network=False,
    knows_truth=True,
    inverse="maximum",
    settings=Contrast,
    planned=_planned,
)
def idr(run: Run, settings: Contrast) -> Measured:
    """IDR of f_s between X_o,s and X_0,s on the test split, over images that f_s recognises in both.

    Its robustness is the same rate for objects of other sizes and at other places (the red bars of Figure 8).

    Below the table:
        IDR is the share of images in which the object is attributed less than the scene it covers; ties are
        failures. `random region`: the same rate for random pixels. `rescaled`, `relocated`, where asked for:
        for smaller objects, and for objects elsewhere (the paper's red bars). `untrained`, where asked for:
        for networks that never learned anything, the method's own zero.

        That the object matters less than what it covers is measured for each image: the premise holds where
        the log odds of the true scene are not higher with the object than without. `premise holds`, `premise
        fails`: the rate of these images, and of the others, in which a high rate is no merit.
    """
    classifier = run.classifier("scene")

    def pairs(view_name: str, networks: Sequence[Classifier] = (classifier,)) -> tuple[Pairs, np.ndarray]:
        views = _views(run, view_name)
        rows = [run.collect(each, *networks) for each in views]
        return Pairs(*rows, input_dependence), run.first(views[0]).sources

    found, sources = pairs("object_scene")
    ties = {}
    for name, used in found.used.items():
        before, after = found.attributions(name)
        ties[name] = int((before == after)[used].sum())
    holds = premise(run, settings, _views(run, "object_scene")[0], [classifier], lambda scene: scene <= 0)
    how = {"counts": {"ties": ties}, "rate": True, "holds": holds}
    result = measured(run, {"scene": classifier}, found, sources, pairs, settings, **how)
    return result.showing(Column("ties", "ties"))
