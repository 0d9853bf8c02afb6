"""One run: the images, the networks and the methods that metrics are asked to measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.data_prep.dataset import Dataset, View
from bam.data_prep.written import WrittenImages
from bam.metrics.evaluation.images import ImageSet, Pictures, pictures
from bam.metrics.evaluation.plan import Planned
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.evaluation.sweep import Keeping, collect, row_files
from bam.models.formats import check_name
from bam.models.predictions import Predictions
from bam.models.stored import Models, check_knows_its_input, is_own
from bam.models.torch.built import InputSize

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@dataclass(frozen=True)
class Run:
    """What a metric is asked to measure.

    data: None if all images are the user's own; where `models` are files of what networks predict, the images
    that maps were asked for. out: folder of the results, with the rows in `rows`. images: folder of the
    user's own images, for metrics that take any; model, class_names: the network to explain in place of a
    metric's own: a name in `models`, one of the user's own with its classes, or the classifier itself.
    asked: the settings of all metrics of the run, by name, since some can share work. preprocess, input_size:
    of a network of the user's own, see `load_classifier`.
    """

    data: Dataset | WrittenImages | None
    models: Models | Predictions
    explainers: Sequence[Explainer]
    settings: RunSettings
    out: Path
    images: Path | None = None
    model: str | Path | Classifier | None = None
    class_names: str | Path | Sequence[str] | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    preprocess: str = "none"
    input_size: InputSize | None = None

    @property
    def dataset(self) -> Dataset | WrittenImages:
        """The dataset. Raises `BamError` if there is none."""
        if self.data is None:
            raise BamError("this needs a dataset: give `data`, or `bam build` makes one")
        return self.data

    def classifier(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it was trained on another dataset, or fewer times
        than is asked for."""
        self.check_trainings(name)
        return self.models.trained_on(self.dataset, name)

    def explained(self, default: str) -> Classifier:
        """The network that the run names, or else the trained model `default`.

        With images of the user's own it does not matter what it was trained on. Raises `BamError` if it
        cannot be had, was trained on another dataset than is used, or fewer times than is asked for.
        """
        name = default if self.model is None else self.model
        own = (self.class_names, self.preprocess, self.input_size)
        given = not isinstance(name, (str, Path))
        if (given or is_own(name)) and (self.settings.trainings or 1) > 1:
            raise BamError("`trainings` is of networks that `bam train` made, and `model` gives another")
        if is_own(name):
            return self.models.file(name, *own)
        if not given and not self.models.has(str(name)):
            check_name(name)
        if given or self.models.has(str(name)):
            check_knows_its_input(name.name if given else str(name), *own)
        if given:
            return name
        if not self.images:
            return self.classifier(str(name))
        self.check_trainings(str(name))
        return self.models[str(name)]

    def check_trainings(self, name: str) -> None:
        """Raise `BamError` if there are fewer trainings of a network than are asked for."""
        if isinstance(self.models, Models) and (self.settings.trainings or 1) > 1:
            self.models.check_trainings(name, self.settings.trainings)

    def further(self, networks: Iterable[str]) -> Iterator[Run]:
        """The same of each training of these networks beyond number 0; they are loaded for it alone.

        There are as many trainings as are asked for, or as the network has that has fewest. Names that no
        trained model has do not count, and a network given in place of a trained one has one training.
        """
        return (self.of_training(number) for number in range(1, self._trainings(networks)))

    def _trainings(self, networks: Iterable[str]) -> int:
        own = self.model is not None and (is_own(self.model) or not isinstance(self.model, (str, Path)))
        if own or not isinstance(self.models, Models):
            return 1
        if self.settings.trainings:
            return self.settings.trainings
        there = [set(self.models.trainings(name)) for name in networks]
        return min((next(n for n in count() if n not in each) for each in there if each), default=1)

    @cached_property
    def of_one_training(self) -> Run:
        """The same of number 0 alone: always the same run, since metrics of a run share work."""
        if self.settings.trainings == 1:
            return self
        return replace(self, settings=replace(self.settings, trainings=1))

    def of_training(self, training: int) -> Run:
        """The same of the training of this number."""
        return replace(self, models=self.models.of_training(training)) if training else self

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
