"""Which settings are compared: those that are known, those that are asked for."""

import numpy as np
import pytest

from bam.attributions import METHODS, Method
from bam.base.errors import BamError
from bam.metrics.robustness.other_settings import KNOWN, SETTING, SIZES, other_settings


def patches(classifier, images, targets, *, patch: int = 53):
    return images[..., 0]


def segments(classifier, images, targets, *, segments: int = 50, samples: int = 9):
    return images[..., 0]


def optimised(classifier, images, targets, *, iterations: int = 300, rate: float = 0.1):
    return images[..., 0]


FUNCTIONS = {"sliding_patch": patches, "lime": segments, "kernel_shap": segments}
FUNCTIONS |= {"meaningful_perturbation": optimised}


def found(name, side=64, group=SETTING, **settings):
    """The settings of the others of a group, without those that stay."""
    explainer = Method(name, FUNCTIONS[name]).with_settings(**settings)
    others = other_settings([explainer], (), side)[explainer.name]
    return [
        {key: value for key, value in other.settings.items() if value != explainer.settings[key]}
        for kind, other in others.items()
        if kind.partition(" ")[0] == group
    ]


def sizes(side, **settings):
    """The method's own patch, those near and those far, in pixels of the input."""
    own = settings.get("patch", 53)
    groups = (
        [{"patch": own}],
        *(found("sliding_patch", side, group, **settings) for group in (SETTING, SIZES)),
    )
    return [{max(1, round(other["patch"] * side / 224)) for other in others} for others in groups]


@pytest.mark.parametrize(
    ("side", "near", "far"), [(224, {52, 53, 54}, {5, 17, 29, 41, 53}), (64, {14, 15, 16}, {1, 5, 8, 12, 15})]
)
def test_patches_have_the_sizes_of_the_paper_at_every_input(side, near, far):
    own, *others = sizes(side)
    assert [each | own for each in others] == [near, far]
    assert not own & (others[0] | others[1])


def test_patches_are_compared_with_the_method_s_own():
    assert sizes(224, patch=29) == [{29}, {28, 30}, {5, 17, 41, 53}]
    assert found("sliding_patch", 224, patch=29) == [{"patch": 28}, {"patch": 30}]
    assert sizes(64, patch=29) == [{8}, {7, 9}, {1, 5, 12, 15}]
    assert sizes(224, patch=52) == [{52}, {51, 53}, {5, 17, 29, 41}]
    assert sizes(64, patch=1) == [{1}, {2}, {5, 8, 12, 15}]
    assert sizes(224, patch=224) == [{224}, {223}, {5, 17, 29, 41, 53}]


@pytest.mark.parametrize("side", [16, 64, 224, 299, 331, 512])
def test_patches_that_are_near_differ_at_every_input(side):
    own, near, far = sizes(side)
    assert (len(near), len(near | far | own)) == (2, len(near) + len(far) + 1)
    assert max(abs(size - min(own)) for size in near) <= max(1, np.ceil(side / 224))


def test_superpixels_are_compared_with_the_other_number():
    for name in ("lime", "kernel_shap"):
        assert found(name) == [{"segments": 150}]
        assert found(name, segments=150) == [{"segments": 50}]
        assert found(name, segments=20, samples=3) == [{"segments": 50}, {"segments": 150}]
    assert found("meaningful_perturbation") == [{"iterations": 150}, {"rate": 0.05}]


def test_others_have_what_the_run_has_for_the_method():
    """Else a generative version would be compared with one of another inpainter."""
    dataset = object()
    explainer = METHODS["lime_g"].with_settings().with_given(dataset=dataset)
    for other in other_settings([explainer], (), 64)["lime_g"].values():
        assert other.given["dataset"] is dataset
        assert other.name == "lime_g(segments=150)"


@pytest.mark.parametrize("name", KNOWN)
def test_methods_have_the_settings_that_are_known_of_them(name):
    method = METHODS.get(name)
    if method is None:
        pytest.skip(f"there is no method {name}")
    for side in (16, 64, 224, 331):
        assert other_settings([method.with_settings()], (), side)[name]


def test_what_is_asked_for_is_in_place_of_what_is_known(monkeypatch):
    monkeypatch.setitem(KNOWN, "smoothgrad", lambda settings, side: [(SETTING, {"noise": 0.5})])
    (other,) = other_settings([METHODS["smoothgrad"].with_settings()], (), 64)["smoothgrad"].values()
    assert other.settings == {"samples": 50, "noise": 0.5}
    explainers = [METHODS[name].with_settings() for name in ("smoothgrad", "constant")]
    others = other_settings(explainers, ("smoothgrad(samples=20)", "smoothgrad(noise=.1, samples=5)"), 64)
    assert others["constant"] == {}
    assert {text: dict(other.settings) for text, other in others["smoothgrad"].items()} == {
        "setting samples=20": {"samples": 20, "noise": 0.15},
        "setting noise=0.1, samples=5": {"samples": 5, "noise": 0.1},
    }


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("smoothgrad", "takes a method and settings, as smoothgrad.samples=20., not smoothgrad"),
        ("grad_cam(layer=a)", "names grad_cam, which is none of the methods asked for: smoothgrad"),
        ("smoothgrad(sample=2)", "unknown setting of smoothgrad 'sample'"),
        ("smoothgra(samples=2)", "did you mean 'smoothgrad'"),
    ],
)
def test_what_cannot_be_is_one_line(entry, words):
    with pytest.raises(BamError, match=words):
        other_settings([METHODS["smoothgrad"].with_settings()], (entry,), 64)
