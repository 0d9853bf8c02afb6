"""Files appear whole or not at all."""

import errno
import fcntl
import os
from pathlib import Path

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.base.files import (
    files_below,
    locked,
    made_once,
    near_path,
    read_json,
    remove_leftovers,
    replacing,
    write_array,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_replacing_makes_folders_and_leaves_nothing_beside(tmp_path):
    with replacing(tmp_path / "a" / "b" / "c.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"new")
        assert not (tmp_path / "a" / "b" / "c.png").exists()
    assert (tmp_path / "a" / "b" / "c.png").read_bytes() == b"new"
    assert names(tmp_path / "a" / "b") == ["c.png"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("old", [None, b"old"])
def test_an_error_leaves_the_old_content(tmp_path, error, old):
    path = tmp_path / "a.bin"
    if old:
        path.write_bytes(old)

    def write():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert names(tmp_path) == (["a.bin"] if old else [])
    assert not old or path.read_bytes() == old


@pytest.mark.parametrize(
    "write", [write_text, write_json, lambda path, text: write_array(path, np.array([text]))]
)
def test_full_disk(tmp_path, monkeypatch, write):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BamError, match=r"No space left.*disk full"):
        write(path, "new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_text_is_utf_8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "ä\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\nb\n"


def test_json_round_trip(tmp_path):
    value = {"a": [1, 2.5, None, "ä"], "b": {}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_what_is_no_json_is_refused(tmp_path, value):
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", value)
    assert names(tmp_path) == []


def test_array_round_trip_without_pickles(tmp_path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), array)
    with pytest.raises(ValueError, match="pickle"):
        write_array(tmp_path / "b.npy", np.array([{}]))
    assert names(tmp_path) == ["a.npy"]


def test_made_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return {"n": len(calls)}

    assert made_once(tmp_path / "a.json", make) == {"n": 1}
    assert made_once(tmp_path / "a.json", make) == {"n": 1}
    assert len(calls) == 1


def test_leftovers_of_killed_runs_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "a").mkdir()
    with replacing(tmp_path / "a" / "b.npy") as temporary:
        temporary.touch()
        left = temporary.name  # what a kill at this moment leaves
    (tmp_path / "a" / left).write_bytes(b"half")
    (tmp_path / left).write_bytes(b"half")
    write_text(tmp_path / "c.txt", "c")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["a", "c.txt"]
    assert names(tmp_path / "a") == ["b.npy"]
    remove_leftovers(tmp_path / "nothing")


def touch(folder, *files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def test_files_below_are_all_but_the_hidden_ones(tmp_path):
    folder = tmp_path / ".cache" / "own"  # how one gets to the folder does not matter
    touch(folder, "b/c/1.png", "b/2", "a.png", "B.png", "dir.png/3.png")
    touch(folder, ".a.png", "._a.png", ".ipynb_checkpoints/a.png", "b/.git/x/y.png", "__MACOSX/._a.png")
    assert files_below(folder) == ["B.png", "a.png", "b/2", "b/c/1.png", "dir.png/3.png"]
    assert files_below(str(folder)) == files_below(folder)
    assert files_below(folder / "__MACOSX" / "..") == files_below(folder)


def test_linked_folders_are_followed_once(tmp_path):
    folder, elsewhere = tmp_path / "own", tmp_path / ".elsewhere"
    touch(folder, "real/1.png")
    touch(elsewhere, "2.png", "below/3.png")
    for link, target in {
        "a_link": elsewhere,
        "b_link": elsewhere,  # there already
        "circle": folder,
        "real/up": folder / "real",
        "to_real": folder / "real",  # which has a path of its own
        "file.png": elsewhere / "2.png",
        "nowhere": tmp_path / "nothing",
        ".hidden": elsewhere,
    }.items():
        (folder / link).symlink_to(target)
    (elsewhere / "back").symlink_to(folder)
    (elsewhere / "itself").symlink_to("itself")
    expected = ["a_link/2.png", "a_link/below/3.png", "a_link/itself", "file.png", "nowhere", "real/1.png"]
    assert files_below(folder) == expected
    (tmp_path / "linked").symlink_to(folder)
    assert files_below(tmp_path / "linked") == expected


def test_folders_that_cannot_be_looked_into_are_named(tmp_path, monkeypatch):
    touch(tmp_path, "open/1.png", "shut/2.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("shut"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    named = []
    assert files_below(tmp_path, named.append) == ["open/1.png"]
    assert named == ["shut"]
    with pytest.raises(PermissionError):
        files_below(tmp_path)
    with pytest.raises(FileNotFoundError):
        files_below(tmp_path / "nothing")


def test_near_paths_are_those_that_may_be_meant(tmp_path, monkeypatch):
    (tmp_path / "maps" / "grad_cam").mkdir(parents=True)
    (tmp_path / ".mops").mkdir()
    (tmp_path / "maps" / "file.py").write_text("")
    monkeypatch.chdir(tmp_path)
    for path, near in {
        "mops/grad_cam": "maps/grad_cam",
        "maps/GradCAM/": "maps/grad_cam",
        f"{tmp_path}/map": f"{tmp_path}/maps",
        "maps/file": None,
        "maps/file.py/x": None,
        "nowhere/grad_cam": None,
        "": None,
    }.items():
        expected = "" if near is None else f"did you mean {near!r}? "
        assert near_path(path, Path.is_dir) == expected
    assert near_path("map/fyle.py", lambda found: found.suffix == ".py") == "did you mean 'maps/file.py'? "


def test_a_lock_that_its_holder_has_just_removed_is_none(tmp_path, monkeypatch):
    """Opened while another run held it, got when that let go: a third run would make the file anew."""
    flock = fcntl.flock

    def late(file, how):
        os.unlink(tmp_path / "lock")
        (tmp_path / "lock").write_text("")  # the third run's
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(BamError, match="another run is writing"), locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "lock").exists()
