import functools

import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.custom import custom_method, is_custom
from bam.base.errors import BamError

BRIGHTNESS = """
import numpy as np

def brightness(classifier, images, targets, *, seed, power=1):
    return images.mean(-1) ** power

def too_small(classifier, images, targets, *, seed):
    return np.zeros((len(images), 3, 3))

def one_missing(classifier, images, targets, *, seed):
    return images[1:, :, :, 0]

def with_nan(classifier, images, targets, *, seed):
    maps = images[..., 0].copy()
    maps[1, 2, 3] = np.nan
    return maps

def nothing(classifier, images, targets, *, seed):
    return ["map"] * len(images)

def forgetful(images):
    return images

def demanding(classifier, images, targets, *, seed, power):
    return images

grad_cam = brightness
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "methods.py"
    path.write_text(BRIGHTNESS)
    return path


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(1, 255, (2, 64, 64, 3)).astype(np.float32)


def test_a_function_in_a_file_is_a_method(file, scene_classifier, images):
    method = custom_method(f"{file}:brightness")
    assert (method.name, method.own, method.control) == ("brightness", True, False)
    maps = explain(scene_classifier, images, [0, 1], method, power=2)
    np.testing.assert_allclose(maps, images.mean(-1) ** 2, rtol=1e-5)


def test_one_that_changes_the_network_is_an_error_and_the_next_is_not_misled(scene_classifier, images):
    def honest(classifier, images, targets):
        return classifier.gradient(images, targets)

    def randomising(classifier, images, targets):
        weight = classifier.model.weights[-1]
        weight.assign(weight + 1)
        return honest(classifier, images, targets)

    before = explain(scene_classifier, images, [0, 1], custom_method(honest))
    with pytest.raises(BamError, match="randomising changed the weights of scene"):
        explain(scene_classifier, images, [0, 1], custom_method(randomising))
    np.testing.assert_array_equal(explain(scene_classifier, images, [0, 1], custom_method(honest)), before)


def test_its_neighbours_and_dataclasses_work(tmp_path, scene_classifier, images):
    (tmp_path / "neighbour_of_mine.py").write_text("FACTOR = 3")
    (tmp_path / "late_neighbour.py").write_text("TERM = 1")
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from neighbour_of_mine import FACTOR\n"
        "@dataclass\n"
        "class Settings:\n"
        "    factor: int = FACTOR\n"
        "def triple(classifier, images, targets, *, seed):\n"
        "    import late_neighbour\n"
        "    return images[..., 0] * Settings().factor + late_neighbour.TERM\n"
    )
    maps = explain(scene_classifier, images, [0, 1], custom_method(f"{tmp_path / 'mine.py'}:triple"))
    np.testing.assert_allclose(maps, images[..., 0] * 3 + 1)


def test_a_registered_name_is_never_a_folder(tmp_path, monkeypatch):
    for name in ("random", "mine", "all"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("random", "grad_cam", "all", ""):
        assert not is_custom(name)
    assert is_custom("mine")


def test_its_version_changes_with_the_file(file):
    before = custom_method(f"{file}:brightness").version
    assert custom_method(f"{file}:brightness").version == before
    file.write_text(BRIGHTNESS + "\n# changed\n")
    assert custom_method(f"{file}:brightness").version != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("too_small", r"too_small returned maps of shape \(2, 3, 3\), but .*\(2, 64, 64\)"),
        ("one_missing", r"one_missing returned maps of shape \(1, 64, 64\)"),
        ("with_nan", "with_nan returned NaN or infinite values in 1 of 2 maps"),
        ("nothing", "nothing returned list, not an array of numbers"),
    ],
)
def test_wrong_maps_are_one_error_that_names_the_method(file, scene_classifier, images, name, message):
    with pytest.raises(BamError, match=message):
        explain(scene_classifier, images, [0, 1], custom_method(f"{file}:{name}"))


class OfAnotherLibrary:
    """As a tensor of PyTorch that requires a gradient."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nUse detach() instead.")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (OfAnotherLibrary(), "OfAnotherLibrary, not an array of numbers .Can't call numpy.. on Tensor"),
        ([OfAnotherLibrary()] * 2, "list, not an array of numbers .Can't call numpy"),
        ([np.zeros((64, 64)), np.zeros((3, 64))], "list, not an array of numbers"),
        ((np.zeros((64, 64)) for _ in range(2)), "generator, not an array of numbers"),
        (np.zeros((2, 64, 64), complex), r"ndarray, not an array of numbers \(it holds complex128\)"),
        (np.full((2, 64, 64), "1.5"), r"not an array of numbers \(it holds <U3\)"),
        (np.ma.masked_less(np.eye(64)[None].repeat(2, 0), 1), "some of its values are masked"),
        ([np.ma.masked_less(np.eye(64), 1)] * 2, "some of its values are masked"),
        (np.full((2, 64, 64), 1e-60), "its values are too small for float32: scale them"),
        (np.zeros((2, 64, 64, 0)), r"returned maps of shape \(2, 64, 64, 0\)"),
        (np.full((2, 64, 64), 1e60), "returned NaN or infinite values in 2 of 2 maps"),
        (None, "returned nothing"),
    ],
)
def test_what_is_no_array_of_maps_is_one_line_with_the_reason(scene_classifier, images, returned, words):
    def mine(classifier, images, targets, *, seed):
        return returned

    with pytest.raises(BamError, match=f"mine .*{words}") as caught:
        explain(scene_classifier, images, [0, 1], custom_method(mine))
    assert "\n" not in str(caught.value)


def test_what_is_no_method_is_refused(file, tmp_path):
    for entry, message in {
        f"{file}:dark": "has no function dark",
        f"{file}:forgetful": r"must take \(classifier, images, targets\), .* a default: too many positional",
        f"{file}:demanding": r"must take .* missing a required argument: 'power'",
        f"{file}:grad_cam": "name of a method of BAM's",
        str(tmp_path): "holds no maps",
    }.items():
        with pytest.raises(BamError, match=message):
            custom_method(entry)
    file.write_text("1 / 0")
    with pytest.raises(BamError, match=r"cannot be run \(ZeroDivisionError"):
        custom_method(f"{file}:brightness")


def brightness_of_this_file(classifier, images, targets, *, seed, power: int = 1):
    return images.mean(-1) ** power


def redefined(function):
    def mine(classifier, images, targets, *, seed):
        return images

    first = mine

    def mine(classifier, images, targets, *, seed):
        return -images

    return (first, mine)[function]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("absent.py:f", "there is no Python file absent.py"),
        ("metods.py:brightness", "there is no Python file metods.py: did you mean 'methods.py'?"),
        ("Below/mor.py:f", "there is no Python file Below/mor.py: did you mean 'below/more.py'?"),
        (
            "methods.py:brigthness",
            "has no function brigthness: did you mean 'brightness'? it defines bright",
        ),
        ("methods.py:Brightness", "did you mean 'brightness'?"),
        ("methods.py:np", "methods.py has no function np: it defines brightness, too_small"),
        ("methods.py", "methods.py names no function: give methods.py:FUNCTION; it defines brightness, too_"),
        ("methods.py:", "methods.py: names no function: give methods.py:FUNCTION"),
        ("absent.py", "there is no Python file absent.py"),
        ("below/broken.py", "names no function: give below/broken.py:FUNCTION; it defines none"),
        (
            "methods:brightness",
            "methods is no Python file: did you mean 'methods.py:brightness'? `meth",
        ),
        (
            "below.more:f",
            "below.more is no Python file: did you mean 'below/more.py:f'? `methods` takes",
        ),
        (":brightness", "`methods` takes path/to/file.py:function or a folder of .npy maps"),
        ("maps:brightness", "maps is no Python file: `methods` takes path/to/file.py:function or a folder"),
        ("captim:DeepLift", "captim is no Python file: did you mean 'captum:DeepLift'? `methods` takes"),
        ("notes.txt", "notes.txt is neither a Python file nor a folder: `methods` takes path/to/file.py:fun"),
        ("below/mapps", "there is no folder below/mapps: did you mean 'below/maps'? `methods` takes"),
        ("bellow/maps/", "there is no folder bellow/maps/: did you mean 'below/maps'?"),
        ("below/more/x", "there is no folder below/more/x: `methods` takes"),
        ("HERE/nowhere", "/nowhere: `methods` takes"),
    ],
)
def test_an_entry_that_names_nothing_says_what_is_wrong_and_what_is_near(
    file, tmp_path, monkeypatch, entry, message
):
    for folder in ("maps", "below/maps"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in {"below/more.py": "", "below/broken.py": "def (", "notes.txt": ""}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert is_custom(entry)
    with pytest.raises(BamError) as caught:
        custom_method(entry.replace("HERE", str(tmp_path)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_function_is_a_method(scene_classifier, images):
    method = custom_method(brightness_of_this_file)
    assert (method.name, method.own, method.transient) == ("brightness_of_this_file", True, "")
    assert method.version == custom_method(brightness_of_this_file).version
    assert custom_method(redefined(0)).version != custom_method(redefined(1)).version
    maps = method.with_settings(power="2").explain(scene_classifier, images, [0, 1])
    np.testing.assert_allclose(maps, images.mean(-1) ** 2, rtol=1e-5)
    named = custom_method(brightness_of_this_file, name="mine", version="3")
    assert (named.name, named.version) == ("mine", "3")


class Callable:
    def __call__(self, classifier, images, targets, *, seed):
        return images


def test_a_function_that_is_more_than_its_file_says_has_rows_that_cannot_be_kept():
    factor = 2

    def scaled(classifier, images, targets, *, seed):
        return factor * images

    for function, reason in {
        scaled: "it has a closure",
        (lambda classifier, images, targets, *, seed: images): "it has no name",
        Callable(): "it is no plain function",
        functools.partial(brightness_of_this_file, power=2): "it is no plain function",
    }.items():
        assert custom_method(function).transient == reason
        assert custom_method(function, version="1").transient == ""


def test_functions_that_are_no_methods_are_refused():
    def forgetful(images):
        return images

    def grad_cam(classifier, images, targets, *, seed):
        return images

    def demanding(classifier, images, targets, *, seed, power):
        return images

    for function, message in {
        forgetful: r"must take \(classifier, images, targets\), .* a default: too many positional",
        demanding: r"must take .* missing a required argument: 'power'",
        grad_cam: "name of a method of BAM's",
    }.items():
        with pytest.raises(BamError, match=message):
            custom_method(function)


def test_settings_that_no_file_can_record_are_refused():
    def smoothed(classifier, images, targets, *, seed, by=np.mean, sizes=(1, 2)):
        return images

    method = custom_method(smoothed)
    with pytest.raises(BamError, match="smoothed: by must be a number, a text or a list of such, not <"):
        method.with_settings()
    assert method.with_settings(by="mean").settings == {"by": "mean", "sizes": (1, 2)}


@pytest.mark.parametrize("seeds", [0, [5, 6]])
def test_a_function_is_given_what_it_has_parameters_for(file, scene_classifier, images, seeds):
    """All of these are optional, `seed` too."""
    seen = {}

    def plain(classifier, images, targets):
        return images

    def with_setting(classifier, images, targets, power=2):
        return images

    def seeded(classifier, images, targets, seed):
        seen["seeded"] = seed
        return images

    def open_to_all(*given, **more):
        seen["open_to_all"] = more.pop("seed")
        assert not more
        return given[1]

    def with_all(classifier, images, targets, seed=None, masks=None, ids=None, view=None):
        seen["with_all"] = (seed, masks, ids, view)
        return images

    masks = np.ones((2, 64, 64), bool)
    for function in (plain, with_setting, seeded, open_to_all, with_all):
        method = custom_method(function)
        assert method.defaults == ({"power": 2} if function is with_setting else {})
        maps = explain(scene_classifier, images, [0, 1], method, seeds, masks, ["a", "b"], "view")
        np.testing.assert_array_equal(maps, images)
    for found in (seen["seeded"], seen["open_to_all"], seen["with_all"][0]):
        assert (found.dtype, found.shape) == (np.uint64, (2,))
        np.testing.assert_array_equal(found, seen["seeded"])
    assert seen["with_all"][2:] == (["a", "b"], "view")
    np.testing.assert_array_equal(seen["with_all"][1], masks)
    explain(scene_classifier, images, [0, 1], custom_method(with_all), seeds)
    assert seen["with_all"][1:] == (None, None, None)

    file.write_text("def plain(classifier, images, targets):\n    return images\n")
    np.testing.assert_array_equal(
        explain(scene_classifier, images, [0, 1], custom_method(f"{file}:plain")), images
    )
    with pytest.raises(BamError, match="seed must not be negative"):
        explain(scene_classifier, images, [0, 1], custom_method(plain), -1)
    with pytest.raises(BamError, match=r"type must take \(classifier, .*no signature found"):
        custom_method(type)
