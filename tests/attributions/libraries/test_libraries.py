"""Methods of other libraries: how they are named, what they record, and what makes them methods of BAM's."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.choice import choose
from bam.attributions.libraries import LIBRARIES, cited, in_words, is_of_library, library_method
from bam.attributions.libraries.base import Adapted, Library, coloured, setting
from bam.base.citations import PUBLICATIONS
from bam.base.errors import BamError
from bam.base.versions import versions


class Wrapper:
    def __init__(self, attribution_method):
        pass


class Plain:
    """A method of no library, which draws."""


def prepare(classifier, values):
    def map_of(image, target):
        image += np.random.normal(size=image.shape)  # noqa: NPY002 - as libraries do
        if values["fails"]:
            raise RuntimeError("it broke\non two lines")
        return image.mean(-1) * values["factor"] + target

    return map_of


ADAPTED = Adapted(
    {"factor": setting("factor", 2.0, float), "fails": setting("fails", False, bool)}, prepare, draws=True
)
OWN = Library(
    "own", "Own", "numpy", "numpy", lambda _: {"Plain": Plain, "Wrapper": Wrapper}, lambda *_: ADAPTED, ""
)


def test_entries_are_told_apart():
    assert is_of_library("captum:DeepLift")
    assert is_of_library("grad_cam:ScoreCAM")
    for entry in ("grad_cam", "captum", "captum.py:DeepLift", "mine.py:grad_cam", "", ":captum"):
        assert not is_of_library(entry)
    for library in LIBRARIES.values():
        assert library.cite in PUBLICATIONS
        assert cited(f"{library.name}:Anything(factor=2)") == (library.cite,)
    assert cited("grad_cam") == cited("mine") == ()


def test_rows_are_keyed_by_library_version_and_all_settings():
    explainer = OWN.method("Plain").with_settings(factor="3")
    assert explainer.name == "own:Plain(factor=3.0)"
    assert explainer.key == ["own:Plain", f"numpy {np.__version__}, 1", {"factor": 3.0, "fails": False}]
    of_torch = versions(["torch"])["torch"]
    assert (
        replace(OWN, in_torch=True).method("Plain").version == f"numpy {np.__version__}, torch {of_torch}, 1"
    )
    assert OWN.method("Wrapper", "Plain").name == "own:Wrapper(Plain)"
    assert OWN.method("Plain").seeded
    assert not replace(ADAPTED, draws=False).draws


def test_settings_are_typed_and_can_be_set_from_outside():
    pytest.importorskip("saliency.core")
    given = "saliency:XRAI(steps=20), saliency:GuidedIG"
    first, second, *_ = choose(given, overrides=["saliency:GuidedIG.x_baseline=(0, 10, 20.5)"])
    assert (first.name, first.settings["steps"]) == ("saliency:XRAI(steps=20)", 20)
    assert second.settings["x_baseline"] == (0, 10, 20.5)
    assert second.settings["fraction"] == 0.25
    with pytest.raises(BamError, match="unknown setting of saliency:XRAI 'step': did you mean 'steps'"):
        choose("saliency:XRAI(step=3)")
    with pytest.raises(BamError, match="steps must be of type int, not 'many'"):
        choose("saliency:XRAI", overrides=["saliency:XRAI.steps=many"])
    with pytest.raises(BamError, match=r"unknown method of PAIR saliency .* 'Xrai': did you mean 'XRAI'"):
        choose("saliency:Xrai")
    with pytest.raises(BamError, match=r"unknown method of PAIR saliency .* ''"):
        choose("saliency:")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (("Wrapper",), "needs a method in brackets, as own:Wrapper"),
        (("Plain", "Plain"), "takes no method in brackets"),
        (("Wrapper", "Wrapper"), "takes no Wrapper in brackets"),
        (("Wrapper", "None"), "unknown method of Own .* 'None'"),
    ],
)
def test_what_may_stand_in_brackets(given, reason):
    with pytest.raises(BamError, match=reason):
        OWN.method(*given)


def test_maps_depend_on_the_images_seed_alone(classifier, batch):
    images, targets = batch
    method, seeds = OWN.method("Plain"), np.arange(4)
    before, state = images.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    maps = explain(classifier, images, targets, method, seed=seeds, factor=1.0, fails=False)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert (maps.shape, maps.dtype) == ((4, 16, 20), np.float32)
    alone = explain(classifier, images[2:3], targets[2:3], method, seed=seeds[2:3], factor=1.0, fails=False)
    np.testing.assert_array_equal(alone, maps[2:3])
    np.testing.assert_allclose(maps.mean((1, 2)), images.mean((1, 2, 3)) + targets, atol=0.5)
    others = explain(classifier, images, targets, method, seed=seeds + 1, factor=1.0, fails=False)
    assert (others != maps).any((1, 2)).all()


def test_what_fails_is_one_line(classifier, batch):
    with pytest.raises(BamError, match=r"^own:Plain failed: it broke$"):
        explain(classifier, *batch, OWN.method("Plain"), factor=1.0, fails=True)


def test_a_method_is_tried_once_for_a_network(classifier):
    tries = []

    def prepared(classifier, values):
        tries.append(values)
        raise TypeError("no rule for it")

    library = replace(OWN, name="tried", adapted=lambda *_: replace(ADAPTED, prepare=prepared))
    for _ in range(2):
        assert library.method("Plain").unsuited(classifier) == "no rule for it"
    assert tries == [{"factor": 2.0, "fails": False}]
    assert OWN.method("Plain").unsuited(classifier) is None
    flat = replace(ADAPTED, prepare=lambda *_: lambda image, target: image[0, 0])
    reason = replace(OWN, name="flat", adapted=lambda *_: flat).method("Plain").unsuited(classifier)
    assert "returned maps of shape (1, 3)" in reason


def test_a_library_that_cannot_be_imported_is_one_line_that_says_how_to_install_it(monkeypatch, tmp_path):
    missing = replace(OWN, module="no_such_library.core", package="no-such-library")
    with pytest.raises(BamError, match=r"^Own is not installed: pip install 'no-such-library'") as told:
        missing.method("Plain")
    assert "\n" not in str(told.value)
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('operator nms does not exist\\nbecause')")
    monkeypatch.syspath_prepend(tmp_path)
    broken = replace(OWN, module="broken_library")
    with pytest.raises(
        BamError, match=r"^Own cannot be imported \(operator nms does not exist\): pip"
    ) as told:
        broken.found()
    assert "\n" not in str(told.value)
    (tmp_path / "lacking_library.py").write_text("import torchvision_that_is_not_there")
    with pytest.raises(
        BamError, match=r"^Own needs torchvision_that_is_not_there, which is not installed: pip"
    ):
        replace(OWN, module="lacking_library").found()


def test_help_names_what_is_found_and_why_others_are_not(monkeypatch):
    module = ModuleType("known_library")
    monkeypatch.setitem(sys.modules, "known_library", module)
    monkeypatch.setitem(LIBRARIES, "known", replace(OWN, name="known", module="known_library"))
    monkeypatch.setitem(LIBRARIES, "captum", replace(OWN, title="captum", module="no_such_library"))
    lines = in_words().splitlines()
    assert f"Own {np.__version__}, as known:NAME: Plain, Wrapper(METHOD)" in lines
    assert lines[0].startswith("captum is not installed: pip install")
    assert len(lines) == len(LIBRARIES)


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_page_lists_what_is_found(found, name):
    library = found(name)
    page = (Path(__file__).parents[3] / "docs" / "libraries.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| \[.*?\| `{name}` \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    if row[0] != library.version:
        pytest.skip(f"the page is of version {row[0]}")
    assert re.findall(r"`(\w+)`", row[1]) == list(library.found())


def test_colours(batch):
    image = batch[0][0]
    assert (coloured(image, "black") == 0).all()
    assert (coloured(image, 7) == 7).all()
    assert (coloured(image, (1, 2, 3)) == [1, 2, 3]).all()
    np.testing.assert_allclose(coloured(image, "mean")[0, 0], image.mean((0, 1)), rtol=1e-5)
    assert coloured(image, "grey").shape == image.shape
    with pytest.raises(BamError, match="unknown baseline 'blak': did you mean 'black'"):
        coloured(image, "blak")


def test_a_score_of_one(scene_model_folder, dataset, tmp_path):
    pytest.importorskip("saliency.core")
    import bam

    asked = {"methods": "saliency:GradientSaliency,vanilla_gradient,saliency:GradCam", "limit": 4}
    folders = {"data": dataset.folder, "models": scene_model_folder, "out": tmp_path, "robustness": False}
    score = bam.score("idr", **asked, **folders)
    line = score["saliency:GradientSaliency"]
    assert line.value == score["vanilla_gradient"].value
    assert line.version == library_method("saliency:GradientSaliency").version
    assert score["saliency:GradCam"].counts["layer"]
    rows = list((tmp_path / "rows").glob("*-saliency:GradientSaliency-*"))
    assert len(rows) == 2  # with the object and without
