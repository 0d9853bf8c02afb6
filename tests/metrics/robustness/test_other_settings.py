"""Which settings are compared: those that are known, those that are asked for."""

import pytest

from bam.attributions import METHODS, Method
from bam.base.errors import BamError
from bam.metrics.robustness.other_settings import KNOWN, other_settings


def patches(classifier, images, targets, *, patch: int = 53):
    return images[..., 0]


def segments(classifier, images, targets, *, segments: int = 50, samples: int = 9):
    return images[..., 0]


def optimised(classifier, images, targets, *, iterations: int = 300, rate: float = 0.1):
    return images[..., 0]


FUNCTIONS = {"sliding_patch": patches, "lime": segments, "kernel_shap": segments}
FUNCTIONS |= {"meaningful_perturbation": optimised}


def found(name, side=64, asked=(), **settings):
    """The settings of the others, without those that stay."""
    explainer = Method(name, FUNCTIONS[name]).with_settings(**settings)
    others = other_settings([explainer], asked, side)[explainer.name]
    return [
        {key: value for key, value in other.settings.items() if value != explainer.settings[key]}
        for other in others.values()
    ]


@pytest.mark.parametrize(
    ("side", "near", "far"), [(224, {52, 53, 54}, {5, 17, 29, 41, 53}), (64, {14, 15, 16}, {1, 5, 8, 12, 15})]
)
def test_patches_have_the_sizes_of_the_paper_at_every_input(side, near, far):
    sizes = [max(1, round(other["patch"] * side / 224)) for other in found("sliding_patch", side)]
    own = round(53 * side / 224)
    assert set(sizes) | {own} == near | far
    assert own not in sizes


def test_superpixels_are_compared_with_the_other_number():
    for name in ("lime", "kernel_shap"):
        assert found(name) == [{"segments": 150}]
        assert found(name, segments=150) == [{"segments": 50}]
        assert found(name, segments=20, samples=3) == [{"segments": 50}, {"segments": 150}]
    assert found("meaningful_perturbation") == [{"iterations": 150}, {"rate": 0.05}]


@pytest.mark.parametrize("name", KNOWN)
def test_methods_have_the_settings_that_are_known_of_them(name):
    method = METHODS.get(name)
    if method is None:
        pytest.skip(f"there is no method {name}")
    for side in (16, 64, 224, 331):
        assert other_settings([method.with_settings()], (), side)[name]


def test_what_is_asked_for_is_in_place_of_what_is_known(monkeypatch):
    monkeypatch.setitem(KNOWN, "smoothgrad", lambda side: [{"noise": 0.5}])
    (other,) = other_settings([METHODS["smoothgrad"].with_settings()], (), 64)["smoothgrad"].values()
    assert other.settings == {"samples": 50, "noise": 0.5}
    explainers = [METHODS[name].with_settings() for name in ("smoothgrad", "constant")]
    others = other_settings(explainers, ("smoothgrad(samples=20)", "smoothgrad(noise=.1, samples=5)"), 64)
    assert others["constant"] == {}
    assert {text: dict(other.settings) for text, other in others["smoothgrad"].items()} == {
        "samples=20": {"samples": 20, "noise": 0.15},
        "noise=0.1, samples=5": {"samples": 5, "noise": 0.1},
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
