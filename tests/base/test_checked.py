"""Files are read once for each of their states, whoever else reads them, and wherever they lie."""

import errno
import json
import os
import subprocess
import sys

import pytest

from bam.base import checked
from bam.base.checked import RECORD, changed_files
from bam.base.digests import digest
from bam.base.errors import BamError


@pytest.fixture
def files(tmp_path):
    """Two files and their digests, and a function that says which changed and which were read."""
    (tmp_path / "below").mkdir()
    for name in ("a", "below/b"):
        (tmp_path / name).write_text(name)
    digests = {name: digest(tmp_path / name) for name in ("a", "below/b")}

    def look(digests=digests):
        read = []

        def digest_of(name):
            read.append(name)
            return digest(tmp_path / name)

        return changed_files(tmp_path, digests, digest_of), read

    return tmp_path, digests, look


def test_files_are_read_once(files):
    folder, _, look = files
    assert look() == ([], ["a", "below/b"])
    assert look() == ([], [])
    os.utime(folder / "a", ns=(0, 10**18))
    assert look() == ([], ["a"])
    assert look() == ([], [])


def test_changed_files_are_named_each_time(files):
    folder, digests, look = files
    look()
    (folder / "a").write_text("b")
    assert look() == look() == (["a"], ["a"])
    other = digests | {"below/b": digest(folder / "a")}
    assert look(other) == (["a", "below/b"], ["a", "below/b"])  # another digest than the one that was checked
    (folder / "a").write_text("a")
    assert look() == ([], ["a", "below/b"])


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 3}', "\x00"])
def test_a_damaged_record_is_none(files, content):
    folder, _, look = files
    look()
    (folder / RECORD).write_text(content)
    assert look() == ([], ["a", "below/b"])
    assert look() == ([], [])


@pytest.mark.parametrize(
    "error", [BamError("cannot be written"), OSError(errno.EROFS, "Read-only file system")]
)
def test_where_nothing_can_be_written_files_are_read_each_time(files, monkeypatch, error):
    folder, _, look = files

    def refuse(*_):
        raise error

    monkeypatch.setattr(checked, "write_json", refuse)
    assert look() == look() == ([], ["a", "below/b"])
    assert not (folder / RECORD).exists()


def test_many_processes_at_once(files):
    folder, digests, look = files
    script = (
        "import json, sys\n"
        "from bam.base.checked import changed_files\n"
        "from bam.base.digests import digest\n"
        "folder, digests = sys.argv[1], json.loads(sys.argv[2])\n"
        "for _ in range(50):\n"
        "    (open(f'{folder}/.touched', 'w')).close()\n"
        "    assert changed_files(folder, digests, lambda name: digest(f'{folder}/{name}')) == []\n"
    )
    command = [sys.executable, "-c", script, str(folder), json.dumps(digests)]
    running = [subprocess.Popen(command) for _ in range(3)]
    for _ in range(50):
        (folder / RECORD).unlink(missing_ok=True)
        assert look()[0] == []
    assert [process.wait() for process in running] == [0, 0, 0]
    assert look() == ([], [])
    assert not list(folder.glob(".partial.*"))
