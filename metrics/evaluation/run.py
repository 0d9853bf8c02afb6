"""One run: the images, the networks and the methods that metrics are asked to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.data_prep.dataset import Dataset, View
from bam.metrics.evaluation.images import ImageSet, Pictures, pictures
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.evaluation.sweep import Keeping, collect, row_files
from bam.models.formats import check_name, names_network
from bam.models.stored import Models, check_knows_its_input

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class Run:
    """What a metric is asked to measure.

    data: None if all images are the user's own. out: folder of the results, with the rows in `rows`. images:
    folder of the user's own images, for metrics that take any; model, class_names: the network to explain in
    place of a metric's own: a name in `models`, a file of Keras with its classes, or the classifier itself.
    asked: the settings of all metrics of the run, by name, since some can share work. preprocess: what is
    done to the pixels that a network in a file is given.
    """

    data: Dataset | None
    models: Models
    explainers: Sequence[Explainer]
    settings: RunSettings
    out: Path
    images: Path | None = None
    model: str | Path | Classifier | None = None
    class_names: str | Path | Sequence[str] | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    preprocess: str = "none"

    @property
    def dataset(self) -> Dataset:
        """The dataset. Raises `BamError` if there is none."""
        if self.data is None:
            raise BamError("this needs a dataset: give `data`, or `bam build` makes one")
        return self.data

    def classifier(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it was trained on another dataset."""
        return self.models.trained_on(self.dataset, name)

    def explained(self, default: str) -> Classifier:
        """The network that the run names, or else the trained model `default`.

        With images of the user's own it does not matter what it was trained on. Raises `BamError` if it
        cannot be had, or was trained on another dataset than is used.
        """
        name = default if self.model is None else self.model
        if isinstance(name, (str, Path)) and names_network(name):
            return self.models.file(name, self.class_names, self.preprocess)
        given = not isinstance(name, (str, Path))
        if not given and not self.models.has(str(name)):
            check_name(name)
        if given or self.models.has(str(name)):
            check_knows_its_input(name.name if given else str(name), self.class_names, self.preprocess)
        if given:
            return name
        return self.models[str(name)] if self.images else self.classifier(str(name))

    @property
    def controls(self) -> frozenset[str]:
        """Names of those of the methods that are controls."""
        return frozenset(explainer.name for explainer in self.explainers if explainer.method.control)

    def suited(self, classifier: Classifier) -> list[Explainer]:
        """The methods that apply to this network."""
        unsuited = self.unsuited(classifier)
        return [explainer for explainer in self.explainers if explainer.name not in unsuited]

    def unsuited(self, classifier: Classifier) -> dict[str, str]:
        """Which of the methods do not apply to this network, and why."""
        reasons = {explainer.name: explainer.method.unsuited(classifier) for explainer in self.explainers}
        return {name: reason for name, reason in reasons.items() if reason}

    @property
    def keeping(self) -> Keeping:
        """Where rows are kept, and how many are wanted."""
        return Keeping(self.out / "rows", self.settings.limit)

    def collect(self, images: ImageSet, classifier: Classifier) -> dict[str, list[Row]]:
        """The rows of each of the methods that apply to the network, for the images asked for, in order."""
        return collect(images, classifier, self.suited(classifier), self.settings.seed, self.keeping)

    def planned(self, images: ImageSet, classifier: Classifier) -> Planned:
        """What `collect` would sweep, for `Metric.planned`."""
        files = row_files(images, classifier, self.suited(classifier), self.settings.seed)
        return Planned(images, classifier, files)

    def pictures(self, classifier: Classifier) -> Pictures:
        """The images for metrics that take any: the user's own, or those that suit the classifier."""
        data = self.data if self.images else self.dataset
        return pictures(self.images, data, classifier, self.settings.seed, self.whole(classifier))

    def first(self, view: View) -> View:
        """Those of a shuffled view that are asked for."""
        return view.first(self.settings.limit)

    def whole(self, classifier: Classifier) -> int | None:
        """The limit, rounded up to whole batches, as images are worked on."""
        limit = self.settings.limit
        return limit and -(-limit // classifier.batch_size) * classifier.batch_size

    def in_float32(self) -> Run:
        """The same with networks that compute in float32."""
        if self.settings.precision == "float32":
            return self
        settings = replace(self.settings, precision="float32")
        model = self.model if isinstance(self.model, (str, Path, type(None))) else self.model.in_float32()
        return replace(self, settings=settings, models=self.models.in_float32(), model=model)
