"""captum by name: on the twin as when it is called by hand, and equal to BAM's own methods."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from bam.attributions import explain
from bam.attributions.choice import choose
from bam.attributions.libraries import library_method
from bam.attributions.libraries.base import coloured, probe, wraps
from bam.base.errors import BamError
from bam.models.architectures import build_model
from bam.models.classifier import Classifier


@pytest.fixture(scope="module", autouse=True)
def captum(found):
    return found("captum")


def maps_of(classifier, batch, entry, seed=0, **settings):
    explainer = library_method(f"captum:{entry}").with_settings(**settings)
    return explainer.explain(classifier, *batch, seed=seed)


def correlations(ours, theirs):
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)]


QUICK = {"n_steps": 5, "segments": 3, "n_samples": 6}


def test_every_class_makes_maps_or_says_why_not(classifier, batch, captum):
    images, targets = (each[:2] for each in batch)
    before = [weight.copy() for weight in classifier.model.get_weights()]
    known, left_out = captum.found(), {}
    for name, kind in known.items():
        method = captum.method(name, "IntegratedGradients" if wraps(kind) else "")
        if reason := method.unsuited(classifier):
            left_out[name] = reason
            continue
        explainer = method.with_settings(**{key: value for key, value in QUICK.items() if method.takes(key)})
        maps = explainer.explain(classifier, images, targets, seed=3)
        assert maps.shape in ((2, 16, 20), (2, 16, 20, 3)), name
        assert np.isfinite(maps).all(), name
        assert maps.any((1, 2)).all(), name
        alone = explainer.explain(classifier, images[:1], targets[:1], seed=3)
        np.testing.assert_allclose(alone, maps[:1], rtol=1e-4, atol=1e-6, err_msg=name)
    # Of a layer that is a ReLU, which has no rule.
    assert set(left_out) == {"LayerLRP"}
    assert len(known) > 20
    assert not {name for name in known if name.startswith("Neuron") or "LLM" in name or "Permutation" in name}
    for was, weight in zip(before, classifier.model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, weight)


@pytest.mark.parametrize(
    ("ours", "given", "theirs", "settings"),
    [
        ("vanilla_gradient", {}, "Saliency", {"abs": False}),
        ("gradient_x_input", {}, "InputXGradient", {}),
        ("integrated_gradients", {"samples": 50}, "IntegratedGradients", {"integration": "riemann_middle"}),
        ("integrated_gradients", {"samples": 9, "baseline": "white"}, "IntegratedGradients",
         {"integration": "riemann_middle", "n_steps": 9, "baselines": "white"}),
        ("guided_backprop", {}, "GuidedBackprop", {}),
        ("deconvnet", {}, "Deconvolution", {}),
        ("grad_cam", {}, "LayerGradCam", {"relu_attributions": True}),
        ("grad_cam", {"layer": "inner"}, "LayerGradCam", {"relu_attributions": True, "layer": "inner"}),
        ("guided_grad_cam", {}, "GuidedGradCam", {"interpolate_mode": "bilinear"}),
    ],
)  # fmt: skip
def test_ours_and_theirs(classifier, batch, ours, given, theirs, settings):
    found = maps_of(classifier, batch, theirs, **settings)
    assert min(correlations(explain(classifier, *batch, ours, **given), found)) > 0.999


def test_layered_grad_cam_and_theirs(classifier, batch):
    found = np.abs(maps_of(classifier, batch, "LayerGradCam"))
    assert min(correlations(explain(classifier, *batch, "layered_grad_cam"), found)) > 0.999


def test_smoothgrad_and_theirs_with_the_same_noise(classifier, batch, monkeypatch):
    import torch

    image, target = batch[0][:1], batch[1][:1]
    spread = 0.15 * (image.max() - image.min())
    noise = [tf.random.stateless_normal(image.shape[1:], (7, sample), alg="philox") for sample in range(8)]
    noise = torch.tensor(np.stack(noise).transpose(0, 3, 1, 2).copy())

    def handed(mean, deviation):
        assert deviation.shape == noise.shape
        return noise * deviation

    monkeypatch.setattr(torch, "normal", handed)
    asked = {"abs": False, "nt_samples": 8, "stdevs": float(spread)}
    found = maps_of(classifier, (image, target), "NoiseTunnel(Saliency)", **asked)
    ours = explain(classifier, image, target, "smoothgrad", seed=[7], samples=8)
    assert correlations(ours, found)[0] > 0.9999
    asked["nt_type"] = "smoothgrad_sq"
    found = maps_of(classifier, (image, target), "NoiseTunnel(Saliency)", **asked)
    ours = explain(classifier, image, target, "smoothgrad_squared", seed=[7], samples=8)
    assert correlations(ours, found)[0] > 0.9999


def test_noise_is_of_the_images_seed(classifier, batch):
    maps = [maps_of(classifier, batch, "NoiseTunnel(Saliency)", seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0] != maps[2]).any((1, 2, 3)).all()


def test_occlusion_is_the_mean_drop_of_the_logit_by_the_windows_over_a_pixel(classifier, batch):
    images, targets = (each[:1] for each in batch)
    asked = {"sliding_window_shapes": (3, 4, 5), "strides": (3, 4, 5), "baselines": (9, 8, 7)}
    found = maps_of(classifier, (images, targets), "Occlusion", **asked)
    for top in range(0, 16, 4):
        for left in range(0, 20, 5):
            covered = images.copy()
            covered[:, top : top + 4, left : left + 5] = (9, 8, 7)
            drop = (classifier.logits(images) - classifier.logits(covered))[0, targets[0]]
            np.testing.assert_allclose(found[0, top : top + 4, left : left + 5], drop, rtol=2e-3, atol=1e-4)


def test_several_baselines_are_a_distribution(classifier, batch):
    """DeepLIFT SHAP is the mean of DeepLIFT over its baselines, which adds up."""
    images, targets = (each[:1] for each in batch)
    found = maps_of(classifier, (images, targets), "DeepLiftShap", baselines=("black", 200.0))
    each = [maps_of(classifier, (images, targets), "DeepLift", baselines=one) for one in ("black", 200.0)]
    np.testing.assert_allclose(found, np.mean(each, 0), rtol=1e-3, atol=1e-4 * np.abs(found).max())
    starts = np.stack([coloured(images[0], colour) for colour in ("black", 200.0)])
    rise = (classifier.logits(images) - classifier.logits(starts))[:, targets[0]].mean()
    assert found.sum() == pytest.approx(rise, rel=1e-2, abs=1e-2)


def test_lrp_of_a_rectified_network_without_biases_is_the_gradient_times_what_it_is_given(classifier, batch):
    """The network is given (x - 127.5) / 127.5; relevance goes through that as it is (Ancona et al. 2018)."""
    method = library_method("captum:LRP")
    found = explain(classifier, *batch, method)
    expected = classifier.gradient(*batch) * (batch[0] - 127.5)
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=2e-3 * np.abs(expected).max())
    logits = classifier.logits(batch[0])[np.arange(4), batch[1]]
    np.testing.assert_allclose(found.sum((1, 2, 3)), logits, rtol=2e-2)
    assert method.unsuited(classifier) is None
    assert method.share(classifier) == pytest.approx(1, abs=1e-3)


def biased(model, bias):
    weights = model.get_weights()
    weights[-1] = np.full(3, bias, np.float32)
    copy = keras.models.clone_model(model)
    copy.set_weights(weights)
    return Classifier(copy, "rgb")


def test_lrp_is_left_out_where_relevance_is_lost_or_made(classifier):
    """What a bias adds to the logit is of no pixel: with b on all logits the share is f / (f + b)."""
    method = library_method("captum:LRP")
    some = biased(classifier.model, 1.0)
    logits = classifier.logits(probe(classifier, 8)).max(1)
    assert method.share(some) == pytest.approx(np.median(logits / (logits + 1)), rel=1e-2)
    opposed = biased(classifier.model, -0.9 * float(np.median(logits)))
    reason = method.unsuited(opposed)
    assert reason == f"its map sums to {method.share(opposed):.3g} times the logit, not to 0 to 2"


def test_the_row_states_the_share(scene_model_folder, dataset, tmp_path):
    import bam

    folders = {"data": dataset.folder, "models": scene_model_folder, "out": tmp_path, "robustness": False}
    score = bam.score("idr", methods="captum:LRP", limit=2, **folders)
    model = score.basis.run.classifier("scene")
    assert score["captum:LRP"].counts["share_of_logit"] == f"{library_method('captum:LRP').share(model):.2f}"
    assert "| share of the logit |" in score.table()
    assert score["captum:LRP"].version.startswith("captum ")


def test_what_does_not_suit_is_named_with_captums_own_reason(classifier, batch):
    tokens = Classifier(build_model("vit_tiny", 10, "none", seed=0), [str(number) for number in range(10)])
    assert "has no rule defined" in library_method("captum:LRP").unsuited(tokens)
    assert library_method("captum:LayerGradCam").unsuited(tokens) == (
        "the network has tokens in place of feature maps"
    )
    assert library_method("captum:Saliency").unsuited(tokens) is None
    small = Classifier(keras.Sequential([keras.layers.Conv2D(3, 3, input_shape=(8, 8, 3)),
                                         keras.layers.GlobalAveragePooling2D()]), "rgb")  # fmt: skip
    assert "window" in library_method("captum:Occlusion").unsuited(small).lower()
    with pytest.raises(BamError, match="unknown layer"):
        explain(classifier, *batch, library_method("captum:LayerGradCam"), relu_attributions=True, layer="no")


def test_entries_in_a_list():
    chosen = choose(
        "captum:NoiseTunnel(IntegratedGradients)(nt_samples=2), captum:Occlusion, captum:Saliency(abs=False)",
        {},
        [
            "captum:Occlusion.sliding_window_shapes=(3, 5, 5)",
            "captum:NoiseTunnel(IntegratedGradients).n_steps=4",
        ],
    )
    first, second, third, *_ = chosen
    assert first.name == "captum:NoiseTunnel(IntegratedGradients)(n_steps=4, nt_samples=2)"
    assert choose(first.name)[0].key == first.key
    assert second.settings["sliding_window_shapes"] == (3, 5, 5)
    assert third.name == "captum:Saliency(abs=False)"
    with pytest.raises(BamError, match="did you mean 'DeepLift'"):
        choose("captum:Deeplift")
