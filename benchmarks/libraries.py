"""BAM's methods beside the same methods of other libraries: maps, seconds, and what IDR and MCS make of both.

  python benchmarks/libraries.py               # with data/bam and runs/models as the commands make them

For each pair, with the same settings: the correlation of the maps of each image of object_scene, seconds for
an image on this machine, one after another with nothing shared, and the images in which IDR or MCS differ in
which of the two attributions they compare is larger. These are listed with their margins, the difference of
both attributions as a share of the larger. A library that cannot be imported is named.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bam.attributions.choice import choose
from bam.attributions.lengths import scaled
from bam.attributions.registry import Explainer
from bam.base.errors import BamError
from bam.data_prep import load_dataset
from bam.metrics.api import make_run
from bam.metrics.contrast.idr import input_dependence
from bam.metrics.contrast.mcs import model_contrast
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.results.table import markdown_table
from bam.models.classifier import Classifier

# BlurIG's sum takes the derivative where a piece of the path begins, and comes near the integral slowly.
STEPS, BLURRED, SIGMA = 50, 200, 50.0
GRAD_CAM = (
    "captum:LayerGradCam(relu_attributions=True)",
    "torchcam:GradCAM",
    "grad_cam:GradCAM",
    "saliency:GradCam",
)
PAIRS = {
    "vanilla_gradient": ("captum:Saliency(abs=False)", "saliency:GradientSaliency"),
    "gradient_x_input": ("captum:InputXGradient",),
    f"integrated_gradients(samples={STEPS})": (
        f"captum:IntegratedGradients(n_steps={STEPS}, integration=riemann_middle)",
    ),
    f"blur_integrated_gradients(max_sigma={SIGMA}, samples={BLURRED})": (
        f"saliency:BlurIG(max_sigma={{sigma}}, steps={BLURRED})",
    ),
    "guided_integrated_gradients": ("saliency:GuidedIG",),
    "guided_backprop": ("captum:GuidedBackprop",),
    "deconvnet": ("captum:Deconvolution",),
    "grad_cam": GRAD_CAM,
    "guided_grad_cam": ("captum:GuidedGradCam(interpolate_mode=bilinear)",),
    "grad_cam_pp": ("grad_cam:GradCAMPlusPlus",),
    "xgrad_cam": ("grad_cam:XGradCAM", "torchcam:XGradCAM"),
    "layer_cam": ("grad_cam:LayerCAM", "torchcam:LayerCAM"),
    "hires_cam": ("grad_cam:HiResCAM",),
    "score_cam(fill=black)": ("torchcam:ScoreCAM",),
}


def one(entry: str) -> Explainer:
    """The method that an entry stands for."""
    return choose(entry, always=())[0]


def known_pairs(classifiers: list[Classifier]) -> list[tuple[Explainer, Explainer]]:
    """The pairs of methods that can be had and suit the networks; the others are printed."""
    found = []
    sigma = scaled(SIGMA, classifiers[0].input_size)  # theirs is of the picture as it is
    for ours, others in PAIRS.items():
        for theirs in (each.format(sigma=sigma) for each in others):
            try:
                pair = one(ours), one(theirs)
            except BamError as error:
                print(f"{theirs}: {error}")
                continue
            reasons = [each.method.unsuited(classifier) for each in pair for classifier in classifiers]
            if any(reasons):
                print(f"{ours}, {theirs}: {next(filter(None, reasons))}")
            else:
                found.append(pair)
    return found


def timed(explainer: Explainer, classifier: Classifier, images: np.ndarray, targets: np.ndarray):
    """The maps, and the seconds for an image; what is compiled at first does not count."""
    explainer.explain(classifier, images[:1], targets[:1])
    start = time.perf_counter()
    maps = explainer.explain(classifier, images, targets)
    return maps, (time.perf_counter() - start) / len(images)


def correlations(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Of the maps of each image; 1 where both are the same everywhere, 0 where one of them is."""
    found = []
    for a, b in zip(ours, theirs, strict=True):
        constant = [not np.ptp(each) for each in (a, b)]
        found.append(float(all(constant)) if any(constant) else np.corrcoef(a.ravel(), b.ravel())[0, 1])
    return np.array(found)


def pairs_of(run: Run, classifiers: dict[str, Classifier]) -> dict[str, Pairs]:
    """What IDR and MCS conclude from: pairs of images, and pairs of networks."""
    views = [shuffled(run.dataset.view(name), run.settings.seed) for name in ("object_scene", "scene_only")]
    of_scene = [run.collect(view, classifiers["scene"]) for view in views]
    of_object = run.collect(views[0], classifiers["object"])
    return {"IDR": Pairs(*of_scene, input_dependence), "MCS": Pairs(of_object, of_scene[0], model_contrast)}


def differing(pairs: Pairs, ours: str, theirs: str) -> Iterator[tuple[str, float, float]]:
    """The images of which the two methods conclude different things, with the margin of each."""
    for place, image in enumerate(pairs.ids):
        margins = []
        for name in (ours, theirs):
            first, second = (pairs.of_used(name, each)[place] for each in pairs.attributions(name))
            margins.append((first - second) / max(abs(first), abs(second), np.finfo(float).tiny))
        if not np.array_equal(*np.sign(margins), equal_nan=True):
            yield image, *margins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="data/bam")
    parser.add_argument("--models", type=Path, default=Path("runs/models"))
    parser.add_argument("--images", type=int, default=50, help="of which maps are compared")
    parser.add_argument("--limit", type=int, default=100, help="images of the metrics")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked = ({}, [one("random")], load_dataset(options.data), options.models, folder)
        run = make_run(*asked, RunSettings(limit=options.limit))
        classifiers = {name: run.classifier(name) for name in ("scene", "object")}
        pairs = known_pairs(list(classifiers.values()))
        explainers = list({each.name: each for pair in pairs for each in pair}.values())
        run = make_run({}, explainers, *asked[2:], RunSettings(limit=options.limit))
        report(run, classifiers, pairs, options.images)


def report(
    run: Run, classifiers: dict[str, Classifier], pairs: list[tuple[Explainer, Explainer]], count: int
) -> None:
    """Print both tables."""
    concluded = pairs_of(run, classifiers)
    batch = shuffled(run.dataset.view("object_scene"), run.settings.seed)[:count]
    classifier = classifiers["scene"]
    given = classifier.prepare(batch.images), batch.scene_labels
    maps = {each.name: timed(each, classifier, *given) for pair in pairs for each in pair}
    lines, listed = [], []
    for ours, theirs in pairs:
        (a, seconds), (b, their_seconds) = maps[ours.name], maps[theirs.name]
        found = correlations(a, b)
        line = [ours.name, theirs.name, f"{np.median(found):.6f}", f"{(found <= 0.999).mean():.1%}"]
        line += [f"{seconds:.4f}", f"{their_seconds:.4f}"]
        for name, each in concluded.items():
            others = list(differing(each, ours.name, theirs.name))
            line.append(f"{len(others)} of {each.used[ours.name].sum()}")
            listed += [
                [name, ours.name, theirs.name, image, *(f"{margin:.2e}" for margin in margins)]
                for image, *margins in others
            ]
        lines.append(line)
    head = [
        "BAM",
        "other library",
        "median correlation",
        "images at most .999",
        "s an image",
        "s an image, theirs",
    ]
    print(markdown_table([*head, *(f"{name} differs" for name in concluded)], lines))
    if listed:
        print(markdown_table(["metric", "BAM", "other library", "image", "margin", "margin, theirs"], listed))
    print(f"maps of {len(batch.images)} images of {classifier.input_size}, network {classifier.name}")


if __name__ == "__main__":
    main()
