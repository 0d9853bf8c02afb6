"""pytorch-grad-cam and torch-cam by name, against BAM's Grad-CAM and each other.

pytorch-grad-cam needs a torchvision that fits torch.
"""

import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.libraries import library_method


def maps_of(classifier, batch, entry, **settings):
    return library_method(entry).with_settings(**settings).explain(classifier, *batch, seed=0)


def correlations(ours, theirs):
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)]


@pytest.mark.parametrize("name", ["grad_cam", "torchcam"])
def test_every_class_makes_maps_or_says_why_not(classifier, batch, found, name, capfd):
    library, images, targets = found(name), *(each[:2] for each in batch)
    known, left_out = library.found(), {}
    for kind in known:
        method = library.method(kind)
        if reason := method.unsuited(classifier):
            left_out[kind] = reason
            continue
        maps = explain(classifier, images, targets, method, seed=1, **method.defaults)
        assert np.isfinite(maps).all(), kind
        assert maps.shape == (2, 16, 20), kind
        alone = explain(classifier, images[:1], targets[:1], method, seed=1, **method.defaults)
        np.testing.assert_allclose(alone, maps[:1], rtol=1e-3, atol=1e-3, err_msg=kind)
    assert "GradCAM" in known
    assert "ScoreCAM" in known
    assert "GradCAM" not in left_out
    assert all(left_out.values())
    shown = capfd.readouterr()
    assert "it/s" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("name", ["grad_cam", "torchcam"])
@pytest.mark.parametrize("settings", [{}, {"layer": "inner"}])
def test_ours_and_theirs(classifier, batch, found, name, settings):
    """They scale each map to 0..1, before it is enlarged or after."""
    library = found(name)
    theirs = maps_of(classifier, batch, f"{library.name}:GradCAM", **settings)
    ours = explain(classifier, *batch, "grad_cam", **settings)
    varied = ours.std((1, 2)) > 0
    assert varied.any()
    assert min(correlations(ours[varied], theirs[varied])) > 0.999
    assert not theirs[~varied].any()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("grad_cam_pp", "grad_cam:GradCAMPlusPlus"),
        ("xgrad_cam", "grad_cam:XGradCAM"),
        ("xgrad_cam", "torchcam:XGradCAM"),
        ("layer_cam", "grad_cam:LayerCAM"),
        ("layer_cam", "torchcam:LayerCAM"),
        ("hires_cam", "grad_cam:HiResCAM"),
    ],
)
def test_kin(steep, batch, found, ours, theirs):
    found(theirs.partition(":")[0])
    maps = explain(steep, *batch, ours)
    assert maps.std((1, 2)).all()
    assert min(correlations(maps, maps_of(steep, batch, theirs))) > 0.999


def test_score_cam_and_theirs(classifier, batch, found):
    """Theirs puts masks on 0..1 before they are enlarged, ours afterwards, as the paper."""
    found("torchcam")
    maps = explain(classifier, *batch, "score_cam", fill="black")
    assert maps.std((1, 2)).all()
    assert min(correlations(maps, maps_of(classifier, batch, "torchcam:ScoreCAM"))) > 0.999


def test_eigen_cam_of_pytorch_grad_cam_is_of_features_less_their_mean(steep, batch, found):
    found("grad_cam")
    theirs = maps_of(steep, batch, "grad_cam:EigenCAM")
    for features, cam in zip(steep.features(batch[0]), theirs, strict=True):
        matrix = features.reshape(-1, features.shape[-1])
        left = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)[0][:, 0]
        # Of either sign.
        each = [np.maximum(sign * left.reshape(features.shape[:2]), 0) for sign in (1, -1)]
        maps = steep.at_input_size(np.stack(each)[..., None])[..., 0]
        assert max(correlations(maps, [cam, cam])) > 0.999


def test_cam_is_the_feature_maps_weighted_by_the_dense_layer(classifier, batch, found):
    found("torchcam")
    theirs = maps_of(classifier, batch, "torchcam:CAM", normalized=False)
    features = classifier.features(batch[0])
    weights = classifier.model.layers[-1].get_weights()[0].T[batch[1]]
    expected = classifier.at_input_size(np.einsum("nhwc,nc->nhw", features, weights)[..., None])[..., 0]
    np.testing.assert_allclose(theirs, expected, rtol=1e-3, atol=1e-4)


def test_noise_is_of_the_images_seed(classifier, batch, found):
    method = found("torchcam").method("SmoothGradCAMpp")
    maps = [explain(classifier, *batch, method, seed=seed, **method.defaults) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0] != maps[2]).any()
