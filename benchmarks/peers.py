"""Other attribution libraries, each used as its own examples use it; those not installed are named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bam.models.classifier import Classifier

# What to run, and for how many images it works.
Contenders = dict[str, tuple[Callable[[], None], int]]


def pair_contenders(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, samples: int
) -> Contenders:
    """PAIR saliency on one image, with the eager call of its TensorFlow 2 notebook."""
    try:
        import saliency.core as saliency
    except ImportError:
        print('PAIR saliency is not installed: pip install -e ".[peers]"')
        return {}
    key = saliency.base.INPUT_OUTPUT_GRADIENTS

    def call_model(batch, call_model_args=None, expected_keys=None):
        batch = tf.convert_to_tensor(batch, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(batch)
            output = classifier.model(batch)[:, call_model_args["target"]]
        return {key: tape.gradient(output, batch).numpy()}

    image, given = images[0], {"target": int(targets[0])}
    gradient, integrated = saliency.GradientSaliency(), saliency.IntegratedGradients()
    return {
        "PAIR vanilla_gradient": (lambda: gradient.GetMask(image, call_model, given), 1),
        "PAIR smoothgrad": (
            lambda: gradient.GetSmoothedMask(image, call_model, given, nsamples=samples, magnitude=False),
            1,
        ),
        "PAIR integrated_gradients": (
            lambda: integrated.GetMask(
                image, call_model, given, x_steps=samples, x_baseline=np.zeros_like(image), batch_size=16
            ),
            1,
        ),
    }


def xplique_contenders(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, samples: int
) -> Contenders:
    """xplique on the same network and batch size."""
    try:
        from xplique.attributions import GuidedBackprop, IntegratedGradients, Saliency, SmoothGrad
    except ImportError:
        print('xplique is not installed: pip install -e ".[peers]"')
        return {}
    size, one_hot = classifier.batch_size, tf.one_hot(targets, len(classifier.class_names))
    explainers = {
        "vanilla_gradient": (Saliency(classifier.model, batch_size=size), len(images)),
        "guided_backprop": (GuidedBackprop(classifier.model, batch_size=size), len(images)),
        "smoothgrad": (SmoothGrad(classifier.model, batch_size=size, nb_samples=samples), 2),
        "integrated_gradients": (IntegratedGradients(classifier.model, batch_size=size, steps=samples), 2),
    }
    return {
        f"xplique {name}": ((lambda e=explainer, n=count: e(images[:n], one_hot[:n])), count)
        for name, (explainer, count) in explainers.items()
    }


def captum_contenders(
    classifier: Classifier, images: np.ndarray, targets: np.ndarray, samples: int
) -> Contenders:
    """captum on a ResNet50 of the same shape in PyTorch, random weights, same batch size."""
    if classifier.model.name != "resnet50":
        return {}
    try:
        import torch
        from captum.attr import GuidedBackprop, IntegratedGradients, NoiseTunnel, Saliency
    except ImportError:
        print('captum is not installed: pip install -e ".[peers]"')
        return {}
    network = torch_resnet50(len(classifier.class_names)).eval()
    pixels = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    labels, size = torch.tensor(targets, dtype=torch.long), classifier.batch_size
    plain, integrated = Saliency(network), IntegratedGradients(network)
    smooth, guided = NoiseTunnel(plain), GuidedBackprop(network)
    two, both = pixels[:2], labels[:2]

    def noise() -> None:
        smooth.attribute(
            two, nt_type="smoothgrad", nt_samples=samples, nt_samples_batch_size=size // 2, stdevs=38.0,
            target=both, abs=False,
        )  # fmt: skip

    return {
        "captum vanilla_gradient": (lambda: plain.attribute(pixels, target=labels, abs=False), len(images)),
        "captum guided_backprop": (lambda: guided.attribute(pixels, target=labels), len(images)),
        "captum smoothgrad": (noise, 2),
        "captum integrated_gradients": (
            lambda: integrated.attribute(two, target=both, n_steps=samples, internal_batch_size=size),
            2,
        ),
    }


def torch_resnet50(classes: int):
    """ResNet50 in PyTorch (He et al. 2016, table 1), as torchvision has it but for the head's size."""
    from torch import nn

    def norm_conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return [convolution, nn.BatchNorm2d(outputs)]

    class Bottleneck(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int):
            super().__init__()
            # Modules of their own: guided backprop hooks each.
            self.branch = nn.Sequential(
                *norm_conv(inputs, width, 1), nn.ReLU(),
                *norm_conv(width, width, 3, stride), nn.ReLU(),
                *norm_conv(width, 4 * width, 1),
            )  # fmt: skip
            same = inputs == 4 * width and stride == 1
            self.shortcut = nn.Identity() if same else nn.Sequential(*norm_conv(inputs, 4 * width, 1, stride))
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.branch(x) + self.shortcut(x))

    layers, inputs = [*norm_conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for width, depth, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(depth):
            layers.append(Bottleneck(inputs, width, stride if block == 0 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
