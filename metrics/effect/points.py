"""The points that attribution and effect are compared on: an image and a network each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.gradients import starts
from bam.attributions.registry import Explainer
from bam.data_prep.dataset import Batch, View
from bam.metrics.evaluation.effects import WITH, WITHOUT, Answers, Pictures, ask, effect
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.run import Run
from bam.metrics.results.image_values import ImageValues
from bam.metrics.statistics.rank_correlation import rank_distances

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

BASELINE = "baseline"
# Methods whose maps are to sum to the logit's rise from a baseline, which is black where no setting names it:
# gradient x input in a network that is piecewise linear and has no biases. With noisy copies, or in other
# libraries, maps claim something else.
COMPLETE = ("integrated_gradients", "guided_integrated_gradients", "gradient_shap", "gradient_x_input")
KINDS = {"g_c": "attribution", "signed": "signed", "raw": "raw"}


@dataclass(frozen=True)
class OfNetwork:
    """What is known of one network.

    both: whether images count only if it recognises them without the object too. pairs: the rows of each
    method with the object and without. answers: to the images, without their objects, with others in their
    place, and to the baselines. groups: (N,), the class explained.
    """

    classifier: Classifier
    both: bool
    pairs: Pairs
    answers: Answers
    groups: np.ndarray

    @property
    def recognised(self) -> np.ndarray:
        """bool (N,): the images that the network recognises as they must be to count."""
        names = (WITH, WITHOUT) if self.both else (WITH,)
        right = [[each.target == each.predicted for each in self.answers[name]] for name in names]
        return np.array(right, bool).all(0)

    def effects(self, donors: int) -> dict[str, np.ndarray]:
        """float (N,) each: by how much the object raises the answer, see `Points`."""
        found = {}
        for key in ("log_odds", "logit"):
            exchanged = effect(self.answers, key, Pictures.exchanged(donors))
            found[key] = effect(self.answers, key)[:, 0]
            found[f"{key}_exchanged"], found[f"{key}_noise"] = exchanged.mean(1), exchanged.std(1, ddof=1)
        return found


def of_network(
    run: Run, with_object: View, without_object: View, classifier: Classifier, both: bool, donors: int
) -> OfNetwork:
    """Ask a network about the images of a run, and collect the rows of its methods; both: see `OfNetwork`."""
    first, second = (run.collect(view, classifier) for view in (with_object, without_object))
    if not both:
        second = {name: [replace(row, predicted=row.target) for row in rows] for name, rows in second.items()}
    baselines = {baseline_of(explainer) for explainer in run.suited(classifier)} - {None}
    names = [WITH, WITHOUT, *Pictures.exchanged(donors)]
    answers = ask(run, with_object, classifier, names)
    answers |= ask(run, with_object, classifier, sorted(baselines), _baselines(classifier))
    groups = np.array([f"{classifier.name} {answer.target}" for answer in answers[WITH]])
    return OfNetwork(classifier, both, Pairs(first, second, np.subtract), answers, groups)


def baseline_of(explainer: Explainer) -> str | None:
    """The name of the picture from which a method's map sums to the logit's rise; None if it claims none."""
    if explainer.method.name not in COMPLETE:
        return None
    return f"{BASELINE} {explainer.settings.get('baseline', 'black')}"


def _baselines(classifier: Classifier):
    """For `ask`: the pictures that paths to a batch's images begin at."""

    def make(batch: Batch, name: str) -> np.ndarray:
        return starts(classifier.prepare(batch.images), name.removeprefix(f"{BASELINE} "))

    return make


class Points:
    """All points, those of one network after those of another, P in all.

    effects: float (P,) each. `log_odds`, `logit`: by how much the true class's is higher with the object than
    without; with `_exchanged` behind: than with another object in its place, the mean over `donors` of them;
    with `_noise`: the standard deviation over these. sources, groups: what each point is made of, (P,
    factors), and the network and class that it is of, (P,). methods: those that all networks suit.
    """

    def __init__(self, networks: Sequence[OfNetwork], sources: np.ndarray, donors: int):
        self._networks = networks
        found = [network.effects(donors) for network in networks]
        self.effects = {key: np.concatenate([each[key] for each in found]) for key in found[0]}
        self.sources = np.concatenate([sources] * len(networks))
        self.groups = np.concatenate([network.groups for network in networks])
        self.methods = [
            name for name in networks[0].pairs.used if all(name in each.pairs.used for each in networks)
        ]

    def used(self, method: str) -> np.ndarray:
        """bool (P,): the points that count for a method."""
        return np.concatenate([network.pairs.used[method] for network in self._networks])

    def attributions(self, method: str) -> dict[str, np.ndarray]:
        """float (P,) each, NaN where a point does not count: what the method gives to the object's region.

        `attribution` (g_c), `signed` and `raw` (see `signed_attribution`) with the object; with `_change`
        behind: less what it gives without.
        """
        found = {}
        for column, key in KINDS.items():
            pairs = [network.pairs.attributions(method, column) for network in self._networks]
            first, second = (np.concatenate(each) for each in zip(*pairs, strict=True))
            used = self.used(method)
            found[key] = np.where(used, first, np.nan)
            found[f"{key}_change"] = np.where(used, first - second, np.nan)
        return found

    def nearness(self, ids: Sequence[str]) -> ImageValues | None:
        """How near the place of a change of g_c among all is to that of the effect on the log odds among all.

        0 to -1, see `rank_distances`; None for several networks, which have each image several times. ids: of
        the images.
        """
        if len(self._networks) > 1:
            return None
        effects = self.effects["log_odds"]
        changes = {name: self.attributions(name)["attribution_change"] for name in self.methods}
        values = {name: -rank_distances(change, effects) for name, change in changes.items()}
        return ImageValues(tuple(ids), self.sources, values)

    def completeness_error(self, explainer: Explainer) -> np.ndarray:
        """float (P,): |sum of the map - (f(x) - f(baseline))|, of logits, for a method that claims it."""
        errors = [
            network.pairs.attributions(explainer.name, "total")[0]
            - effect(network.answers, "logit", [baseline_of(explainer)])[:, 0]
            for network in self._networks
        ]
        return np.where(self.used(explainer.name), np.abs(np.concatenate(errors)), np.nan)

    def excluded(self, method: str) -> dict[str, int]:
        """How many points do not count, by reason."""
        counts = [network.pairs.excluded[method] for network in self._networks]
        return {reason: sum(each[reason] for each in counts) for reason in counts[0]}

    def totals(self, what: str) -> Mapping[str, float]:
        """For each method the sum over the networks of an attribute of `Pairs`."""
        found = [getattr(network.pairs, what) for network in self._networks]
        return {name: sum(each[name] for each in found) for name in self.methods}
