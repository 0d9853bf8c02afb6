"""Methods of other libraries explain a network of PyTorch itself."""

import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.choice import choose

SIZE = (16, 20)
ALIKE = {
    "captum:Saliency(abs=False)": "vanilla_gradient",
    "captum:InputXGradient": "gradient_x_input",
    "captum:GuidedBackprop": "guided_backprop",
    "captum:Deconvolution": "deconvnet",
    "captum:LayerGradCam(relu_attributions=True)": "grad_cam",
    "grad_cam:GradCAM": "grad_cam",
    "torchcam:GradCAM": "grad_cam",
    "saliency:GradCam": "grad_cam",
}


@pytest.fixture(scope="module")
def scaled():
    """From the scale of its pixels to a network without biases."""
    torch = pytest.importorskip("torch")
    from torch import nn

    from bam.models.torch.classifier import TorchClassifier

    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(6, 8, 3, padding=1, bias=False), nn.ReLU(inplace=True)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3, bias=False)]
    return lambda scale: TorchClassifier(nn.Sequential(*layers), "rgb", SIZE, scale, batch_size=4)


@pytest.fixture(scope="module")
def of_torch(scaled):
    return scaled("0.5/0.5")


@pytest.mark.parametrize("entry", ALIKE)
def test_ours_and_theirs(of_torch, batch, found, entry):
    found(entry.partition(":")[0])
    explainer = choose(entry, always=())[0]
    assert explainer.method.unsuited(of_torch) is None
    ours, theirs = explain(of_torch, *batch, ALIKE[entry]), explainer.explain(of_torch, *batch)
    for one, other in zip(ours, theirs, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999 if one.any() else not other.any()


@pytest.mark.parametrize(
    ("scale", "mean"), [("0.5/0.5", (127.5, 127.5, 127.5)), ("caffe", (123.68, 116.779, 103.939))]
)
def test_relevance_goes_through_what_its_module_is_given(scaled, batch, found, scale, mean):
    """Without biases it is the gradient times what the module is given (Ancona et al. 2018)."""
    found("captum")
    classifier, method = scaled(scale), choose("captum:LRP", always=())[0].method
    assert method.unsuited(classifier) is None
    expected = classifier.gradient(*batch) * (batch[0] - np.float32(mean))
    relevance = explain(classifier, *batch, method)
    np.testing.assert_allclose(relevance, expected, rtol=1e-2, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("entry", ["captum:LayerGradCam", "grad_cam:GradCAM", "torchcam:GradCAM"])
def test_feature_maps_with_channels_last_are_not_taken_for_others(found, entry):
    """As a Swin transformer has them; BAM's own Grad-CAM knows."""
    found(entry.partition(":")[0])
    from torch import nn

    from bam.models.torch.classifier import TorchClassifier

    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.mix = nn.Conv2d(3, 24, 2, 2), nn.Linear(24, 24)

        def forward(self, x):
            return self.mix(self.patches(x).permute(0, 2, 3, 1)).mean((1, 2))

    classifier = TorchClassifier(ChannelsLast(), range(24), SIZE)
    method = choose(entry, always=())[0].method
    assert method.unsuited(classifier) == "mix gives its channels last, where the library takes them first"
    first = choose(f"{entry}(layer=patches)", always=())[0]
    assert first.explain(classifier, np.ones((1, *SIZE, 3), np.float32), [0]).shape == (1, *SIZE)


def test_a_layer_goes_by_its_name(of_torch, batch, found):
    found("captum")
    theirs = choose("captum:LayerGradCam(relu_attributions=True, layer='3')", always=())[0]
    maps, ours = theirs.explain(of_torch, *batch), explain(of_torch, *batch, "grad_cam", layer="3")
    np.testing.assert_allclose(maps, ours, rtol=1e-3, atol=1e-4 * ours.max())
