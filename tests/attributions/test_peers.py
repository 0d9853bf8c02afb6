"""The methods against other libraries' on a trained network.

PAIR saliency is installed with the test extra; xplique (extra `peers`) is compared where it is installed.
"""

import os
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.attributions import explain
from bam.attributions.libraries.saliency import EarlierNumpy
from bam.models.classifier import Classifier

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # xplique asks for tf.keras and means tf_keras
SIZE = 24


def pictures(count, seed):
    """A bright square somewhere on noise, in the colour of its class."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 120, (count, SIZE, SIZE, 3)).astype(np.float32)
    targets = rng.integers(0, 3, count)
    for image, target in zip(images, targets, strict=True):
        top, left = rng.integers(0, SIZE - 8, 2)
        image[top : top + 8, left : left + 8, target] = rng.uniform(180, 255)
    return images, targets


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, stride in ((8, 1), (16, 2), (16, 1)):
        x = keras.layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.8)(x))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.optimizer.learning_rate = 0.01
    images, targets = pictures(600, seed=0)
    model.fit(images, targets, epochs=4, verbose=0)
    classifier = Classifier(model, "rgb", batch_size=16)
    assert (classifier.predictions(images) == targets).mean() > 0.9
    return classifier


@pytest.fixture(scope="module")
def batch():
    return pictures(4, seed=1)


def correlations(ours, theirs):
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)]


@pytest.fixture(scope="module")
def pair(classifier):
    """PAIR saliency's core, and the function through which it asks a model."""
    saliency = pytest.importorskip("saliency.core")
    base, last = saliency.base, classifier.feature_layer()
    inner = keras.Model(
        classifier.model.inputs, [classifier.model.get_layer(last).output, classifier.model.output]
    )

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3)), tf.TensorSpec((), tf.int32)])
    def ask(images, target):
        with tf.GradientTape() as tape:
            tape.watch(images)
            features, logits = inner(images, training=False)
            score = logits[:, target]
        return features, *tape.gradient(score, (features, images))

    def call_model(images, call_model_args=None, expected_keys=None):
        target = tf.constant(call_model_args["target"], tf.int32)
        values, inside, at_pixels = ask(tf.constant(images, tf.float32), target)
        if expected_keys == [base.INPUT_OUTPUT_GRADIENTS]:
            return {base.INPUT_OUTPUT_GRADIENTS: at_pixels.numpy()}
        return {
            base.CONVOLUTION_LAYER_VALUES: values.numpy(),
            base.CONVOLUTION_OUTPUT_GRADIENTS: inside.numpy(),
        }

    return saliency, call_model


def test_pair_vanilla_gradient(classifier, batch, pair):
    saliency, call_model = pair
    theirs = [
        saliency.GradientSaliency().GetMask(image, call_model, {"target": target})
        for image, target in zip(*batch, strict=True)
    ]
    assert min(correlations(explain(classifier, *batch, "vanilla_gradient"), theirs)) > 0.9999


def test_pair_integrated_gradients(classifier, batch, pair):
    """Both near the integral: their sum takes in both ends of the path, ours the middles of its pieces."""
    saliency, call_model = pair
    theirs = [
        saliency.IntegratedGradients().GetMask(
            image,
            call_model,
            {"target": target},
            x_steps=500,
            x_baseline=np.zeros_like(image),
            batch_size=100,
        )
        for image, target in zip(*batch, strict=True)
    ]
    ours = explain(classifier, *batch, "integrated_gradients", samples=500)
    assert min(correlations(ours, theirs)) > 0.999


def test_pair_grad_cam(classifier, batch, pair):
    """Theirs is enlarged with another rule at the border, so compare where it cannot matter."""
    saliency, call_model = pair
    theirs = [
        saliency.GradCam().GetMask(
            image, call_model, {"target": target}, should_resize=True, three_dims=False
        )
        for image, target in zip(*batch, strict=True)
    ]
    inside = np.s_[:, 2:-2, 2:-2]
    ours = explain(classifier, *batch, "grad_cam")
    assert min(correlations(ours[inside], np.array(theirs)[inside])) > 0.999


@pytest.mark.parametrize("sigma", [100, 20])
def test_pair_blur_integrated_gradients(classifier, batch, pair, sigma):
    """Both near the integral: theirs takes the derivative where a piece begins, ours in its middle."""
    saliency, call_model = pair
    settings = {"max_sigma": round(sigma * SIZE / 224), "steps": 500, "batch_size": 100}
    theirs = [
        saliency.BlurIG().GetMask(image, call_model, {"target": target}, **settings)
        for image, target in zip(*batch, strict=True)
    ]
    ours = explain(classifier, *batch, "blur_integrated_gradients", max_sigma=sigma, samples=500)
    assert min(correlations(ours, theirs)) > 0.999


@pytest.mark.parametrize("settings", [{}, {"x_steps": 40, "fraction": 0.1, "max_dist": 0.3}])
def test_pair_guided_integrated_gradients(classifier, batch, pair, settings, monkeypatch):
    """The same steps, up to the rounding of derivatives that are nearly the same.

    Where the path may leave the straight one far, rounding decides the order, and paths part.
    """
    saliency, call_model = pair
    first = [each[:1] for each in batch]
    monkeypatch.setattr(sys.modules[saliency.GuidedIG.__module__], "np", EarlierNumpy())
    names = {"x_steps": "samples", "fraction": "fraction", "max_dist": "max_distance"}
    theirs = [
        saliency.GuidedIG().GetMask(image, call_model, {"target": target}, **settings)
        for image, target in zip(*first, strict=True)
    ]
    given = {names[key]: value for key, value in settings.items()}
    ours = explain(classifier, *first, "guided_integrated_gradients", **given)
    assert min(correlations(ours, theirs)) > 0.999


@pytest.mark.parametrize(("name", "squared"), [("smoothgrad", False), ("smoothgrad_squared", True)])
def test_pair_smoothgrad(classifier, batch, pair, name, squared):
    """Each draws its own noise, so both come near the mean as far as their samples let them."""
    saliency, call_model = pair
    np.random.seed(0)  # noqa: NPY002 - theirs draws from the global generator
    image, target = batch[0][:1], batch[1][:1]
    theirs = saliency.GradientSaliency().GetSmoothedMask(
        image[0], call_model, {"target": target[0]}, stdev_spread=0.15, nsamples=600, magnitude=squared
    )
    ours = explain(classifier, image, target, name, samples=600)
    assert correlations(ours, [theirs])[0] > 0.98


@pytest.mark.parametrize(
    ("name", "theirs", "settings"),
    [
        ("vanilla_gradient", "Saliency", {}),
        ("gradient_x_input", "GradientInput", {}),
        ("guided_backprop", "GuidedBackprop", {}),
        ("integrated_gradients", "IntegratedGradients", {"steps": 400}),
        ("grad_cam", "GradCAM", {}),
    ],
)
def test_xplique(classifier, batch, name, theirs, settings):
    xplique = pytest.importorskip("xplique.attributions")
    images, targets = batch
    if theirs != "GradCAM":
        settings = {**settings, "reducer": None}  # keep the channels
    explainer = getattr(xplique, theirs)(classifier.model, batch_size=4, **settings)
    found = np.asarray(explainer(images, tf.one_hot(targets, 3)))
    ours = explain(classifier, images, targets, name, **({"samples": 400} if settings.get("steps") else {}))
    if name == "vanilla_gradient":
        ours = np.abs(ours)
    if name == "grad_cam":
        found, ours = found.reshape(ours.shape)[:, 2:-2, 2:-2], ours[:, 2:-2, 2:-2]
    assert min(correlations(ours, found)) > 0.999


@pytest.fixture(scope="module")
def captum(classifier):
    """Captum's methods, the network in torch, and its last feature maps there."""
    attr, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
    layers = []
    for layer in classifier.network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            stride = layer.strides[0]
            # TensorFlow's "same" padding of an even side puts more behind than before.
            layers.append(torch.nn.ZeroPad2d((2 - stride, 1, 2 - stride, 1)))
            kernel, bias = (torch.tensor(weight) for weight in layer.get_weights())
            layers.append(torch.nn.Conv2d(*kernel.shape[2:], 3, stride))
            layers[-1].weight.data, layers[-1].bias.data = kernel.permute(3, 2, 0, 1), bias
            layers.append(torch.nn.ReLU())
    last, head = layers[-1], torch.nn.Linear(16, 3)
    weights, bias = classifier.network.layers[-1].get_weights()
    head.weight.data, head.bias.data = torch.tensor(weights.T), torch.tensor(bias)
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), head)
    return attr, network, last


def in_torch(images, targets):
    """Pixels as the network has them behind its preprocessing."""
    torch = pytest.importorskip("torch")
    return torch.tensor(images / 127.5 - 1).permute(0, 3, 1, 2), torch.tensor(targets)


def test_captum_layer_grad_cam(classifier, batch, captum):
    attr, network, last = captum
    images, targets = in_torch(*batch)
    np.testing.assert_allclose(
        network(images).detach(), classifier.logits(batch[0]), rtol=1e-3, atol=1e-3
    )  # the same network
    cam = attr.LayerGradCam(network, last).attribute(images, targets)
    cam = attr.LayerAttribution.interpolate(cam, (SIZE, SIZE), "bilinear").abs()
    ours = explain(classifier, *batch, "layered_grad_cam")
    np.testing.assert_allclose(ours, cam[:, 0].detach(), rtol=1e-3, atol=1e-3 * ours.max())


def test_captum_gradient_shap(classifier, batch, captum):
    """Each draws its own places, so both come near the mean as far as their samples let them."""
    attr, network, _ = captum
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    images, targets = in_torch(*batch)
    grey = torch.zeros_like(images[:1])  # 127.5 in pixels
    theirs = attr.GradientShap(network).attribute(images, grey, 1000, 1e-4, target=targets)
    ours = explain(classifier, *batch, "gradient_shap", samples=1000, baseline="grey")
    assert min(correlations(ours, theirs.permute(0, 2, 3, 1).detach().numpy())) > 0.98
    np.testing.assert_allclose(ours.sum((1, 2, 3)), theirs.sum((1, 2, 3)).detach(), rtol=0.1)


def test_captum_deconvolution(classifier, batch, captum):
    attr, network, _ = captum
    images, targets = in_torch(*batch)
    images.requires_grad_()
    theirs = attr.Deconvolution(network).attribute(images, targets)
    ours = explain(classifier, *batch, "deconvnet")
    assert min(correlations(ours, theirs.permute(0, 2, 3, 1).detach().numpy())) > 0.999
    assert max(correlations(ours, explain(classifier, *batch, "guided_backprop"))) < 0.999
