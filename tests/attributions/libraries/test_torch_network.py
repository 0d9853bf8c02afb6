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
def of_torch():
    torch = pytest.importorskip("torch")
    from torch import nn

    from bam.models.torch.classifier import TorchClassifier

    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(6, 8, 3, padding=1, bias=False), nn.ReLU(inplace=True)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3, bias=False)]
    return TorchClassifier(nn.Sequential(*layers), "rgb", SIZE, "0.5/0.5", batch_size=4)


@pytest.mark.parametrize("entry", ALIKE)
def test_ours_and_theirs(of_torch, batch, found, entry):
    found(entry.partition(":")[0])
    explainer = choose(entry, always=())[0]
    assert explainer.method.unsuited(of_torch) is None
    ours, theirs = explain(of_torch, *batch, ALIKE[entry]), explainer.explain(of_torch, *batch)
    for one, other in zip(ours, theirs, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999 if one.any() else not other.any()


def test_relevance_goes_through_what_its_module_is_given(of_torch, batch, found):
    """Without biases it is the gradient times what the module is given (Ancona et al. 2018)."""
    found("captum")
    method = choose("captum:LRP", always=())[0].method
    assert method.unsuited(of_torch) is None
    expected = of_torch.gradient(*batch) * (batch[0] - 127.5)
    relevance = explain(of_torch, *batch, method)
    np.testing.assert_allclose(relevance, expected, rtol=1e-2, atol=2e-3 * np.abs(expected).max())


def test_a_layer_goes_by_its_name(of_torch, batch, found):
    found("captum")
    theirs = choose("captum:LayerGradCam(relu_attributions=True, layer='3')", always=())[0]
    maps, ours = theirs.explain(of_torch, *batch), explain(of_torch, *batch, "grad_cam", layer="3")
    np.testing.assert_allclose(maps, ours, rtol=1e-3, atol=1e-4 * ours.max())
