"""Methods that are derivatives with respect to the pixels, or means of such."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.registry import method
from bam.attributions.requirements import lacks_relu
from bam.base.errors import BamError, unknown

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SAMPLES = 50
# Smilkov et al. 2017, section 3.2, advise noise of 10 to 20 % of the image's range.
NOISE = 0.15
# For Gradient SHAP next to none: 1e-4 where the range is -1..1, as in Cohen et al. 2025 (their code).
SHAP_NOISE = 5e-5

# Where integrated gradients start from: a colour for each image, (N, 1, 1, 3) or a number.
BASELINES: dict[str, Callable[[np.ndarray], np.ndarray | float]] = {
    "black": lambda images: 0.0,
    "grey": lambda images: 127.5,
    "white": lambda images: 255.0,
    "mean": lambda images: images.mean((1, 2), keepdims=True),
}


@method(cite=["simonyan2013deep"])
def vanilla_gradient(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Derivative of the target's logit by each pixel (Simonyan et al. 2013), (N, H, W, 3)."""
    return classifier.gradient(images, targets)


@method(cite=["smilkov2017smoothgrad"])
def smoothgrad(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> np.ndarray:
    """SmoothGrad (Smilkov et al. 2017, equation in section 3.1), (N, H, W, 3).

    The mean of the gradients at `samples` copies of the image with normal noise, whose standard deviation
    is `noise` times the image's range of values.
    """
    return _smoothed(classifier, images, targets, seed, samples, noise)[0]


@method(cite=["smilkov2017smoothgrad", "yang2019bam"])
def smoothgrad_squared(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> np.ndarray:
    """The mean of the squared gradients at the copies that `smoothgrad` uses, (N, H, W, 3).

    This is what the code published with BAM calls SmoothGrad; it has no sign.
    """
    return _smoothed(classifier, images, targets, seed, samples, noise)[1]


@method(cite=["adebayo2018local", "smilkov2017smoothgrad"], usual=False)
def var_grad(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> np.ndarray:
    """VarGrad (Adebayo et al. 2018), (N, H, W, 3), not negative.

    The variance of the gradients at the copies that `smoothgrad` uses (Smilkov et al. 2017), divided by
    `samples`, not by one less.
    """
    mean, square = _smoothed(classifier, images, targets, seed, samples, noise)
    return np.maximum(square - mean**2, 0)


def _smoothed(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    seed: np.ndarray,
    samples: int,
    noise: float,
) -> tuple[np.ndarray, np.ndarray]:
    check_samples(samples, noise)
    return classifier.smoothed_gradients(images, targets, seed, samples, noise)


@method(cite=["sundararajan2017axiomatic"])
def integrated_gradients(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    baseline: str = "black",
    samples: int = SAMPLES,
) -> np.ndarray:
    """Integrated gradients (Sundararajan et al. 2017, equation 1), (N, H, W, 3).

    The integral from the baseline (`BASELINES`) to the image, by the midpoint rule. Summed over the pixels
    it is the logit's rise from the baseline to the image (completeness, their proposition 1).
    """
    check_samples(samples)
    seeds = np.zeros(len(images), np.uint64)  # of noise, of which there is none
    return classifier.integrated_gradients(images, targets, starts(images, baseline), seeds, samples)


@method(cite=["sundararajan2017axiomatic", "smilkov2017smoothgrad", "yang2019bam"])
def integrated_gradients_smoothgrad(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    baseline: str = "black",
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> np.ndarray:
    """Integrated gradients, averaged over noisy copies of the image (appendix E of the paper), (N, H, W, 3).

    Each of the `samples` gradients has its own noise and its own place on the path: the mean over both
    costs no more than that over one.
    """
    check_samples(samples, noise)
    start = starts(images, baseline)
    return classifier.integrated_gradients(images, targets, start, seed, samples, noise)


@method(cite=["lundberg2017unified"])
def gradient_shap(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    seed: np.ndarray,
    baseline: str = "black",
    samples: int = SAMPLES,
    noise: float = SHAP_NOISE,
) -> np.ndarray:
    """Gradient SHAP (Lundberg & Lee 2017; expected gradients with one baseline), (N, H, W, 3).

    The mean over `samples` of the gradient at a random place, uniform on the way from the baseline to the
    image with normal noise, times that way. The noise's standard deviation is `noise` times the image's
    range of values. With ever more samples it comes near `integrated_gradients`, without noise.
    """
    check_samples(samples, noise)
    start = starts(images, baseline)
    return classifier.expected_gradients(images, targets, start, seed, samples, noise)


def starts(images: np.ndarray, name: str) -> np.ndarray:
    """Where paths to images (N, H, W, 3) begin, of the same shape: a name in `BASELINES`, or `BamError`."""
    if name not in BASELINES:
        raise unknown("baseline", name, BASELINES)
    return np.broadcast_to(np.asarray(BASELINES[name](images), np.float32), images.shape)


def check_samples(samples: int, noise: float = 0.0) -> None:
    """Raise `BamError` for no samples, and for noise that is none."""
    if samples < 1 or not 0 <= noise < np.inf:
        raise BamError(f"`samples` must be at least 1 and `noise` at least 0, not {samples} and {noise}")


@method(cite=["yang2019bam"])
def gradient_x_input(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The gradient times the image (appendix E of the paper), pixel values in 0..255, (N, H, W, 3)."""
    return classifier.gradient(images, targets) * images


@method(needs=[lacks_relu], cite=["springenberg2014striving"])
def guided_backprop(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Guided backpropagation (Springenberg et al. 2014, section 3.1), (N, H, W, 3).

    The gradient, but every ReLU lets pass positive derivatives only.
    """
    return classifier.guided_gradient(images, targets)


@method(needs=[lacks_relu], cite=["zeiler2014visualizing", "springenberg2014striving"], usual=False)
def deconvnet(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The deconvolutional network (Zeiler & Fergus 2014, section 2.1), (N, H, W, 3).

    The gradient, but on the way back every ReLU is one of the derivatives: positive ones pass, wherever its
    input was (Springenberg et al. 2014, section 3.1). Of the image it knows where the largest values were in
    max-pooling: in a network without that, maps of all images are the same.
    """
    return classifier.guided_gradient(images, targets, rule="deconvnet")
