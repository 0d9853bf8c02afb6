import inspect

import numpy as np
import pytest
import tensorflow as tf

from bam.attributions import METHODS, explain
from bam.base.errors import BamError
from bam.models.protocol import Explained

SIZE = (14, 10)
TARGETS = np.array([0, 1, 2, 3, 1, 0], np.int32)
STYLES = ("shared", "shared in place", "functional", "function", "method", "in place", "functional in place")
# The same draws, so the same maps: of each family one, and what asks for features.
ALIKE = {
    "vanilla_gradient": {},
    "gradient_x_input": {},
    "smoothgrad": {"samples": 3},
    "integrated_gradients": {"samples": 5},
    "gradient_shap": {"samples": 3},
    "var_grad": {"samples": 3},
    "blur_integrated_gradients": {"samples": 5},
    "guided_integrated_gradients": {"samples": 5},
    "guided_backprop": {},
    "deconvnet": {},
    "grad_cam": {},
    "grad_cam_pp": {},
    "xgrad_cam": {},
    "layer_cam": {},
    "hires_cam": {},
    "eigen_cam": {},
    "score_cam": {},
    "guided_grad_cam": {},
    "sliding_patch": {"patch": 80, "stride": 60},
    "rise": {"samples": 8},
    "lime": {"samples": 12, "segments": 6},
    "meaningful_perturbation": {"iterations": 3, "cells": 5},
}


def close(found, expected, part=1e-4):
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=part * np.abs(expected).max())


def test_it_gives_what_the_same_network_of_tf_keras_gives(both, images):
    one, other = both
    assert other.input_size == SIZE == one.input_size
    close(other.logits(images), one.logits(images))
    close(other.softmax(images), one.softmax(images))
    close(other.gradient(images, TARGETS), one.gradient(images, TARGETS))
    close(other.gradient(images, list(TARGETS)), one.gradient(images, TARGETS))
    close(other.features(images), one.features(images, "last"))
    for name in ("first", "norm", "second"):  # the ReLU that follows changes two of them in place
        pairs = zip(*(each.layer_gradient(images, TARGETS, name) for each in (other, one)), strict=True)
        for found, expected in pairs:
            close(found, expected)
        close(other.features(images, name), one.features(images, name))
    with_all = other.layer_gradients(images, TARGETS, ["first", None])
    close(with_all[1][1], one.layer_gradient(images, TARGETS, "last")[1])


@pytest.mark.parametrize("style", STYLES)
def test_relus_are_guided_however_they_are_called(style, both, in_torch, images):
    from bam.models.torch.classifier import TorchClassifier

    other = TorchClassifier(in_torch(style), both[0].class_names, SIZE, "imagenet")
    expected = both[0].guided_gradient(images, TARGETS)
    assert np.abs(expected - both[0].gradient(images, TARGETS)).max() > 0.1 * np.abs(expected).max()
    close(other.guided_gradient(images, TARGETS), expected)
    everywhere = both[0].guided_gradient(images, TARGETS, "deconvnet")
    assert np.abs(everywhere - expected).max() > 0.1 * np.abs(expected).max()
    close(other.guided_gradient(images, TARGETS, "deconvnet"), everywhere)
    close(other.gradient(images, TARGETS), both[0].gradient(images, TARGETS))
    assert other.unguidable() is None


def test_what_keeps_relus_from_being_guided():
    nn = pytest.importorskip("torch.nn")
    from bam.models.torch.classifier import TorchClassifier

    def classifier(*layers):
        module = nn.Sequential(nn.Conv2d(3, 4, 3), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return TorchClassifier(module, "abcd", (6, 6))

    assert classifier(nn.ReLU6()).unguidable() is None
    assert classifier().unguidable() == "has no ReLU"
    mixed = classifier(nn.ReLU(), nn.GELU())
    assert mixed.unguidable() == "has another activation beside its ReLUs (gelu)"
    assert METHODS["guided_backprop"].unsuited(mixed) == f"the network {mixed.unguidable()}"
    with pytest.raises(BamError, match=r"model has another activation .* cannot be guided"):
        mixed.guided_gradient(np.zeros((1, 6, 6, 3), np.float32), [0])
    with pytest.raises(BamError, match="unknown rule of ReLUs 'deconv': did you mean 'deconvnet'"):
        mixed.guided_gradient(np.zeros((1, 6, 6, 3), np.float32), [0], "deconv")


def test_relus_of_a_part_in_place_are_told():
    torch = pytest.importorskip("torch")
    from bam.models.torch.classifier import TorchClassifier

    class InPart(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            x = self.conv(x)
            x[:, :2].relu_()
            return x.sum((2, 3))

    images = np.random.default_rng(0).uniform(0, 255, (2, 6, 6, 3)).astype(np.float32)
    classifier = TorchClassifier(InPart(), "abcd", (6, 6))
    # The sum's derivative is positive.
    close(classifier.guided_gradient(images, [0, 1]), classifier.gradient(images, [0, 1]))
    with pytest.raises(BamError, match="a part of a tensor in place"):
        classifier.guided_gradient(images, [0, 1], "deconvnet")


@pytest.mark.parametrize("method", ALIKE)
def test_methods_give_the_same_maps(method, both, images):
    seeds = np.arange(6, dtype=np.uint64)
    one, other = (
        explain(each, images, TARGETS, method, seed=seeds, **ALIKE[method]).astype(np.float32)
        for each in both
    )
    assert np.abs(one).max() > 0
    correlation = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True) if a.any()
    ]
    assert min(correlation) > 0.999


def test_what_needs_layers_says_so(both):
    reasons = {name: method.unsuited(both[1]) for name, method in METHODS.items()}
    refused = {name: reason for name, reason in reasons.items() if reason}
    assert set(refused) == {
        *("fullgrad", "attention_rollout", "attention_last_layer", "attention_grad_cam"),
        *("transformer_attribution", "legrad"),
    }
    assert all("PyTorch" in reason for reason in refused.values())


def test_the_tf_keras_network_has_the_modules_derivative(both, images):
    """Of any function of the logits, in a compiled loop too, as iir's patches are found."""
    one, other = both

    def found(network):
        @tf.function
        def descended(pixels):
            def step(number, at):
                with tf.GradientTape() as tape:
                    tape.watch(at)
                    loss = tf.reduce_sum(network(at, training=False) ** 2)
                return number + 1, at - 1000 * tape.gradient(loss, at)

            return tf.while_loop(lambda number, at: number < 3, step, [0, pixels])[1]

        return descended(tf.constant(images)).numpy()

    moved = found(one.network)
    assert np.abs(moved - images).max() > 0.1
    np.testing.assert_allclose(found(other.network) - images, moved - images, rtol=1e-2, atol=1e-3)
    assert other.network is other.model
    assert other.in_float32() is other


def test_batches_and_memory_are_as_of_others(both, images):
    other = both[1]
    close(other.gradient(images[:1], TARGETS[:1]), other.gradient(images, TARGETS)[:1])
    with other.sharing(images):
        first = other.gradient(images, TARGETS)
        assert other.gradient(images, TARGETS) is first
        assert not first.flags.writeable
    with pytest.raises(BamError, match="use prepare"):
        other.logits(images[:, :5])
    with pytest.raises(BamError, match="no images"):
        other.logits(images[:0])
    with pytest.raises(BamError, match=r"unknown layer of model 'frist': did you mean 'first'"):
        other.features(images, "frist")


def test_both_keep_the_protocol(both):
    for each in both:
        assert isinstance(each, Explained)
    for name, method in vars(Explained).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            wanted = list(inspect.signature(method).parameters)
            for each in both:
                assert list(inspect.signature(getattr(type(each), name)).parameters) == wanted, name


def test_another_module_weight_scale_or_origin_is_another_network(both, in_torch):
    from bam.models.torch.classifier import TorchClassifier

    def digest(module, scale="imagenet", known=""):
        return TorchClassifier(module, "abcd", SIZE, scale, known=known).digest

    changed = in_torch()
    changed.head.bias.data[0] += 1
    stat = in_torch()
    stat.norm.running_mean += 1
    found = [digest(in_torch()), digest(changed), digest(stat), digest(in_torch(), "0..1")]
    found.append(digest(in_torch(), known="another file"))
    wider = in_torch()
    wider.second.stride = 3
    found.append(digest(wider))
    assert len(set(found)) == 6
    assert digest(in_torch()) == found[0]
    again = TorchClassifier(in_torch(), "abcd", SIZE, "imagenet")
    assert again.seed_digest == TorchClassifier(in_torch(), "wxyz", SIZE, "imagenet").seed_digest


def test_caffe_takes_blue_first(in_torch, images):
    nn = pytest.importorskip("torch.nn")
    from bam.models.torch.classifier import TorchClassifier

    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = TorchClassifier(network, "bgr", SIZE, "caffe").logits(images)
    expected = images.mean((1, 2), dtype=np.float64)[:, ::-1] - [103.939, 116.779, 123.68]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("scale", ["imagenet", "caffe"])
def test_its_twin_is_its_module_behind_the_scale(scale, in_torch, images):
    torch = pytest.importorskip("torch")
    from bam.attributions.custom import custom_method
    from bam.models.torch.classifier import TorchClassifier
    from bam.models.torch.twin import torch_twin

    class Several(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = in_torch()

        def forward(self, x):
            return self.inner(x), x

    def slope(module: torch.nn.Module, images, targets):
        images.requires_grad_()
        module(images).gather(1, targets[:, None]).sum().backward()
        return images.grad

    for module, layer in ((in_torch("shared in place"), "second"), (Several(), "inner.second")):
        classifier = TorchClassifier(module, "abcd", SIZE, scale, batch_size=4)
        twin = torch_twin(classifier)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
        kept = []
        handle = twin.of_layer(layer).register_forward_hook(lambda *call, kept=kept: kept.append(call[2]))
        close(twin(pixels).detach().numpy(), classifier.logits(images))
        handle.remove()
        # Before the ReLU, be it one in place in the module that is copied.
        close(kept[0].detach().permute(0, 2, 3, 1).numpy(), classifier.features(images, layer))
        assert (kept[0] < 0).any()
        assert type(twin.of_layer(layer)) is torch.nn.Conv2d
        assert twin.of_layer(layer) is not module.get_submodule(layer)
        assert all(weight.requires_grad for weight in twin.parameters())
        found = explain(classifier, images, TARGETS, custom_method(slope, version="1"))
        close(found, classifier.gradient(images, TARGETS))
        with pytest.raises(BamError, match="unknown layer 'frist'"):
            twin.of_layer("frist")


def test_feature_maps_are_found_and_have_channels_last(images):
    torch = pytest.importorskip("torch")
    from torch import nn

    from bam.models.torch.classifier import TorchClassifier

    class ChannelsLast(nn.Module):
        """As a Swin transformer: (N, h, w, C) inside."""

        def __init__(self):
            super().__init__()
            self.patches, self.mix = nn.Conv2d(3, 12, 2, 2), nn.Linear(12, 12)

        def forward(self, x):
            return self.mix(self.patches(x).permute(0, 2, 3, 1)).mean((1, 2))

    classifier = TorchClassifier(ChannelsLast(), range(12), SIZE)
    assert classifier.feature_layer() == "mix"
    assert classifier.features(images).shape == (6, 7, 5, 12)
    assert classifier.features(images, "patches").shape == (6, 7, 5, 12)
    weights = classifier.torch_network.module.mix
    patches = torch.tensor(classifier.features(images, "patches"))
    np.testing.assert_allclose(classifier.features(images), weights(patches).numpy(), rtol=1e-3, atol=1e-3)

    blind = TorchClassifier(nn.Sequential(nn.Flatten(), nn.Linear(420, 2)), "ab", SIZE)
    with pytest.raises(BamError, match="has no layer with spatial feature maps"):
        blind.feature_layer()
    assert METHODS["grad_cam"].unsuited(blind) == "the network has no feature maps"
