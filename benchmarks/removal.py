"""Time methods that remove pixels against bare forward passes, and against other libraries.

python benchmarks/removal.py                                       # ResNet50, 224 px
python benchmarks/removal.py --architecture small --batch_size 32  # the small network, 64 px

The floor of a method is the network's compiled forward pass on as many finished images in batches of the
same size, with the same folding of batch norms. All take turns in one run and the median of the rounds
counts, after a short one that is not counted, in which networks are compiled. With --together instead:
images per second of meaningful perturbation, optimised together and one at a time.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # xplique asks for tf.keras and means this one

import numpy as np
import tensorflow as tf
from removal_peers import captum_contenders, lime_contenders, xplique_contenders
from rounds import medians

from bam.attributions import METHODS
from bam.attributions.lengths import scaled
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.classifier import Classifier
from bam.models.network.derivatives import forward

# Runs a method on some images, and how many forward passes it makes of them.
Contender = tuple[Callable[[], object], int]

# Samples and masks of the round that is not counted.
SHORT = 64


def floor(classifier: Classifier, passes: int) -> Callable[[], None]:
    """So many forward passes on finished images, in full batches."""
    size = (classifier.batch_size, *classifier.input_size, 3)
    pictures = tf.constant(np.random.default_rng(0).uniform(0, 255, size).astype(np.float32))
    run = tf.function(forward(classifier.network), input_signature=[tf.TensorSpec((None, *size[1:]))])

    def passed() -> None:
        for _ in range(-(-passes // classifier.batch_size)):
            run(pictures)

    return passed


def ours(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, options: argparse.Namespace
) -> dict[str, Contender]:
    """Each method on all images, with its settings, and the passes that it makes."""
    patch, stride = scaled(53, classifier.input_size), scaled(options.stride, classifier.input_size)
    places = np.prod([(side - patch) // stride + 1 for side in classifier.input_size]) + 1
    chosen = {
        "sliding_patch": ({"stride": options.stride}, places),
        "lime": ({"samples": options.samples}, options.samples),
        "rise": ({"samples": options.masks}, options.masks),
        "kernel_shap": ({"samples": options.samples}, options.samples),
    }

    def run(name: str, settings: dict[str, int]) -> Callable[[], object]:
        explainer = METHODS[name].with_settings(**settings)
        return lambda: explainer.explain(classifier, images, targets)

    return {
        name: (run(name, settings), len(images) * int(passes)) for name, (settings, passes) in chosen.items()
    }


def compare(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, options: argparse.Namespace
) -> None:
    """A line for each method, ours and others', with what the floor takes for as many passes."""
    short = argparse.Namespace(**vars(options) | {"samples": SHORT, "masks": SHORT})
    medians(contenders(classifier, images, targets, short)[0], 1)
    timed, passes = contenders(classifier, images, targets, options)
    seconds = medians(timed, options.rounds)
    print("| | forward passes | seconds | times the floor |\n|---|---|---|---|")
    for name, count in passes.items():
        ratio = seconds[name] / seconds[f"floor {count}"]
        print(f"| {name} | {count} | {seconds[name]:.3f} | {ratio:.2f} |", flush=True)


def contenders(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, options: argparse.Namespace
) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """All that is timed, floors included, and the forward passes of each method."""
    found = ours(classifier, images, targets, options)
    # The others on the first image alone, with as many passes as ours on it.
    each = {name: passes // len(images) for name, (_, passes) in found.items()}
    patch, stride = scaled(53, classifier.input_size), scaled(options.stride, classifier.input_size)
    for make in (lime_contenders, captum_contenders, xplique_contenders):
        found |= make(classifier, images[0], int(targets[0]), each, patch, stride)
    passes = {name: count for name, (_, count) in found.items()}
    floors = {f"floor {count}": floor(classifier, count) for count in passes.values()}
    return {name: run for name, (run, _) in found.items()} | floors, passes


def together(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, options: argparse.Namespace
) -> None:
    """Meaningful perturbation of all images at once, and of one after another."""
    explainer = METHODS["meaningful_perturbation"].with_settings(iterations=options.iterations)

    def alone() -> None:
        for place in range(len(images)):
            part = slice(place, place + 1)
            explainer.explain(classifier, images[part], targets[part])

    contenders = {
        f"{len(images)} images together": lambda: explainer.explain(classifier, images, targets),
        "one at a time": alone,
    }
    medians(contenders, 1)
    print(f"| meaningful_perturbation, {options.iterations} iterations | images per second |\n|---|---|")
    for name, seconds in medians(contenders, options.rounds).items():
        print(f"| {name} | {len(images) / seconds:.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architecture", default="resnet50", choices=sorted(ARCHITECTURES))
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--stride", type=int, default=8, help="of the patch of 53 pixels, at 224 pixels")
    parser.add_argument("--samples", type=int, default=1000, help="of lime and kernel_shap")
    parser.add_argument("--masks", type=int, default=4000, help="of rise")
    parser.add_argument("--iterations", type=int, default=300, help="of meaningful_perturbation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--together", action="store_true", help="only the last table")
    options = parser.parse_args()
    model = build_model(options.architecture, 10, "none", seed=0)
    classifier = Classifier(model, range(10), batch_size=options.batch_size)
    size = (options.images, *classifier.input_size, 3)
    images = np.random.default_rng(0).uniform(0, 255, size).astype(np.float32)
    targets = classifier.predictions(images).astype(np.int32)
    (together if options.together else compare)(classifier, images, targets, options)


if __name__ == "__main__":
    main()
