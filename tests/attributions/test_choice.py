import numpy as np
import pytest

from bam.attributions import METHODS
from bam.attributions.choice import choose
from bam.attributions.custom import custom_method
from bam.base.errors import BamError

OWN = """
from __future__ import annotations

def mine(classifier, images, targets, *, seed, power: float = 1.0, kind=None):
    return images.mean(-1) ** power
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def names(*given, **more):
    return [explainer.name for explainer in choose(*given, **more)]


def settings(*given, **more):
    """Of the first one chosen."""
    return dict(choose(*given, **more)[0].settings)


def test_lists_have_each_method_once_and_the_controls_that_no_table_is_without():
    usual = [name for name in METHODS if METHODS[name].usual]
    assert names("all") == usual
    assert names("everything") == list(METHODS)
    slow = {
        *("sliding_patch", "lime", "rise", "kernel_shap", "meaningful_perturbation"),
        *("sliding_patch_g", "lime_g", "meaningful_perturbation_g", "score_cam"),
    }
    assert {name for name in METHODS if METHODS[name].slow} == slow
    further = {
        *("var_grad", "deconvnet", "blur_integrated_gradients", "guided_integrated_gradients"),
        *("grad_cam_pp", "xgrad_cam", "layer_cam", "hires_cam", "eigen_cam"),
        *("transformer_attribution", "legrad"),
    }
    assert set(METHODS) - set(usual) == slow | further
    assert names("grad_cam, random,grad_cam") == ["grad_cam", "random", "edges"]
    assert names(["edges", "grad_cam"]) == ["edges", "grad_cam", "random"]
    assert names("grad_cam,all")[:2] == ["grad_cam", "vanilla_gradient"]
    assert len(names("grad_cam,all")) == len(usual)
    assert len(names("lime,all")) == len(usual) + 1


def test_settings_stand_in_brackets():
    assert settings("smoothgrad") == {"samples": 50, "noise": 0.15}
    assert settings("smoothgrad(noise=.1)") == {"samples": 50, "noise": 0.1}
    assert settings(" smoothgrad( noise = 1, samples=20 ) ") == {"samples": 20, "noise": 1.0}
    assert settings("integrated_gradients(baseline=grey)")["baseline"] == "grey"
    assert settings("integrated_gradients(baseline='grey')")["baseline"] == "grey"
    assert settings("grad_cam(layer=conv2)") == {"layer": "conv2"}
    assert settings("grad_cam(layer=None)") == settings("grad_cam()") == {"layer": None}


def test_names_say_what_is_not_as_by_default():
    text = "smoothgrad(noise=.1),smoothgrad(samples=20, noise=.1),smoothgrad(noise=.15),smoothgrad"
    expected = ["smoothgrad(noise=0.1)", "smoothgrad(samples=20, noise=0.1)", "smoothgrad", "random", "edges"]
    assert names(text) == names(text.replace("20, noise=.1", "20, noise=1e-1")) == expected
    assert names(["integrated_gradients(baseline=grey)"])[0] == "integrated_gradients(baseline='grey')"
    # The same setting twice is one line, in whatever words.
    assert names("smoothgrad(samples=20.0, noise=.1),smoothgrad(noise=0.10, samples=20)") == [
        "smoothgrad(samples=20, noise=0.1)",
        "random",
        "edges",
    ]


def test_common_settings_are_for_the_methods_that_have_them():
    chosen = {
        explainer.name: explainer.settings
        for explainer in choose("smoothgrad,grad_cam,random", {"samples": 3, "layer": "conv2"})
    }
    assert chosen["smoothgrad(samples=3)"] == {"samples": 3, "noise": 0.15}
    assert chosen["grad_cam(layer='conv2')"] == {"layer": "conv2"}
    assert chosen["random"] == {}


def test_overrides_are_for_every_entry_of_one_method():
    text = "smoothgrad,smoothgrad(samples=20),smoothgrad_squared"
    assert names(text, overrides=["smoothgrad.noise=.2"]) == [
        "smoothgrad(noise=0.2)",
        "smoothgrad(samples=20, noise=0.2)",
        "smoothgrad_squared",
        "random",
        "edges",
    ]
    assert names("all", overrides=["smoothgrad.noise=.2"])[:2] == [
        "vanilla_gradient",
        "smoothgrad(noise=0.2)",
    ]
    both = ["smoothgrad.noise=.2", "smoothgrad.samples = 7", "smoothgrad.noise=.3"]
    assert settings("smoothgrad", overrides=both) == {"samples": 7, "noise": 0.3}


def test_what_is_nearest_to_the_entry_wins():
    common, overrides = {"samples": 3}, ["smoothgrad.samples=4"]
    assert settings("smoothgrad", common)["samples"] == 3
    assert settings("smoothgrad", common, overrides)["samples"] == 4
    assert settings("smoothgrad(samples=5)", common, overrides)["samples"] == 5
    assert settings("smoothgrad_squared,smoothgrad", common, overrides)["samples"] == 3
    explainer = METHODS["smoothgrad"].with_settings(noise=0.5)
    assert settings([explainer], common, overrides) == {"samples": 50, "noise": 0.5}


def test_methods_of_ones_own_have_settings_too(file, tmp_path):
    entry = f"{file}:mine"
    assert names(f"{entry}(power=2),{entry}(kind=[1, 2]),grad_cam", overrides=["mine.kind=far"]) == [
        "mine(power=2.0, kind='far')",
        "mine(kind=[1, 2])",
        "grad_cam",
        "random",
        "edges",
    ]
    maps = np.ones((2, 2))
    (tmp_path / "maps" / "scene" / "object_scene").mkdir(parents=True)
    np.save(tmp_path / "maps" / "scene" / "object_scene" / "a.npy", maps)

    def function(classifier, images, targets, *, seed, size=3):
        return images

    given = [tmp_path.joinpath("maps").as_posix(), function, custom_method(function, name="other"), entry]
    assert names(given, {"size": 4}) == [
        "maps",
        "function(size=4)",
        "other(size=4)",
        "mine",
        "random",
        "edges",
    ]


def test_two_methods_of_one_name_are_refused(file):
    other = file.with_name("other.py")
    other.write_text(OWN)
    with pytest.raises(BamError, match="two methods are called mine: rename one"):
        choose(f"{file}:mine,{other}:mine")
    assert len(choose(f"{file}:mine,{other}:mine(power=2)")) == 4


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("edge", "unknown attribution method 'edge': did you mean 'edges'"),
        ("Grad_CAM", "unknown attribution method 'Grad_CAM': did you mean 'grad_cam'"),
        ("GRAD_CAM", "did you mean 'grad_cam'"),
        ("SmoothGrad(Noise=.1)", "did you mean 'smoothgrad'"),
        ("smoothgrad(NOISE=.1)", "unknown setting of smoothgrad 'NOISE': did you mean 'noise'"),
        ("(noise=.1)", "unknown attribution method ''"),
        ("My_Map", "unknown attribution method 'My_Map': did you mean 'my_maps'"),
        ("own", "unknown attribution method 'own': did you mean 'own.py'"),
        ("smoothgard(noise=.1)", "unknown attribution method 'smoothgard': did you mean 'smoothgrad'"),
        (",", "`methods` names no attribution method"),
        ([], "`methods` names no attribution method"),
        ("smoothgrad(noise)", r"smoothgrad\(noise\): settings are NAME=VALUE, not 'noise'"),
        ("smoothgrad(2x=1)", "settings are NAME=VALUE, not '2x=1'"),
        ("smoothgrad(nose=.1)", "unknown setting of smoothgrad 'nose': did you mean 'noise'"),
        ("smoothgrad(seed=1)", "unknown setting of smoothgrad 'seed'"),
        ("object_mask(masks=1)", "unknown setting of object_mask 'masks'"),
        ("smoothgrad(samples=few)", "smoothgrad: samples must be of type int, not 'few'"),
        ("smoothgrad(samples=1.5)", "smoothgrad: samples must be of type int, not 1.5"),
        ("all(samples=3)", "settings are for one method"),
        ("FILE:mine(power=high)", "mine: power must be of type float, not 'high'"),
        ("FILE:yours", "has no function yours"),
        ("smoothgrad)", "a bracket is not closed, or not opened"),
        ("smoothgrad(noise=.1", "a bracket is not closed, or not opened"),
    ],
)
def test_entries_that_cannot_be_meant_are_refused(file, monkeypatch, entries, message):
    monkeypatch.chdir(file.parent)
    (file.parent / "my_maps").mkdir()
    with pytest.raises(BamError, match=message):
        choose(entries.replace("FILE", str(file)) if entries else entries)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("grad_cam.layer=x", "`set` names grad_cam, which is none of the methods asked for: edges"),
        ("smoothgrad.nose=1", "unknown setting of smoothgrad 'nose': did you mean 'noise'"),
        ("smoothgrad=1", r"`set` takes METHOD.PARAMETER=VALUE, not 'smoothgrad=1'"),
        ("smoothgrad.noise", "`set` takes METHOD.PARAMETER=VALUE"),
        (".noise=1", "unknown method ''"),
    ],
)
def test_overrides_that_cannot_be_meant_are_refused(override, message):
    with pytest.raises(BamError, match=message):
        choose("smoothgrad,edges,random", overrides=[override])
