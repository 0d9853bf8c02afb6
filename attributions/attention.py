"""Methods for networks with a class token and attention: where that token looks.

The attention layers give probabilities (N, heads, tokens, tokens), the class token first; the others stand
for the patches of the image, row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method
from bam.attributions.requirements import (
    attention_layers,
    lacks_attention,
    lacks_token_sums,
    token_sums,
)
from bam.attributions.sweeps import layer_sweeps, parts
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


@method(needs=[lacks_attention], cite=["abnar2020quantifying"])
def attention_rollout(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Attention rollout (Abnar & Zuidema 2020, section 3), (N, H, W), not negative; knows no target.

    The mean over the heads plus the identity, for the path around the layer, rows divided by their sums;
    the product over the layers says how much of each patch arrives at the class token.
    """
    arrived = []
    for _, sweep in layer_sweeps(classifier, images, targets, _layers(classifier)):
        product = None
        for probabilities, _ in sweep:
            step = probabilities.mean(1) + np.eye(probabilities.shape[-1], dtype=np.float32)
            step /= step.sum(-1, keepdims=True)
            product = step if product is None else step @ product
        arrived.append(product[:, 0, 1:])
    return _on_the_image(np.concatenate(arrived), classifier)


@method(needs=[lacks_attention], cite=["cohen2025meaningful"])
def attention_last_layer(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The class token's attention in the last layer, mean over the heads, (N, H, W); knows no target."""
    # With the derivative, which costs little there, `attention_grad_cam` asks for the same.
    probabilities, _ = classifier.layer_gradient(images, targets, _layers(classifier)[-1])
    return _on_the_image(probabilities[:, :, 0, 1:].mean(1), classifier)


@method(needs=[lacks_attention], cite=["chefer2021transformer"])
def attention_grad_cam(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Grad-CAM of the last layer's attention (Chefer et al. 2021, section 4), (N, H, W), not negative.

    The heads' attention from the class token to the patches, weighted by the mean over the patches of the
    logit's derivative by it; mean over the heads; negative values become zero.
    """
    probabilities, gradient = classifier.layer_gradient(images, targets, _layers(classifier)[-1])
    weights = gradient[:, :, 0, 1:].mean(-1, keepdims=True)
    cam = (weights * probabilities[:, :, 0, 1:]).mean(1)
    return _on_the_image(np.maximum(cam, 0), classifier)


@method(needs=[lacks_attention], cite=["chefer2021generic", "chefer2021transformer"], usual=False)
def transformer_attribution(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Rollout weighted by gradients (Chefer et al. 2021, equations 5 and 6), (N, H, W), not negative.

    Of each layer the attention probabilities times the logit's derivative by them, negative values zero, mean
    over the heads, plus the identity; of the product over the layers the class token's row. So the authors
    simplified their earlier method, which has relevance in place of the probabilities.
    """
    arrived = []
    for _, sweep in layer_sweeps(classifier, images, targets, _layers(classifier)):
        product = np.eye(sweep[0][0].shape[-1], dtype=np.float32)
        for probabilities, gradient in sweep:
            product = product + np.maximum(gradient * probabilities, 0).mean(1) @ product
        arrived.append(product[:, 0, 1:])
    return _on_the_image(np.concatenate(arrived), classifier)


@method(needs=[lacks_token_sums], cite=["bousselham2025legrad"], usual=False)
def legrad(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """LeGrad (Bousselham et al. 2025), (N, H, W), not negative.

    The network's end (the last norm, the class token, the dense layer) gives a logit for the tokens behind
    each block; of its derivative by the attention in that block negative values become zero. The mean over
    blocks, heads and the tokens that attend says how much of the patches is asked for.
    """
    import tensorflow as tf

    from bam.models.network.derivatives import gradients_of_early_answers

    if reason := lacks_token_sums(classifier):
        raise BamError(f"{classifier.name} cannot be explained by LeGrad: {reason}")
    pairs = token_sums(classifier)
    specs = [tf.TensorSpec((None, *classifier.input_size, 3)), tf.TensorSpec((None,), tf.int32)]
    ask = classifier.compiled(
        "legrad", lambda: tf.function(gradients_of_early_answers(classifier.network, pairs), specs)
    )
    found = []
    for part in parts(classifier, images, [attention for attention, _ in pairs]):
        gradients = ask(tf.constant(images[part]), tf.constant(targets[part], tf.int32))
        found.append(sum(np.maximum(each.numpy(), 0).mean((1, 2))[:, 1:] for each in gradients))
    return _on_the_image(np.concatenate(found) / len(pairs), classifier)


def _layers(classifier: Classifier) -> list[str]:
    reason = lacks_attention(classifier)
    if reason:
        raise BamError(f"{classifier.name} cannot be explained by attention: {reason}")
    return attention_layers(classifier)


def _on_the_image(values: np.ndarray, classifier: Classifier) -> np.ndarray:
    """Values of the patches (N, patches), laid out as the patches are and enlarged bilinearly, (N, H, W)."""
    height, width = classifier.input_size
    rows = round((values.shape[1] * height / width) ** 0.5)
    if not rows or values.shape[1] % rows or height * (values.shape[1] // rows) != width * rows:
        raise BamError(
            f"{classifier.name} has {values.shape[1]} tokens behind the class token, which do not cover "
            f"{height} x {width} pixels in square patches"
        )
    grid = values.reshape(len(values), rows, -1, 1)
    return classifier.at_input_size(grid)[..., 0]
