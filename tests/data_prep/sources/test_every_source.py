"""Every source passes the same battery; one more, written here, is registered and built from."""

import csv
import json
import os
import shutil

import numpy as np
import pytest

from bam import build_dataset
from bam.base.digests import digest, key_digest
from bam.base.errors import BamError
from bam.data_prep.build import build
from bam.data_prep.classes import CLASSES, OBJECTS, SCENES
from bam.data_prep.dataset import load_dataset
from bam.data_prep.sources import (
    SOURCES,
    Item,
    ObjectSource,
    SceneSource,
    Sources,
    Unusable,
    make_source,
    source,
)


class Arrays:
    """Pixels as .npy files, one folder per class."""

    name = "arrays"

    def __init__(self, folder, brightness=0):
        self.folder, self.brightness = folder, brightness

    def settings(self):
        files = [item.file for items in self.items().values() for item in items]
        content = key_digest([(file, digest(self.folder / file)) for file in files])
        return {f"{self.kind}_arrays": content, f"{self.kind}_brightness": self.brightness}

    def items(self):
        return {
            name: [Item(f"{name}/{path.name}") for path in sorted((self.folder / name).glob("*.npy"))]
            for name in CLASSES[self.kind]
        }

    def read(self, item):
        try:
            pixels = np.load(self.folder / item.file)
        except (OSError, ValueError):
            raise Unusable("cannot be read") from None
        return pixels + np.uint8(self.brightness)


@source
class ObjectArrays(Arrays, ObjectSource):
    """Objects as .npy files."""


@source
class SceneArrays(Arrays, SceneSource):
    """Scenes as .npy files."""

    def notes(self):
        return {"scene_files": sum(map(len, self.items().values()))}


@pytest.fixture(scope="session")
def arrays_folder(tmp_path_factory):
    """The folder of both, ten files of each class. Not to be changed."""
    folder, rng = tmp_path_factory.mktemp("arrays") / "here", np.random.default_rng(0)
    for name in (*OBJECTS, *SCENES):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 200, (128, 128, 3) if name in SCENES else (150, 90, 4), np.uint8)
            if name in OBJECTS:
                pixels[..., 3] = 0
                pixels[20:140, 15:80, 3] = 255
            np.save(folder / name / f"{number}.npy", pixels)
    return folder


@pytest.fixture(scope="session")
def folders(sources_folder, arrays_folder, tmp_path_factory):
    """A small folder of each source, and the settings that it needs. A new source needs one here."""
    drawn = tmp_path_factory.mktemp("drawn") / "here"
    few = {"pictures_per_class": 2}
    make_source("object", "drawn", drawn, **few).prepare(2)
    return {
        "coco": (sources_folder / "coco", {}),
        "miniplaces": (sources_folder / "miniplaces", {}),
        "drawn": (drawn, few),
        "arrays": (arrays_folder, {}),
    }


@pytest.fixture(
    scope="session", params=[(kind, name) for kind in SOURCES for name in SOURCES[kind]], ids="-".join
)
def here(request, folders):
    """Makes each registered source, of its folder or of another."""
    kind, name = request.param
    folder, settings = folders[name]

    def make(other=folder):
        made = make_source(kind, name, other, **settings)
        made.prepare(2)
        return made

    return make


@pytest.fixture
def there(here, folders, tmp_path):
    """The source again, of a copy whose files were made in another order."""
    folder = folders[here().name][0]
    for path in sorted(folder.rglob("*"), reverse=True):
        copy = tmp_path / "elsewhere" / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copy(path, copy)
    return here(tmp_path / "elsewhere")


def listed(made):
    return {name: [(item.file, item.annotation) for item in items] for name, items in made.items().items()}


def test_it_lists_its_classes_in_one_order_wherever_it_lies(here, there):
    items = listed(here())
    assert list(items) == list(CLASSES[here().kind])
    assert items == listed(here()) == listed(there)
    for members in items.values():
        assert len(set(members)) == len(members) > 0
        for file, annotation in members:
            assert not os.path.isabs(file)
            assert isinstance(annotation, int | str)


def test_its_settings_are_plain_and_do_not_know_where_it_lies(here, there):
    settings, notes = here().settings(), here().notes()
    assert json.loads(json.dumps([settings, notes])) == [settings, notes]
    assert (settings, notes) == (there.settings(), there.notes())


def test_its_settings_go_with_those_of_every_source_of_the_other_kind(here, folders):
    taken = {"seed", "images_per_pair", "source", "settings", "fingerprint", "format", "arrays", "tables"}
    others = SOURCES["scene" if here().kind == "object" else "object"]
    for name, other in others.items():
        folder, settings = folders[name]
        beside = other(folder, **settings)
        assert not here().settings().keys() & {*taken, *beside.settings()}
        assert not here().notes().keys() & {*taken, *beside.notes()}


def test_it_reads_the_same_pixels_again_and_elsewhere(here, there):
    for name, items in here().items().items():
        one, again, other = here().read(items[0]), here().read(items[0]), there.read(there.items()[name][0])
        assert one.dtype == np.uint8
        if here().kind == "scene":
            assert one.shape == (128, 128, 3)
        else:
            assert one.ndim == 3
            assert one.shape[2] == 4
            assert (one[..., 3] >= 128).any()
        np.testing.assert_array_equal(one, again)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(path.read_bytes()[:100]), os.remove])
def test_it_says_in_one_line_why_an_item_is_unusable(there, spoil):
    items = there.items()
    for path in there.folder.rglob("*.*"):
        if path.suffix in (".jpg", ".png", ".npy"):
            spoil(path)
    for members in items.values():
        with pytest.raises(Unusable) as caught:
            there.read(members[0])
        assert len(str(caught.value).splitlines()) == 1
        assert str(there.folder) not in str(caught.value)


def test_it_is_made_by_name_with_its_own_settings(here):
    made = here()
    assert SOURCES[made.kind][made.name] is type(made)
    assert type(made).__doc__
    with pytest.raises(BamError, match=rf"^{made.name} has no setting `colour`: it has "):
        make_source(made.kind, made.name, made.folder, colour="red")
    with pytest.raises(BamError, match=rf"^unknown source of {made.kind}s 'x{made.name}': did you mean"):
        make_source(made.kind, f"x{made.name}", made.folder)


# A source that is not BAM's own


def test_a_dataset_of_another_source(arrays_folder, tmp_path):
    sources = Sources(ObjectArrays(arrays_folder), SceneArrays(arrays_folder, brightness=7))
    dataset = build(sources, tmp_path / "bam", images_per_pair=10, seed=0, workers=2)
    settings = dataset.description["settings"]
    assert settings == {
        "seed": 0,
        "images_per_pair": 10,
        "source": "arrays",
        **ObjectArrays(arrays_folder).settings(),
        **SceneArrays(arrays_folder, 7).settings(),
    }
    assert dataset.description["scene_files"] == 100
    assert dataset.description["excluded"] == []
    batch = dataset.view("object_scene")[:9]
    for placement, image, mask in zip(
        dataset.view("object_scene").placements, batch.images, batch.masks, strict=False
    ):
        scene = dataset.scene(placement)
        np.testing.assert_array_equal(image[~mask], scene[~mask])
        assert dataset.cutout(placement).shape == (120, 65, 4)  # the opaque box
    files = [np.load(path) for path in (arrays_folder / placement.scene).iterdir()]
    assert any(np.array_equal(file + 7, scene) for file in files)
    elsewhere = shutil.copytree(arrays_folder, tmp_path / "elsewhere")
    again = Sources(ObjectArrays(elsewhere), SceneArrays(elsewhere, 7))
    assert build(again, tmp_path / "bam", 10, 0, 1).fingerprint == dataset.fingerprint
    again.objects.brightness = 3
    with pytest.raises(BamError, match="was built with object_brightness 0, not 3: give another `data`"):
        build(again, tmp_path / "bam", 10, 0, 1)
    np.save(elsewhere / "dog" / "0.npy", np.zeros((9, 9, 4), np.uint8))
    with pytest.raises(BamError, match=r"was built with other object_arrays; object_brightness"):
        build(again, tmp_path / "bam", 10, 0, 1)


@pytest.fixture
def command(capsys, tmp_path):
    """Runs the command that builds a dataset in `tmp_path`; returns its exit code, stdout and stderr."""

    def run(*flags, code=0):
        caught = 0
        try:
            build_dataset.main(["build", "--data", str(tmp_path / "bam"), "--images_per_pair", "10", *flags])
        except SystemExit as error:
            caught = error.code
        assert caught == code
        return capsys.readouterr()

    return run


def test_sources_by_name_on_the_command_line(command, arrays_folder, sources_folder, tmp_path):
    coco, miniplaces = sources_folder / "coco", sources_folder / "miniplaces"
    command("--objects", f"arrays={arrays_folder}", "--scenes", f"miniplaces={miniplaces}")
    assert load_dataset(tmp_path / "bam").description["settings"]["source"] == "arrays/miniplaces"
    mixed = command("--coco", str(coco), "--scenes", f"miniplaces={miniplaces}", code=1).err
    assert "was built with source arrays/miniplaces, not coco/miniplaces" in mixed
    assert "give another --data" in mixed
    shutil.rmtree(tmp_path / "bam")
    file = tmp_path / "mine.py"
    file.write_text(
        "from bam.data_prep.sources import SOURCES, source\n\n\n"
        "@source\nclass Mine(SOURCES['object']['coco']):\n    name = 'mine'\n"
    )
    given = ("--objects", f"{file}:mine={coco}", "--minimum_area", "500", "--miniplaces", str(miniplaces))
    command(*given)
    assert SOURCES["object"].pop("mine").__name__ == "Mine"
    settings = load_dataset(tmp_path / "bam").description["settings"]
    assert (settings["source"], settings["minimum_area"]) == ("mine/miniplaces", 500)


def test_the_command_says_of_how_many_pictures_composites_are_made(command, sources_folder, tmp_path):
    given = "--coco", str(sources_folder / "coco"), "--miniplaces", str(sources_folder / "miniplaces")
    with_all = command(*given).out
    with open(tmp_path / "bam" / "placements.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    objects = {(row["object"], row["cutout"]) for row in rows}
    scenes = {(row["scene"], row["scene_index"]) for row in rows}
    assert 100 <= len(objects) <= 120 >= len(scenes) >= 100
    made = f"from {len(objects)} objects and {len(scenes)} scenes\n"
    said = f"800 train, 100 validation, 100 test composites, {made}"
    assert said in with_all
    assert said in command(*given).out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--objects", "coco=x"), "--coco (or --objects) and --miniplaces (or --scenes) belong together"),
        (("--coco", "x", "--objects", "coco=x"), "--coco and --objects say the same"),
        (("--coco", "", "--miniplaces", "x"), "--coco must be a folder, and --objects NAME=FOLDER"),
        (("--objects", "x", "--miniplaces", "x"), "--objects NAME=FOLDER, not 'x'"),
        (
            ("--objects", "cocoa=x", "--miniplaces", "x"),
            "unknown source of objects 'cocoa': did you mean 'coco'",
        ),
        (("--objects", "none.py:mine=x", "--miniplaces", "x"), "none.py"),
        (
            ("--objects", "arrays=x", "--scenes", "arrays=x", "--minimum_area", "9"),
            "arrays has no setting --minimum_area",
        ),
        (
            ("--objects", "arrays=x", "--scenes", "arrays=x", "--exclude_scenes", "list.txt"),
            "arrays has no setting --exclude_scenes",
        ),
    ],
)
def test_what_is_no_source_on_the_command_line(command, flags, words):
    errors = command(*flags, code=1).err
    assert words in errors
    assert len(errors.splitlines()) == 1
