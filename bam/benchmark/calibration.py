"""How long a benchmark takes and how large it becomes, told from a few steps of its network here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bam.attributions.registry import Explainer
from bam.benchmark.presets import Measurement, Preset
from bam.data_prep.build import WANTED_SOURCES
from bam.data_prep.classes import IMAGE_SIZE, OBJECTS, SCENES

BATCH, REPEATS = 8, 3
# How many maps of each method an image needs, without other image sets; of iir without its patches, of the
# others without the forward passes, which are fewer than the gradients of all methods. Localisation needs as
# many of the training split as it has test images in a benchmark; effect needs those of idr.
MAPS = {"mcs": 2, "idr": 2, "iir": 2, "rmcs": 10, "tcav": 0, "localisation": 3, "robustness": 9}
MAPS |= {
    "effect": 0,
    "randomisation": 28,  # three draws of five stages and four other layers, and the trained network's
}
OF_ONE_SCENE = ("iir", "rmcs")  # with pictures of one scene class alone, for each network
VARIANTS = 3  # image sets of a contrast with its robustness


@dataclass(frozen=True)
class Speed:
    """Of a network: seconds that one image takes in training, and for its gradient; bytes of its weights."""

    training: float
    gradient: float
    size: int


@dataclass(frozen=True)
class Estimate:
    """About how many seconds each stage takes, by its title, and how many bytes there will be in the end."""

    seconds: dict[str, float]
    size: int


def calibrate(architecture: str, clock: Callable[[], float] = time.perf_counter) -> Speed:
    """Time a few steps of a network with random weights, after one that compiles it."""
    import tf_keras as keras

    from bam.models.architectures import build_model
    from bam.models.classifier import Classifier

    model = build_model(architecture, len(SCENES), "none", 0)
    images = np.random.default_rng(0).uniform(0, 255, (BATCH, *model.input_shape[1:])).astype(np.float32)
    labels = np.zeros(BATCH, np.int32)
    classifier = Classifier(model, SCENES, "calibration", batch_size=BATCH)
    gradient = _median(lambda: classifier.gradient(images, labels), clock)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(), loss)
    training = _median(lambda: model.train_on_batch(images, labels), clock)
    return Speed(training / BATCH, gradient / BATCH, 4 * model.count_params())


def _median(step: Callable[[], object], clock: Callable[[], float]) -> float:
    step()
    took = []
    for _ in range(REPEATS):
        begin = clock()
        step()
        took.append(clock() - begin)
    return float(np.median(took))


def estimate(preset: Preset, speed: Speed, images_seen: float, explainers: Sequence[Explainer]) -> Estimate:
    """About what a benchmark takes.

    images_seen: in one training. Of the metrics the gradients behind the maps are counted: what methods share
    makes it less, patches and forward passes more.
    """
    gradients = sum(each.settings.get("samples", 1) for each in explainers if not each.method.control)
    test_images = preset.images_per_pair * len(OBJECTS) * len(SCENES) // 10
    seconds = {"networks": len(preset.trained) * images_seen * speed.training}
    for measurement in preset.measurements:
        images = sum(
            min(measurement.limit or test_images, test_images // (len(SCENES) if name in OF_ONE_SCENE else 1))
            * MAPS.get(name, 1)
            * _image_sets(name, measurement)
            for name in measurement.metrics
        )
        seconds[measurement.title] = measurement.trainings * images * gradients * speed.gradient
    return Estimate(seconds, dataset_bytes(preset.images_per_pair) + len(preset.trained) * speed.size)


def _image_sets(name: str, measurement: Measurement) -> int:
    """How many times these maps, with those of untrained networks."""
    variants = name in ("mcs", "idr") and measurement.settings.get("robustness", True)
    return (VARIANTS if variants else 1) + measurement.settings.get("untrained", 0)


def dataset_bytes(images_per_pair: int) -> int:
    """Of the dataset: RGBA cutouts and RGB scenes, as arrays."""
    count = max(images_per_pair, WANTED_SOURCES)
    return count * IMAGE_SIZE**2 * (4 * len(OBJECTS) + 3 * len(SCENES))
