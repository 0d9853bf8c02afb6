"""Whether what a contrast takes for granted is so in an image, by the measured effect of its object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.data_prep.dataset import View
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.effects import WITH, WITHOUT, ask, effect
from bam.metrics.evaluation.run import Run
from bam.models.predictions import Predicted

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


def premise(
    run: Run,
    settings: Contrast,
    view: View,
    models: Sequence[Classifier | Predicted],
    rule: Callable[..., np.ndarray],
) -> np.ndarray | None:
    """bool (N,): in which images of the run it holds; None if nobody asks, or the networks cannot be asked.

    rule: from the effects of the objects on the log odds of each network's true class, float (N,) each, as
    `effects.effect` gives them, to the answer.
    """
    if not settings.premise or any(isinstance(model, Predicted) for model in models):
        return None
    return rule(*(effect(ask(run, view, model, [WITH, WITHOUT]))[:, 0] for model in models))
