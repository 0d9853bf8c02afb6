"""PAIR saliency by name, against BAM's own methods and the definitions written out."""

import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.libraries import library_method
from bam.base.errors import BamError

pytest.importorskip("saliency.core")


def maps_of(classifier, batch, entry, **settings):
    explainer = library_method(f"saliency:{entry}").with_settings(**settings)
    return explainer.explain(classifier, *batch)


def correlations(ours, theirs):
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)]


def test_all_of_its_classes_are_found(found):
    assert {
        "BlurIG",
        "GradCam",
        "GradientSaliency",
        "GuidedIG",
        "IntegratedGradients",
        "Occlusion",
        "XRAI",
    } <= set(found("saliency").found())


@pytest.mark.parametrize(
    ("ours", "given", "theirs", "settings"),
    [
        ("vanilla_gradient", {}, "GradientSaliency", {}),
        ("grad_cam", {}, "GradCam", {}),
        ("grad_cam", {"layer": "inner"}, "GradCam", {"layer": "inner"}),
        # Their sum takes in both ends of the path, ours the middles of its pieces.
        ("integrated_gradients", {"samples": 200}, "IntegratedGradients", {"x_steps": 200}),
        ("integrated_gradients", {"samples": 200, "baseline": "grey"}, "IntegratedGradients",
         {"x_steps": 200, "x_baseline": 127.5}),
        # On the straight line it is integrated gradients.
        ("integrated_gradients", {"samples": 200}, "GuidedIG", {"x_steps": 200, "max_dist": 0.0}),
        ("guided_integrated_gradients", {}, "GuidedIG", {}),
        ("guided_integrated_gradients", {"samples": 40, "fraction": 0.1, "baseline": "grey"}, "GuidedIG",
         {"x_steps": 40, "fraction": 0.1, "x_baseline": 127.5}),
        # 56 of 224 pixels; theirs takes the derivative where a piece of the path begins, ours in its middle.
        ("blur_integrated_gradients", {"max_sigma": 56, "samples": 300}, "BlurIG",
         {"max_sigma": 4, "steps": 300}),
    ],
)  # fmt: skip
def test_ours_and_theirs(classifier, batch, ours, given, theirs, settings):
    found = maps_of(classifier, batch, theirs, **settings)
    assert min(correlations(explain(classifier, *batch, ours, **given), found)) > 0.999


def test_occlusion_is_the_drop_of_the_logit_summed_over_windows(classifier, batch):
    images, targets = (each[:1] for each in batch)
    found = maps_of(classifier, (images, targets), "Occlusion", size=12, value=9)
    expected = np.zeros((16, 20))
    for top in range(5):
        for left in range(9):
            covered = images.copy()
            covered[:, top : top + 12, left : left + 12] = 9
            drop = (classifier.logits(images) - classifier.logits(covered))[0, targets[0]]
            expected[top : top + 12, left : left + 12] += drop
    np.testing.assert_allclose(found[0], np.repeat(expected[..., None], 3, -1), rtol=1e-3, atol=1e-4)


def test_guided_and_blurred_paths_add_up(classifier, batch):
    """To the logit's rise from the black image, and from the blurred one."""
    images, targets = (each[:2] for each in batch)
    at = np.arange(2), targets
    guided = maps_of(classifier, (images, targets), "GuidedIG", x_steps=800)
    rise = (classifier.logits(images) - classifier.logits(np.zeros_like(images)))[at]
    np.testing.assert_allclose(guided.sum((1, 2, 3)), rise, atol=0.15 * np.abs(rise).max())
    from scipy.ndimage import gaussian_filter

    blurred = np.stack([gaussian_filter(image, (9, 9, 0), mode="constant") for image in images])
    along = maps_of(classifier, (images, targets), "BlurIG", max_sigma=9, steps=300)
    rise = (classifier.logits(images) - classifier.logits(blurred))[at]
    np.testing.assert_allclose(along.sum((1, 2, 3)), rise, atol=0.15 * np.abs(rise).max())


@pytest.mark.parametrize("name", ["BlurIG", "GradCam", "GuidedIG", "IntegratedGradients", "XRAI"])
def test_pictures_of_one_colour_and_pixels_that_are_not_finite(classifier, name):
    method, flat = library_method(f"saliency:{name}"), np.full((1, 16, 20, 3), 90, np.float32)
    assert np.isfinite(explain(classifier, flat, [0], method, **method.defaults)).all()
    flat[0, 2, 2] = np.nan
    with pytest.raises(BamError, match="takes finite pixels only"):
        explain(classifier, flat, [0], method, **method.defaults)


def test_xrai_gives_whole_segments_one_value(classifier, batch):
    images, targets = (each[:1] for each in batch)
    found = maps_of(classifier, (images, targets), "XRAI", steps=10)
    assert found.shape == (1, 16, 20)
    assert np.isfinite(found).all()
    assert len(np.unique(found)) < 60
