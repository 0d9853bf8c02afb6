"""How long attribution takes against the floor, against other libraries, and in bfloat16.

  python benchmarks/attributions.py                     # ResNet50, 224 px: about 12 minutes on 2 cores
  python benchmarks/attributions.py --architecture small --images 64 --batch_size 32
  python benchmarks/attributions.py --convergence --model runs/models/scene --data data/bam --batch_size 64
  pip install -e ".[peers]"                             # also times PAIR saliency, captum and xplique

Prints milliseconds per image and their ratio to the floor: the bare compiled forward and backward pass of
the network as trained, on as many samples, in batches of the same size. All take turns in one run and the
median of three rounds counts, of which the first compiles. Methods of one evaluation work on a whole batch of
images, sampled ones on `--images`. With --convergence instead: how soon samples of integrated gradients with
SmoothGrad come near the grid of 25 x 25 that the paper's code evaluates.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # xplique asks for tf.keras and means this one

import numpy as np
import tensorflow as tf
from peers import captum_contenders, pair_contenders, xplique_contenders
from rounds import medians

from bam.attributions import METHODS, explain
from bam.attributions.registry import Explainer, Method
from bam.data_prep import load_dataset
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.classifier import Classifier
from bam.models.network.derivatives import logit_gradient
from bam.models.stored import load_classifier

SAMPLED = ("smoothgrad", "integrated_gradients", "integrated_gradients_smoothgrad")
ONCE = ("vanilla_gradient", "guided_backprop", "grad_cam")


def floor(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, samples: int
) -> Callable[[], None]:
    """The bare compiled gradient on `samples` copies of every image, in batches."""
    specs = [tf.TensorSpec((None, *images.shape[1:])), tf.TensorSpec((None,), tf.int32)]
    gradient = tf.function(logit_gradient(classifier.model), input_signature=specs)
    index = np.arange(samples * len(images)) % len(images)

    def run() -> None:
        for start in range(0, len(index), classifier.batch_size):
            part = index[start : start + classifier.batch_size]
            gradient(tf.constant(images[part]), tf.constant(targets[part]))

    return run


def ours(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, samples: int, names: Sequence[str]
) -> dict[str, Callable[[], None]]:
    """Each of the methods alone, with a fixed number of samples where there are any."""

    def one(name: str) -> Callable[[], None]:
        explainer = sampled_by(METHODS[name], samples)
        return lambda: explainer.explain(classifier, images, targets)

    return {name: one(name) for name in names}


def together(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, samples: int
) -> Callable[[], None]:
    """All methods, with shared work."""
    seeds = np.arange(len(images), dtype=np.uint64)

    def run() -> None:
        with classifier.sharing(images):
            for method in suited(classifier):
                sampled_by(method, samples).explain(classifier, images, targets, seed=seeds)

    return run


def suited(classifier: Classifier) -> list[Method]:
    """The usual methods that apply to the network, without controls."""
    usual = [method for method in METHODS.values() if method.usual and not method.control]
    return [method for method in usual if not method.unsuited(classifier)]


def sampled_by(method: Method, samples: int) -> Explainer:
    """The method, with so many samples if it takes any."""
    return method.with_settings(**({"samples": samples} if method.takes("samples") else {}))


def compare(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, options: argparse.Namespace
) -> None:
    """The floors, our methods and the peers, in float32 and bfloat16."""
    samples, few = options.samples, (images[: options.images], targets[: options.images])
    half = Classifier(
        classifier.model, classifier.class_names, batch_size=classifier.batch_size, precision="bfloat16"
    )
    every = f"all {len(suited(classifier))} methods"
    # Milliseconds are per image; each contender with how many images it works on.
    contenders = {
        "floor, 1 sample": (floor(classifier, images, targets, 1), len(images)),
        f"floor, {samples} samples": (floor(classifier, *few, samples), options.images),
    }
    for suffix, network in (("", classifier), (", bfloat16", half)):
        whole, sampled = ours(network, images, targets, 1, ONCE), ours(network, *few, samples, SAMPLED)
        contenders |= {name + suffix: (run, len(images)) for name, run in whole.items()}
        contenders |= {name + suffix: (run, options.images) for name, run in sampled.items()}
        contenders[every + suffix] = (together(network, *few, samples), options.images)
    for make in (xplique_contenders, captum_contenders, pair_contenders):
        contenders |= make(classifier, images, targets, samples)
    seconds = medians({name: run for name, (run, _) in contenders.items()}, options.rounds)
    per_image = {name: seconds[name] / count for name, (_, count) in contenders.items()}
    print("| | ms per image | times the floor |\n|---|---|---|")
    for name, value in per_image.items():
        single = name.startswith("floor, 1 ") or any(once in name for once in ONCE)
        basis = per_image["floor, 1 sample" if single else f"floor, {samples} samples"]
        if name.startswith(every):  # gradient, guided gradient, Grad-CAM; three sampled methods
            basis *= (len(ONCE) + len(SAMPLED) * samples) / samples
        print(f"| {name} | {1000 * value:.1f} | {value / basis:.2f} |", flush=True)


def convergence(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> None:
    """How near joint samples and the grid come to an estimate from 40 times the grid's gradients."""

    def maps(samples: int, seed: int) -> np.ndarray:
        name = "integrated_gradients_smoothgrad"
        return explain(classifier, images, targets, name, seed, samples=samples).reshape(len(images), -1)

    def grid(seed: int, side: int = 25) -> np.ndarray:
        """SmoothGrad of integrated gradients: for each of 25 noisy copies 25 steps of the path."""
        rng = np.random.default_rng(seed)
        spread = 0.15 * (images.max((1, 2, 3)) - images.min((1, 2, 3)))[:, None, None, None]
        total = 0
        for _ in range(side):
            noisy = (images + rng.normal(size=images.shape) * spread).astype(np.float32)
            total = total + explain(classifier, noisy, targets, "integrated_gradients", samples=side) / side
        return total.reshape(len(images), -1)

    best = maps(25_000, 1)
    estimates = {f"{n} joint samples": maps(n, 2) for n in (10, 25, 50, 75, 100, 200, 625)}
    estimates["25 x 25 grid"] = grid(3)
    print("\n| integrated gradients with SmoothGrad | correlation with 25,000 samples |\n|---|---|")
    for name, found in estimates.items():
        mean = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, best, strict=True)])
        print(f"| {name} | {mean:.4f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architecture", default="resnet50", choices=sorted(ARCHITECTURES))
    parser.add_argument("--model", help="a model folder of bam.train, in place of random weights")
    parser.add_argument(
        "--data", help="a dataset folder whose first test images are taken, in place of noise"
    )
    parser.add_argument("--images", type=int, default=4, help="for the sampled methods")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--convergence", action="store_true", help="only the last table, on few images")
    options = parser.parse_args()
    if options.model:
        classifier = load_classifier(options.model, batch_size=options.batch_size)
    else:
        model = build_model(options.architecture, 10, "none", seed=0)
        classifier = Classifier(model, range(10), batch_size=options.batch_size)
    rng, count = np.random.default_rng(0), max(options.images, options.batch_size)
    if options.data:
        batch = load_dataset(options.data).view("object_scene")[:count]
        images = classifier.prepare(batch.images)
    else:
        images = rng.uniform(0, 255, (count, *classifier.input_size, 3)).astype(np.float32)
    targets = classifier.predictions(images).astype(np.int32)
    if options.convergence:
        convergence(classifier, images[: options.images], targets[: options.images])
    else:
        compare(classifier, images, targets, options)


if __name__ == "__main__":
    main()
