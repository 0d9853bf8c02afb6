"""How long the perturbation metrics take against the floor of forward passes and against xplique and quantus.

  python benchmarks/deletion.py                              # ResNet50, 224 px: about 8 minutes on 2 cores
  python benchmarks/deletion.py --architecture small --images 64 --batch_size 32 --maps 4
  pip install -e ".[peers]"                                  # also times those two

Prints milliseconds for each image and map, and their ratio to the floor: the bare compiled forward pass of
the network as trained, once for each point of the curves, in batches of the same size. All take turns in one
run and the median of the rounds counts; one more, before, compiles. Maps are given; to order their pixels
is part of what is timed. Then areas are compared with xplique's, at the same numbers of pixels.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # xplique asks for tf.keras and means this one

import numpy as np
import tensorflow as tf

from bam.data_prep import load_dataset
from bam.metrics import METRICS
from bam.metrics.evaluation.order import orders
from bam.metrics.perturbation.deletion import step_counts
from bam.metrics.perturbation.family import CURVES, area
from bam.metrics.perturbation.masking import Composer, Explained, Originals
from bam.metrics.perturbation.substitutes import grey, insertion_start
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.classifier import Classifier
from bam.models.network.derivatives import forward
from bam.models.stored import load_classifier

PAIR = ("deletion", "insertion")


def floor(classifier: Classifier, images: np.ndarray, points: int) -> Callable[[], None]:
    """The bare compiled forward pass on `points` copies of every image, in batches."""
    network = tf.function(
        forward(classifier.model), input_signature=[tf.TensorSpec((None, *images.shape[1:]))]
    )
    index = np.arange(points * len(images)) % len(images)

    def run() -> None:
        for start in range(0, len(index), classifier.batch_size):
            network(tf.constant(images[index[start : start + classifier.batch_size]]))

    return run


def ours(
    classifier: Classifier, images: np.ndarray, maps: np.ndarray, names: tuple[str, ...]
) -> Callable[[], None]:
    """The points of some metrics for the maps (M, N, H, W) of M methods."""
    composer, seeds = Composer(classifier), np.arange(len(images), dtype=np.uint64)

    def run() -> None:
        for start in range(0, len(images), classifier.batch_size):
            part = slice(start, start + classifier.batch_size)
            originals = Originals(composer, images[part], seeds[part])
            for planes in maps:
                explained = Explained(originals, planes[part], orders(planes[part], seeds[part]))
                for name in names:
                    CURVES[name].measure(explained, METRICS[name].settings())

    return run


def xplique(
    classifier: Classifier, images: np.ndarray, maps: np.ndarray, points: int
) -> dict[str, Callable[[], float]]:
    """Its Deletion and Insertion, as many steps and the same substrates; each gives its area for maps[0]."""
    try:
        from xplique.metrics import Deletion, Insertion
    except ImportError:
        print('xplique is not installed: pip install -e ".[peers]"')
        return {}
    one_hot = tf.one_hot(classifier.predictions(images), len(classifier.class_names))
    originals = Originals(Composer(classifier), images, np.zeros(len(images), np.uint64))
    starts = {
        "deletion": np.broadcast_to(grey(originals), images.shape).astype(np.float32),
        "insertion": insertion_start(originals),
    }

    def one(name: str, metric: type) -> Callable[[], float]:
        def run() -> float:
            judge = metric(
                classifier.model,
                images,
                one_hot,
                batch_size=classifier.batch_size,
                baseline_mode=lambda inputs: starts[name],
                steps=points - 1,
                activation="softmax",
            )
            areas = [float(judge.evaluate(planes)) for planes in maps]
            return areas[0]

        return run

    return {"deletion": one("deletion", Deletion), "insertion": one("insertion", Insertion)}


def quantus(
    classifier: Classifier, images: np.ndarray, maps: np.ndarray, points: int
) -> tuple[int, Callable[[], Any]] | None:
    """Its PixelFlipping, with about as many points, and how many these are.

    It changes each channel of a pixel by itself, and takes only shares of the pixels that divide them. It
    is given our compiled forward pass, so that what it does besides is compared.
    """
    try:
        import torch
        from quantus import PixelFlipping
    except ImportError:
        print('quantus is not installed: pip install -e ".[peers]"')
        return None
    pixels = images[0, ..., 0].size
    step = max(n for n in range(1, pixels + 1) if pixels % n == 0 and 3 * pixels // n >= points)

    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(classifier.logits(x.numpy().transpose(0, 2, 3, 1)))

    metric = PixelFlipping(
        features_in_step=step, perturb_baseline="black", normalise=False, disable_warnings=True
    )
    given = {
        "model": Network().eval(),
        "x_batch": images.transpose(0, 3, 1, 2),
        "y_batch": classifier.predictions(images),
    }

    def run() -> None:
        for planes in maps:
            metric(**given, a_batch=planes[:, None], channel_first=True, batch_size=classifier.batch_size)

    return 3 * pixels // step, run


def agreement(
    classifier: Classifier, images: np.ndarray, planes: np.ndarray, points: int
) -> dict[str, float]:
    """Our areas at the numbers of pixels where xplique takes its points, the means over the images."""
    seeds = np.arange(len(images), dtype=np.uint64)
    explained = Explained(Originals(Composer(classifier), images, seeds), planes, orders(planes, seeds))
    counts = np.linspace(0, planes[0].size, points, dtype=int)
    curves = {
        "deletion": explained.most_relevant_first(grey, counts),
        "insertion": explained.replaced(insertion_start, counts, counts[-1]),
    }
    return {name: float(area(found.probability).mean()) for name, found in curves.items()}


def compare(
    classifier: Classifier, images: np.ndarray, maps: np.ndarray, options: argparse.Namespace
) -> None:
    """The floor, our metrics alone and together, in float32 and bfloat16, and xplique."""
    points = len(step_counts(classifier.input_size))
    half = Classifier(
        classifier.model, classifier.class_names, batch_size=classifier.batch_size, precision="bfloat16"
    )
    contenders = {"floor": floor(classifier, images, points * len(maps))}
    for suffix, network in (("", classifier), (", bfloat16", half)):
        for names in (*((name,) for name in PAIR), tuple(CURVES)):
            label = names[0] if len(names) == 1 else f"all {len(names)} metrics"
            contenders[label + suffix] = ours(network, images, maps, names)
    peers = xplique(classifier, images, maps, points)
    contenders |= {f"xplique {name}": run for name, run in peers.items()}
    flipping = quantus(classifier, images, maps, points)
    if flipping:
        contenders[f"quantus PixelFlipping, {flipping[0]} points"] = flipping[1]
    times: dict[str, list[float]] = {label: [] for label in contenders}
    for turn in range(options.rounds + 1):
        for label, run in contenders.items():
            begin = time.perf_counter()
            run()
            if turn:
                times[label].append(time.perf_counter() - begin)
    per_map = {label: statistics.median(taken) / maps[..., 0, 0].size for label, taken in times.items()}
    print(f"{len(images)} images, {len(maps)} maps of each, {points} points")
    print("| | ms per image and map | times the floor |\n|---|---|---|")
    for label, value in per_map.items():
        ratio = "-" if label.startswith("all") else f"{value / per_map['floor']:.2f}"
        print(f"| {label} | {1000 * value:.1f} | {ratio} |")
    same = agreement(classifier, images, maps[0], points)
    for name, run in peers.items():
        ratio = per_map[f"xplique {name}"] / per_map[name]
        print(f"{name}: xplique takes {ratio:.1f} times as long; areas at its points: ", end="")
        print(f"{same[name]:.7f}, xplique's {run():.7f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architecture", default="resnet50", choices=sorted(ARCHITECTURES))
    parser.add_argument("--model", help="a model folder of bam.train, in place of random weights")
    parser.add_argument("--data", help="a dataset folder, whose test images are taken in place of noise")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--maps", type=int, default=1, help="random maps of each image")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.model:
        classifier = load_classifier(options.model, batch_size=options.batch_size)
    else:
        model = build_model(options.architecture, 10, "none", seed=0)
        classifier = Classifier(model, range(10), batch_size=options.batch_size)
    rng = np.random.default_rng(0)
    if options.data:
        batch = load_dataset(options.data).view("object_scene")[: options.images]
        images = np.rint(classifier.prepare(batch.images))
    else:
        shape = (options.images, *classifier.input_size, 3)
        images = rng.integers(0, 256, shape).astype(np.float32)
    maps = rng.random((options.maps, *images.shape[:3])).astype(np.float32)
    compare(classifier, images, maps, options)


if __name__ == "__main__":
    main()
