"""What `bam benchmark` can be asked for: which networks, and what is measured of how many images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bam.models.training.task import SUITE, Task

SEED = 0  # of the dataset, the trainings and the runs
BASELINES = ("deletion", "insertion", "black_deletion", "blur_deletion", "mean_deletion", "road")
BASELINES += ("violation", "saliency")
THREE = SUITE[:3]  # f_o, f_s, and f_s trained without objects: all that the demo's metrics explain


@dataclass(frozen=True)
class Measurement:
    """Metrics that are measured in one run, since they share work.

    limit: at most so many test images; None: all. settings: of the metrics, and of the run. judged: whether
    they are judged too. trainings: of how many trainings of their networks. effort: about how many seconds
    all methods take of each training, on the two cores on which the others were measured.
    """

    metrics: tuple[str, ...]
    limit: int | None
    effort: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    judged: bool = False
    trainings: int = 1

    @property
    def size(self) -> str:
        """Of how many images and trainings."""
        images = "all images" if self.limit is None else f"{self.limit} images"
        return f"{images}, {self.trainings} trainings" if self.trainings > 1 else images

    @property
    def title(self) -> str:
        """As a line of progress says it."""
        return f"{', '.join(self.metrics)} ({self.size})"


@dataclass(frozen=True)
class Preset:
    """A benchmark.

    photographs: made of COCO and MiniPlaces, not of the drawn sample. tasks: of the networks. training: its
    settings, where they are not the default. trainings: how many there are of a task, where it is not one.
    effort: as in `Measurement`, of the dataset and of one network.
    """

    description: str
    images_per_pair: int
    tasks: tuple[Task, ...]
    measurements: tuple[Measurement, ...]
    photographs: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    trainings: Mapping[Task, int] = field(default_factory=dict)
    data_effort: float = 60
    network_effort: float = 90

    @property
    def trained(self) -> tuple[tuple[Task, int], ...]:
        """All that are trained: of which task, and which of its trainings; one task after another."""
        return tuple((task, number) for task in self.tasks for number in range(self.trainings.get(task, 1)))

    def of_trainings(self, count: int) -> Preset:
        """The same with so many trainings of each network, all of them measured."""
        measurements = tuple(replace(each, trainings=count) for each in self.measurements)
        return replace(self, trainings=dict.fromkeys(self.tasks, count), measurements=measurements)


PRESETS = {
    "demo": Preset(
        "the drawn sample, three small networks, the main metrics on a few images",
        100,
        THREE,
        (
            Measurement(("mcs", "idr"), 100, 100, {"robustness": False}),
            # With the rows of idr, so that it costs forward passes alone.
            Measurement(("effect",), 100, 10),
            Measurement(("localisation",), 30, 30, {"threshold_images": 30}),
            Measurement(("iir",), 50, 60),
            Measurement(("inpainting", "deletion", "insertion"), 30, 90),
        ),
    ),
    "full": Preset(
        "the drawn sample, all thirteen small networks, all metrics",
        100,
        SUITE,
        (
            # Twice as many maps as without the untrained networks.
            Measurement(("effect", "mcs", "idr"), None, 4800, {"untrained": 3}),
            # As many maps as a hundred images of the two before without these.
            Measurement(("localisation",), 100, 100),
            # Three times as many.
            Measurement(("robustness",), 100, 300),
            Measurement(("randomisation",), 30, 300),
            Measurement(("iir",), None, 600, {"patch_recipe": "both", "untrained": 3}),
            Measurement(("rmcs",), None, 2400),
            Measurement(("tcav",), None, 300),
            Measurement(("inpainting", *BASELINES), 100, 480, judged=True),
        ),
    ),
    "several": Preset(
        "the drawn sample, five trainings of three networks and three of the series, most metrics",
        100,
        SUITE,
        (
            Measurement(("effect", "mcs", "idr"), 300, 800, {"robustness": False}, trainings=5),
            Measurement(("localisation",), 100, 100, trainings=5),
            Measurement(("iir",), None, 300, trainings=5),
            Measurement(("robustness",), 30, 90, trainings=5),
            Measurement(("inpainting", *BASELINES), 100, 480, trainings=5),
            Measurement(("rmcs",), None, 2400, trainings=3),
            Measurement(("tcav",), None, 300, trainings=3),
        ),
        trainings={task: 3 if task.commonality is not None else 5 for task in SUITE},
    ),
    "paper": Preset(
        "COCO and MiniPlaces, thirteen ResNet50, the paper's sizes",
        1000,
        SUITE,
        (
            Measurement(("effect", "mcs", "idr"), 1000, 2400),
            Measurement(("localisation",), 100, 100),
            Measurement(("robustness",), 100, 300),
            Measurement(("randomisation",), 30, 300),
            Measurement(("iir",), 100, 300, {"patch_recipe": "both"}),
            Measurement(("rmcs",), 1000, 2400),
            Measurement(("tcav",), None, 300),
            Measurement(("inpainting", *BASELINES), 100, 480, judged=True),
        ),
        photographs=True,
        training={"architecture": "resnet50", "weights": "imagenet"},
    ),
}
