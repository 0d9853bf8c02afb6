"""Downloads from a local server: whole, resumed, refused; archives unpacked inside their folder."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.data_prep import download
from bam.data_prep.fetching import archives
from bam.data_prep.fetching.archives import Archive, fetch, space_needed, unpack
from bam.data_prep.sources.coco_annotations import ANNOTATIONS

NOISE = np.random.default_rng(0).bytes(3_000_000)
MEMBERS = {
    "train2017/a.jpg": b"a",
    "train2017/b.jpg": NOISE,
    "val2017/c.jpg": b"c",
    "annotations/instances_train2017.json": b"{}",
}


def zip_of(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def tar_of(members):
    """Members are bytes, or functions that change the TarInfo of an empty one."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if callable(data):
                data(info)
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def archive(server):
    """An archive on the server."""

    def offer(name="train2017.zip", content=None, wanted=("train2017/",), md5=None, dataset="coco"):
        content = zip_of(MEMBERS) if content is None else content
        server.files[f"/{name}"] = content
        return Archive(dataset, f"{server.url}/{name}", md5 or hashlib.md5(content).hexdigest(), wanted)

    return offer


def files_below(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def assert_fetched(folder):
    files = files_below(folder)
    assert files.pop("coco/.train2017.zip.done").strip()
    assert files == {"coco/train2017/a.jpg": b"a", "coco/train2017/b.jpg": NOISE}
    assert [path.name for path in folder.iterdir()] == ["coco"]


def test_fresh_download_unpacks_what_is_wanted_and_nothing_more(archive, server, tmp_path):
    fetch(archive(), tmp_path / "sources")
    assert_fetched(tmp_path / "sources")
    assert server.asked == [("/train2017.zip", None)]


def test_second_call_does_nothing(archive, server, tmp_path):
    offered = archive()
    fetch(offered, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    fetch(offered, tmp_path)
    assert len(server.asked) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_two_archives_in_one_folder(archive, tmp_path):
    fetch(archive("a.zip", wanted=("annotations/instances_train2017.json",)), tmp_path)
    fetch(archive("b.zip"), tmp_path)
    names = {name for name in files_below(tmp_path / "coco") if not name.startswith(".")}
    assert names == {"annotations/instances_train2017.json", "train2017/a.jpg", "train2017/b.jpg"}


def test_partial_download_goes_on_where_it_stopped(archive, server, tmp_path):
    offered = archive()
    (tmp_path / "train2017.zip.partial").write_bytes(server.files["/train2017.zip"][:1_234_567])
    fetch(offered, tmp_path)
    assert server.asked == [("/train2017.zip", "bytes=1234567-")]
    assert_fetched(tmp_path)


def test_server_without_ranges_sends_all_of_it_again(archive, server, tmp_path):
    server.ranges = False
    offered = archive()
    (tmp_path / "train2017.zip.partial").write_bytes(b"x" * 1000)
    fetch(offered, tmp_path)
    assert server.asked == [("/train2017.zip", "bytes=1000-")]
    assert_fetched(tmp_path)


def test_complete_partial_file_is_taken(archive, server, tmp_path):
    offered = archive()
    (tmp_path / "train2017.zip.partial").write_bytes(server.files["/train2017.zip"])
    fetch(offered, tmp_path)
    assert_fetched(tmp_path)


@pytest.mark.parametrize("ranges", [True, False])
def test_cut_off_connection_then_resume(archive, server, tmp_path, ranges):
    server.ranges, server.cut = ranges, 2_000_000
    offered = archive()
    size = len(server.files["/train2017.zip"])
    with pytest.raises(BamError, match=f"broke off at 2000000 of {size} bytes: run again|cannot be fetched"):
        fetch(offered, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train2017.zip.partial"]
    server.cut = None
    fetch(offered, tmp_path)
    assert server.asked[1] == ("/train2017.zip", "bytes=2000000-")
    assert_fetched(tmp_path)


def test_wrong_sum_unpacks_nothing_and_fetches_anew(archive, server, tmp_path):
    wrong = archive(md5="0" * 32)
    with pytest.raises(BamError, match=r"does not have the MD5 0{32}: run again"):
        fetch(wrong, tmp_path)
    assert list(tmp_path.iterdir()) == []
    fetch(archive(), tmp_path)
    assert server.asked == [("/train2017.zip", None)] * 2
    assert_fetched(tmp_path)


def test_partial_file_of_something_else_is_caught_by_the_sum(archive, tmp_path):
    offered = archive()
    (tmp_path / "train2017.zip.partial").write_bytes(b"x" * 1000)
    with pytest.raises(BamError, match="does not have the MD5"):
        fetch(offered, tmp_path)
    fetch(offered, tmp_path)
    assert_fetched(tmp_path)


def test_file_that_is_not_there(server, tmp_path):
    with pytest.raises(BamError, match=r"/none\.zip: the server answers 404 Not Found"):
        fetch(Archive("coco", f"{server.url}/none.zip", "0", ("a",)), tmp_path)
    assert files_below(tmp_path) == {}


def test_no_server(server, tmp_path):
    server.close()
    url = f"{server.url}/a.zip"
    with pytest.raises(BamError, match=r"cannot be fetched .*: run again to go on"):
        fetch(Archive("coco", url, "0", ("a",)), tmp_path)


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "train2017/../../evil.jpg", "/tmp/evil.jpg", "train2017\\..\\evil"]
)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_members_outside_their_folder(tmp_path, kind, name):
    members = {"train2017/a.jpg": b"a", name: b"evil", "train2017/z.jpg": b"z"}
    packed = tmp_path / f"packed.{kind}"
    packed.write_bytes(zip_of(members) if kind == "zip" else tar_of(members))
    with pytest.raises(BamError, match="holds a member outside its folder"):
        unpack(packed, tmp_path / "below" / "coco", ("train2017/",))
    assert not (tmp_path / "below" / "coco").exists()
    assert b"evil" not in [path.read_bytes() for path in tmp_path.rglob("*.jpg")]


def link(info):
    info.type, info.linkname = tarfile.SYMTYPE, "/etc"


def hard_link(info):
    info.type, info.linkname = tarfile.LNKTYPE, "images/train/a.jpg"


def pipe(info):
    info.type = tarfile.FIFOTYPE


@pytest.mark.parametrize("make", [link, hard_link, pipe])
def test_members_that_are_no_plain_files(tmp_path, make):
    packed = tmp_path / "data.tar.gz"
    packed.write_bytes(tar_of({"images/train/a.jpg": b"a", "images/train/b": make, "images/train/b/c": b"c"}))
    with pytest.raises(BamError, match="'images/train/b', which is no plain file"):
        unpack(packed, tmp_path / "miniplaces", ("images/train/",))
    assert not (tmp_path / "miniplaces").exists()


def test_wanted_members_of_a_tar_replace_what_an_earlier_attempt_left(tmp_path):
    def folder(info):
        info.type = tarfile.DIRTYPE

    members = {
        "images": folder,
        "images/train/b/bedroom/1.jpg": b"1",
        "images/val/2.jpg": b"2",
        "./objects/train/b/bedroom/1.xml": b"<a/>",
        "readme.txt": b"r",
    }
    packed = tmp_path / "data.tar.gz"
    packed.write_bytes(tar_of(members))
    for left in (".data.tar.gz.unpacked/images/train/half.jpg", "miniplaces/images/train/old.jpg"):
        (tmp_path / left).parent.mkdir(parents=True)
        (tmp_path / left).write_bytes(b"old")
    unpack(packed, tmp_path / "miniplaces", ("images/train/", "objects/train/"))
    assert files_below(tmp_path / "miniplaces") == {
        "images/train/b/bedroom/1.jpg": b"1",
        "objects/train/b/bedroom/1.xml": b"<a/>",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"data.tar.gz", "miniplaces"}


def test_archive_without_anything_wanted(archive, tmp_path):
    with pytest.raises(BamError, match="holds none of train2017/: it is not as published"):
        fetch(archive(content=zip_of({"data/train2017/a.jpg": b"a"})), tmp_path)
    assert not (tmp_path / "coco").exists()


# The command


@pytest.fixture
def command(monkeypatch):
    """Runs the command with other archives; returns its exit code."""

    def run(archives, *arguments):
        monkeypatch.setattr(download, "ARCHIVES", archives)
        try:
            download.main(["download", *map(str, arguments)])
        except SystemExit as error:
            return error.code
        return 0

    return run


def test_command_fetches_all_and_says_what_comes_next(command, archive, tmp_path, capsys):
    tar = tar_of({"images/train/a.jpg": b"a"})
    both = (archive(), archive("data.tar.gz", tar, ("images/train/",), dataset="miniplaces"))
    assert command(both, "--folder", tmp_path, "--whole") == 0
    assert (tmp_path / "coco/train2017/a.jpg").exists()
    assert (tmp_path / "miniplaces/images/train/a.jpg").exists()
    assert f"--coco {tmp_path / 'coco'} --miniplaces {tmp_path / 'miniplaces'}" in capsys.readouterr().out


def test_command_fetches_one_of_the_two(command, archive, server, tmp_path):
    both = (archive(), archive("data.tar.gz", b"", dataset="miniplaces"))
    assert command(both, "--folder", tmp_path, "--only", "coco", "--whole") == 0
    assert server.asked == [("/train2017.zip", None)]


def test_command_without_a_folder_fetches_nothing(command, server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for arguments, sizes in (
        (("--whole",), ("20.1 GB (", "train2017.zip 19.3 GB")),
        (("--whole", "--only", "coco"), ("19.6 GB (", "train2017.zip 19.3 GB")),
        (("--only", "miniplaces"), ("0.5 GB (data.tar.gz 0.5 GB)",)),
        (
            ("--images_per_class", "1000"),
            ("2.4 GB (annotations", "data.tar.gz", "at most 10000 pictures of about 163 KB 1.6 GB)"),
        ),
    ):
        assert command(download.ARCHIVES, *arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("--folder must say where to put ")
        assert all(size in error for size in sizes)
        assert "such as --folder sources" in error
        assert error.count("\n") == 1
    assert command((), "sources") == 2  # where it used to stand
    assert "every setting is a flag" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_command_asks_how_much_of_coco(command, server, tmp_path, capsys):
    for arguments in ((), ("--only", "coco"), ("--folder", tmp_path)):
        assert command(download.ARCHIVES, *arguments) == 2
        assert capsys.readouterr().err == (
            "how much of COCO must be said: give --images_per_class 100 (0.4 GB), --images_per_class 1000 "
            "(1.9 GB), or --whole (19.6 GB); see --help\n"
        )
    for arguments, said in (
        (("--whole", "--images_per_class", "100"), "exclude each other"),
        (("--whole", "--seed", "1"), "--seed says nothing here"),
        (("--only", "miniplaces", "--whole"), "--whole says nothing here"),
        (("--only", "miniplaces", "--images_per_class", "100"), "--images_per_class says nothing here"),
        (("--images_per_class", "9"), "--images_per_class must be greater than or equal to 10, not '9'"),
    ):
        assert command(download.ARCHIVES, "--folder", tmp_path, *arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_command_says_the_sizes_of_what_is_still_to_be_fetched(
    command, archive, tmp_path, capsys, monkeypatch
):
    first, second = (
        replace(archive(f"{name}.zip"), size=size) for name, size in (("a", 3 * 10**9), ("b", 4 * 10**8))
    )
    printed = []

    def fetch(*_):
        printed.append(capsys.readouterr().out)
        raise BamError("no network")

    with monkeypatch.context() as patched:
        patched.setattr(download, "fetch", fetch)
        assert command((first, second), "--folder", tmp_path, "--whole") == 1
    assert printed == [
        f"fetching 3.4 GB (a.zip 3.0 GB, b.zip 0.4 GB), into {tmp_path}; unpacking takes as much again\n"
    ]
    assert command((first,), "--folder", tmp_path, "--whole") == 0
    capsys.readouterr()
    assert command((first, second), "--folder", tmp_path, "--whole") == 0
    assert capsys.readouterr().out.startswith("fetching 0.4 GB (b.zip 0.4 GB), into ")
    assert command((first, second), "--folder", tmp_path, "--whole") == 0
    assert capsys.readouterr().out.startswith("ready: ")


@pytest.fixture
def small(server, archive, sources_folder, monkeypatch):
    """The archives beside single photographs of COCO, and the photographs themselves on the server."""
    monkeypatch.setattr(download, "URL", f"{server.url}/train2017")
    coco = sources_folder / "coco"
    for path in (coco / "train2017").iterdir():
        server.files[f"/train2017/{path.name}"] = path.read_bytes()
    annotations = {ANNOTATIONS: (coco / ANNOTATIONS).read_bytes()}
    return (
        archive("annotations_trainval2017.zip", zip_of(annotations), (ANNOTATIONS,)),
        archive(),
        archive(
            "data.tar.gz", tar_of({"images/train/a.jpg": b"a"}), ("images/train/",), dataset="miniplaces"
        ),
    )


def test_command_fetches_some_photographs(command, small, server, tmp_path, capsys):
    names = sorted(name for name in server.files if name.startswith("/train2017/000000006"))
    for name in names[:2]:
        server.files[name] = b"<html>"
    del server.files[names[2]]
    assert command(small, "--folder", tmp_path, "--images_per_class", "10") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("fetching 0.0 GB (annotations_trainval2017.zip 0.0 GB, data.tar.gz 0.0 GB, ")
    assert out[0].endswith(
        f"at most 100 pictures of about 163 KB 0.0 GB), into {tmp_path}; unpacking takes as much again"
    )
    pictures = (
        f"{tmp_path / 'coco_small'}: 99 pictures, 10 for each class but pizza 9, of which COCO has no more"
    )
    ready = (
        f"ready: python -m bam.build_dataset --coco {tmp_path / 'coco_small'} --miniplaces "
        f"{tmp_path / 'miniplaces'} --images_per_pair 10"
    )
    files = ", ".join(name.removeprefix("/train2017/") for name in names[:3])
    last = (
        f"3 pictures left out, the next taken in their place: 3 not to be had ({files}); all are named in "
        f"{tmp_path / 'coco_small' / 'manifest.json'}"
    )
    assert out[1:] == [pictures, ready, last]
    assert not (tmp_path / "coco" / "train2017").exists()
    server.asked.clear()
    assert command(small, "--folder", tmp_path, "--images_per_class", "10") == 0
    again = capsys.readouterr().out.splitlines()
    assert again[1:] == [pictures, ready, last]
    assert again[0].startswith("fetching 0.0 GB (at most 1 pictures")
    assert server.asked == []


def test_command_of_other_pictures(command, small, server, tmp_path, capsys):
    flags = ("--folder", tmp_path, "--only", "coco", "--minimum_area", "200")
    assert command(small, *flags, "--images_per_class", "11") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-2].endswith("--images_per_pair 11 --minimum_area 200")
    assert out[-1] == "no picture was left out"
    assert command(small, *flags, "--images_per_class", "10") == 0
    out = capsys.readouterr().out
    assert "100 pictures, 10 for each class; 10 further ones of other runs stay beside them\n" in out
    damaged = min((tmp_path / "coco_small" / "train2017").iterdir())
    damaged.write_bytes(b"")
    assert command(small, *flags, "--images_per_class", "12") == 0
    assert f"not as manifest.json says: {damaged.name}\n" in capsys.readouterr().out
    assert command(small, *flags, "--images_per_class", "12", "--seed", "1") == 1
    assert "were chosen with --seed 0, not 1: give another --folder, or remove" in capsys.readouterr().err
    (tmp_path / "coco" / ANNOTATIONS).unlink()
    assert command(small, *flags, "--images_per_class", "12") == 1
    assert "any more: remove " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--whole",), ("--images_per_class", "10"), ("--only", "miniplaces")])
def test_command_without_room_fetches_nothing(
    command, small, server, tmp_path, monkeypatch, capsys, arguments
):
    sized = [replace(each, size=4 * 10**9, unpacked=10**9) for each in small]
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: SimpleNamespace(free=4.9e9))
    folder = tmp_path / "not" / "there"
    assert command(sized, "--folder", folder, *arguments) == 1
    error = capsys.readouterr().err
    needed = {"--whole": "7.0", "--images_per_class": "6.0", "--only": "5.0"}[arguments[0]]
    assert (
        f"{folder} needs {needed} GB, but only 4.9 GB are free there: make room, or give another --fol"
        in error
    )
    assert error.count("\n") == 1
    assert server.asked == []
    assert list(tmp_path.iterdir()) == []


def test_space_that_whole_archives_need(tmp_path):
    needed = space_needed(download.ARCHIVES, tmp_path)
    assert 38e9 < needed < 40e9
    with open(tmp_path / "train2017.zip.partial", "wb") as file:
        file.truncate(10**9)  # which takes no room on the disk
    assert space_needed(download.ARCHIVES, tmp_path) == needed - 10**9


def test_command_that_fails_says_why_in_one_line(command, archive, server, tmp_path, capsys):
    whole = tar_of({"train2017/a.jpg": NOISE})
    for failing in (
        Archive("coco", f"{server.url}/none.zip", "0", ("a",)),
        archive(content=b"no zip file"),
        archive("data.tar.gz", b"no tar file"),
        archive("cut.tar.gz", whole[: len(whole) // 2]),
    ):
        assert command((failing,), "--folder", tmp_path, "--whole") == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1


def test_command_with_wrong_usage(command, capsys):
    assert command((), "--only", "imagenet") == 2
    assert "coco" in capsys.readouterr().err


def test_published_archives_are_what_the_builder_reads():
    wanted = {(archive.dataset, prefix) for archive in download.ARCHIVES for prefix in archive.wanted}
    assert {
        ("coco", "annotations/instances_train2017.json"),
        ("coco", "train2017/"),
        ("miniplaces", "images/train/"),
        ("miniplaces", "objects/train/"),
    } == wanted
    assert all(len(bytes.fromhex(archive.md5)) == 16 for archive in download.ARCHIVES)


def test_progress_counts_megabytes_and_files(archive, server, tmp_path, shown):
    server.cut = 2_000_000
    with pytest.raises(BamError, match="broke off"):
        fetch(archive(), tmp_path)
    server.cut = None
    fetch(archive(), tmp_path)
    assert [line for line in shown if line.startswith("fetching")] == [
        f"fetching train2017.zip: {done} of 3 MB" for done in (1, 2, 3)
    ]
    assert [line for line in shown if not line.startswith("fetching")] == [
        *(f"checking train2017.zip: {done} of 3 MB" for done in (1, 2, 3)),
        *(f"unpacking train2017.zip: {done} files" for done in (1, 2, 3, 4)),
    ]
