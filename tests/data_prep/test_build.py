"""Building: the same bytes whatever happens on the way, and one clear line where it cannot be done."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.data_prep import build as build_module
from bam.data_prep import load_dataset
from bam.data_prep.build import build
from bam.data_prep.croissant import CROISSANT
from bam.data_prep.dataset_card import CARD
from bam.data_prep.sources import Sources
from bam.data_prep.sources.coco import Coco
from bam.data_prep.sources.miniplaces import MiniPlaces

REPOSITORY = Path(build_module.__file__).parents[1]


@pytest.fixture
def copied_sources(sources_folder, tmp_path):
    """The sources at another place, to be changed."""
    folder = tmp_path / "sources"
    shutil.copytree(sources_folder, folder)
    return Sources(Coco(folder / "coco"), MiniPlaces(folder / "miniplaces"))


@pytest.fixture
def target(tmp_path):
    """Where to build; nothing lies beside it."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "bam"


def test_files_of_a_dataset(dataset, contents):
    tables = {f"{name}.csv" for name in build_module.TABLES}
    assert "bamboo_forest.csv" in tables
    arrays = {f"scenes/{name}.npy" for name in build_module.SCENES}
    arrays |= {f"cutouts/{name}.npy" for name in build_module.OBJECTS}
    files = {file for file in contents(dataset.folder) if not file.startswith("contact_sheets/")}
    assert files == {"dataset.json", CARD, CROISSANT} | tables | arrays
    assert list(dataset.folder.parent.iterdir()) == [dataset.folder]


def test_description(dataset):
    description = json.loads((dataset.folder / "dataset.json").read_text())
    assert description["settings"]["seed"] == 0
    assert description["settings"]["images_per_pair"] == 10
    assert description["settings"]["source"] == "coco/miniplaces"
    assert description["objects"] == list(build_module.OBJECTS)
    assert description["scenes"] == list(build_module.SCENES)
    assert len(description["sources"]) == 20
    assert set(map(tuple, map(dict.items, description["sources"].values()))) == {
        (("train", 10), ("validation", 1), ("test", 1))
    }
    assert description["excluded"] == []
    assert description["excluded_summary"] == "none left out"


def test_same_bytes_whatever_the_workers_and_wherever_the_sources_lie(
    copied_sources, dataset, target, contents
):
    target.mkdir()  # an empty folder is as good as none
    build(copied_sources, target, images_per_pair=10, seed=0, workers=5)
    assert contents(target) == contents(dataset.folder)


def test_another_seed_is_another_dataset(sources, dataset, target, contents):
    other = build(sources, target, images_per_pair=10, seed=1, workers=2)
    assert other.fingerprint != dataset.fingerprint
    ours, theirs = contents(target), contents(dataset.folder)
    for file in ("placements.csv", "sources.csv", "rescaled.csv", "relocated.csv", "scenes/track.npy"):
        assert ours[file] != theirs[file]


def test_existing_dataset_is_opened_and_left_alone(sources, dataset, contents, monkeypatch):
    load_dataset(dataset.folder)  # which notes that its pixels were checked
    before = contents(dataset.folder), dataset.folder.stat().st_mtime_ns
    monkeypatch.setattr(build_module, "replacing", None)
    monkeypatch.setattr(build_module, "write_json", None)
    again = build(sources, dataset.folder, images_per_pair=10, seed=0, workers=1)
    assert again.fingerprint == dataset.fingerprint
    assert (contents(dataset.folder), dataset.folder.stat().st_mtime_ns) == before


def test_a_dataset_without_its_cards_gets_them_and_stays_the_same(sources, dataset, tmp_path, contents):
    copy = shutil.copytree(dataset.folder, tmp_path / "copy")
    (copy / CARD).unlink()
    (copy / CROISSANT).write_text("mine")  # what is there is left alone
    again = build(sources, copy, images_per_pair=10, seed=0, workers=1)
    assert again.fingerprint == dataset.fingerprint
    ours, theirs = contents(copy), contents(dataset.folder)
    assert ours.pop(CROISSANT) == b"mine"
    theirs.pop(CROISSANT)
    assert ours == theirs


def test_a_dataset_that_can_only_be_read_is_used_without_cards(
    sources, dataset, tmp_path, monkeypatch, capsys
):
    def refused(path, text):
        raise BamError(f"{path} cannot be written (Read-only file system): is the disk full?")

    copy = shutil.copytree(dataset.folder, tmp_path / "copy")
    (copy / CARD).unlink()
    monkeypatch.setattr(build_module, "write_text", refused)
    assert build(sources, copy, images_per_pair=10, seed=0, workers=1).fingerprint == dataset.fingerprint
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("the dataset is used without its cards: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 7}, "was built with seed 0, not 7: give another `data`, or remove it"),
        ({"images_per_pair": 11}, "was built with images_per_pair 10, not 11: give"),
        ({"seed": 1, "images_per_pair": 12}, "with seed 0, not 1; images_per_pair 10, not 12: give"),
        ({"minimum_area": 2000}, "was built with minimum_area 1024, not 2000"),
    ],
)
def test_existing_dataset_of_other_settings_is_refused(sources, dataset, contents, changes, message):
    before = contents(dataset.folder)
    changes = {"images_per_pair": 10, "seed": 0, **changes}
    coco = Coco(sources.objects.folder, changes.pop("minimum_area", sources.objects.minimum_area))
    with pytest.raises(BamError, match=message):
        build(Sources(coco, sources.scenes), dataset.folder, workers=1, **changes)
    assert contents(dataset.folder) == before


def test_existing_dataset_of_other_sources_is_refused(copied_sources, dataset, monkeypatch):
    scenes = copied_sources.scenes
    other = Sources(copied_sources.objects, scenes)
    next((scenes.folder / "images/train/t/track/outdoor").iterdir()).unlink()
    with pytest.raises(BamError, match="was built with other scenes: give another `data`"):
        build(other, dataset.folder, images_per_pair=10, seed=0, workers=1)
    monkeypatch.setattr(scenes, "name", "drawn")
    with pytest.raises(BamError, match="was built with source coco/miniplaces, not coco/drawn; other scenes"):
        build(other, dataset.folder, images_per_pair=10, seed=0, workers=1)
    monkeypatch.setattr(scenes, "settings", lambda: {"seed": 3})
    with pytest.raises(BamError, match="name its settings and notes otherwise than seed"):
        build(other, dataset.folder, images_per_pair=10, seed=0, workers=1)


def test_existing_dataset_whose_pixels_were_changed_is_refused(sources, dataset, tmp_path):
    copy = shutil.copytree(dataset.folder, tmp_path / "copy")
    scenes = np.load(copy / "scenes" / "track.npy")
    np.save(copy / "scenes" / "track.npy", 255 - scenes)
    with pytest.raises(BamError, match=r"scenes/track\.npy was changed\): remove it and build it again$"):
        build(sources, copy, images_per_pair=10, seed=0, workers=1)


def test_foreign_folder_is_refused(sources, target):
    target.mkdir()
    (target / "thesis.tex").write_text("mine")
    with pytest.raises(BamError, match="is there but holds no dataset"):
        build(sources, target, images_per_pair=10, seed=0, workers=1)
    assert [path.name for path in target.iterdir()] == ["thesis.tex"]


def test_too_few_images_per_pair(sources, target):
    with pytest.raises(BamError, match=r"`images_per_pair` must be at least 10 .*, not 9"):
        build(sources, target, images_per_pair=9, seed=0, workers=1)


def test_missing_folders(sources, target, tmp_path):
    nothing = tmp_path / "nothing"
    for objects, scenes in ((Coco(nothing), sources.scenes), (sources.objects, MiniPlaces(nothing))):
        with pytest.raises(BamError, match="must be a folder with"):
            build(Sources(objects, scenes), target, images_per_pair=10, seed=0, workers=1)
        assert not target.exists()


def test_too_few_sources_says_how_many_and_why_and_sees_what_is_added(
    copied_sources, target, dataset, contents, tmp_path
):
    folder = copied_sources.objects.folder / "train2017"
    photographs = sorted(folder.glob("0000000060*"))  # pizza is the sixth class
    assert len(photographs) == 12
    away = tmp_path / "away"
    away.mkdir()
    for photograph in photographs[:2]:
        shutil.move(photograph, away)
    whole = photographs[5].read_bytes()
    photographs[5].write_bytes(whole[:500])
    with pytest.raises(BamError) as caught:
        build(copied_sources, target, images_per_pair=10, seed=0, workers=2)
    message = str(caught.value)
    assert message.startswith("each class needs 10 usable sources, but pizza has 9 (3 left out: ")
    assert "2 file is missing" in message
    assert "1 cannot be read" in message
    assert not target.exists()
    for photograph in away.iterdir():
        shutil.move(photograph, folder)
    photographs[5].write_bytes(whole)
    build(copied_sources, target, images_per_pair=10, seed=0, workers=1)
    assert contents(target) == contents(dataset.folder)


def test_flaws_are_counted_and_named(copied_sources, target):
    """Twelve pictures of each class are wanted, so that every flaw is met."""
    coco, miniplaces = copied_sources.objects.folder, copied_sources.scenes.folder
    photographs = sorted((coco / "train2017").iterdir())
    photographs[0].unlink()
    photographs[13].write_bytes(photographs[13].read_bytes()[:700])
    shutil.copy(photographs[25], photographs[26])  # 150 x 120 in place of 120 x 150
    path = coco / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        if annotation["image_id"] == 4001 and annotation["area"] > 1000:
            annotation["segmentation"] = [[0, 0, 1]]
        if annotation["image_id"] == 5001:
            annotation["area"] = 1000
    path.write_text(json.dumps(content))
    images, objects = (miniplaces / below / "train" for below in ("images", "objects"))
    (objects / "b/bedroom").mkdir(parents=True)
    (objects / "b/bedroom/00000002.xml").write_text(
        "<annotation><object><name>dogs</name></object></annotation>"
    )
    (objects / "b/bedroom/00000003.xml").write_text("<a>")
    shutil.copy(images / "r/runway/00000001.jpg", images / "r/runway/00000004.jpg")
    exclusions = miniplaces / "exclude.txt"
    exclusions.write_text("images/train/t/track/outdoor/00000012.jpg  # a dog\n")
    flawed = Sources(Coco(coco), MiniPlaces(miniplaces, exclusions))
    description = build(flawed, target, images_per_pair=12, seed=0, workers=2).description
    found = {(e["class"], e["file"]): e["reason"].split(":")[0] for e in description["excluded"]}
    runway = {key: found.pop(key) for key in list(found) if key[0] == "runway"}
    assert found == {
        ("backpack", "000000001000.jpg"): "file is missing",
        ("bird", "000000002001.jpg"): "cannot be read",
        ("dog", "000000003002.jpg"): "size differs from its annotation",
        ("elephant", "000000004001.jpg"): "segmentation cannot be read",
        ("kite", "000000005001.jpg"): "object too small",
        ("bedroom", "b/bedroom/00000002.jpg"): "shows one of the objects",
        ("bedroom", "b/bedroom/00000003.jpg"): "object annotation cannot be read",
        ("track", "t/track/outdoor/00000012.jpg"): "named in `exclude_scenes`",
    }
    assert list(runway.values()) == ["duplicate of another picture"]
    assert description["excluded_summary"].startswith("9 left out: ")
    totals = {name: sum(splits.values()) for name, splits in description["sources"].items()}
    assert totals["bedroom"] == 10
    assert totals["dog"] == totals["track"] == totals["runway"] == 11
    assert totals["pizza"] == 12
    assert "sources" not in (target / "dataset.json").read_text().replace('"sources"', "")  # no local path


# Builds that do not come to their end


def assert_no_dataset(target):
    assert not target.exists()
    with pytest.raises(BamError, match="there is no dataset in"):
        load_dataset(target)


def assert_undisturbed(target, sources, dataset, contents):
    build(sources, target, images_per_pair=10, seed=0, workers=2)
    assert contents(target) == contents(dataset.folder)
    assert list(target.parent.iterdir()) == [target]


def fails_at(call, function, error):
    """`function`, but its call number `call`, counted from 1, raises `error`."""
    calls = []

    def failing(*args, **how):
        calls.append(1)
        if len(calls) == call:
            raise error
        return function(*args, **how)

    return failing


@pytest.mark.parametrize(("function", "call"), [("gather", 14), ("write_contact_sheets", 1)])
def test_interrupted_build_goes_on(sources, target, dataset, contents, monkeypatch, function, call):
    with monkeypatch.context() as patched:
        failing = fails_at(call, getattr(build_module, function), KeyboardInterrupt)
        patched.setattr(build_module, function, failing)
        with pytest.raises(KeyboardInterrupt):
            build(sources, target, images_per_pair=10, seed=0, workers=2)
    assert_no_dataset(target)
    again = fails_at(1, None, AssertionError("what was gathered is gathered again"))
    if function == "gather":
        gather = build_module.gather

        def again(source, items, name, *given, **how):
            assert build_module.SCENES.index(name) >= 3, "what was gathered is gathered again"
            return gather(source, items, name, *given, **how)

    monkeypatch.setattr(build_module, "gather", again)
    assert_undisturbed(target, sources, dataset, contents)


def test_what_a_build_of_other_settings_left_is_not_used(sources, target, dataset, contents, monkeypatch):
    with monkeypatch.context() as patched:
        failing = fails_at(12, build_module.gather, KeyboardInterrupt)
        patched.setattr(build_module, "gather", failing)
        with pytest.raises(KeyboardInterrupt):
            build(sources, target, images_per_pair=10, seed=3, workers=2)
    assert_undisturbed(target, sources, dataset, contents)


@pytest.mark.parametrize("call", [9, 45])
def test_full_disk_at_any_time(sources, target, dataset, contents, monkeypatch, call):
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(1)
        if len(calls) >= call:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(BamError, match=r"No space left on device.*disk full"):
            build(sources, target, images_per_pair=10, seed=0, workers=2)
    assert len(calls) == call
    assert_no_dataset(target)
    assert_undisturbed(target, sources, dataset, contents)


def test_full_disk_at_the_tables_keeps_what_was_gathered(sources, target, monkeypatch):
    def full(*_):
        raise BamError("placements.csv cannot be written (No space left on device): is the disk full?")

    monkeypatch.setattr("bam.data_prep.build.write_placements", full)
    with pytest.raises(BamError, match="No space left on device"):
        build(sources, target, images_per_pair=10, seed=0, workers=2)
    partial = target.with_name(f".{target.name}.partial")
    assert len(list((partial / "parts").glob("*.json"))) == 20


def test_full_disk_in_the_middle_of_an_array(sources, target, dataset, contents, monkeypatch):
    def half(file, array, **_):
        file.write(array.tobytes()[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", half)
        with pytest.raises(BamError, match=r"No space left on device.*disk full"):
            build(sources, target, images_per_pair=10, seed=0, workers=2)
    assert_no_dataset(target)
    assert_undisturbed(target, sources, dataset, contents)


# Builds in one process each, which kills itself just before a file, written next to its place, is put there.
KILLED = """
import os, signal, sys
from pathlib import Path

from bam.data_prep.build import build
from bam.data_prep.sources import Sources, make_source

coco, miniplaces, parent, *moments = sys.argv[1:]
children = {}
for moment in moments:
    child = os.fork()
    if child:
        children[child] = moment
        continue
    calls, replace = [], os.replace

    def replace_or_die(source, target):
        calls.append(1)
        if len(calls) == int(moment):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = replace_or_die
    sources = Sources(make_source("object", "coco", coco), make_source("scene", "miniplaces", miniplaces))
    build(sources, Path(parent) / moment / "bam", 10, 0, 2)
    os._exit(0)
for child, moment in children.items():
    print(moment, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_killed_build_goes_on(sources, tmp_path, dataset, contents):
    # Of 53 files and folders put in place: a cutout array, dataset.json, the dataset folder itself.
    moments = ["6", "46", "53"]
    folders = sources.objects.folder, sources.scenes.folder
    script = [sys.executable, "-c", KILLED, *folders, tmp_path, *moments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    answer = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=120, check=True)
    codes = dict(line.split() for line in answer.stdout.splitlines())
    assert codes == dict.fromkeys(moments, str(-signal.SIGKILL))
    for moment in moments:
        target = tmp_path / moment / "bam"
        assert_no_dataset(target)
        assert_undisturbed(target, sources, dataset, contents)


def test_progress_names_the_classes(copied_sources, target, shown):
    build(copied_sources, target, 10, 0, 2)
    names = (*build_module.OBJECTS, *build_module.SCENES)
    assert shown == [
        *(f"reading sources: class {number} of 20 ({name})" for number, name in enumerate(names, 1)),
        *(
            f"describing the dataset: file {number} of 2 ({name})"
            for number, name in enumerate((CARD, CROISSANT), 1)
        ),
    ]
