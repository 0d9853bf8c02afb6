"""What CAVs cost beside the network's own sweeps, and how often nothing passes for a concept.

  python benchmarks/tcav.py                           # the small network: half a minute
  python benchmarks/tcav.py --architecture resnet50 --layers conv4_block6_out   # 224 px: some minutes
  python benchmarks/tcav.py --null 30                 # the second question, on trained models

The first table compares, in one run and layer by layer, the sweeps alone (outputs of 1,200 images,
gradients of 100) with all that the scores of 30 CAVs take: the sweeps, inner products, classifiers,
directional derivatives. The second takes random scenes for a concept and counts how often the t-test
passes them, with and without regard to the images that runs have in common.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from bam.data_prep import load_dataset
from bam.data_prep.classes import COMMONALITY_OBJECT
from bam.data_prep.dataset import Dataset
from bam.metrics.concepts.cav import Draw, common_share, concept_layers, fit, layer_outputs, solve
from bam.metrics.concepts.sensitivity import POOL, along, make_draws
from bam.metrics.concepts.significance import p_value
from bam.metrics.concepts.tcav import Concepts
from bam.metrics.evaluation.images import shuffled
from bam.models import load_classifier
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.classifier import Classifier

CLASS_IMAGES = 100
LEVEL = 0.05


def cost(
    classifier: Classifier,
    layer: str,
    pool: np.ndarray,
    images: np.ndarray,
    settings: Concepts,
    rounds: int,
) -> tuple[float, float]:
    """Seconds of the two sweeps of a layer alone, and of all that its scores take: medians of rounds."""
    targets = np.zeros(len(images), int)
    half = len(pool) // 2
    draws = make_draws(half, half, settings.tcav_images, settings.tcav_runs, 0)[0]

    def sweeps() -> None:
        for start in range(0, len(pool), classifier.batch_size):
            classifier.features(classifier.prepare(pool[start : start + classifier.batch_size]), layer)
        classifier.layer_gradients(images, targets, [layer])

    def everything() -> None:
        cavs, _ = fit(layer_outputs(classifier, layer, pool), draws)
        along(classifier.layer_gradients(images, targets, [layer])[0][1], cavs)

    layer_outputs(classifier, layer, pool[:32]).gram()  # to compile
    classifier.layer_gradients(images[:32], targets[:32], [layer])
    times = [[seconds(work) for work in (sweeps, everything)] for _ in range(rounds)]
    alone, whole = np.median(times, 0)
    return float(alone), float(whole)


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def speed(architecture: str, layers: list[str], settings: Concepts, rounds: int) -> None:
    """Print the first table."""
    classifier = Classifier(build_model(architecture, 10, "none", 0), range(10))
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (2 * POOL * settings.tcav_images, 128, 128, 3)).astype(np.uint8)
    images = classifier.prepare(pool[: min(CLASS_IMAGES, len(pool))])
    print("| layer | features | sweeps alone, s | all CAVs, s | ratio |\n|---|---|---|---|---|")
    for layer in concept_layers(classifier, layers):
        features = np.prod(classifier.model.get_layer(layer).output_shape[1:])
        alone, whole = cost(classifier, layer, pool, images, settings, rounds)
        print(f"| {layer} | {features:,} | {alone:.2f} | {whole:.2f} | {whole / alone:.2f} |", flush=True)


def passes(
    dataset: Dataset, classifier: Classifier, layer: str, settings: Concepts, concepts: int
) -> np.ndarray:
    """Share of `concepts` random halves of the scenes that pass as concepts: (plain, corrected)."""
    scenes = dataset.view("scene_only", "train")
    scenes = scenes.subset(np.unique(scenes.sources[:, 1], return_index=True)[1])
    images = shuffled(scenes, 0)[: 2 * POOL * settings.tcav_images].images
    view = dataset.view("object_scene").of_object(COMMONALITY_OBJECT)
    prepared = classifier.prepare(view[:].images)
    (_, gradient), *_ = classifier.layer_gradients(prepared, view.labels(classifier.labels), [layer])
    outputs = layer_outputs(classifier, layer, images)
    gram, found = outputs.gram(), []
    for number in range(concepts):
        order = np.random.default_rng(number).permutation(len(images))
        half = len(images) // 2
        sizes = (half, len(images) - half, settings.tcav_images, settings.tcav_runs)
        kinds = make_draws(*sizes, number)
        kinds = [[Draw(order[draw.concept], order[draw.others]) for draw in draws] for draws in kinds]
        common = [common_share(draws, len(images)) for draws in kinds]
        coefficients = (np.stack([solve(gram, draw)[0] for draw in draws], 1) for draws in kinds)
        scores = [along(gradient, outputs.combined(columns)).mean(1) for columns in coefficients]
        found.append((p_value(*scores) < LEVEL, p_value(*scores, common) < LEVEL))
    return np.mean(found, 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", default="small", choices=ARCHITECTURES)
    parser.add_argument("--layers", nargs="*", default=[], help="by default those that TCAV takes")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the median counts")
    parser.add_argument("--images", type=int, default=Concepts().tcav_images, help="of either kind for a CAV")
    parser.add_argument("--runs", type=int, default=Concepts().tcav_runs, help="CAVs of a layer")
    parser.add_argument("--null", type=int, default=0, help="how many sets of random scenes to test")
    parser.add_argument("--data", default="data/bam")
    parser.add_argument("--models", default="runs/models")
    arguments = parser.parse_args()
    settings = Concepts(tcav_runs=arguments.runs, tcav_images=arguments.images)
    if not arguments.null:
        speed(arguments.architecture, arguments.layers, settings, arguments.rounds)
        return
    dataset = load_dataset(arguments.data)
    print(f"| passed at p < {LEVEL} | runs taken as independent | corrected |\n|---|---|---|")
    for name in ("object", "scene"):
        classifier = load_classifier(f"{arguments.models}/{name}")
        for layer in concept_layers(classifier):
            plain, corrected = passes(dataset, classifier, layer, settings, arguments.null)
            print(f"| {name}, {layer} | {plain:.2f} | {corrected:.2f} |", flush=True)


if __name__ == "__main__":
    main()
