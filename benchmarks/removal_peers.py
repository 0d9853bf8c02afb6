"""Other libraries' methods that remove pixels, on one image; those not installed are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from bam import torch_twin
from bam.attributions.removal.substrates import MEAN_COLOUR
from bam.attributions.removal.superpixels import COMPACTNESS, SEGMENTS, SIGMA, superpixels
from bam.models.classifier import Classifier

# What to run, and how many forward passes it makes.
Contenders = dict[str, tuple[Callable[[], object], int]]


def lime_contenders(
    classifier: Classifier,
    image: np.ndarray,
    target: int,
    passes: Mapping[str, int],
    patch: int,
    stride: int,
) -> Contenders:
    """The authors' LIME, with the same superpixels and the same compiled network."""
    try:
        from lime.lime_image import LimeImageExplainer
    except ImportError:
        print('lime is not installed: pip install -e ".[peers]"')
        return {}
    explainer, size = LimeImageExplainer(random_state=0), classifier.batch_size

    def run() -> None:
        explainer.explain_instance(
            image,
            lambda pictures: classifier.softmax(np.asarray(pictures, np.float32)),
            labels=(target,),
            top_labels=None,
            hide_color=MEAN_COLOUR,
            num_features=100_000,
            num_samples=passes["lime"],
            batch_size=size,
            segmentation_fn=lambda _: superpixels(image[None], SEGMENTS, COMPACTNESS, SIGMA)[0],
        )

    return {"lime package": (run, passes["lime"])}


def captum_contenders(
    classifier: Classifier,
    image: np.ndarray,
    target: int,
    passes: Mapping[str, int],
    patch: int,
    stride: int,
) -> Contenders:
    """captum's occlusion, LIME and kernel SHAP on the same network in PyTorch."""
    try:
        import torch
        from captum.attr import KernelShap, Lime, Occlusion
    except ImportError:
        print('captum is not installed: pip install -e ".[peers]"')
        return {}
    network, size = torch_twin(classifier), classifier.batch_size
    pixels = torch.tensor(image[None].transpose(0, 3, 1, 2).copy())
    segments = torch.tensor(superpixels(image[None], SEGMENTS, COMPACTNESS, SIGMA)[0], dtype=torch.long)
    grey = torch.tensor(MEAN_COLOUR).reshape(1, 3, 1, 1)
    colour = grey.expand_as(pixels)
    sampled = {
        "target": target,
        "feature_mask": segments,
        "baselines": colour,
        "perturbations_per_eval": size,
    }

    def occlusion() -> None:
        Occlusion(network).attribute(
            pixels,
            sliding_window_shapes=(3, patch, patch),
            strides=(3, stride, stride),
            baselines=colour,
            target=target,
            perturbations_per_eval=size,
        )

    with_lime = lambda kind, count: lambda: kind(network).attribute(pixels, n_samples=count, **sampled)  # noqa: E731
    return {
        "captum occlusion": (occlusion, passes["sliding_patch"]),
        "captum lime": (with_lime(Lime, passes["lime"]), passes["lime"]),
        "captum kernel_shap": (with_lime(KernelShap, passes["kernel_shap"]), passes["kernel_shap"]),
    }


def xplique_contenders(
    classifier: Classifier,
    image: np.ndarray,
    target: int,
    passes: Mapping[str, int],
    patch: int,
    stride: int,
) -> Contenders:
    """xplique's occlusion, LIME and RISE on the same network and batch size."""
    try:
        from xplique.attributions import KernelShap, Lime, Occlusion, Rise
    except ImportError:
        print('xplique is not installed: pip install -e ".[peers]"')
        return {}
    size, one_hot = classifier.batch_size, tf.one_hot([target], len(classifier.class_names))
    mapped = {
        "map_to_interpret_space": lambda picture: superpixels(
            picture.numpy()[None], SEGMENTS, COMPACTNESS, SIGMA
        )[0]
    }
    explainers = {
        "sliding_patch": Occlusion(classifier.model, size, patch_size=patch, patch_stride=stride),
        "lime": Lime(classifier.model, size, nb_samples=passes["lime"], **mapped),
        "kernel_shap": KernelShap(classifier.model, size, nb_samples=passes["kernel_shap"], **mapped),
        "rise": Rise(classifier.model, size, nb_samples=passes["rise"]),
    }
    return {
        f"xplique {name}": ((lambda e=explainer: e(image[None], one_hot)), passes[name])
        for name, explainer in explainers.items()
    }
