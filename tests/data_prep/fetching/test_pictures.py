"""Single photographs from a local server: so many of each class, whatever fails on the way."""

import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bam
from bam.base.errors import BamError
from bam.data_prep.build import build
from bam.data_prep.classes import OBJECTS
from bam.data_prep.fetching import transfer
from bam.data_prep.fetching.pictures import fetch_pictures
from bam.data_prep.sources import Sources
from bam.data_prep.sources.coco import Coco
from bam.data_prep.sources.coco_annotations import ANNOTATIONS
from bam.data_prep.sources.miniplaces import MiniPlaces

REPOSITORY = Path(bam.__file__).parents[1]
PAGE = b"\n<!DOCTYPE html><html>Sign in to use this network</html>"


@pytest.fixture
def whole(server, sources_folder, monkeypatch):
    """COCO's whole annotation file, twelve photographs of each class, which the server has."""
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    for path in (sources_folder / "coco" / "train2017").iterdir():
        server.files[f"/train2017/{path.name}"] = path.read_bytes()
    return sources_folder / "coco" / ANNOTATIONS


@pytest.fixture
def fetched(server, whole, tmp_path):
    """Fetches three pictures of each class, or other numbers, to `tmp_path/coco_small` or elsewhere."""

    def run(number=3, folder="coco_small", annotations=whole, **more):
        more = {"url": f"{server.url}/train2017", **more}
        return fetch_pictures(annotations, tmp_path / folder, number, **more)

    return run


def photographs(folder):
    return {path.name: path.read_bytes() for path in (folder / "train2017").iterdir()}


def asked(server):
    return Counter(path.rsplit("/", 1)[-1] for path, _ in server.asked)


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def first(fetched, server, name="pizza"):
    """The picture of a class that is taken first, from a run elsewhere that is then forgotten."""
    file = fetched(1, folder="elsewhere").chosen[name][0]
    server.asked.clear()
    return file


# A run in which nothing fails


def test_every_class_gets_its_number_and_no_picture_is_fetched_in_vain(fetched, server, tmp_path):
    chosen = fetched().chosen
    folder = tmp_path / "coco_small"
    assert {name: len(files) for name, files in chosen.items()} == dict.fromkeys(OBJECTS, 3)
    assert photographs(folder).keys() == {file for files in chosen.values() for file in files}
    assert asked(server) == Counter(photographs(folder).keys())
    assert photographs(folder) == {name: server.files[f"/train2017/{name}"] for name in photographs(folder)}
    assert {path.name for path in folder.iterdir()} == {"train2017", "annotations", "manifest.json"}
    assert [path.name for path in (folder / "annotations").iterdir()] == ["instances_train2017.json"]


def test_manifest_names_every_picture(fetched, tmp_path, whole):
    chosen = fetched(minimum_area=500.0, seed=7).chosen
    manifest = manifest_of(tmp_path / "coco_small")
    assert manifest["settings"] == {
        "seed": 7,
        "minimum_area": 500.0,
        "annotations": hashlib.sha256(whole.read_bytes()).hexdigest(),
    }
    assert manifest["images_per_class"] == 3
    assert manifest["left_out"] == []
    assert manifest["classes"]["dog"] == {
        "chosen": 3,
        "usable_by_annotation": 12,
        "too_small": 0,
        "of_another_class": 0,
        "no_object": 0,
    }
    rows = manifest["pictures"]
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    for row in rows:
        content = (tmp_path / "coco_small" / "train2017" / row["file"]).read_bytes()
        assert row["file"] in chosen[row["object_class"]]
        assert row["size"] == len(content)
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert Image.open(io.BytesIO(content)).size == (row["width"], row["height"])


def test_annotations_are_those_of_the_pictures_alone(fetched, tmp_path, whole):
    chosen = fetched().chosen
    items = Coco(tmp_path / "coco_small").items()
    before = Coco(whole.parents[1]).items()
    for name, files in chosen.items():
        assert [item.file for item in items[name]] == sorted(files)
        expected = {item.file: item for item in before[name]}
        for item in items[name]:
            assert (item.annotation, item.area) == (expected[item.file].annotation, expected[item.file].area)
    assert not any(items.left_out.values())
    reduced = json.loads((tmp_path / "coco_small" / ANNOTATIONS).read_text())
    content = json.loads(whole.read_text())
    assert reduced["categories"] == content["categories"]
    assert all(image in content["images"] for image in reduced["images"])
    assert all(annotation in content["annotations"] for annotation in reduced["annotations"])
    assert len(reduced["images"]) == 30


def test_a_dataset_is_built_from_it_with_as_many_objects(fetched, server, sources_folder, tmp_path):
    thirteenth = first(fetched, server)
    del server.files[f"/train2017/{thirteenth}"]
    fetched(10)
    sources = Sources(Coco(tmp_path / "coco_small"), MiniPlaces(sources_folder / "miniplaces"))
    description = build(sources, tmp_path / "bam", images_per_pair=10, seed=0, workers=2).description
    assert description["excluded"] == []
    assert {name: sum(description["sources"][name].values()) for name in OBJECTS} == dict.fromkeys(
        OBJECTS, 10
    )


def test_same_seed_same_folder_whatever_the_threads(fetched, server, tmp_path, contents):
    for number in (1, 4, 5, 6):
        server.files.pop(f"/train2017/{6000 + number:012d}.jpg")
    server.failures = {f"/train2017/{7000 + number:012d}.jpg": [503] * 3 for number in range(12)}
    for workers in (1, 3, 8):
        fetched(8, folder=f"with_{workers}", workers=workers)
    one, three, eight = (contents(tmp_path / f"with_{workers}") for workers in (1, 3, 8))
    assert one == three == eight
    assert manifest_of(tmp_path / "with_1")["left_out"]


def test_another_seed_makes_another_choice(fetched):
    assert fetched(folder="a", seed=0).chosen != fetched(folder="b", seed=1).chosen


def test_second_run_fetches_nothing(fetched, server, tmp_path, contents):
    fetched()
    before = contents(tmp_path / "coco_small")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "coco_small").rglob("*.jpg")}
    server.asked.clear()
    assert fetched().damaged == []
    assert server.asked == []
    assert contents(tmp_path / "coco_small") == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_fewer_are_the_first_of_more(fetched, server, tmp_path, contents):
    few = fetched(2).chosen
    there = photographs(tmp_path / "coco_small").keys()
    server.asked.clear()
    more = fetched(5).chosen
    assert all(more[name][:2] == few[name] for name in OBJECTS)
    assert len(server.asked) == 30
    assert not there & asked(server).keys()
    fetched(5, folder="at_once")
    assert contents(tmp_path / "coco_small") == contents(tmp_path / "at_once")
    assert fetched(2).chosen == few  # the others stay, and no annotation speaks of them
    assert len(photographs(tmp_path / "coco_small")) == 50
    assert all(len(found) == 2 for found in Coco(tmp_path / "coco_small").items().values())


def test_progress_counts_pictures(fetched, shown):
    fetched(1, workers=1)
    assert shown == [
        "reading annotations: instances_train2017.json",
        *(f"fetching photographs: {done} of 10 pictures" for done in range(1, 11)),
    ]


# Which photographs


def annotated(file, category, **more):
    return {"file": file, "category": category, **more}


@pytest.fixture
def few(server, coco_folder, picture, fetched):
    """Fetches `number` pictures of a COCO folder that `coco_folder` makes of the annotations."""

    def run(annotations, number=1, same=(), **more):
        files = sorted({each["file"] for each in annotations})
        seeds = {file: 0 if file in same else place for place, file in enumerate(files, 1)}
        folder = coco_folder({file: picture(100, 100, seeds[file]) for file in files}, annotations)
        server.files |= {
            f"/train2017/{path.name}": path.read_bytes() for path in (folder / "train2017").iterdir()
        }
        return fetched(number, annotations=folder / ANNOTATIONS, **more)

    return run


def test_a_photograph_serves_the_class_that_has_fewer(few, tmp_path):
    shown = [annotated(f"{letter}.jpg", "dog") for letter in "abcd"]
    shown += [annotated(f"{letter}.jpg", "truck") for letter in "ab"]
    result = few(shown, number=4)
    assert sorted(result.chosen["dog"]) == ["c.jpg", "d.jpg"]
    assert sorted(result.chosen["truck"]) == ["a.jpg", "b.jpg"]
    items = Coco(tmp_path / "coco_small").items()
    assert [item.file for item in items["dog"]] == ["c.jpg", "d.jpg"]
    counts = manifest_of(tmp_path / "coco_small")["classes"]["dog"]
    assert counts["of_another_class"] == 2


def test_small_objects_and_crowds_are_not_asked_for(few, server, tmp_path):
    shown = [
        annotated("a.jpg", "dog", area=1023),
        annotated("b.jpg", "dog", area=1024),
        annotated("c.jpg", "dog", iscrowd=1),
    ]
    assert few(shown, number=3).chosen["dog"] == ["b.jpg"]
    assert asked(server) == {"b.jpg": 1}
    counts = manifest_of(tmp_path / "coco_small")["classes"]["dog"]
    assert (counts["usable_by_annotation"], counts["too_small"], counts["no_object"]) == (1, 1, 1)
    assert sorted(few(shown, number=3, folder="all", minimum_area=1000).chosen["dog"]) == ["a.jpg", "b.jpg"]


def test_objects_that_a_dataset_would_leave_out_are_replaced(few, tmp_path):
    string = [[10, 10, 90, 10, 90, 10.4, 10, 10.4]]
    shown = [annotated("a.jpg", "kite", segmentation=string), annotated("b.jpg", "kite")]
    shown += [annotated(file, "dog") for file in ("c.jpg", "d.jpg", "e.jpg")]
    chosen = few(shown, number=3, same=("c.jpg", "e.jpg")).chosen
    assert chosen["kite"] == ["b.jpg"]
    assert len(chosen["dog"]) == 2
    kite, dog = sorted(manifest_of(tmp_path / "coco_small")["left_out"], key=lambda row: row["file"])
    assert (kite["file"], kite["object_class"]) == ("a.jpg", "kite")
    assert kite["reason"] in ("too thin to be seen when pasted", "mask is empty")
    assert dog["file"] in ("c.jpg", "e.jpg")
    assert dog["reason"] == "duplicate of another picture"
    assert photographs(tmp_path / "coco_small").keys() == {"b.jpg", *chosen["dog"]}
    assert few(shown, number=3, same=("c.jpg", "e.jpg")).chosen == chosen


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/tmp/evil.jpg", "a/b.jpg", ".evil.jpg", "a\\b.jpg", "a\0.jpg", ""]
)
def test_names_that_lead_elsewhere_are_left_out(fetched, server, whole, tmp_path, name):
    content = json.loads(whole.read_text())
    moved = first(fetched, server, "dog")
    next(image for image in content["images"] if image["file_name"] == moved)["file_name"] = name
    annotations = tmp_path / "changed" / ANNOTATIONS
    annotations.parent.mkdir(parents=True)
    annotations.write_text(json.dumps(content))
    chosen = fetched(12, annotations=annotations).chosen
    assert len(chosen["dog"]) == 11
    (row,) = manifest_of(tmp_path / "coco_small")["left_out"]
    assert row == {"file": name, "object_class": "dog", "reason": "its name is not that of a file"}
    assert not list(tmp_path.rglob("*evil*"))


# What cannot be had


def other_size(content):
    stream = io.BytesIO()
    Image.open(io.BytesIO(content)).resize((64, 64)).save(stream, "jpeg")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: None, "not to be had: 404 Not Found"),
        (lambda content: PAGE, "not to be had: the server sends a page of text in place of the picture"),
        (other_size, "size differs from its annotation: 64 x 64, not "),
        (lambda content: content[: len(content) // 2], "cannot be read: image file is truncated"),
        (lambda content: b"", "cannot be read: cannot identify image file"),
        (lambda content: b"\x00" * 1000, "cannot be read: cannot identify image file"),
    ],
)
def test_what_cannot_be_had_is_replaced_and_named(fetched, server, tmp_path, change, reason, contents):
    file = first(fetched, server)
    sound = server.files.pop(f"/train2017/{file}")
    if (changed := change(sound)) is not None:
        server.files[f"/train2017/{file}"] = changed
    chosen = fetched().chosen
    assert len(chosen["pizza"]) == 3
    assert file not in chosen["pizza"]
    folder = tmp_path / "coco_small"
    (row,) = manifest_of(folder)["left_out"]
    assert (row["file"], row["object_class"]) == (file, "pizza")
    assert row["reason"].startswith(reason)
    assert ".partial" not in row["reason"]
    assert asked(server)[file] == 1
    assert len(photographs(folder)) == 30
    server.files[f"/train2017/{file}"] = sound
    before = contents(folder)
    fetched()  # the choice stays
    assert contents(folder) == before
    assert len(server.asked) == 31


def test_a_class_that_has_too_few(fetched, server):
    for number in range(10):
        server.files.pop(f"/train2017/{6000 + number:012d}.jpg")
    chosen = fetched().chosen
    assert sorted(chosen["pizza"]) == [f"{6000 + number:012d}.jpg" for number in (10, 11)]
    assert len(chosen["dog"]) == 3


def test_nothing_but_pages_ends_soon_and_is_not_remembered(fetched, server, tmp_path, contents):
    fetched(4, folder="undisturbed")
    sound = dict(server.files)
    server.files = dict.fromkeys(sound, PAGE)
    server.asked.clear()
    with pytest.raises(
        BamError, match=r"32 pictures in a row cannot be used.*page of text.*run again to go on"
    ):
        fetched(4, workers=2)
    assert len(server.asked) < 32 + 4 * 2
    assert manifest_of(tmp_path / "coco_small")["left_out"] == []
    server.files = sound
    fetched(4)
    assert contents(tmp_path / "coco_small") == contents(tmp_path / "undisturbed")


def test_more_than_a_picture(fetched, server, monkeypatch, tmp_path):
    largest = max(map(len, server.files.values()))
    file = first(fetched, server)
    server.files[f"/train2017/{file}"] = b"\xff\xd8" + bytes(largest)
    monkeypatch.setattr(transfer, "LARGEST", largest)
    fetched()
    assert (
        manifest_of(tmp_path / "coco_small")["left_out"][0]["reason"]
        == f"not to be had: more than {largest} bytes"
    )


# What fails for a while


@pytest.mark.parametrize(
    "failures", [[503], [500, 502, 429], ["cut"], ["cut", 503, "cut"], ["wait"], ["close"]]
)
def test_what_fails_for_a_while_is_asked_for_again(fetched, server, tmp_path, failures, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", 2)
    file = first(fetched, server)
    server.failures[f"/train2017/{file}"] = list(failures)
    assert fetched().chosen["pizza"][0] == file
    assert asked(server)[file] == 1 + len(failures)
    assert manifest_of(tmp_path / "coco_small")["left_out"] == []
    assert len(photographs(tmp_path / "coco_small")) == 30


@pytest.mark.parametrize("failure", [503, "cut", "close"])
def test_what_fails_for_long_ends_the_run_and_loses_nothing(fetched, server, tmp_path, contents, failure):
    fetched(folder="undisturbed")
    file = first(fetched, server, "toilet")
    server.failures[f"/train2017/{file}"] = [failure] * transfer.ATTEMPTS
    with pytest.raises(BamError, match=rf"{file} cannot be fetched in 6 attempts .*: run again to go on"):
        fetched(workers=2)
    folder = tmp_path / "coco_small"
    there = photographs(folder).keys()
    assert there
    assert manifest_of(folder)["left_out"] == []
    assert not (folder / ANNOTATIONS).exists()
    server.asked.clear()
    fetched()
    assert not there & asked(server).keys()
    assert contents(folder) == contents(tmp_path / "undisturbed")


def test_no_server(fetched, server):
    server.close()
    with pytest.raises(BamError, match="cannot be fetched in 6 attempts"):
        fetched(workers=1)


# Runs that do not come to their end


def test_killed_run_goes_on_to_the_same_end(fetched, server, whole, tmp_path, contents):
    fetched(folder="undisturbed")
    folder = tmp_path / "coco_small"
    slow = first(fetched, server, "toilet")
    server.failures[f"/train2017/{slow}"] = ["wait"] * 2
    code = (
        "import sys; from pathlib import Path; from bam.data_prep.fetching.pictures import fetch_pictures; "
    )
    code += "fetch_pictures(Path(sys.argv[1]), Path(sys.argv[2]), 3, url=sys.argv[3])"
    arguments = [sys.executable, "-c", code, whole, folder, f"{server.url}/train2017"]
    with subprocess.Popen(arguments, cwd=REPOSITORY) as process:
        deadline = time.monotonic() + 120
        while slow not in asked(server) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    there = photographs(folder)
    assert there
    assert not (folder / "manifest.json").exists()
    some = next(name for name in there if not name.startswith("."))
    (folder / "train2017" / f".partial.99.{slow}").write_bytes(there[some][:100])
    server.failures.clear()
    server.asked.clear()
    fetched()
    assert not there.keys() & asked(server).keys()
    assert contents(folder) == contents(tmp_path / "undisturbed")


def test_full_disk_loses_nothing(fetched, tmp_path, contents, monkeypatch):
    fetched(folder="undisturbed")
    written, write_bytes = [], Path.write_bytes

    def full(path, content):
        if len(written) == 10:
            write_bytes(path, content[:50])
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write_bytes(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(
            BamError, match=r"\.jpg cannot be written \(No space left on device\): is the disk full"
        ):
            fetched(workers=2)
    folder = tmp_path / "coco_small"
    whole = contents(tmp_path / "undisturbed")
    assert len(photographs(folder)) == 10
    assert all(whole[f"train2017/{name}"] == content for name, content in photographs(folder).items())
    fetched()
    assert contents(folder) == whole


def test_annotations_stay_if_a_larger_choice_breaks_off(fetched, server, tmp_path):
    chosen = fetched(2).chosen
    server.close()
    with pytest.raises(BamError, match="run again to go on"):
        fetched(4)
    items = Coco(tmp_path / "coco_small").items()
    assert {name: [item.file for item in found] for name, found in items.items()} == {
        name: sorted(files) for name, files in chosen.items()
    }


# What was changed since


def test_damaged_pictures_are_fetched_anew(fetched, server, tmp_path, contents):
    chosen = fetched().chosen
    before = contents(tmp_path / "coco_small")
    changed, cut, gone = chosen["dog"]
    below = tmp_path / "coco_small" / "train2017"
    stored = np.asarray(Image.open(below / changed))
    Image.fromarray(255 - stored).save(below / changed)  # a sound picture, but another
    (below / cut).write_bytes((below / cut).read_bytes()[:500])
    (below / gone).unlink()
    server.asked.clear()
    assert fetched().damaged == sorted([changed, cut])
    assert asked(server) == Counter(chosen["dog"])
    assert contents(tmp_path / "coco_small") == before


def test_pictures_without_a_manifest_are_checked(fetched, server, tmp_path, contents):
    chosen = fetched().chosen
    before = contents(tmp_path / "coco_small")
    (tmp_path / "coco_small" / "manifest.json").unlink()
    path = tmp_path / "coco_small" / "train2017" / chosen["dog"][0]
    path.write_bytes(path.read_bytes()[:500])
    server.asked.clear()
    fetched()
    assert asked(server) == {path.name: 1}
    assert contents(tmp_path / "coco_small") == before


def test_another_choice_is_not_mixed_with_what_is_there(fetched, server, whole, tmp_path, contents):
    fetched()
    before = contents(tmp_path / "coco_small")
    other = tmp_path / "other" / ANNOTATIONS
    other.parent.mkdir(parents=True)
    shutil.copy(whole, other)
    with open(other, "a") as file:
        file.write("\n")
    server.asked.clear()
    for more, said in (
        ({"seed": 1}, "`seed` 0, not 1"),
        ({"minimum_area": 400.0}, "`minimum_area` 1024.*, not 400.0"),
        ({"annotations": other}, "other annotations"),
    ):
        with pytest.raises(BamError, match=f"were chosen with {said}: give another `folder`, or remove"):
            fetched(**more)
    assert server.asked == []
    assert contents(tmp_path / "coco_small") == before


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"settings": {}, "pictures": [{}], "left_out": []}'])
def test_damaged_manifest(fetched, tmp_path, contents, content):
    fetched()
    before = contents(tmp_path / "coco_small")
    path = tmp_path / "coco_small" / "manifest.json"
    path.write_text(content)
    with pytest.raises(BamError, match=r"manifest\.json is damaged: remove it and run again"):
        fetched()
    path.unlink()
    fetched()
    assert contents(tmp_path / "coco_small") == before
